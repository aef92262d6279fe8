from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robustness.errors import UsageError
from robustness.streaming.figures import figures_of
from robustness.streaming.matching import Timeline, match
from robustness.streaming.rules.base import RULES
from tests.streaming.planted import DURATION_MS, LASTS, LATE_MS, STEP_MS, WORDS, planted, scores

# How many answers of a certain command each rule needs before it says it, by its source's usual settings.
NEEDED = {
    "plain": 1,
    "mlperf-tiny": 1,
    "openwakeword-debounce": 1,
    "openwakeword-patience": 3,
    "esphome": 5,  # the sum of five must exceed 5 · 247 / 255
    "recognize-commands-tf": 19,  # 19 / 26 > 0.7: 500 ms hold 26 answers
    "edge-impulse": 40,  # 40 / 50 ≥ 0.8
    "recognize-commands-tflm": 41,  # 41 · 255 // 51 > 200: 1 s holds 51 answers
}


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_planted_detector_gets_exactly_its_figures(name: str) -> None:
    timeline = Timeline.of(WORDS, ("yes", "no"), DURATION_MS, 1000.0)
    lasts = 25 if name == "openwakeword-debounce" else LASTS  # it remembers 30 scores
    found = match(RULES[name].made(None, {}).decide(planted(lasts=lasts)), timeline)
    figures = figures_of([found])
    assert (figures.words, figures.hits, figures.misses) == (4, 2, 2)
    assert (figures.wrong_words, figures.wrong_commands, figures.repeats) == (1, 1, 0)
    assert (figures.false_alarms, figures.during_other_words) == (2, 1)
    assert figures.hours == pytest.approx((60 - 4 * 1.5) / 3600)
    assert figures.rate.value == pytest.approx(2 / figures.hours)
    late = LATE_MS + (NEEDED[name] - 1) * STEP_MS
    assert [found.latency_ms(word) for word in (0, 1, 2, 3)] == [pytest.approx(late), pytest.approx(late), None, None]


def test_every_rule_is_planted() -> None:
    assert sorted(NEEDED) == RULES.names()


# At the threshold, and a step of int8 above it: whether it fires belongs to the rule.
@pytest.mark.parametrize(
    ("name", "settings", "at", "above"),
    [
        ("plain", {}, True, True),
        ("edge-impulse", {}, True, True),
        ("openwakeword-patience", {}, True, True),
        ("openwakeword-debounce", {}, True, True),
        ("recognize-commands-tf", {}, False, True),
        ("recognize-commands-tflm", {}, False, True),
        ("mlperf-tiny", {}, False, True),
        ("esphome", {"ignored_slices": "0"}, False, True),
    ],
)
def test_the_threshold_itself(name: str, settings: dict[str, str], at: bool, above: bool) -> None:
    steps = 127 if name == "esphome" else 128  # the firmware keeps 0.5 as 127 of 255
    for value, fires in ((steps / 256, at), ((steps + 1) / 256, above)):
        found = RULES[name].made(0.5, settings).decide(scores([[value, 0.25, 0.25]] * 100))
        assert bool(found) is fires, value


def test_a_word_said_twice_is_said_once_by_tensorflow_and_twice_by_tflite_micro() -> None:
    quiet, loud = [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]  # nothing between them passes the threshold
    twice = scores([quiet] * 100 + [loud] * 60 + [quiet] * 200 + [loud] * 60 + [quiet] * 100)
    assert len(RULES["recognize-commands-tf"].made(None, {}).decide(twice)) == 1
    assert len(RULES["recognize-commands-tflm"].made(None, {}).decide(twice)) == 2


def test_tensorflow_says_nothing_before_a_quarter_of_the_window() -> None:
    rule = RULES["recognize-commands-tf"].made(0.5, {"average_ms": "800", "minimum_count": "2"})
    (first, *_) = rule.decide(scores([[1.0, 0.0, 0.0]] * 50))
    assert first.time_ms == 20 + 200


@pytest.mark.parametrize(
    ("quiet", "settings", "first"),
    [
        (50, {}, 55),  # 100 slices of 10 ms are quiet, then five answers fill the window
        (49, {}, None),  # 99 are, the last of them within the first loud answer; no other comes
        (0, {"ignored_slices": "74", "cool_off": "false"}, 37),
    ],
)
def test_esphome_is_deaf_after_a_start(quiet: int, settings: dict[str, str], first: int | None) -> None:
    found = RULES["esphome"].made(0.97, settings).decide(scores([[0.0, 0.0, 1.0]] * quiet + [[1.0, 0.0, 0.0]] * 40))
    assert (round(found[0].time_ms / STEP_MS) if found else None) == first


def test_esphome_counts_only_quiet_slices_after_a_hit() -> None:
    stuck = scores([[0.0, 0.0, 1.0]] * 60 + [[1.0, 0.0, 0.0]] * 400)
    assert len(RULES["esphome"].made(0.5, {}).decide(stuck)) == 1
    assert len(RULES["esphome"].made(0.5, {"cool_off": "false", "ignored_slices": "74"}).decide(stuck)) > 5


def test_edge_impulse_cuts_durations_to_whole_inferences() -> None:
    rule = RULES["edge-impulse"].made(0.8, {"average_ms": "99", "suppression_ms": "119"})
    found = rule.decide(scores([[1.0, 0.0, 0.0]] * 30))  # 4 inferences are averaged, 5 are silent
    assert [round(one.time_ms / STEP_MS) for one in found] == [1, 7, 13, 19, 25]


def test_edge_impulse_without_flags_suppresses_nothing() -> None:
    found = RULES["edge-impulse"].made(0.8, {"average_ms": "20", "flags": "none"}).decide(scores([[1.0, 0.0, 0.0]] * 7))
    assert len(found) == 7


