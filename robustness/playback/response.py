"""What did the path from loudspeaker to file do: its impulse response, and how its clock runs against the player's?

All clips together give one response by least squares in the frequency domain, h = Σ X* Y / (Σ |X|² + λ), with λ from the capture's own
background. Clips are then moved and stretched by fractions of a sample until what remains explains no more (Gauss and Newton): a clock that
is 30 ppm fast moves the end of a second by half a sample, and that shows in twenty words. Arrays are mono, [time], of one rate.
Sources: Schroeder (1965), backward integration; ISO 3382-1, T20; ISO 3382-2 for noise at the end of a decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.signal import butter, resample_poly, sosfiltfilt

from robustness.playback.search import stretch

Array = NDArray[np.float64]
TAIL_S: Final = 1.0  # of the response, and of each clip's capture
BEFORE_S: Final = 0.1  # before the direct sound: what lies there is error
FINER: Final = 4  # times the rate at which clips are moved by fractions
ROUNDS: Final = 25
SETTLED: Final = 1e-8  # of the slope: a hundredth of a ppm
DIRECT_S: Final = 0.0025
LEAST_NOISE: Final = 1e-6  # of the clips' power: digital silence has a background all the same
FIT_DB: Final = (-5.0, -25.0)
SHORTER_DB: Final = -15.0  # where the fit ends if noise hides the rest
ABOVE_NOISE: Final = 4.0  # times its power: where a decay is believed
SMOOTH_S: Final = 0.01
DECAY_HZ: Final = (300.0, 6000.0)  # where speech says something
BANDS_HZ: Final = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000)
THIRD: Final = 2 ** (1 / 6)
SAID_SHARE: Final = 1e-4  # of the strongest band's energy a band must have to be measured
LEAST_RANGE_DB: Final = 20.0


class PlayedClip(NamedTuple):
    """A clip and where it lies.

    Attributes:
        samples: of the original.
        start: in the capture, in samples.
        room: samples from its start to the next clip's.
    """

    samples: Array
    start: float
    room: int


class Drift(NamedTuple):
    """How the capture's clock runs against the player's.

    Attributes:
        ppm: parts per million; more than 0 where the capture holds more samples than were played.
        error_ppm: its standard error.
    """

    ppm: float
    error_ppm: float


class BandLevel(NamedTuple):
    """The gain of the path in a third of an octave, in dB, over its median."""

    hz: int
    level_db: float


@dataclass(frozen=True, eq=False)
class PathResponse:
    """The path from the originals to the capture.

    Attributes:
        impulse: from 0.1 s before the direct sound on, [time].
        rate_hz: of it.
        drift: of the clocks.
        starts: of the clips, in samples, by fractions.
        bands: the gain by third octaves in which the clips have energy.
    """

    impulse: Array
    rate_hz: int
    drift: Drift
    starts: tuple[float, ...]
    bands: tuple[BandLevel, ...]

    @property
    def direct_db(self) -> float:
        """The gain of the direct sound, in dB."""
        first = round(BEFORE_S * self.rate_hz)
        around = round(DIRECT_S * self.rate_hz)
        return float(10 * np.log10(max(float(np.square(self.impulse[first - around // 2 : first + around]).sum()), 1e-30)))

    @property
    def decay(self) -> Decay:
        """How fast the room's sound falls."""
        return decay_of(self.impulse, self.rate_hz)


class Decay(NamedTuple):
    """A room's decay.

    Attributes:
        t60_s: the time in which it falls by 60 dB; NaN if the background hides it.
        range_db: how far it is seen to fall.
    """

    t60_s: float
    range_db: float


