"""How far is what a quantized layer gives from what the float one gives, on the same clips?

Sums over batches are kept, never tensors. SQNR in dB = 20·log10(‖x‖ / ‖x − x̂‖) over all values of all clips; identical values are
"exact", values that are all zero on both sides "undefined", and zeros that become something else "-inf".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.run.audit_records import ActivationError, ClippedRange, SqnrWord

EXACT: Final = "exact"
UNDEFINED: Final = "undefined"
NOTHING_LEFT: Final = "-inf"


class Range(NamedTuple):
    """The values that a layer's int8 output can have."""

    low: float
    high: float


@dataclass
class Distortion:
    """Sums over batches of one layer's float output x and its counterpart x̂.

    Attributes:
        signal: Σx².
        noise: Σ(x − x̂)².
        other: Σx̂².
        low: the smallest x.
        high: the largest x.
        clipped: how many x lie outside of what the int8 output can be.
        count: how many values there were.
    """

    signal: float = 0.0
    noise: float = 0.0
    other: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    clipped: int = 0
    count: int = 0

    def add(self, original: Tensor, quantized: Tensor, limits: Range | None = None) -> None:
        """The values of a batch, alike in shape."""
        low, high = original.aminmax()
        self.low, self.high = min(self.low, float(low)), max(self.high, float(high))
        self.count += original.numel()
        signal = _energy(original)
        self.signal += signal
        if torch.equal(original, quantized):
            self.other += signal
        else:
            self.other += _energy(quantized)
            self.noise += _energy(original - quantized)
        if limits is not None and (float(low) < limits.low or float(high) > limits.high):
            self.clipped += int(((original < limits.low) | (original > limits.high)).sum())

    @property
    def sqnr_db(self) -> float | SqnrWord:
        """Signal to quantization noise."""
        if self.noise == 0:
            return UNDEFINED if self.signal == 0 else EXACT
        return NOTHING_LEFT if self.signal == 0 else 10 * math.log10(self.signal / self.noise)

    @property
    def normalized_l2(self) -> float | None:
        """‖x − x̂‖ / ‖x‖; None where x is zero."""
        return None if self.signal == 0 else math.sqrt(self.noise / self.signal)

    @property
    def cosine(self) -> float | None:
        """Of the angle between x and x̂; None where either is zero."""
        length = math.sqrt(self.signal * self.other)
        return None if length == 0 else max(-1.0, min(1.0, (self.signal + self.other - self.noise) / 2 / length))

    def error(self, of: str | None, limits: Range | None) -> ActivationError:
        """The measures, the range of x, and what the int8 output cannot be.

        Args:
            of: the float layer.
            limits: of the int8 output; None where it has none.
        """
        clipped = None if limits is None else ClippedRange(limits.low, limits.high, self.clipped / self.count)
        return ActivationError(of, self.sqnr_db, self.normalized_l2, self.cosine, self.low, self.high, self.count, clipped)


def _energy(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values, dtype=torch.float64)) ** 2
