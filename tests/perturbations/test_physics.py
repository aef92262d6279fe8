from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from robustness.audio.placement import Windows, batch_of, place
from robustness.conditions import NONE, Condition
from robustness.errors import RecordingError, UsageError
from robustness.perturbations.background_noise import BackgroundNoise
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise
from robustness.perturbations.pink_noise import PinkNoise
from robustness.perturbations.time_shift import TimeShift
from robustness.perturbations.white_noise import WhiteNoise
from robustness.rendering import Renderer
from tests.builders import FRAME, RATE_HZ, recording, recordings


@pytest.fixture(scope="module")
def noises(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("noises")
    rng = np.random.default_rng(0)
    for name in ("fan", "street"):
        soundfile.write(folder / f"{name}.wav", rng.normal(size=40_000) * 0.05, RATE_HZ)
    return folder


@pytest.fixture(params=["white", "pink", "background"])
def kind(request: pytest.FixtureRequest, noises: Path) -> AdditiveNoise:
    kinds: dict[str, AdditiveNoise] = {"white": WhiteNoise(), "pink": PinkNoise(), "background": BackgroundNoise(noises)}
    return kinds[request.param]


def windows(count: int = 3) -> Windows:
    batch = batch_of(recordings(count))
    return place(batch, torch.arange(count) * 700 + 300, FRAME)


@pytest.mark.parametrize("level_db", [30.0, 10.0, 0.0, -5.0])
def test_the_snr_is_what_was_asked_inside_the_speech_span(kind: AdditiveNoise, level_db: float) -> None:
    clean = windows()
    noisy = kind(clean, level_db, draw=1, seed=0)
    assert noisy.measured is not None
    assert noisy.clipped is not None
    for clip in range(3):
        start, end = clean.speech[clip].tolist()
        peak = float((noisy.samples[clip]).abs().max())
        if noisy.clipped[clip]:
            assert peak == pytest.approx(1.0)
            continue
        speech = clean.samples[clip, start:end].double()
        noise = (noisy.samples - clean.samples)[clip, start:end].double()
        measured = 10 * math.log10(float(speech.square().mean() / noise.square().mean()))
        assert measured == pytest.approx(level_db, abs=0.05)
        assert float(noisy.measured[clip]) == pytest.approx(level_db, abs=0.05)


def test_noise_fills_the_whole_window(kind: AdditiveNoise) -> None:
    clean = windows()
    added = kind(clean, 20.0, draw=0, seed=0).samples - clean.samples
    assert (added.reshape(3, 100, 160).abs().amax(2) > 0).all()


def test_one_noise_is_scaled_for_every_level(kind: AdditiveNoise) -> None:
    clean = windows()
    mild, harsh = (kind(clean, level_db, draw=2, seed=0).samples - clean.samples for level_db in (30.0, 20.0))
    assert torch.allclose(mild * 10**0.5, harsh, atol=1e-5)


def test_noise_depends_on_recording_draw_and_seed_and_on_nothing_else(kind: AdditiveNoise) -> None:
    clean = windows()
    together = kind(clean, 10.0, draw=0, seed=0).samples
    batch = batch_of(recordings(3)[::-1])
    reverse = place(batch, torch.tensor([1700, 1000, 300]), FRAME)
    assert torch.equal(kind(reverse, 10.0, draw=0, seed=0).samples.flip(0), together)
    assert not torch.equal(kind(clean, 10.0, draw=1, seed=0).samples, together)
    assert not torch.equal(kind(clean, 10.0, draw=0, seed=1).samples, together)


def test_what_goes_above_full_scale_is_scaled_and_counted() -> None:
    loud = recording("loud", seed=1)
    clean = place(batch_of([type(loud)("loud", loud.samples * 5, RATE_HZ, "up")]), torch.tensor([1000]), FRAME)
    noisy = WhiteNoise()(clean, -5.0, draw=0, seed=0)
    assert noisy.clipped is not None
    assert noisy.clipped.tolist() == [True]
    assert float(noisy.samples.abs().max()) == pytest.approx(1.0)


@pytest.mark.parametrize(("maker", "slope_db"), [(WhiteNoise(), 0.0), (PinkNoise(), -3.01)])
def test_the_colour_is_its_slope_in_db_an_octave(maker: AdditiveNoise, slope_db: float) -> None:
    rng = torch.Generator().manual_seed(0)
    power = sum(torch.fft.rfft(maker.noise(16_000, RATE_HZ, rng)).abs().square() for _ in range(40))
    octaves = [(125 * 2**i, 250 * 2**i) for i in range(5)]
    assert isinstance(power, torch.Tensor)
    levels = [10 * math.log10(float(power[low:high].mean())) for low, high in octaves]
    assert np.polyfit(range(5), levels, 1)[0] == pytest.approx(slope_db, abs=0.15)


@pytest.mark.parametrize("name", PERTURBATIONS.names())
def test_the_neutral_level_changes_nothing(name: str, noises: Path) -> None:
    made = BackgroundNoise(noises) if name == "background-noise" else PERTURBATIONS[name]()
    renderer = Renderer(batch_of(recordings(4)), FRAME, {name: made})
    clean = renderer.render(Condition(NONE))
    neutral = renderer.render(Condition(name, made.neutral("center")))
    assert torch.equal(clean.samples, neutral.samples)


@pytest.mark.parametrize("level_ms", [-200.0, -20.0, 0.0, 60.0, 140.0])
def test_a_shift_moves_the_recording_by_so_many_samples(level_ms: float) -> None:
    batch = batch_of(recordings(2))
    base = torch.tensor([3000, 3500])
    assert (TimeShift().lead(batch, FRAME, base, level_ms) - base).tolist() == [round(level_ms * 16)] * 2


def test_offset_zero_is_the_start() -> None:
    renderer = Renderer(batch_of(recordings(3)), FRAME, {name: PERTURBATIONS[name]() for name in ("time-shift", "padding-placement")})
    start = renderer.render(Condition("padding-placement", 0.0, placement="start"))
    offset = renderer.render(Condition("time-shift", 0.0, placement="offset"))
    assert torch.equal(start.samples, offset.samples)


def test_background_noise_without_a_folder_says_which_option_gives_it() -> None:
    with pytest.raises(UsageError, match="--noises DIR"):
        BackgroundNoise()(windows(), 10.0, draw=0, seed=0)


@pytest.mark.parametrize(
    ("samples", "words"),
    [(None, "holds no noise"), (np.linspace(-0.1, 0.1, 1000), "shorter than the model's window"), (np.zeros(20_000), "silence")],
)
def test_a_noise_that_cannot_be_used_is_named(samples: np.ndarray | None, words: str, tmp_path: Path) -> None:
    if samples is not None:
        soundfile.write(tmp_path / "hum.wav", samples, RATE_HZ)
    with pytest.raises(RecordingError, match=words):
        BackgroundNoise(tmp_path)(windows(), 10.0, draw=0, seed=0)


def test_noise_that_is_silent_under_the_word_is_refused(tmp_path: Path) -> None:
    gated = np.random.default_rng(0).normal(size=60_000) * 0.05
    gated.reshape(-1, 4000)[::2] = 0
    soundfile.write(tmp_path / "gated.wav", gated, RATE_HZ)
    with pytest.raises(RecordingError, match="digital silence"):
        BackgroundNoise(tmp_path)(windows(), 10.0, draw=0, seed=0)


def test_the_atlas_reaches_every_lead_at_which_the_shortest_recording_is_whole() -> None:
    leads = [c.level for c in TimeShift(farthest_ms=743.2).conditions("center") if c.placement == "offset"]
    assert leads == [float(ms) for ms in range(-200, 751, 10)]
