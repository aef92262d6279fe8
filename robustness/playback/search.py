"""Where in a long capture does each clip of a test set lie that was played back?

Clip and capture are whitened by the clips' own mean spectrum (linear prediction), so that one word is not taken for another with the same
vowel, and cross-correlated at about 4 kHz; each place is then found again at the capture's rate from the clip's impulse response, where the
direct sound is its first strong sample. Order and pauses are free. Arrays are mono, [time], of one rate.
Sources: Knapp and Carter (1976), the generalised correlation; Makhoul (1975), linear prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import oaconvolve, resample_poly

Array = NDArray[np.float64]
COARSE_HZ: Final = 4000
PREDICTORS: Final = 12  # coefficients of the whitening filter
LEAST_SCORE: Final = 0.3  # of the whitened correlation, 1 is the clip itself
DISTINCT: Final = 1.3  # times the next best place
QUIET_SHARE: Final = 0.1  # of the capture's mean power: below it nothing correlates by chance
SEARCHED_MS: Final = 20.0  # around the coarse place
FIRST_SHARE: Final = 0.5  # of the strongest sample: the direct sound is the first that reaches it
REGULAR: Final = 0.01  # of the mean power of the spectrum that is divided by
TRIES: Final = 3  # places of a clip before it is called missing


class FoundClip(NamedTuple):
    """A clip in the capture.

    Attributes:
        name: of the clip.
        start: of its first sample in the capture, in samples.
        score: the whitened correlation, 0 to 1.
    """

    name: str
    start: int
    score: float


class MissingClip(NamedTuple):
    """A clip that is not found.

    Attributes:
        name: of the clip.
        score: of its best place that no other clip has.
        twice: whether another place fits as well.
    """

    name: str
    score: float
    twice: bool


@dataclass(frozen=True)
class SearchResult:
    """What was found of a test set.

    Attributes:
        found: in the order of the capture.
        missing: clips that the capture does not hold, or holds twice.
    """

    found: tuple[FoundClip, ...]
    missing: tuple[MissingClip, ...]


def search(clips: Mapping[str, Array], capture: Array, rate_hz: int) -> SearchResult:
    """Each clip in the capture; of two that claim one place the one that fits better has it.

    Args:
        clips: by name.
        capture: what was recorded.
        rate_hz: of all of them.
    """
    factor = max(1, rate_hz // COARSE_HZ)
    low = {name: _lower(clip, factor) for name, clip in clips.items()}
    whitener = whitening(list(low.values()), PREDICTORS)
    heard = _filtered(whitener, _lower(capture, factor))
    taken: list[FoundClip] = []
    scored = {name: _places(_filtered(whitener, clip), heard) for name, clip in low.items()}
    missing = []
    for name in sorted(scored, key=lambda name: -max((score for _, score in scored[name]), default=0.0)):
        free = [(place, score) for place, score in scored[name] if not _overlaps(place * factor, len(clips[name]), taken, clips)]
        if not _is_clear(free):
            best = free[0][1] if free else 0.0
            missing.append(MissingClip(name, best, best >= LEAST_SCORE))
            continue
        start = _refined(clips[name], capture, free[0][0] * factor, rate_hz)
        taken.append(FoundClip(name, start, free[0][1]))
    return SearchResult(tuple(sorted(taken, key=lambda one: one.start)), tuple(sorted(missing)))


def whitening(clips: Sequence[Array], count: int) -> Array:
    """The prediction-error filter of the clips together, [count + 1]."""
    total = np.zeros(count + 1)
    for clip in clips:
        total += [float(clip[: len(clip) - lag] @ clip[lag:]) if lag < len(clip) else 0.0 for lag in range(count + 1)]
    total[0] = total[0] * 1.0001 + 1e-12
    return np.concatenate([[1.0], -solve_toeplitz(total[:-1], total[1:])])


def _filtered(coefficients: Array, samples: Array) -> Array:
    found: Array = oaconvolve(samples, coefficients)[: len(samples)]
    return found


def _lower(samples: Array, factor: int) -> Array:
    found: Array = samples if factor == 1 else resample_poly(samples, 1, factor)
    return found


def _places(clip: Array, heard: Array) -> list[tuple[int, float]]:
    """The best places of a clip and their scores, best first, no two within half a clip of each other."""
    if len(clip) > len(heard):
        return []
    energy = float(clip @ clip)
    power = oaconvolve(np.square(heard), np.ones(len(clip)), mode="valid").clip(min=0)
    power += QUIET_SHARE * float(np.square(heard).mean()) * len(clip)
    scores = np.abs(oaconvolve(heard, clip[::-1], mode="valid")) / np.sqrt(np.maximum(energy * power, 1e-30))
    found = []
    for _ in range(TRIES):
        best = int(scores.argmax())
        found.append((best, float(scores[best])))
        scores[max(0, best - len(clip) // 2) : best + len(clip) // 2 + 1] = 0.0
    return found


def _is_clear(places: Sequence[tuple[int, float]]) -> bool:
    """Whether the best place is the clip's, and no other is as good."""
    if not places or places[0][1] < LEAST_SCORE:
        return False
    return len(places) == 1 or places[0][1] >= DISTINCT * places[1][1]


def _overlaps(start: int, count: int, taken: Sequence[FoundClip], clips: Mapping[str, Array]) -> bool:
    """Whether half of a clip there would lie on one that was found."""
    shared = (min(start + count, one.start + len(clips[one.name])) - max(start, one.start) for one in taken)
    return any(part > count / 2 for part in shared)


def _refined(clip: Array, capture: Array, coarse: int, rate_hz: int) -> int:
    """The place of the direct sound, from the clip's own impulse response."""
    around = round(SEARCHED_MS * rate_hz / 1000)
    first = coarse - around
    piece = stretch(capture, first, len(clip) + 2 * around)
    size = 1 << (len(piece) + len(clip) - 1).bit_length()
    own, heard = np.fft.rfft(clip, size), np.fft.rfft(piece, size)
    power = np.square(np.abs(own))
    response = np.abs(np.fft.irfft(heard * own.conj() / (power + REGULAR * power.mean()), size)[: 2 * around + 1])
    return first + int(np.argmax(response >= FIRST_SHARE * response.max()))


def stretch(samples: Array, start: int, count: int) -> Array:
    """So many samples from there on, with silence outside of what there is."""
    inside = samples[max(0, start) : max(0, start + count)]
    before = min(count, max(0, -start))
    return np.pad(inside, (before, max(0, count - before - len(inside))))
