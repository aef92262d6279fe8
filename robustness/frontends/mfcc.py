"""Cepstral coefficients: the cosine transform of log-mel bands, with the norms and lifters of each library.

DCT norms: `ortho` (librosa, torchaudio, python_speech_features), `tf` scales every coefficient by sqrt(2 / mels), so c0 is √2 times the
orthonormal one (tf.signal, TensorFlow's Mfcc operator), `none` is twice the plain sum (scipy's). A coefficient has no frequency: what is
drawn of such a model is the log-mel under it. Silence is the coefficients of digital silence, or the clip's quietest frame where its floor
hangs on the clip. Sources: tf.signal.mfccs_from_log_mel_spectrograms; librosa.feature.mfcc; python_speech_features.base.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.mel import MelFrontend


@FRONTENDS.register
@dataclass(frozen=True)
class Mfcc(MelFrontend):
    """The first coefficients of the cosine transform of log-mel bands; `energy_first` puts the frame's ln energy in place of c0.

    Attributes:
        n_mfcc: coefficients.
        dct_norm: how coefficients are scaled.
        lifter: L in 1 + L/2 sin(π (k + shift) / L); 0 does not lift.
        lifter_first: k counts from 0 (python_speech_features, Kaldi) or from 1 (librosa).
        energy_first: whether c0 is the logarithm of the frame's summed power.
    """

    name: ClassVar[str] = "mfcc"
    top_db: float | None = 80.0
    n_mfcc: int = 13
    dct_norm: Literal["ortho", "tf", "none"] = "ortho"
    lifter: float = 0.0
    lifter_first: Literal[0, 1] = 0
    energy_first: bool = False

    def __post_init__(self) -> None:
        """Refuses more coefficients than bands.

        Raises:
            UsageError: the sentence names the setting.
        """
        super().__post_init__()
        if self.n_mfcc > self.n_mels:
            raise UsageError(f"n_mfcc is {self.n_mfcc} and there are {self.n_mels} mel bands; expected no more coefficients than bands")

    @property
    def bins_used(self) -> int:
        """All of them where c0 is the frame's energy."""
        return self.n_fft // 2 + 1 if self.energy_first else super().bins_used

    def from_spectrum(self, spectrum: Tensor) -> Tensor:
        """Coefficients of each frame, [clips frames bins] → [clips 1 coefficients frames]."""
        cepstra = self._cepstra(self.logarithm(self.cells(spectrum).transpose(-1, -2)[:, None]))
        if self.energy_first:
            energy = spectrum.pow(2.0 / self.power).sum(-1).clamp_min(self.floor).log()[:, None, None]
            cepstra = torch.cat([energy, cepstra[:, :, 1:]], dim=2)
        return self.finished(cepstra)

    def from_levels(self, levels: Tensor) -> Tensor:
        """The coefficients of levels, [clips 1 mels frames] → [clips 1 coefficients frames]; without the frame's energy."""
        return self.finished(self._cepstra(levels))

    def _cepstra(self, levels: Tensor) -> Tensor:
        """[clips 1 mels frames] → [clips 1 coefficients frames], each clip by itself: a larger product may add in another order."""
        cosines = self._cosines.to(levels)
        return torch.stack([torch.matmul(cosines, clip) for clip in levels])

    @cached_property
    def _cosines(self) -> Tensor:
        """The cosine transform, norm and lifter together, [coefficients mels]."""
        k = torch.arange(self.n_mfcc, dtype=torch.float64)[:, None]
        table = torch.cos(math.pi / self.n_mels * (torch.arange(self.n_mels, dtype=torch.float64) + 0.5) * k)
        table *= 2.0 if self.dct_norm == "none" else math.sqrt(2.0 / self.n_mels)
        if self.dct_norm == "ortho":
            table[0] /= math.sqrt(2.0)
        if self.lifter > 0.0:
            table *= 1.0 + self.lifter / 2.0 * torch.sin(math.pi * (k + self.lifter_first) / self.lifter)
        return table.float()

    def silence(self, features: Tensor) -> Tensor:
        """Digital silence's coefficients, [clips 1 coefficients 1]; the frame with the smallest c0 where the floor is the clip's own."""
        if self.normalise != "none" or self.top_db is not None or self.reference == "maximum":
            quietest = features[:, :, :1].argmin(3, keepdim=True)
            return features.gather(3, quietest.expand(-1, -1, features.shape[2], -1))
        zeros = self._cepstra(self._zeros_level.to(features).expand(1, 1, self.n_mels, 1))
        if self.energy_first:
            zeros = torch.cat([torch.full_like(zeros[:, :, :1], math.log(self.floor)), zeros[:, :, 1:]], dim=2)
        return self.finished(zeros).expand(len(features), -1, -1, -1)

    @property
    def band_hz(self) -> tuple[float, ...]:
        """A coefficient has no frequency."""
        return ()

    @cached_property
    def picture(self) -> Frontend:
        """The log-mel under the coefficients, in dB."""
        log_mel: Any = FRONTENDS["log-mel"]
        shared = {field.name: getattr(self, field.name) for field in fields(MelFrontend)}
        kept = (
            "log",
            "floor",
            "floor_kind",
            "reference",
            "top_db",
            "scale",
            "offset",
            "lowest",
            "highest",
            "round_to",
            "normalise",
            "layout",
        )
        made: Frontend = log_mel(**{key: value for key, value in shared.items() if key not in kept} | {"power": 2.0})
        return made
