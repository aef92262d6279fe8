"""How far is what a layer gives from moving with the word?

The same recording is heard where it fails (`here`) and where it is right (`there`). A layer follows the word where what it gives here is
what it gives there, moved. Its equivariance error is

    ‖A(here) moved − A(there)‖ / ‖A(there) − A(silence)‖

over the frames that both have: 0 = it follows exactly; 1 = as far off as if there were no word. A layer without an axis of time is compared
as it is, by position.
Source: Lenc & Vedaldi, Understanding Image Representations by Measuring Their Equivariance (2015), arXiv:1411.5908, with the map between
what is given fixed to the shift; Zhang, Making Convolutional Networks Shift-Invariant Again (2019), arXiv:1904.11486, measures the same
distance by the cosine, which has no scale: a layer that says half as much of the word would count as one that follows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from robustness.explanations.layers import Layer


@dataclass(frozen=True, eq=False)
class ActivationPair:
    """What one layer gives here and there.

    Attributes:
        layer: the layer.
        here: […], its outputs for one clip.
        there: […].
        silence: […], there without the word.
        others: [others …], for other words there.
        shift: frames of its outputs from here to there; 0 where it has no axis of time.
    """

    layer: Layer
    here: Tensor
    there: Tensor
    silence: Tensor
    others: Tensor
    shift: int

    @classmethod
    def of(cls, layer: Layer, given: Tensor, frames: float) -> ActivationPair:
        """From outputs for here, there, silence and other words, [clips …], and the shift in feature frames."""
        shift = 0 if layer.time is None else round(Fraction(frames) / layer.time.stride)
        return cls(layer, given[0], given[1], given[2], given[3:], shift)

    def both(self, of: Tensor, *, there: bool) -> Tensor:
        """The frames that here and there both have, of outputs there or here, [… frames …]."""
        if self.layer.time is None:
            return of
        axis = self.layer.time.axis - 1
        count = max(0, of.shape[axis] - abs(self.shift))
        return of.narrow(axis, min(max(0, self.shift if there else -self.shift), of.shape[axis] - count), count)

    @property
    def error(self) -> float | None:
        """The equivariance error; None where the layer says nothing of the word."""
        return self._off(self.both(self.here, there=False))

    @property
    def floor(self) -> float | None:
        """The same for other words in place of this one, at the lead there, in the mean; None without any."""
        found = [off for other in self.others if (off := self._off(self.both(other, there=True))) is not None]
        return sum(found) / len(found) if found else None

    @property
    def lost(self) -> float | None:
        """The share of ‖A(there) − A(silence)‖² in frames that are outside of the window here; None without an axis of time."""
        if self.layer.time is None:
            return None
        word = self.there - self.silence
        whole = _energy(word)
        return max(0.0, 1 - _energy(self.both(word, there=True)) / whole) if whole > 0 else None

    @property
    def moved(self) -> Tensor:
        """What the layer gives here, and in the frames that both have what it gives there, […]."""
        patched = self.here.clone()
        self.both(patched, there=False).copy_(self.both(self.there, there=True))
        return patched

    def _off(self, given: Tensor) -> float | None:
        word = self.both(self.there, there=True)
        size = _energy(word - self.both(self.silence, there=True))
        found = math.sqrt(_energy(given - word) / size) if size > 0 else math.nan
        return found if math.isfinite(found) else None


def _energy(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values, dtype=torch.float64)) ** 2
