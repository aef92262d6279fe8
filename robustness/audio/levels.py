"""How loud a recording is, and where its speech lies.

Samples are mono, [time], full scale ±1. Powers are mean squares; levels are dB relative to full scale (dBFS).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

FRAME_MS: Final = 10.0
SPEECH_THRESHOLD_DB: Final = 35.0  # a frame this far below the loudest is not speech; 35 against 20 dB moves an SNR by up to 5 dB
SPEECH_MARGIN_MS: Final = 25.0  # onsets and decays below the threshold still belong to the word
QUIET_DBFS: Final = -60.0  # below this an RMS is a noise floor, and an SNR is meaningless
SMALLEST_POWER: Final = 1e-20
LEAST_ISLAND_MS: Final = 30.0  # an island of loud frames shorter than this is a click, not speech
LONGEST_CLOSURE_MS: Final = 100.0  # a burst this close to the word is its "p" or "t", not a click
LOWEST_HZ: Final = 60.0  # what lies below is rumble, hum or an offset: no part of a level
STEEPNESS: Final = 4  # order of the Butterworth response that takes it away
LARGEST_KEPT: Final = 2**18  # points of a transform whose response is kept: a clip's, not that of a take of hours


class Span(NamedTuple):
    """A stretch of samples, [start, end)."""

    start: int
    end: int


def decibels(power: float) -> float:
    """10·log10 of a power; −inf for 0."""
    return 10.0 * math.log10(power) if power > 0 else -math.inf


def from_decibels(level_db: float) -> float:
    """The amplitude ratio of a level in dB, 10^(dB/20)."""
    return float(10.0 ** (level_db / 20.0))


def frame_powers(samples: Tensor, rate_hz: int) -> Tensor:
    """Mean power of each 10 ms frame, [time] → [frames]; the last frame is padded with zeros."""
    frame = round(rate_hz * FRAME_MS / 1000)
    padded = functional.pad(samples.double(), (0, -len(samples) % frame))
    return padded.reshape(-1, frame).square().mean(1)


def speech_span(samples: Tensor, rate_hz: int, threshold_db: float = SPEECH_THRESHOLD_DB) -> Span:
    """From the first to the last 10 ms frame within `threshold_db` of the loudest, widened by 25 ms.

    It is measured without the mean and what lies below 60 Hz. An island of less than 30 ms, 100 ms or
    more from the rest, is a click and no speech, unless there is nothing else.

    Args:
        samples: a clean take with some energy, [time].
        rate_hz: its sampling rate.
        threshold_db: how far below the loudest frame speech may be.
    """
    powers = frame_powers(without_rumble(samples, rate_hz), rate_hz)
    loud = _loud(powers, threshold_db).frames
    frame, margin = round(rate_hz * FRAME_MS / 1000), round(rate_hz * SPEECH_MARGIN_MS / 1000)
    return Span(max(0, int(loud[0]) * frame - margin), min(len(samples), (int(loud[-1]) + 1) * frame + margin))


def click_count(samples: Tensor, rate_hz: int, threshold_db: float = SPEECH_THRESHOLD_DB) -> int:
    """How many clicks `speech_span` leaves out."""
    return _loud(frame_powers(without_rumble(samples, rate_hz), rate_hz), threshold_db).clicks


class _Loud(NamedTuple):
    """The frames of speech, by number, in order, and how many clicks are none of them."""

    frames: Tensor
    clicks: int


def _loud(powers: Tensor, threshold_db: float) -> _Loud:
    """What is loud; a click is no speech and does not say how loud the loudest frame is."""
    kept, count = powers, 0
    while True:
        loud = (kept >= kept.max() * 10 ** (-threshold_db / 10)).nonzero().flatten()
        islands = torch.tensor_split(loud, (loud.diff() * FRAME_MS > LONGEST_CLOSURE_MS).nonzero().flatten() + 1)
        clicks = [island for island in islands if len(island) * FRAME_MS < LEAST_ISLAND_MS]
        if not clicks:
            return _Loud(loud, count)
        count += len(clicks)
        kept = kept.clone()
        kept[torch.cat(clicks)] = 0.0
        if not kept.any():
            return _Loud((powers >= powers.max() * 10 ** (-threshold_db / 10)).nonzero().flatten(), 0)


def without_rumble(samples: Tensor, rate_hz: int) -> Tensor:
    """The sound without its mean and its part below 60 Hz, [time] → [time], float64; without delay.

    The magnitude is that of a Butterworth high-pass of order 4, in the frequency domain; the ends are padded with silence.
    """
    count = len(samples)
    size = 1 << (count + rate_hz // 10).bit_length()
    centred = samples.double() - samples.double().mean()
    gain = _kept_gain(size, rate_hz) if size <= LARGEST_KEPT else _gain(size, rate_hz)
    kept: Tensor = torch.fft.irfft(torch.fft.rfft(centred, n=size) * gain, n=size)[:count]
    return kept


def _gain(size: int, rate_hz: int) -> Tensor:
    """The magnitude at each frequency of a transform of so many points, [bins]."""
    with torch.inference_mode(mode=False):  # what is kept may be asked for where gradients are wanted
        hz = torch.fft.rfftfreq(size, 1 / rate_hz, dtype=torch.float64)
        gain: Tensor = (hz / LOWEST_HZ) ** STEEPNESS / (1 + (hz / LOWEST_HZ) ** (2 * STEEPNESS)).sqrt()
        return gain


_kept_gain = lru_cache(maxsize=8)(_gain)  # it takes as long as both transforms, and clips have few sizes


def speech_power(samples: Tensor, spans: Tensor, rate_hz: int) -> Tensor:
    """Mean power of the speech, [clips time], [clips 2] → [clips]: as `span_power`, without the mean and what lies below 60 Hz."""
    powers = torch.zeros(len(samples), dtype=torch.float64)
    for place, (clip, (start, end)) in enumerate(zip(samples, spans.clamp(0, samples.shape[1]).tolist(), strict=True)):
        if end > start:
            powers[place] = without_rumble(clip[start:end], rate_hz).square().mean()
    return powers


def span_power(samples: Tensor, spans: Tensor) -> Tensor:
    """Mean power inside each clip's span, [clips time], [clips 2] → [clips]; the part of a span outside the clip is left out."""
    powers = torch.zeros(len(samples), dtype=torch.float64)
    for place, (clip, (start, end)) in enumerate(zip(samples, spans.clamp(0, samples.shape[1]).tolist(), strict=True)):
        if end > start:  # only what is inside is squared, and stays in the cache: five times faster than a running sum of all clips
            powers[place] = clip[start:end].double().square().mean()
    return powers


def floor_noise(samples: Tensor, rate_hz: int, count: int, rng: torch.Generator) -> Tensor:
    """Noise like the quietest tenth of a recording, in level and spectrum, [time] → [count].

    White noise is shaped by the mean magnitude spectrum of the quietest 10 ms frames, and scaled to their mean power.
    """
    frame = round(rate_hz * FRAME_MS / 1000)
    whole = samples[: len(samples) // frame * frame].double().reshape(-1, frame)
    order = whole.square().mean(1).argsort(stable=True)
    quiet = whole[order[: max(1, len(whole) // 10)]]
    shape = torch.fft.rfft(quiet).abs().square().mean(0).sqrt()
    white = torch.fft.rfft(torch.randn(count, generator=rng, dtype=torch.float64))
    curve = functional.interpolate(shape[None, None], size=len(white), mode="linear", align_corners=True)[0, 0]
    noise = torch.fft.irfft(white * curve, n=count)
    wanted = quiet.square().mean()
    scaled: Tensor = noise * (wanted / noise.square().mean().clamp_min(SMALLEST_POWER)).sqrt()
    return scaled.float()
