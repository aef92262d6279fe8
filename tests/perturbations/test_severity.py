"""Does a harsher level change a real word more? The distance of log-mel features from the clean ones, level by level, on real clips."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
import torch

from robustness.audio.placement import Frame
from robustness.audio.reading import read_audio
from robustness.audio.recordings import Recording
from robustness.conditions import BEFORE, Condition
from robustness.frontends.log_mel import LogMel
from robustness.perturbations.base import PERTURBATIONS
from robustness.rendering import Renderer

RATE_HZ: Final = 8000
CLIPS: Final = 6
SLACK: Final = 0.97  # a level may be milder by chance, by so much
# What moves a word is not farther from it, frame by frame, the farther it goes: once the frames differ, they differ.
NOT_BY_FEATURES: Final = {"roll", "sample-shift", "padding-placement", "time-shift"}
KINDS: Final = [
    name for name, kind in PERTURBATIONS.all().items() if not kind.inputs and kind.family != BEFORE and name not in NOT_BY_FEATURES
]


@pytest.fixture(scope="module")
def real(shared: Path) -> Renderer:
    paths = sorted((shared / "fsdd").glob("*_0.flac"))[::7][:CLIPS]
    clips = [Recording(path.name, read_audio(path, RATE_HZ).samples, RATE_HZ) for path in paths]
    return Renderer.of([clip for clip in clips if len(clip.samples) <= RATE_HZ], Frame(RATE_HZ, RATE_HZ))


@pytest.mark.parametrize("name", KINDS)
def test_a_harsher_level_is_farther_from_the_clean_word(name: str, real: Renderer) -> None:
    axis = PERTURBATIONS[name].axis
    frontend = LogMel(rate_hz=RATE_HZ)
    clean = frontend.features(real.placed("center").samples)

    def distance(level: float) -> float:
        heard = frontend.features(real.render(Condition(name, level)).samples)
        return float((heard - clean).abs().mean())

    for side in ([level for level in axis.grid if (level < axis.neutral) is below] for below in (True, False)):
        distances = {level: distance(level) for level in side}
        assert all(distance_ > 0 for level, distance_ in distances.items() if 2 * level < RATE_HZ or axis.unit != "Hz"), distances
        assert all(harsh >= SLACK * mild for mild, harsh in pairwise(distances.values())), f"{name}, not monotone: {distances}"
    assert torch.isfinite(clean).all()
