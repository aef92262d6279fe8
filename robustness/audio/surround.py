"""Where does a word begin and end in a recording whose surround is loud, and has the surround a sound of its own?

A surround's sound that is under the word as well is noise; one that stops where the word begins is the surround's own.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from robustness.audio.filters import frame_of, spectra
from robustness.audio.levels import FRAME_MS, SMALLEST_POWER, Span, frame_powers

EDGE_MS: Final = 50.0  # of the recording, by which its surround is judged
ABOVE_DB: Final = 4.0  # the surround's loudest frame
RUN: Final = 4  # frames in a row that are above it
BELOW: Final = 0.1  # of the surround's power: what is so soft in the word has none of its sound
FREE: Final = 0.2  # of the bands: a frame in which as many hold nothing of the surround's sound is none of it
HEARD: Final = 1e-4  # of the loudest band: the surround has a sound there


def core_in(samples: Tensor, rate_hz: int) -> Span:
    """The word without its surround, in samples of the recording; the whole recording where nothing stands out.

    A first guess is where the level rises above that of the edges. From there it reaches as far as the sound of the edges is not heard for
    some frames in a row: so far, that is, as the soft parts of the word, which are no louder than its surround.
    """
    guess, count = _louder_core(samples, rate_hz), len(samples)
    frame, edge = frame_of(rate_hz, count) // 2, round(EDGE_MS * rate_hz / 1000)
    hop = frame // 4
    power = _smooth(spectra(samples, frame).abs().square(), 3)
    at = torch.arange(power.shape[1]) * hop
    edges = ((at >= frame // 2) & (at <= edge), (at >= count - edge) & (at <= count - frame // 2))
    if not all(one.any() for one in edges):
        return guess
    surround = torch.stack([power[:, one].mean(1) for one in edges]).mean(0)
    heard = surround > surround.amax() * HEARD
    free = (power < BELOW * surround[:, None])[heard].float().mean(0) > FREE
    runs = free.unfold(0, RUN, 1).all(1).nonzero().flatten() if len(free) >= RUN else torch.empty(0)
    if not len(runs):
        return guess
    start, end = int(at[int(runs[0])]) - hop, int(at[int(runs[-1]) + RUN - 1]) + hop
    if guess != Span(0, count):
        start, end = min(start, guess.start + frame), max(end, guess.end - frame)
    return Span(max(0, start), min(count, end))


def _smooth(power: Tensor, bands: int) -> Tensor:
    """Averaged over neighbouring bands, [bands frames]."""
    return avg_pool1d(power.T[:, None], bands, 1, bands // 2, count_include_pad=False)[:, 0].T


def _louder_core(samples: Tensor, rate_hz: int) -> Span:
    """Where the level is above that of the recording's edges; the whole recording where it is not."""
    count, frame = len(samples), round(rate_hz * FRAME_MS / 1000)
    level = 10 * frame_powers(samples, rate_hz).clamp_min(SMALLEST_POWER).log10()
    edge = round(EDGE_MS / FRAME_MS)
    if len(level) < 2 * edge + RUN:
        return Span(0, count)
    first, last = (_first_above(each, float(each[:edge].amax()) + ABOVE_DB) for each in (level, level.flip(0)))
    start, end = first * frame, (len(level) - last) * frame
    return Span(max(0, start), min(count, end)) if end - start >= RUN * frame else Span(0, count)


def _first_above(level: Tensor, threshold: float) -> int:
    """The first frame from which on so many in a row are above."""
    runs = (level > threshold).unfold(0, RUN, 1).all(1).nonzero().flatten()
    return int(runs[0]) if len(runs) else len(level)


def own_sound_in(samples: Tensor, rate_hz: int) -> float:
    """The share of the word's cells that are far softer than the surround: none where the surround's sound is under the word as well."""
    frame = frame_of(rate_hz, len(samples))
    power = spectra(samples, frame).abs().square()
    smooth = _smooth(power, 5)
    at = torch.arange(power.shape[1]) * (frame // 4)
    start, end = core_in(samples, rate_hz)
    half = frame // 2
    inside = (at >= start + half) & (at <= end - half)
    outside = ((at <= start - half) & (at >= half)) | ((at >= end + half) & (at <= len(samples) - half))
    if not inside.any() or not outside.any():
        return 0.0
    surround = smooth[:, outside].mean(1)
    heard = surround > surround.amax() * HEARD
    return float((smooth[:, inside] < BELOW * surround[:, None])[heard].float().mean())
