from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import signal

from robustness.audio.segment_advice import check_count, moves
from robustness.audio.segment_settings import CutSettings, DetectorSettings
from robustness.audio.segmentation import FoundWord, Samples, cuts_around, find_words, frame_levels_dbfs, hear
from robustness.errors import RecordingError, UsageError
from tests.audio.takes import RATE_HZ, Take, spoken_take, take_of

SETTINGS = DetectorSettings()
THREE = [
    ("pause", 500, 0),
    ("word", 400, -20),
    ("pause", 400, 0),
    ("word", 200, -26),
    ("pause", 600, 0),
    ("word", 700, -18),
    ("pause", 500, 0),
]
TABLE = list[tuple[str, float, float]]


def found(samples: Samples, settings: DetectorSettings = SETTINGS, rate_hz: int = RATE_HZ) -> list[FoundWord]:
    return find_words(hear(samples, rate_hz, settings), settings)


def apart(words: list[FoundWord], take: Take) -> float:
    """How far the edges found lie from the true ones, in ms; infinite where their number differs."""
    if len(words) != len(take.words):
        return math.inf
    return max(max(abs(word.start_ms - start), abs(word.end_ms - end)) for word, (start, end) in zip(words, take.words, strict=True))


def test_levels_are_the_power_of_each_frame_by_definition() -> None:
    samples = take_of(THREE).samples
    heard = signal.sosfiltfilt(signal.butter(4, 100, "highpass", fs=RATE_HZ, output="sos"), samples.astype(np.float64))
    slow = []
    for center in range(0, len(heard), 160):
        frame = heard[max(0, center - 160) : center + 160]
        slow.append(10 * math.log10(sum(x * x for x in frame) / len(frame)))
    assert frame_levels_dbfs(samples, RATE_HZ, SETTINGS) == pytest.approx(slow, abs=1e-6)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
def test_edges_lie_within_a_frame_of_the_truth(rate_hz: int) -> None:
    take = take_of(THREE, rate_hz=rate_hz)
    assert apart(found(take.samples, rate_hz=rate_hz), take) <= SETTINGS.frame_ms


@pytest.mark.parametrize("gain_db", [-40, -20, 0])
def test_the_gain_of_the_microphone_changes_nothing(gain_db: float) -> None:
    take = take_of(THREE)
    quiet = (take.samples * 10 ** (gain_db / 20)).astype(np.float32)
    assert [word[:2] for word in found(quiet)] == [word[:2] for word in found(take.samples)]


def test_an_offset_and_hum_are_not_heard() -> None:
    take = take_of(THREE)
    hum = 0.2 + 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(take.samples)) / RATE_HZ)
    assert apart(found((take.samples + hum).astype(np.float32)), take) <= SETTINGS.frame_ms


def test_silence_between_words_may_be_digital() -> None:
    take = take_of(THREE, floor_dbfs=-150)
    assert apart(found(take.samples), take) <= SETTINGS.frame_ms


@pytest.mark.parametrize(("gap_ms", "words"), [(100, 1), (150, 1), (220, 2), (300, 2)])
def test_a_gap_shorter_than_a_pause_lies_inside_a_word(gap_ms: float, words: int) -> None:
    take = take_of([("pause", 500, 0), ("word", 200, -20), ("pause", gap_ms, 0), ("word", 150, -24), ("pause", 500, 0)])
    assert len(found(take.samples)) == words


@pytest.mark.parametrize(("click_ms", "words"), [(5, 1), (30, 1), (120, 2)])
def test_a_click_is_no_word(click_ms: float, words: int) -> None:
    take = take_of([("pause", 500, 0), ("word", 300, -20), ("pause", 500, 0), ("word", click_ms, -20), ("pause", 500, 0)])
    assert len(found(take.samples)) == words


def test_a_loud_click_does_not_hide_the_words() -> None:
    take = take_of(THREE)
    take.samples[2000:2080] = 0.99
    assert apart(found(take.samples), take) <= SETTINGS.frame_ms


def test_a_quiet_sound_is_no_word_until_the_threshold_is_lowered() -> None:
    take = take_of([*THREE, ("word", 300, -43), ("pause", 500, 0)])
    assert len(found(take.samples)) == 3
    assert len(found(take.samples, replace(SETTINGS, word_percent=30))) == 4


@pytest.mark.parametrize(("snr_db", "share"), [(15, 0.9), (25, 0.98)])
@pytest.mark.parametrize("noise", [None, "running_tap", "exercise_bike"])
def test_spoken_words_are_found_in_real_noise(shared: Path, snr_db: float, share: float, noise: str | None) -> None:
    file = next((shared / "speech_commands/_background_noise_").glob(f"{noise}.*"), None) if noise else None
    under = soundfile.read(file, dtype="float32")[0] if file else None
    hits = 0
    for seed, speaker in enumerate(("george", "lucas", "theo")):
        take = spoken_take(shared / "fsdd", speaker=speaker, seed=seed, snr_db=snr_db, noise=under)
        hits += sum(_hit(true, take, found(take.samples)) for true in take.words)
    assert hits >= share * 60


