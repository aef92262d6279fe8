"""How does a clip become a spectrum over time: scaled, emphasised, cut into frames, windowed, transformed?

The steps and their order, with every convention in which libraries differ. Framing: torch and librosa cut frames of `n_fft` and lay a
shorter window in their middle (`window_at = "center"`), TensorFlow, Kaldi and python_speech_features cut frames of the window's length and
add zeros after it (`"start"`). Magnitudes do not depend on where in the frame the window lies, but on which samples it covers. Sources:
torch.stft; tf.signal.stft; kaldi feature-window.cc; python_speech_features.sigproc.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

from robustness.errors import UsageError
from robustness.frontends.base import OURS, Frontend, Layout, refuse_sizes
from robustness.frontends.scaling import FirstSample, Moments, Normalise, SampleScale, emphasised, normalised, rounded, scaled

WindowKind = Literal["hann", "hamming", "povey", "blackman", "rectangular"]
Log = Literal["dB", "ln", "log10", "log1p", "none"]
SMALLEST_POWER: Final = 1e-10  # torchaudio's amin: digital silence is −100 dB
CACHED_BYTES: Final = 2**20  # of spectra computed together: a core's own cache, and beyond it a clip costs up to three times as much
COMPLEX_BYTES: Final = 8
POVEY: Final = 0.85  # kaldi's default window is a symmetric Hann to this power


@dataclass(frozen=True)
class SpectralFrontend(Frontend):
    """What front-ends over a short-time spectrum share.

    Attributes:
        rate_hz: sampling rate.
        n_fft: points of the transform; a window that is longer is cut to it.
        hop_samples: from one frame to the next.
        layout: the order of axes that the network takes.
        samples: full scale ±1, 16-bit numbers, or each clip over its own maximum, peak or RMS.
        pre_emphasis: c in x[t] − c x[t−1]; 0 does nothing.
        pre_emphasis_first: what stands before the first sample: nothing (`keep`), itself (`self`) or the last sample (`wrap`).
        pre_emphasis_per: over the whole clip, or in each frame, as Kaldi does.
        remove_dc: whether each frame loses its mean first.
        window_samples: the window's length; None is `n_fft`.
        window: its kind.
        window_periodic: for transforms (N in the denominator), or symmetric (N − 1).
        window_at: whether a frame is `n_fft` long with the window in its middle, or as long as the window.
        center: whether frame k is centered on sample k·hop, with padding before and after.
        padding: what `center` pads with.
        partial: whether what remains after the last whole frame is dropped, or filled with zeros.
        power: 1 for magnitudes, 2 for power.
        spectrum_norm: whether power is divided by `n_fft` or by the window's energy.
        log: dB is 10 log10, or 20 log10 where `power` is 1; log1p is ln(1 + x).
        floor: what keeps the logarithm finite.
        floor_kind: whether smaller values are raised to it (`clamp`), or it is added to all.
        reference: 1, or each clip's largest value.
        top_db: how far below its own largest cell a clip is clipped, in the unit of `log`; None does not clip.
        scale: of y = scale · x + offset.
        offset: of the same.
        lowest: y is no less; None does not clip.
        highest: y is no more.
        round_to: y is a multiple of it; 0 does not round.
        normalise: whether each clip, or each band of a clip, is normalised at last.
        normalise_by: by its mean, its mean and deviation, or its range.
        normalise_frames: with `band`, over how many frames around each; None is all.
    """

    rate_hz: int = 16_000
    n_fft: int = 320
    hop_samples: int = 160
    layout: Layout = OURS
    samples: SampleScale = "full-scale"
    pre_emphasis: float = 0.0
    pre_emphasis_first: FirstSample = "keep"
    pre_emphasis_per: Literal["clip", "frame"] = "clip"
    remove_dc: bool = False
    window_samples: int | None = None
    window: WindowKind = "hann"
    window_periodic: bool = True
    window_at: Literal["center", "start"] = "center"
    center: bool = True
    padding: Literal["reflect", "zeros", "edge"] = "reflect"
    partial: Literal["drop", "zeros"] = "drop"
    power: float = 2.0
    spectrum_norm: Literal["none", "n_fft", "window"] = "none"
    log: Log = "dB"
    floor: float = SMALLEST_POWER
    floor_kind: Literal["clamp", "add"] = "clamp"
    reference: Literal["one", "maximum"] = "one"
    top_db: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    lowest: float | None = None
    highest: float | None = None
    round_to: float = 0.0
    normalise: Normalise = "none"
    normalise_by: Moments = "mean-deviation"
    normalise_frames: int | None = None

    def __post_init__(self) -> None:
        """Refuses numbers that are too small to compute with, or larger than any front-end of the field has.

        Raises:
            UsageError: the sentence names the setting.
        """
        refuse_sizes(self)
        if self.floor <= 0.0 and self.log not in ("none", "log1p"):
            raise UsageError(f"floor is {self.floor:g}; expected more than 0: a logarithm of 0 is no number")

    @abstractmethod
    def cells(self, spectrum: Tensor) -> Tensor:
        """What the logarithm is taken of, [clips frames bins] → [clips frames bands]."""

    def features(self, samples: Tensor) -> Tensor:
        """Features of each clip, [clips time] → [clips 1 bands frames]; a few clips at a time, whose spectra stay in the cache."""
        frames = 1 + samples.shape[-1] // self.hop_samples
        together = max(1, CACHED_BYTES // (frames * (self.n_fft // 2 + 1) * COMPLEX_BYTES))
        parts = [self.from_spectrum(self.used_spectrum(part)) for part in samples.split(together)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def from_spectrum(self, spectrum: Tensor) -> Tensor:
        """Features of a spectrum, [clips frames bins] → [clips 1 bands frames]."""
        return self.finished(self.logarithm(self.cells(spectrum).transpose(-1, -2)[:, None]))

    def spectrum(self, samples: Tensor) -> Tensor:
        """Magnitude to the `power` of each frame, [clips time] → [clips frames bins]."""
        return self._spectrum(samples, self.n_fft // 2 + 1)

    def used_spectrum(self, samples: Tensor) -> Tensor:
        """The bins of it that `from_spectrum` needs, [clips time] → [clips frames bins]."""
        return self._spectrum(samples, self.bins_used)

    def _spectrum(self, samples: Tensor, bins: int) -> Tensor:
        frames = self._frames(samples)
        values = torch.fft.rfft(frames * self._taper.to(frames), n=self.n_fft)[..., :bins].abs()
        if self.power != 1.0:
            values = values.pow(self.power)
        scaled_down: Tensor = values if self._divisor == 1.0 else values / self._divisor
        return scaled_down

    @property
    def bins_used(self) -> int:
        """How many bins of the spectrum, from 0 Hz on, `from_spectrum` needs."""
        return self.n_fft // 2 + 1

    def _frames(self, samples: Tensor) -> Tensor:
        """The clips cut into frames, before the window: [clips time] → [clips frames window]."""
        clips = scaled(samples, self.samples)
        if self.pre_emphasis_per == "clip":
            clips = emphasised(clips, self.pre_emphasis, self.pre_emphasis_first)
        within = self._length if self.window_at == "start" else max(self.n_fft, self._length)
        before = (within - self._length) // 2
        frames = self._padded(clips, within).unfold(-1, within, self.hop_samples)[..., before : before + self._length]
        if self.remove_dc:
            frames = frames - frames.mean(-1, keepdim=True)
        return frames if self.pre_emphasis_per == "clip" else emphasised(frames, self.pre_emphasis, self.pre_emphasis_first)

    def _padded(self, clips: Tensor, frame: int) -> Tensor:
        if self.center:
            mode = {"reflect": "reflect", "zeros": "constant", "edge": "replicate"}[self.padding]
            clips = functional.pad(clips[:, None], (frame // 2, frame // 2), mode=mode)[:, 0]
        if self.partial == "zeros":
            steps = max(0, ceil((clips.shape[-1] - frame) / self.hop_samples))
            clips = functional.pad(clips, (0, max(0, frame + steps * self.hop_samples - clips.shape[-1])))
        return clips

    def from_levels(self, levels: Tensor) -> Tensor:
        """Features of levels, [clips 1 bands frames]."""
        return self.finished(levels)

    def logarithm(self, values: Tensor) -> Tensor:
        """Levels of values, [clips 1 bands frames]; floor, reference and ceiling are each clip's own."""
        if self.log == "none":
            return values
        if self.log == "log1p":
            return torch.log1p(values)
        levels = self.levels(values)
        if self.reference == "maximum":
            largest = values.amax((1, 2, 3), keepdim=True).clamp_min(self.floor)
            levels = levels - self._level(largest)
        return self.above_floor(levels)

    def levels(self, values: Tensor) -> Tensor:
        """Levels of single cells, whatever is beside them, any shape."""
        return self._level(values + self.floor if self.floor_kind == "add" else values.clamp_min(self.floor))

    def above_floor(self, levels: Tensor) -> Tensor:
        """Levels no lower than `top_db` under each clip's highest, [clips 1 bands frames]."""
        return levels if self.top_db is None else torch.maximum(levels, levels.amax((1, 2, 3), keepdim=True) - self.top_db)

    def _level(self, values: Tensor) -> Tensor:
        if self.log == "ln":
            return values.log()
        return (1.0 if self.log == "log10" else 20.0 if self.power == 1.0 else 10.0) * values.log10()

    def finished(self, levels: Tensor) -> Tensor:
        """The affine scaling, clipping, rounding and normalisation at the end, [clips 1 bands frames]."""
        if (self.scale, self.offset) != (1.0, 0.0):
            levels = levels * self.scale + self.offset
        if self.lowest is not None or self.highest is not None:
            levels = levels.clamp(self.lowest, self.highest)
        return normalised(rounded(levels, self.round_to), self.normalise, self.normalise_by, self.normalise_frames)

    def silence(self, features: Tensor) -> Tensor:
        """What digital silence gives, or the clip's own quietest cells where that depends on the clip, [clips 1 1 1] or [clips 1 bands 1].

        With `top_db` it is the larger of the floor and the clip's maximum − top_db; where the clip's mean or reference is removed,
        nothing says what zeros would be in it, and the quietest cell of each band or clip stands for silence.
        """
        if self.normalise == "band":
            return features.amin(3, keepdim=True)
        if self.normalise == "clip" or (self.reference == "maximum" and self.top_db is None):
            return features.amin((1, 2, 3), keepdim=True)
        zeros = self.finished(self._zeros_level.to(features).expand(len(features), 1, 1, 1))
        if self.top_db is None or self.log in ("none", "log1p"):
            return zeros
        lowest = features.amax((1, 2, 3), keepdim=True) - self.top_db * self.scale
        return lowest if self.reference == "maximum" else torch.maximum(zeros, lowest)

    @property
    def _zeros_level(self) -> Tensor:
        zero = torch.zeros(1, 1, 1, 1)
        return zero if self.log in ("none", "log1p") else self._level(zero + self.floor)

    @property
    def frame_samples(self) -> int:
        """The length of a frame, to which the window is laid out and transformed."""
        return max(self.n_fft, self._length)

    @property
    def _length(self) -> int:
        return self.n_fft if self.window_samples is None else self.window_samples

    @cached_property
    def _taper(self) -> Tensor:
        kinds = {"hann": torch.hann_window, "povey": torch.hann_window, "hamming": torch.hamming_window, "blackman": torch.blackman_window}
        if self.window == "rectangular":
            return torch.ones(self._length)
        taper = kinds[self.window](self._length, periodic=self.window_periodic)
        return taper**POVEY if self.window == "povey" else taper

    @cached_property
    def _divisor(self) -> float:
        power = {"none": 1.0, "n_fft": float(self.n_fft), "window": float(self._taper.double().square().sum())}[self.spectrum_norm]
        return float(power ** (self.power / 2))

    @property
    def first_frame_ms(self) -> float:
        """The middle of the first frame: 0 where frames are centered on multiples of the hop."""
        within = self._length if self.window_at == "start" else max(self.n_fft, self._length)
        return 0.0 if self.center else within * 500 / self.rate_hz
