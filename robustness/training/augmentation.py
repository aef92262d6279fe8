"""What a training clip may look like: placement, speed, level, bandwidth, noise, masks, mixtures.

Works on a batch: samples [clips time] at 16 kHz, full scale ±1; features [clips 1 mels frames] in dB. All randomness comes from one
generator. Words that were cut out are dressed as a real clip is, in position, level and noise floor, so that none of these tells
synthetic or trimmed speech from the rest.
Sources: Park et al., SpecAugment (2019), arXiv:1904.08779; Zhang et al., mixup (2018), arXiv:1710.09412.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.audio.levels import span_power
from robustness.training.data import FULL_SCALE, RATE_HZ, WINDOW_SAMPLES, Corpus

LONGEST_CERTAIN_MS: Final = 800.0  # a longer span is a noisy clip whose word the energy does not find: no model of a placement
FLOOR_SHARE: Final = 0.1  # the quietest tenth of a clip is its floor
TINY: Final = 1e-8


@dataclass(frozen=True)
class Augmentation:
    """How far a training clip may be changed; the defaults are those of every recipe, and move nothing.

    Attributes:
        shift_ms: a clip as recorded is moved by up to this, to both sides.
        anywhere: share of clips that are cut to their word, which then lies anywhere in the window (lead-ins).
        cut_ms: how much of such a word may be lost at either side.
        speed: spread of the logarithm of the playing speed, around the word's middle.
        warp: spread of the logarithm of the scale of the mel axis.
        level_db: spread of the gain.
        snr_db: range of added noise.
        noisy, low_passed, equalized: shares of clips that get noise, a low-pass (3.4 kHz on: telephones, 8 kHz files), a tilted response.
        masks, mask_bands, mask_frames: how many masks on each axis, and their greatest widths.
        mixup: parameter of the Beta distribution that mixes two clips of a batch; 0 mixes none.
    """

    shift_ms: float = 0.0
    anywhere: float = 0.0
    cut_ms: float = 0.0
    speed: float = 0.12
    warp: float = 0.1
    level_db: float = 6.0
    snr_db: tuple[float, float] = (5.0, 40.0)
    noisy: float = 0.5
    low_passed: float = 0.3
    equalized: float = 0.6
    masks: int = 2
    mask_bands: int = 8
    mask_frames: int = 10
    mixup: float = 0.1


class PlacedClip(NamedTuple):
    """Clips in their windows: samples [clips time], what of them is clip and not fill [clips time], the word's span [clips 2]."""

    samples: Tensor
    inside: Tensor
    speech: Tensor


class Dress(NamedTuple):
    """How real clips lie and sound: middle of the word in samples, level of the word and of the floor in dBFS, each [donors]."""

    middle: Tensor
    level_dbfs: Tensor
    floor_dbfs: Tensor


