"""Is a level, a clipped sample, an offset or a bit what it was asked to be? Against loops over samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from robustness.perturbations.bit_depth import BitDepth
from robustness.perturbations.clipping import Clipping
from robustness.perturbations.constant_offset import ConstantOffset
from robustness.perturbations.gain import Gain
from robustness.perturbations.gain_steps import GainSteps
from robustness.perturbations.soft_clipping import SoftClipping
from tests.builders import RATE_HZ
from tests.perturbations.made import windows


@pytest.mark.parametrize("level_db", Gain.axis.grid)
def test_a_gain_multiplies_and_full_scale_cuts(level_db: float) -> None:
    clean = windows()
    heard = Gain()(clean, level_db)
    for before, after in zip(clean.samples.tolist(), heard.samples.tolist(), strict=True):
        wanted = [max(-1.0, min(1.0, sample * 10 ** (level_db / 20))) for sample in before]
        assert max(abs(a - b) for a, b in zip(wanted, after, strict=True)) < 1e-6
    powers = [[sum(x * x for x in clip) for clip in some.samples.tolist()] for some in (clean, heard)]
    assert heard.measured is not None
    assert heard.measured.tolist() == pytest.approx([10 * math.log10(b / a) for a, b in zip(*powers, strict=True)], abs=1e-3)
    if level_db <= 12:
        assert heard.measured.tolist() == pytest.approx([level_db] * 3, abs=1e-3)


@pytest.mark.parametrize("percent", Clipping.axis.grid)
def test_that_share_of_the_word_is_cut_to_one_size_and_the_rest_is_as_it_was(percent: float) -> None:
    clean = windows()
    heard = Clipping()(clean, percent)
    assert heard.measured is not None
    for before, after, (start, end), measured in zip(
        clean.samples, heard.samples, clean.speech.tolist(), heard.measured.tolist(), strict=True
    ):
        top = max(abs(x) for x in after.tolist())
        cut = sum(abs(x) >= top for x in after[start:end].tolist())
        assert 100 * cut / (end - start) == pytest.approx(percent, abs=0.05)
        assert measured == pytest.approx(100 * cut / (end - start), abs=1e-9)
        low = before.abs() <= top
        assert torch.equal(before[low], after[low])
        assert torch.equal(before.sign(), after.sign())


@pytest.mark.parametrize("level_db", SoftClipping.axis.grid)
def test_the_peak_is_pressed_down_and_what_is_quiet_stays(level_db: float) -> None:
    clean = windows()
    heard = SoftClipping()(clean, level_db)
    assert heard.measured is not None
    for before, after, measured in zip(clean.samples.tolist(), heard.samples.tolist(), heard.measured.tolist(), strict=True):
        peak = max(map(abs, before))
        pressed = 20 * math.log10(peak / max(map(abs, after)))
        assert pressed == pytest.approx(level_db, abs=1e-3)
        assert measured == pytest.approx(pressed, abs=1e-6)
        quiet = [(a, b) for a, b in zip(before, after, strict=True) if 0 < abs(a) < 0.002 * peak]
        assert quiet
        assert max(abs(b / a - 1) for a, b in quiet) < 1e-3


@pytest.mark.parametrize("percent", ConstantOffset.axis.grid)
def test_an_offset_is_the_mean_of_what_was_added(percent: float) -> None:
    clean = windows()
    heard = ConstantOffset()(clean, percent)
    assert heard.measured is not None
    assert heard.scale is not None
    whole = heard.samples / heard.scale[:, None]
    differences = [
        sum(b - a for a, b in zip(x, y, strict=True)) / len(x) for x, y in zip(clean.samples.tolist(), whole.tolist(), strict=True)
    ]
    assert differences == pytest.approx([percent / 100] * 3, abs=1e-5)
    assert heard.measured.tolist() == pytest.approx([percent] * 3, abs=1e-3)


@pytest.mark.parametrize("bits", BitDepth.axis.grid)
def test_samples_lie_on_the_steps_of_that_many_bits(bits: float) -> None:
    clean = windows()
    heard = BitDepth()(clean, bits)
    steps = 2 ** (int(bits) - 1)
    for before, after in zip(clean.samples.tolist(), heard.samples.tolist(), strict=True):
        assert all((sample * steps).is_integer() for sample in after)
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 0.5 / steps + 1e-7
    assert heard.measured is not None
    assert heard.measured.tolist() == [bits] * 3


@pytest.mark.parametrize("level_db", GainSteps.axis.grid)
def test_every_tenth_of_a_second_has_one_gain_a_step_up_or_down(level_db: float) -> None:
    clean = windows()
    heard = GainSteps()(clean, level_db, seed=1)
    assert heard.scale is not None
    signs = set()
    for before, after, scale in zip(clean.samples.numpy(), heard.samples.numpy(), heard.scale.tolist(), strict=True):
        for start in range(0, len(before), RATE_HZ // 10):
            stretch = before[start : start + RATE_HZ // 10]
            sounding = np.abs(stretch) > 1e-4
            gains = 20 * np.log10(after[start : start + RATE_HZ // 10][sounding] / scale / stretch[sounding])
            assert np.abs(np.abs(gains) - level_db).max(initial=0.0) < 1e-3
            signs |= set(np.sign(gains))
    assert signs == {-1.0, 1.0}
    assert heard.measured is not None
    assert heard.measured.tolist() == pytest.approx([level_db] * 3, abs=1e-3)