def test_edge_impulse_with_one_flag_looks_at_no_other_label() -> None:
    found = (
        RULES["edge-impulse"].made(0.8, {"average_ms": "20", "flags": "no"}).decide(scores([[1.0, 0.0, 0.0]] * 7 + [[0.0, 1.0, 0.0]] * 7))
    )
    assert [one.label for one in found] == ["no"]


def test_the_first_five_scores_of_openwakeword_are_none() -> None:
    (first,) = RULES["openwakeword-debounce"].made(0.5, {}).decide(scores([[1.0, 0.0, 0.0]] * 30))
    assert first.time_ms == 6 * STEP_MS


def test_debounce_is_rounded_up_to_whole_frames() -> None:
    found = RULES["openwakeword-debounce"].made(0.5, {"debounce_ms": "41"}).decide(scores([[1.0, 0.0, 0.0]] * 14))
    assert [round(one.time_ms / STEP_MS) for one in found] == [6, 10, 14]


def let_through(values: list[float], vad: list[float], *, threshold: float, frames: int, vad_threshold: float) -> list[int]:
    """The frames at which openWakeWord 0.6 gives a score, one frame after the other, with a debounce of so many frames and its VAD."""
    buffer: list[float] = []
    heard: list[float] = []
    given = []
    for step, (said, voice) in enumerate(zip(values, vad, strict=True)):
        silent = len(buffer) < 5 or any(one >= threshold for one in buffer[-frames:])
        score = 0.0 if silent and (said >= threshold or len(buffer) < 5) else said
        buffer = [*buffer, score][-30:]
        heard.append(voice)
        if score >= threshold and max(heard[-7:-4], default=0.0) >= vad_threshold:
            given.append(step)
    return given


@pytest.mark.parametrize("frames", [1, 7, 50])
def test_openwakeword_with_voice_activity_is_its_own_loop(frames: int) -> None:
    rng = np.random.default_rng(frames)
    values, vad = rng.random(400).round(2), rng.random(400).round(2)
    point = replace(planted().point, rejections=frozenset({"no", "unknown"}))
    made = scores(np.stack([values, vad, 0 * vad], 1).tolist(), point=point)
    rule = RULES["openwakeword-debounce"].made(0.9, {"debounce_ms": f"{frames * STEP_MS}", "vad": "no", "vad_threshold": "0.8"})
    wanted = let_through(
        made.values[:, 0].tolist(), made.values[:, 1].tolist(), threshold=float(np.float32(0.9)), frames=frames, vad_threshold=0.8
    )
    assert [round(one.time_ms / STEP_MS) - 1 for one in rule.decide(made)] == wanted


def test_esphome_waits_for_a_voice_and_starts_nothing_anew_until_then() -> None:
    point = replace(planted().point, rejections=frozenset({"no", "unknown"}))
    answers = scores([[1.0, float(step >= 20), 0.0] for step in range(40)], point=point)
    assert not RULES["esphome"].made(0.5, {"ignored_slices": "1000", "cool_off": "false", "vad": "no"}).decide(answers)  # deaf at the start
    (hit,) = RULES["esphome"].made(0.5, {"ignored_slices": "0", "vad": "no"}).decide(answers)[:1]
    assert round(hit.time_ms / STEP_MS) - 1 == 22  # three of the last five are voice


@pytest.mark.parametrize(
    ("vad", "says"),
    [("voice", "looks for voice activity in 'voice', and the scores have yes, no, unknown"), ("no", "give --reject no too")],
)
@pytest.mark.parametrize("name", ["esphome", "openwakeword-debounce", "openwakeword-patience"])
def test_a_rule_without_the_voice_activity_that_it_needs(name: str, vad: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        RULES[name].made(0.5, {"vad": vad}).decide(planted())


def test_the_plain_rule_is_the_single_window() -> None:
    answers = [[0.5, 0.2, 0.3], [0.2, 0.2, 0.6], [0.1, 0.9, 0.0], [0.4, 0.4, 0.2]]
    found = RULES["plain"].made(None, {"refractory_ms": "0"}).decide(scores(answers))
    assert [(one.label, round(one.time_ms)) for one in found] == [("yes", 20), ("no", 60), ("yes", 80)]  # ties go to the first label


def test_the_plain_rule_takes_thresholds_of_labels() -> None:
    point = replace(planted().point, own=(("no", 0.95),))
    answers = [[0.6, 0.1, 0.3], [0.1, 0.9, 0.0], [0.0, 0.96, 0.04]]
    found = RULES["plain"].made(None, {"refractory_ms": "0"}).decide(scores(answers, point=point))
    assert [round(one.time_ms) for one in found] == [20, 60]


@pytest.mark.parametrize(
    ("name", "threshold", "settings", "says"),
    [
        ("plain", 1.5, {}, "expected a probability from 0 to 1"),
        ("plain", None, {"windows": "3"}, "has no setting 'windows'; it has window, refractory_ms"),
        ("plain", None, {"window": "three"}, "expected a whole number"),
        ("plain", None, {"refractory_ms": "-1"}, "expected 0 or more"),
        ("esphome", None, {"cool_off": "no"}, "expected true or false"),
    ],
)
def test_settings_that_cannot_be(name: str, threshold: float | None, settings: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        RULES[name].made(threshold, settings)


def test_a_rule_that_is_none() -> None:
    with pytest.raises(UsageError, match="there is no decision rule 'plane'; did you mean plain"):
        RULES["plane"]


def test_flags_that_are_no_labels() -> None:
    with pytest.raises(UsageError, match="has the flag 'maybe', which is no label"):
        RULES["edge-impulse"].made(0.5, {"flags": "maybe"}).decide(planted())
