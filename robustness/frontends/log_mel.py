"""Log-mel features, by default as the tutorial computes them: torchaudio's MelSpectrogram and AmplitudeToDB("power", top_db), per clip.

Power, HTK mels without normalisation. Silence is the larger of digital silence (−100 dB) and the clip's own floor (its maximum − top_db).
Source: torchaudio.transforms.MelSpectrogram, torchaudio.functional.amplitude_to_DB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from robustness.frontends.base import FRONTENDS
from robustness.frontends.mel import MelFrontend


@FRONTENDS.register
@dataclass(frozen=True)
class LogMel(MelFrontend):
    """Mel bands in dB over time; `top_db` clips each clip that far below its own loudest cell, None does not clip."""

    name: ClassVar[str] = "log-mel"
    top_db: float | None = 80.0

    @cached_property
    def band_hz(self) -> tuple[float, ...]:
        """The center of each mel band, in Hz."""
        return self.mel_hz