def path_response(clips: Sequence[PlayedClip], capture: Array, rate_hz: int, noise_power: float) -> PathResponse:
    """The response of the path and the drift, from clips whose places are known to a few samples.

    Args:
        clips: that were found.
        capture: of all of them.
        rate_hz: of both.
        noise_power: of the capture's background.
    """
    fit = _Fit(clips, capture, rate_hz, noise_power)
    shifts, slope, error = np.zeros(len(clips)), 0.0, float("nan")
    spectrum = fit.response(shifts, slope)
    for _ in range(ROUNDS):
        moves, more, error = fit.moved(spectrum, shifts, slope)
        shifts, slope = shifts + moves, slope + more
        spectrum = fit.response(shifts, slope)
        if abs(more) < SETTLED:
            break
    impulse = np.roll(np.fft.irfft(spectrum, fit.size), fit.before)[: fit.before + fit.tail]
    offset = int(np.abs(impulse).argmax()) - fit.before
    starts = tuple(clip.start + shift + offset for clip, shift in zip(clips, shifts.tolist(), strict=True))
    bands = fit.bands(spectrum)
    return PathResponse(np.roll(impulse, -offset), rate_hz, Drift(slope * 1e6, error * 1e6), starts, bands)


class _Normal(NamedTuple):
    """One clip's answer: how late it is in samples, about which sample it turns, its slope, and how much that weighs."""

    move: float
    center: float
    slope: float
    weight: float


