"""Words of sorts whose level and background are known: does a model's front-end give what its network is used to, whatever is recorded?

A word is three syllables' worth of voice and hiss: pulses at 90 to 220 Hz through three resonances, noise above 3 kHz, soft edges, in
faint noise, in the middle of the window. Samples are [clips time], full scale ±1. Nobody would understand them, and a spectrum over time
has the range of one of speech (Fant 1960, source and filter).
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from robustness.audio.levels import from_decibels
from robustness.audio.placement import Frame
from robustness.seeds import generator_of

COUNT: Final = 16
SPEECH_DBFS: Final = -25.0  # of the word, as a close microphone gives it
BACKGROUND_DBFS: Final = -72.0  # below the word, in the whole window
WORD_MS: Final = 520.0
FORMANTS_HZ: Final = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410), (440, 1020, 2240))
BANDWIDTHS_HZ: Final = (80.0, 110.0, 160.0)
HISS_HZ: Final = 3000.0
LEAST_EDGE: Final = 0.02


def reference_sounds(frame: Frame, count: int = COUNT) -> Tensor:
    """So many words of sorts in windows of that frame, [clips time]; the same at every call."""
    rng = generator_of("reference sounds")
    windows = torch.randn(count, frame.samples, generator=rng) * from_decibels(BACKGROUND_DBFS)
    length = min(frame.samples, round(WORD_MS * frame.rate_hz / 1000))
    first = (frame.samples - length) // 2
    for place in range(count):
        word = _word(length, frame.rate_hz, place, rng)
        level = from_decibels(SPEECH_DBFS + 3.0 * (place % 5 - 2))
        windows[place, first : first + length] += word * level / word.square().mean().sqrt()
    return windows.clamp(-1, 1)


def _word(length: int, rate_hz: int, place: int, rng: torch.Generator) -> Tensor:
    """Hiss, a vowel, and another vowel that follows it, [time]."""
    cuts = [0, length // 5, length * 3 // 5, length]
    vowels = (FORMANTS_HZ[place % len(FORMANTS_HZ)], FORMANTS_HZ[(place * 5 + 1) % len(FORMANTS_HZ)])
    pitch_hz = 90.0 + 130.0 * (place * 7 % 16) / 15
    hiss = _hiss(cuts[1], rate_hz, rng) * 0.25
    first, second = (_vowel(end - start, rate_hz, pitch_hz, kind) for start, end, kind in zip(cuts[1:3], cuts[2:], vowels, strict=True))
    return torch.cat([_soft(part) for part in (hiss, first, second)])


def _vowel(length: int, rate_hz: int, pitch_hz: float, formants: tuple[int, ...]) -> Tensor:
    """Pulses through resonances, in the frequency domain, RMS 1."""
    pulses = torch.zeros(length)
    pulses[:: max(1, round(rate_hz / pitch_hz))] = 1.0
    hz = torch.fft.rfftfreq(2 * length, 1 / rate_hz)
    response = 1 / (1 + hz / 300.0)  # the glottis falls by 6 dB an octave, with what the lips add
    for center, width in zip(formants, BANDWIDTHS_HZ, strict=True):
        response = response * center**2 / ((center**2 - hz**2).square() + (width * hz).square()).sqrt()
    sound = torch.fft.irfft(torch.fft.rfft(pulses, n=2 * length) * response, n=2 * length)[:length]
    normed: Tensor = sound / sound.square().mean().sqrt().clamp_min(1e-9)
    return normed


def _hiss(length: int, rate_hz: int, rng: torch.Generator) -> Tensor:
    """Noise above 3 kHz, RMS 1."""
    spectrum = torch.fft.rfft(torch.randn(length, generator=rng))
    hz = torch.fft.rfftfreq(length, 1 / rate_hz)
    sound = torch.fft.irfft(spectrum * (hz / HISS_HZ).pow(3).clamp_max(1.0), n=length)
    normed: Tensor = sound / sound.square().mean().sqrt().clamp_min(1e-9)
    return normed


def _soft(part: Tensor) -> Tensor:
    """With rising and falling edges, a fifth of its length each."""
    at = torch.arange(len(part)) / max(1, len(part) - 1)
    edge = torch.minimum(at, 1 - at).mul(5).clamp(LEAST_EDGE, 1.0)
    return part * torch.sin(edge * math.pi / 2)
