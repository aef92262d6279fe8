"""What can be measured of one recording, before any network hears it?

Samples are mono, [time], full scale ±1; levels are in dB relative to full scale. Each measurement stands for one thing that may differ
between recordings; none is of speech alone, and none needs other recordings.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from robustness.audio.levels import FRAME_MS, SMALLEST_POWER, Span, decibels, frame_powers, without_rumble
from robustness.audio.steady_tones import hum_in, offset_of

QUIETEST: Final = 0.1  # of the frames
EMPTY_DB: Final = 60.0  # below the loudest band: there is no energy
BAND_HZ: Final = 250.0
TILT_HZ: Final = (200.0, 4000.0)  # between which the tilt is fitted
MULTIPLES: Final = 5  # of the mains
PLATEAU: Final = 0.995  # of the peak
FALL: Final = 5  # frames in which a level falls
DEPTH_DB: Final = 45.0  # below the loudest frame: what is softer is floor
SOFTEST_DBFS: Final = -120.0
PITCH_HZ: Final = (60.0, 420.0)
PITCH_MS: Final = 40.0  # two and a half periods of the lowest voice
VOICED: Final = 0.6  # of a frame's power that repeats
FEWEST_VOICED: Final = 3  # frames


class Measurements(NamedTuple):
    """What is measured.

    Attributes:
        level_dbfs: of the word, without what lies below 60 Hz.
        floor_dbfs: of the quietest tenth of the frames of 10 ms, without what lies below 60 Hz.
        snr_db: the difference of both.
        offset_dbfs: of the constant part.
        hum_dbfs: of five multiples of 50 or 60 Hz.
        highest_hz: above it no band of 250 Hz comes within 60 dB of the loudest one.
        lowest_hz: the same below.
        tilt_db: in dB per octave from 200 Hz to 4 kHz.
        length_ms: of the word.
        first_dbfs: of the recording's first 10 ms.
        last_dbfs: of its last.
        clipped: the share of its samples that lie in plateaus at its peak.
        clicks: how many clicks it has.
        fall_db: by how much its level falls within 50 ms at most: less where a room rings on.
        lead_ms: from its start to the word.
        tail_ms: from the word to its end.
        pitch_hz: of the voice, the median over frames; 0 where none repeats.
    """

    level_dbfs: float
    floor_dbfs: float
    snr_db: float
    offset_dbfs: float
    hum_dbfs: float
    highest_hz: float
    lowest_hz: float
    tilt_db: float
    length_ms: float
    first_dbfs: float
    last_dbfs: float
    clipped: float
    clicks: float
    fall_db: float
    lead_ms: float
    tail_ms: float
    pitch_hz: float


def measured(samples: Tensor, rate_hz: int, word: Span) -> Measurements:
    """Everything about one recording.

    Args:
        samples: [time], not empty.
        rate_hz: sampling rate.
        word: where its word lies.
    """
    heard = without_rumble(samples, rate_hz)
    start, end = max(0, word.start), min(len(samples), word.end)
    level = dbfs(heard[start:end])
    floor = floor_dbfs(heard, rate_hz)
    low, high = ends_hz(heard, rate_hz)
    edge = round(FRAME_MS * rate_hz / 1000)
    ms = 1000 / rate_hz
    _, coefficients = hum_in(samples, rate_hz, MULTIPLES)
    return Measurements(
        level_dbfs=level,
        floor_dbfs=floor,
        snr_db=level - floor,
        offset_dbfs=max(SOFTEST_DBFS, decibels(offset_of(samples, rate_hz) ** 2)),
        hum_dbfs=max(SOFTEST_DBFS, decibels(float(coefficients[1:].square().sum()) / 2)),
        highest_hz=high,
        lowest_hz=low,
        tilt_db=tilt_db(heard, rate_hz),
        length_ms=(end - start) * ms,
        first_dbfs=dbfs(heard[:edge]),
        last_dbfs=dbfs(heard[-edge:]),
        clipped=sum(stop - begin for begin, stop in plateaus_in(samples)) / max(1, len(samples)),
        clicks=float(len(clicks_in(samples, rate_hz))),
        fall_db=fall_db(heard, rate_hz),
        lead_ms=start * ms,
        tail_ms=(len(samples) - end) * ms,
        pitch_hz=pitch_hz(heard[start:end], rate_hz),
    )


def dbfs(samples: Tensor) -> float:
    """The level of some sound, −120 dBFS at least."""
    return max(SOFTEST_DBFS, decibels(float(samples.double().square().mean()) if len(samples) else 0.0))


def floor_dbfs(samples: Tensor, rate_hz: int) -> float:
    """The level of the quietest tenth of the frames that are not digital silence."""
    powers = frame_powers(samples, rate_hz).sort().values
    powers = powers[powers > 10 ** (SOFTEST_DBFS / 10)] if bool((powers > 10 ** (SOFTEST_DBFS / 10)).any()) else powers
    return max(SOFTEST_DBFS, decibels(float(powers[: max(1, int(len(powers) * QUIETEST))].mean())))


def fall_db(samples: Tensor, rate_hz: int) -> float:
    """The steepest fall of the level within 50 ms, of what lies within 45 dB of the loudest frame; 0 where it never falls."""
    power = frame_powers(samples, rate_hz)
    level = 10 * power.clamp_min(max(SMALLEST_POWER, float(power.amax()) * 10 ** (-DEPTH_DB / 10))).log10()
    return max(0.0, float((level[:-FALL] - level[FALL:]).amax())) if len(level) > FALL else 0.0


def pitch_hz(samples: Tensor, rate_hz: int) -> float:
    """The median over frames of the frequency at which they repeat; 0 where too few do.

    By the autocorrelation over that of the window (Boersma 1993, IFA Proceedings 17): the shortest lag that is nearly the best.
    """
    count, shortest = round(PITCH_MS * rate_hz / 1000), max(2, int(rate_hz / PITCH_HZ[1]))
    if len(samples) < count:
        return 0.0
    window = torch.hann_window(count, periodic=False, dtype=torch.float64)
    frames = samples.double().unfold(0, count, count // 4)
    frames = (frames - frames.mean(1, keepdim=True)) * window
    alike = _autocorrelation(frames) / _autocorrelation(window[None])
    alike = alike[:, : int(rate_hz / PITCH_HZ[0]) + 1] / alike[:, :1].clamp_min(SMALLEST_POWER)
    best = alike[:, shortest:].amax(1)
    loud = frames.square().sum(1)
    voiced = (best > VOICED) & (loud > loud.amax() * 1e-2)
    lags = (alike[:, shortest:] >= 0.9 * best[:, None]).double().argmax(1) + shortest
    tops = [int(row[lag : lag + shortest].argmax()) + int(lag) for row, lag in zip(alike[voiced], lags[voiced], strict=True)]
    return rate_hz / float(torch.tensor(tops).double().median()) if len(tops) >= FEWEST_VOICED else 0.0


def _autocorrelation(frames: Tensor) -> Tensor:
    """Of each frame at each lag, [frames lags]."""
    spectrum = torch.fft.rfft(frames, n=2 * frames.shape[1])
    lags: Tensor = torch.fft.irfft(spectrum.abs().square())
    return lags[:, : frames.shape[1]]


def _band_levels(samples: Tensor, rate_hz: int, band_hz: float) -> Tensor:
    power = torch.fft.rfft(samples.double()).abs().square()
    bands = max(1, round(rate_hz / 2 / band_hz))
    place = (torch.arange(len(power)) * bands // len(power)).clamp(max=bands - 1)
    return 10 * torch.zeros(bands, dtype=torch.float64).index_add(0, place, power).clamp_min(SMALLEST_POWER).log10()


def ends_hz(samples: Tensor, rate_hz: int) -> tuple[float, float]:
    """Between which frequencies the sound has energy."""
    level = _band_levels(samples, rate_hz, BAND_HZ)
    there = (level > level.amax() - EMPTY_DB).nonzero().flatten()
    return int(there[0]) * BAND_HZ, (int(there[-1]) + 1) * BAND_HZ


def tilt_db(samples: Tensor, rate_hz: int) -> float:
    """The slope of the level over octaves, in dB per octave."""
    level = _band_levels(samples, rate_hz, BAND_HZ / 2)
    hz = (torch.arange(len(level), dtype=torch.float64) + 0.5) * BAND_HZ / 2
    inside = (hz >= TILT_HZ[0]) & (hz <= min(TILT_HZ[1], rate_hz / 2))
    octaves, y = hz[inside].log2(), level[inside]
    octaves = octaves - octaves.mean()
    return float((octaves * (y - y.mean())).sum() / octaves.square().sum().clamp_min(1e-12))


SHARPER: Final = 30.0  # than the median of the second difference around it
AROUND_MS: Final = 20.0
LONGEST_MS: Final = 3.0
BRIDGE_MS: Final = 0.8  # to each side of the bend
FEWEST: Final = 3  # samples of a plateau


def clicks_in(samples: Tensor, rate_hz: int) -> list[Span]:
    """From where to where each click reaches, the sharpest first, in samples.

    A click is where the second difference is 30 times the median around it, for 3 ms at most.
    """
    width = round(AROUND_MS * rate_hz / 1000)
    if len(samples) < 2 * width:
        return []
    bend = pad(samples.double().diff(n=2).abs(), (1, 1))
    framed = pad(bend, (0, -len(bend) % width)).reshape(-1, width).median(1).values
    around = torch.stack([framed, framed.roll(1), framed.roll(-1)]).amax(0).repeat_interleave(width)[: len(bend)]
    sharp = bend / around.clamp_min(2.0**-15)
    places = (sharp > SHARPER).nonzero().flatten()
    groups = torch.tensor_split(places, (places.diff() > rate_hz / 1000).nonzero().flatten() + 1) if len(places) else ()
    reach, most = round(BRIDGE_MS * rate_hz / 1000), LONGEST_MS * rate_hz / 1000
    short = [group for group in groups if int(group[-1] - group[0]) <= most]
    order = sorted(short, key=lambda group: -float(sharp[group].amax()))
    return [Span(max(0, int(group[0]) - reach), min(len(samples) - 1, int(group[-1]) + reach)) for group in order]


def plateaus_in(samples: Tensor) -> list[Span]:
    """From where to where each plateau at the peak goes, in samples."""
    peak = float(samples.abs().amax()) if len(samples) else 0.0
    if not peak:
        return []
    found = []
    for sign in (1, -1):
        places = (sign * samples >= PLATEAU * peak).nonzero().flatten()
        groups = torch.tensor_split(places, (places.diff() > 1).nonzero().flatten() + 1) if len(places) else ()
        found += [Span(int(group[0]), int(group[-1]) + 1) for group in groups if len(group) >= FEWEST]
    return sorted(found)