class _Fit:
    """The equations: clips as they were played, and what came of each."""

    def __init__(self, clips: Sequence[PlayedClip], capture: Array, rate_hz: int, noise_power: float) -> None:
        self.rate_hz = rate_hz
        self.before, self.tail = round(BEFORE_S * rate_hz), round(TAIL_S * rate_hz)
        self.clips = [clip._replace(start=round(clip.start)) for clip in clips]
        longest = max(len(clip.samples) for clip in clips)
        self.size = 1 << (longest + self.before + self.tail).bit_length()
        self.finer = [_Finer(clip.samples) for clip in clips]
        self.lengths = [min(clip.room, len(clip.samples) + self.tail) for clip in self.clips]
        self.heard = [stretch(capture, int(clip.start), count) for clip, count in zip(self.clips, self.lengths, strict=True)]
        power = max(noise_power, LEAST_NOISE * float(np.mean([np.square(part).mean() for part in self.heard])))
        self.noise = power * sum(self.lengths)

    def played(self, place: int, shift: float, slope: float) -> Array:
        """A clip as it would be captured without a room, [size]."""
        count = len(self.clips[place].samples)
        at = (np.arange(self.lengths[place]) - shift) / (1 + slope)
        inside = (at >= 0) & (at <= count - 1)
        made = np.zeros(self.size)
        made[: len(at)][inside] = self.finer[place](at[inside])
        return made

    def response(self, shifts: Array, slope: float) -> NDArray[np.complex128]:
        """H = Σ X* Y / (Σ |X|² + λ), [bins]."""
        above = np.zeros(self.size // 2 + 1, np.complex128)
        below = np.zeros(self.size // 2 + 1)
        for place, shift in enumerate(shifts.tolist()):
            own = np.fft.rfft(self.played(place, shift, slope))
            above += own.conj() * np.fft.rfft(self.heard[place], self.size)
            below += np.square(np.abs(own))
        self.energy = below
        gain = float(np.square(np.abs(above)).sum() / max(float(np.square(self.energy).sum()), 1e-30))
        found: NDArray[np.complex128] = above / (self.energy + self.noise / len(self.energy) / max(gain, 1e-12))
        return found

    def moved(self, spectrum: NDArray[np.complex128], shifts: Array, slope: float) -> tuple[Array, float, float]:
        """By how much each clip, and the slope, are to be moved, and the slope's standard error: least squares of what remains.

        The error goes by how the clips differ in it, for what remains within one clip is no independent noise.
        """
        own = [self._normal(place, shift, slope, spectrum) for place, shift in enumerate(shifts.tolist())]
        weights = np.asarray([one.weight for one in own])
        slopes = np.asarray([one.slope for one in own])
        more = float((weights * slopes).sum() / max(float(weights.sum()), 1e-30))
        spread = float(np.sqrt(np.square(weights * (slopes - more)).sum()) / max(float(weights.sum()), 1e-30))
        enough = np.sqrt(len(own) / (len(own) - 1)) if len(own) > 1 else float("nan")
        return np.asarray([one.move - more * one.center for one in own]), more, spread * float(enough)

    def _normal(self, place: int, shift: float, slope: float, spectrum: NDArray[np.complex128]) -> _Normal:
        """One clip's own answer."""
        count = self.lengths[place]
        made = np.fft.irfft(np.fft.rfft(self.played(place, shift, slope)) * spectrum, self.size)[:count]
        steep, time, left = -np.gradient(made), np.arange(count, dtype=np.float64), self.heard[place] - made
        weight = max(float(steep @ steep), 1e-30)
        center = float((time * steep) @ steep) / weight
        tilted = (time - center) * steep
        tilt = max(float(tilted @ tilted), 1e-30)
        return _Normal(float(steep @ left) / weight, center, float(tilted @ left) / tilt, tilt)

    def bands(self, spectrum: NDArray[np.complex128]) -> tuple[BandLevel, ...]:
        """The gain of each third octave in which the clips have energy."""
        hz = np.fft.rfftfreq(self.size, 1 / self.rate_hz)
        found, most = [], 0.0
        for center in BANDS_HZ:
            inside = (hz >= center / THIRD) & (hz < center * THIRD)
            if center * THIRD > self.rate_hz / 2 or not inside.any():
                continue
            energy = float(self.energy[inside].sum())
            gain = float((self.energy[inside] * np.square(np.abs(spectrum[inside]))).sum()) / max(energy, 1e-30)
            found.append((center, energy, gain))
            most = max(most, energy)
        kept = [(center, 10 * np.log10(max(gain, 1e-30))) for center, energy, gain in found if energy >= SAID_SHARE * most]
        middle = float(np.median([level for _, level in kept])) if kept else 0.0
        return tuple(BandLevel(center, float(level - middle)) for center, level in kept)


class _Finer:
    """A clip at any time between its samples."""

    def __init__(self, samples: Array) -> None:
        fine = resample_poly(samples, FINER, 1)
        self._spline = make_interp_spline(np.arange(len(fine)) / FINER, fine, k=3)

    def __call__(self, at: NDArray[np.floating[Any]]) -> Array:
        found: Array = self._spline(at)
        return found


def decay_of(impulse: Array, rate_hz: int) -> Decay:
    """T60 by the slope of Schroeder's curve from −5 to −25 dB, after the direct sound, less the error's own energy.

    Args:
        impulse: from 0.1 s before the direct sound on, [time]; what lies before is error.
        rate_hz: of it.
    """
    top = min(DECAY_HZ[1], 0.45 * rate_hz)
    heard = sosfiltfilt(butter(2, (DECAY_HZ[0], top), "bandpass", fs=rate_hz, output="sos"), impulse)
    first = round(BEFORE_S * rate_hz)
    error = float(np.square(heard[: round(0.8 * first)]).mean())
    tail = np.square(heard[first + round(DIRECT_S * rate_hz) :])
    width = max(1, round(SMOOTH_S * rate_hz))
    smooth = np.convolve(tail, np.ones(width) / width, "valid")
    hidden = np.flatnonzero(smooth < ABOVE_NOISE * error)
    end = int(hidden[0]) if len(hidden) else len(smooth)
    if end < width:
        return Decay(float("nan"), 0.0)
    curve = np.cumsum((tail[:end] - error)[::-1])[::-1]
    curve = 10 * np.log10(np.maximum(curve / max(float(curve[0]), 1e-30), 1e-12))
    seen = float(10 * np.log10(max(float(smooth[: width * 2].max()), 1e-30) / max(error, 1e-30)))
    last = FIT_DB[1] if seen >= LEAST_RANGE_DB + 10 else SHORTER_DB
    if seen < LEAST_RANGE_DB:
        return Decay(float("nan"), seen)
    inside = np.flatnonzero((curve <= FIT_DB[0]) & (curve >= last))
    if len(inside) < width:
        return Decay(float("nan"), seen)
    slope = np.polyfit(inside / rate_hz, curve[inside], 1)[0]
    return Decay(float(-60.0 / slope) if slope < 0 else float("nan"), seen)
