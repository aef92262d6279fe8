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

    A first guess is where the level rises above that of the edges; from there it reaches as far as the surround's sound is not heard.
    """
    guess = _louder_core(samples, rate_hz)
    if guess == Span(0, len(samples)):
        return guess
    frame = frame_of(rate_hz, len(samples)) // 2
    hop = frame // 4
    power = spectra(samples, frame).abs().square()
    smooth = avg_pool1d(power.T[:, None], 3, 1, 1, count_include_pad=False)[:, 0].T
    at = torch.arange(power.shape[1]) * hop
    outside = ((at <= guess.start - frame) & (at >= frame // 2)) | ((at >= guess.end + frame) & (at <= len(samples) - frame // 2))
    if not outside.any():
        return guess
    surround = smooth[:, outside].mean(1)
    heard = surround > surround.amax() * HEARD
    free = (smooth < BELOW * surround[:, None])[heard].float().mean(0) > FREE
    places = free.nonzero().flatten()
    if not len(places):
        return guess
    start, end = int(at[places[0]]) - frame // 4, int(at[places[-1]]) + frame // 4
    return Span(max(0, min(start, guess.start + frame)), min(len(samples), max(end, guess.end - frame)))


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
    smooth = avg_pool1d(power.T[:, None], 5, 1, 2, count_include_pad=False)[:, 0].T
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