def _hit(true: tuple[float, float], take: Take, words: list[FoundWord]) -> bool:
    """Found once, with no neighbour in it, and nine tenths of it."""
    over = [word for word in words if word.start_ms < true[1] and word.end_ms > true[0]]
    alone = len(over) == 1 and sum(over[0].start_ms < end and over[0].end_ms > start for start, end in take.words) == 1
    return alone and min(true[1], over[0].end_ms) - max(true[0], over[0].start_ms) > 0.9 * (true[1] - true[0])


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (np.zeros(RATE_HZ, np.float32), "digital silence"),
        (np.full(RATE_HZ, 0.5, np.float32), "digital silence"),
        (np.random.default_rng(0).standard_normal(5 * RATE_HZ).astype(np.float32) * 0.1, "words cannot be told from noise"),
        (np.zeros(100, np.float32), "less than one word"),
        (np.full(RATE_HZ, np.nan, np.float32), "not numbers"),
    ],
)
def test_a_take_without_words_is_refused(samples: Samples, told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        hear(samples, RATE_HZ, SETTINGS)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"edge_percent": 60.0}, "--edge-percent is 60 and --word-percent 50"),
        ({"word_percent": 100.0}, "between 0 and 100"),
        ({"word_percent": math.nan}, "between 0 and 100"),
        ({"noise_spreads": -1.0}, "--noise-spreads is -1"),
        ({"min_pause_ms": 0.0}, "--min-pause-ms is 0"),
        ({"hop_ms": math.inf}, "--hop-ms is inf"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        replace(SETTINGS, **settings)


def test_a_highpass_above_the_band_is_refused() -> None:
    with pytest.raises(UsageError, match="at 16000 Hz it must be under 8000"):
        hear(take_of(THREE).samples, RATE_HZ, replace(SETTINGS, highpass_hz=8000))


WORDS = [FoundWord(100, 400, -20), FoundWord(500, 900, -20), FoundWord(2000, 2300, -20)]


@pytest.mark.parametrize(
    ("settings", "cuts"),
    [
        (CutSettings(0, 0, 950), [(100, 400), (500, 900), (2000, 2300)]),
        (
            CutSettings(50, 300, 950),
            [(50, 450), (450, 1200), (1950, 2500)],
        ),  # the first two share their pause at 450, the take ends at 2500
        (CutSettings(200, 300, 950), [(0, 450), (450, 1200), (1800, 2500)]),
        (CutSettings(50, 300, 500), [(50, 450), (450, 950), (1950, 2450)]),
        (CutSettings(50, 300, 420), [(50, 450), (480, 900), (1950, 2370)]),
    ],
)
def test_cuts_keep_their_margins_where_there_is_room(settings: CutSettings, cuts: list[tuple[float, float]]) -> None:
    assert cuts_around(WORDS, 2500, settings) == cuts


def test_a_word_longer_than_a_cut_is_refused() -> None:
    with pytest.raises(RecordingError, match=r"0.50–0.90 s lasts 400 ms and a cut may have 350 ms"):
        cuts_around(WORDS, 2500, CutSettings(50, 300, 350))


@pytest.mark.parametrize("settings", [(-1, 0, 950), (0, math.nan, 950), (0, 0, 0)])
def test_impossible_margins_are_refused(settings: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="margins are 0 or more"):
        CutSettings(*settings)


@pytest.mark.parametrize(
    ("pieces", "given", "told"),
    [
        ([*THREE, ("word", 100, -20), ("pause", 500, 0)], 3, "3.29–3.42 s is suspiciously short): raise --min-word-ms"),
        ([*THREE[:-1], ("pause", 120, 0), ("word", 600, -20), ("pause", 500, 0)], 4, "perhaps two words: lower --min-pause-ms"),
        ([*THREE, ("word", 300, -43), ("pause", 500, 0)], 4, "A word was missed: lower --word-percent"),
    ],
)
def test_another_count_lists_what_was_found_and_what_to_move(pieces: TABLE, given: int, told: str) -> None:
    hearing = hear(take_of(pieces).samples, RATE_HZ, SETTINGS)
    words = find_words(hearing, SETTINGS)
    with pytest.raises(RecordingError) as refusal:
        check_count(hearing, words, ["word"] * given, SETTINGS)
    message = "\n".join([str(refusal.value), *refusal.value.details])
    assert told in message
    assert f"{given} words were given and {len(words)} found" in message
    assert all(f"{word.start_ms / 1000:.2f}–{word.end_ms / 1000:.2f} s" in message for word in words)
    remedies = moves(hearing, given, SETTINGS)
    assert remedies
    for name, value in remedies:
        assert f"--{name.replace('_', '-')} {value:g} (now" in message
        assert len(find_words(hearing, replace(SETTINGS, **{name: value}))) == given


def test_a_count_that_no_setting_gives_is_said_to_be_so() -> None:
    hearing = hear(take_of(THREE).samples, RATE_HZ, SETTINGS)
    with pytest.raises(RecordingError) as refusal:
        check_count(hearing, find_words(hearing, SETTINGS), ["word"] * 17, SETTINGS)
    assert "No setting moved alone finds 17" in refusal.value.details[-1]
