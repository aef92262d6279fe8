"""What of a recording is a constant, or a tone that never stops? By weighted least squares on the recording alone.

A sample counts the more the softer it is around it: what is steady is heard best in the pauses, and a voice at a multiple of the mains is
not taken for hum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

AROUND_S: Final = 0.02
LEAST_WEIGHT: Final = 1e-3  # of the loudest against the softest
RIDGE: Final = 1e-9
MAINS_HZ: Final = (50.0, 60.0)
OFF_HZ: Final = (0.0, -0.15, 0.15, -0.3, 0.3, -0.45, 0.45)
FINER: Final = (0.04, 0.012)  # two steps closer
SLOW_HZ: Final = 1000  # the rate at which it is searched
SEARCHED: Final = 5  # multiples by which the frequency is found


class FittedHum(NamedTuple):
    """The hum of a recording: its frequency in Hz and what is fitted, a constant first, [1 + 2 multiples]."""

    mains_hz: float
    coefficients: Tensor


def columns(count: int, rate_hz: int, places_hz: Sequence[float]) -> Tensor:
    """A constant, and a cosine and a sine of each frequency, [count columns]."""
    time = torch.arange(count, dtype=torch.float64) / rate_hz
    waves = [wave for hz in places_hz for wave in ((2 * torch.pi * hz * time).cos(), (2 * torch.pi * hz * time).sin())]
    return torch.stack([torch.ones_like(time), *waves], 1)


@lru_cache(maxsize=8)  # an offset and hum of several multiples are asked of the same samples
def quiet_weights(samples: Tensor, rate_hz: int) -> Tensor:
    """One over the power around each sample, without its mean and its slow part, [time]; nobody changes it, or the samples, in place."""
    width = 2 * round(AROUND_S * rate_hz / 2) + 1
    sharp = torch.nn.functional.pad(samples.double().diff(), (1, 0))
    power = avg_pool1d(sharp.square()[None, None], width, 1, width // 2, count_include_pad=False)[0, 0]
    softest = power.quantile(0.1) if len(power) else power
    return 1 / power.clamp_min(float(softest)).clamp_min(float(power.amax()) * LEAST_WEIGHT).clamp_min(1e-20)


def fitted(samples: Tensor, weights: Tensor, basis: Tensor) -> Tensor:
    """The coefficients of each column, [columns]."""
    weighted = basis * weights[:, None]
    normal = weighted.T @ basis
    normal += torch.eye(len(normal), dtype=normal.dtype) * RIDGE * float(normal.diagonal().mean())
    found: Tensor = torch.linalg.solve(normal, weighted.T @ samples.double())
    return found


def offset_of(samples: Tensor, rate_hz: int) -> float:
    """The constant part; beside a constant, tones at 50 and 60 Hz are fitted."""
    if not len(samples):
        return 0.0
    return float(fitted(samples, quiet_weights(samples, rate_hz), columns(len(samples), rate_hz, MAINS_HZ))[0])


def hum_in(samples: Tensor, rate_hz: int, multiples: int) -> FittedHum:
    """The hum of a recording, with so many multiples of the mains frequency."""
    return hum_at(samples, rate_hz, mains_in(samples, rate_hz), multiples)


def hum_at(samples: Tensor, rate_hz: int, mains_hz: float, multiples: int) -> FittedHum:
    """The hum at a frequency and so many multiples of it."""
    basis = columns(len(samples), rate_hz, [mains_hz * n for n in range(1, multiples + 1)])
    return FittedHum(mains_hz, fitted(samples, quiet_weights(samples, rate_hz), basis))


def mains_in(samples: Tensor, rate_hz: int) -> float:
    """The frequency, within half a hertz of 50 or 60 Hz, that explains most of a recording."""
    weights = quiet_weights(samples, rate_hz)
    low, low_weights, low_hz = _slower(samples, weights, rate_hz)
    best = max(_explained(low, low_hz, low_weights, [mains + off for mains in MAINS_HZ for off in OFF_HZ]))
    for step in FINER:
        best = max(_explained(low, low_hz, low_weights, [best[1] + step * k for k in (0, -2, -1, 1, 2)]))
    return best[1]


def _slower(samples: Tensor, weights: Tensor, rate_hz: int) -> tuple[Tensor, Tensor, int]:
    """The sound, its weights and its rate at about 1 kHz: the frequency is searched there, at a sixteenth of the price."""
    step = max(1, rate_hz // SLOW_HZ)
    if step == 1 or len(samples) < 4 * step:
        return samples, weights, rate_hz
    whole = samples[: len(samples) // step * step].double()
    spectrum = torch.fft.rfft(whole)[: len(whole) // step // 2 + 1]
    slow = torch.fft.irfft(spectrum, n=len(whole) // step) / step
    return slow, avg_pool1d(weights[None, None], step, step)[0, 0][: len(slow)], rate_hz // step


def _explained(samples: Tensor, rate_hz: int, weights: Tensor, places_hz: Sequence[float]) -> Iterator[tuple[float, float]]:
    """How much each frequency explains, and the frequency."""
    multiples = [n for n in range(1, SEARCHED + 1) if n * MAINS_HZ[1] < rate_hz / 2]
    for hz in places_hz:
        basis = columns(len(samples), rate_hz, [hz * n for n in multiples])
        tones = basis[:, 1:] @ fitted(samples, weights, basis)[1:]
        yield float((weights * (tones * (2 * samples.double() - tones))).sum()), hz
