"""Does the answer return where clipped peaks are rounded again? Cubic arcs over the plateaus, from the samples beside them.

The size is how far an arc may go above the plateau. The control takes as much away below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor

from robustness.audio.levels import Span, from_decibels
from robustness.audio.measurements import plateaus_in
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention, SizesTried
from robustness.interventions.scene import Scene

PLATEAUS: Final = 5  # fewer are peaks that happen to be flat
BESIDE: Final = 3  # samples on each side through which an arc goes


@INTERVENTIONS.register
@dataclass(frozen=True)
class Declip(Intervention):
    """The recording with arcs over its plateaus."""

    name: ClassVar[str] = "declip"
    kind: ClassVar[EditKind] = "distortion"
    sizes_tried: ClassVar[SizesTried] = SizesTried("above the plateau", "dB", (3, 6, 12))
    does: ClassVar[str] = "rounding clipped peaks"
    control_does: ClassVar[str] = "dents as deep in their place"
    source: ClassVar[str] = "scipy.interpolate.CubicSpline over what was clipped (Janssen et al., 1986: lost samples)"

    def possible(self, scene: Scene, size: float) -> bool:
        """Where peaks are clipped."""
        return len(plateaus_of(scene)) >= PLATEAUS

    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With its peaks back."""
        return scene.resounding(scene.recording + _arcs(scene, size)).window

    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """With dents."""
        return scene.resounding(scene.recording - _arcs(scene, size)).window


@lru_cache(maxsize=16)
def plateaus_of(scene: Scene) -> list[Span]:
    """From where to where each plateau of the recording goes, in samples."""
    return plateaus_in(scene.recording)


def _arcs(scene: Scene, size: float) -> Tensor:
    """What the arcs add, [time]."""
    added = torch.zeros_like(scene.recording)
    most = float(scene.recording.abs().amax()) * (from_decibels(size) - 1)
    for (start, end), sign, arc in _splines_of(scene):
        added[start:end] = sign * torch.from_numpy(np.clip(arc, 0, most)).float()
    return added


class _Arc(NamedTuple):
    """How far a spline rises above a plateau."""

    span: Span
    sign: float
    above: NDArray[np.float64]


@lru_cache(maxsize=16)
def _splines_of(scene: Scene) -> list[_Arc]:
    """The arc over each plateau through what is beside it: the same for every size."""
    samples, found = scene.recording, []
    for start, end in plateaus_of(scene):
        beside = [at for at in (*range(start - BESIDE, start), *range(end, end + BESIDE)) if 0 <= at < len(samples)]
        if len(beside) < 2 * BESIDE:
            continue
        inside = np.arange(start, end)
        sign = 1.0 if float(samples[start]) > 0 else -1.0
        arc = CubicSpline(beside, sign * samples[beside].double().numpy())(inside) - sign * samples[inside].numpy()
        found.append(_Arc(Span(start, end), sign, arc))
    return found