def uniform(count: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    """Even random numbers, [count]."""
    return low + (high - low) * torch.rand(count, generator=rng)


def chance(count: int, share: float, rng: torch.Generator) -> Tensor:
    """True for about a share of them, [count]."""
    return torch.rand(count, generator=rng) < share


def dress_of(corpus: Corpus) -> Dress:
    """Position, level and floor of the clips as they were recorded; a centered word in a quiet room where there is none."""
    lengths = (corpus.speech[:, 1] - corpus.speech[:, 0]) * 1000 / RATE_HZ
    rows = (corpus.natural & (lengths <= LONGEST_CERTAIN_MS)).nonzero().flatten()
    if len(rows) == 0:
        return Dress(torch.tensor([WINDOW_SAMPLES / 2]), torch.tensor([-25.0]), torch.tensor([-55.0]))
    samples = corpus.samples[rows].float() / FULL_SCALE
    frames = samples.reshape(len(rows), -1, RATE_HZ // 100).square().mean(2).sort(dim=1).values
    floor = frames[:, : round(FLOOR_SHARE * frames.shape[1])].mean(1)
    speech = span_power(samples, corpus.speech[rows])
    return Dress(corpus.speech[rows].float().mean(1), _dbfs(speech), _dbfs(floor))


def placed_clip(corpus: Corpus, rows: Tensor, dress: Dress, settings: Augmentation, rng: torch.Generator) -> PlacedClip:
    """Each clip at its speed and place in the window; what is not clip is 0 yet.

    A clip as recorded keeps the middle of its word where it is, but for `shift_ms`; a word cut out lies where a real one does; a share
    `anywhere` of both is cut to the word and lies at any lead.
    """
    count, natural = len(rows), corpus.natural[rows]
    start, end = corpus.speech[rows].float().unbind(1)
    speed = torch.exp(settings.speed * torch.randn(count, generator=rng).clamp(-2, 2))
    speed = torch.where(chance(count, 0.25, rng), torch.ones(count), speed)
    middle, length = (start + end) / 2, (end - start) / speed
    donor = dress.middle[torch.randint(len(dress.middle), (count,), generator=rng)]
    fits = torch.minimum(length / 2, torch.full_like(length, WINDOW_SAMPLES / 2))
    donor = torch.minimum(torch.maximum(donor, fits), WINDOW_SAMPLES - fits)
    shift = uniform(count, -settings.shift_ms, settings.shift_ms, rng) * RATE_HZ / 1000
    lead = _any_lead(length, settings.cut_ms * RATE_HZ / 1000, rng)
    free = chance(count, settings.anywhere, rng)
    aim = torch.where(free, lead + length / 2, torch.where(natural, middle, donor) + shift)
    aim = torch.where(speed == 1, aim.floor() + middle % 1, aim)  # whole samples: nothing is interpolated
    whole = natural & ~free
    first = torch.where(whole, torch.zeros(count), start)
    last = torch.where(whole, torch.full((count,), float(WINDOW_SAMPLES)), end)
    source = middle[:, None] + (torch.arange(WINDOW_SAMPLES)[None] - aim[:, None]) * speed[:, None]
    inside = (source >= first[:, None]) & (source < last[:, None])
    span = torch.stack([aim - length / 2, aim + length / 2], 1).round().long()
    return PlacedClip(_interpolated(corpus.samples[rows], source) * inside, inside, span)


def level(placed: PlacedClip, natural: Tensor, dress: Dress, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Samples at another level, [clips time]: a clip as recorded near its own, a word cut out near that of a real one."""
    count = len(natural)
    gain_db = settings.level_db * torch.randn(count, generator=rng).clamp(-2, 2)
    donor = dress.level_dbfs[torch.randint(len(dress.level_dbfs), (count,), generator=rng)]
    gain_db = gain_db + torch.where(natural, torch.zeros(count), donor - _dbfs(span_power(placed.samples, placed.speech)))
    gain = 10 ** (gain_db / 20)
    peak = placed.samples.abs().amax(1) * gain
    louder: Tensor = placed.samples * (gain / peak.clamp_min(1.0))[:, None]
    return louder


def floor_amplitude(samples: Tensor, placed: PlacedClip, natural: Tensor, dress: Dress, rng: torch.Generator) -> Tensor:
    """Amplitude of the noise that fills what is not clip, [clips]: digital silence for a third, else a floor as real clips have it."""
    count = len(natural)
    donor = torch.randint(len(dress.floor_dbfs), (count,), generator=rng)
    below_db = dress.floor_dbfs[donor] - dress.level_dbfs[donor]
    amplitude = span_power(samples, placed.speech).float().sqrt() * 10 ** (below_db / 20)
    return torch.where(chance(count, 1 / 3, rng), torch.zeros(count), amplitude)


def filtered(samples: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Samples through a random smooth response and, for a share, a low-pass, [clips time]."""
    count = len(samples)
    hz = torch.linspace(0, RATE_HZ / 2, WINDOW_SAMPLES // 2 + 1)
    octave = torch.log2(hz.clamp_min(50.0) / 1000)[None]
    tilt, bend, phase = (uniform(count, low, high, rng)[:, None] for low, high in ((-2.0, 2.0), (0.0, 4.0), (0.0, 6.28)))
    response_db = (tilt * octave + bend * torch.cos(octave * 1.5 + phase)) * chance(count, settings.equalized, rng)[:, None]
    cutoff = torch.where(chance(count, 0.5, rng), uniform(count, 3400, 4200, rng), uniform(count, 4200, 7600, rng))
    cutoff = torch.where(chance(count, settings.low_passed, rng), cutoff, torch.full((count,), float(RATE_HZ)))
    slope_db = (hz[None] - cutoff[:, None]).clamp(0, 400) * 0.2  # 80 dB within 400 Hz
    response = 10 ** ((response_db - slope_db) / 20)
    heard: Tensor = torch.fft.irfft(torch.fft.rfft(samples) * response, n=samples.shape[1])
    return heard


def noise_bank(noises: list[Tensor], count: int, rng: torch.Generator) -> Tensor:
    """Pieces of noise at an RMS of 1, [count time]: half of the given noises, half of random color from white to brown."""
    hz = torch.arange(WINDOW_SAMPLES // 2 + 1).clamp_min(20.0)
    spectra = torch.fft.rfft(torch.randn(count, WINDOW_SAMPLES, generator=rng))
    pieces = torch.fft.irfft(spectra * hz[None] ** -uniform(count, 0, 1, rng)[:, None], n=WINDOW_SAMPLES)
    long = [noise for noise in noises if len(noise) > WINDOW_SAMPLES]
    for row in range(count // 2 if long else 0):
        noise = long[row % len(long)]
        first = int(torch.randint(len(noise) - WINDOW_SAMPLES, (1,), generator=rng))
        pieces[row] = noise[first : first + WINDOW_SAMPLES]
    bank: Tensor = pieces / pieces.square().mean(1, keepdim=True).sqrt().clamp_min(TINY)
    return bank


def noisy(samples: Tensor, noise: Tensor, speech: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Samples with noise over the whole window at a random SNR, for a share of the clips, [clips time]."""
    snr_db = uniform(len(samples), *settings.snr_db, rng)
    amplitude = span_power(samples, speech).float().sqrt() * 10 ** (-snr_db / 20) * chance(len(samples), settings.noisy, rng)
    return samples + noise * amplitude[:, None]


def warped(features: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Features with their mel axis stretched from its lower end, as a longer or shorter vocal tract does, [clips 1 mels frames]."""
    count, _, mels, _ = features.shape
    scale = torch.exp(settings.warp * torch.randn(count, generator=rng).clamp(-2, 2)).clamp(0.8, 1.25)
    source = (torch.arange(mels)[None] * scale[:, None]).clamp(0, mels - 1)  # [clips mels]
    low = source.floor().long().clamp_max(mels - 2)
    part = (source - low)[:, None, :, None]
    index = low[:, None, :, None].expand_as(features)
    return features.gather(2, index) * (1 - part) + features.gather(2, index + 1) * part


def masked(features: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Features with bands and stretches of time at the clip's mean, [clips 1 mels frames]."""
    count, _, mels, frames = features.shape
    hidden = torch.zeros(count, 1, mels, frames, dtype=torch.bool)
    for _ in range(settings.masks):
        hidden |= _stripe(count, mels, settings.mask_bands, rng)[:, None, :, None]
        hidden |= _stripe(count, frames, settings.mask_frames, rng)[:, None, None, :]
    return torch.where(hidden, features.mean(dim=(2, 3), keepdim=True), features)


def mixed(features: Tensor, truth: Tensor, settings: Augmentation, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Features and label shares of pairs of clips, mixed by one Beta-distributed share a clip."""
    if settings.mixup == 0:
        return features, truth
    concentration = torch.full((len(features), 2), settings.mixup)
    gammas = torch._standard_gamma(concentration, generator=rng)
    share = (gammas[:, 0] / gammas.sum(1).clamp_min(TINY)).clamp(0, 1)
    share = torch.maximum(share, 1 - share)
    other = torch.randperm(len(features), generator=rng)
    wide = share[:, None, None, None]
    return features * wide + features[other] * (1 - wide), truth * share[:, None] + truth[other] * (1 - share[:, None])


def _any_lead(length: Tensor, cut: float, rng: torch.Generator) -> Tensor:
    allowed = torch.minimum(length * 0.2, torch.full_like(length, cut))
    room = (WINDOW_SAMPLES - length).clamp_min(0)
    return torch.rand(len(length), generator=rng) * (room + 2 * allowed) - allowed


def _stripe(count: int, size: int, widest: int, rng: torch.Generator) -> Tensor:
    width = torch.randint(widest + 1, (count,), generator=rng)
    first = (torch.rand(count, generator=rng) * (size - width)).long()
    position = torch.arange(size)[None]
    return (position >= first[:, None]) & (position < (first + width)[:, None])


def _interpolated(samples: Tensor, source: Tensor) -> Tensor:
    """Samples at fractional positions by cubic (Catmull-Rom) interpolation, int16 [clips time] → float [clips time]."""
    low = source.floor()
    t = source - low
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    base, last = low.long(), samples.shape[1] - 1
    waves = samples.float() / FULL_SCALE
    total = torch.zeros_like(source)
    for step, weight in enumerate(weights, start=-1):
        total += weight * waves.gather(1, (base + step).clamp(0, last))
    return total


def _dbfs(power: Tensor) -> Tensor:
    return 10 * torch.log10(power.float().clamp_min(TINY))
