"""TensorFlow's microfrontend, as micro-wake-word and ESPHome run it: mel bands with noise reduction, gain control and a logarithm.

Computed by pymicro-features (the extra `micro`), TensorFlow's own C code: 30 ms by 10 ms, 40 bands. Values: `float` as the package gives
them, `raw` the firmware's 16-bit numbers, `int8` as its quantization makes of these, (v · 256 + 333) // 666 − 128. Silence is what zeros
give. Source: tensorflow/lite/experimental/microfrontend; ESPHome's micro_wake_word component.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS
from robustness.frontends.streamed import MELS, PCM, StreamedFrontend

CHUNK_BYTES: Final = 320  # the program takes 10 ms at once, and no less
RAW: Final = 25.6  # the package divides the program's 16-bit numbers by it


@FRONTENDS.register
@dataclass(frozen=True)
class Microfrontend(StreamedFrontend):
    """TensorFlow's microfrontend with its memory; `values` says in which numbers."""

    name: ClassVar[str] = "microfrontend"
    values: Literal["float", "raw", "int8"] = "float"

    def __post_init__(self) -> None:
        """Refuses what the program cannot do.

        Raises:
            UsageError: another rate or hop, or a pre-roll that is not a multiple of the hop.
        """
        super().__post_init__()
        if self.hop_samples != 160:
            raise UsageError(f"microfrontend has a hop of 160 samples and hop_samples is {self.hop_samples}; leave the key out")

    def run(self, pcm: PCM) -> npt.NDArray[np.float32]:
        """Frames of 40 values, [time] → [frames bands]."""
        return self.started()(pcm)

    def started(self) -> Callable[[PCM], npt.NDArray[np.float32]]:
        """A program that runs on and on: sound as it comes, [time] → [frames bands]."""
        try:
            from pymicro_features import MicroFrontend
        except ModuleNotFoundError as error:
            raise UsageError("microfrontend needs pymicro-features; pip install 'speech-robustness[micro]'") from error
        program, waiting = MicroFrontend(), b""

        def run(pcm: PCM) -> npt.NDArray[np.float32]:
            nonlocal waiting
            frames, rest = [], waiting + pcm.tobytes()
            while len(rest) >= CHUNK_BYTES:
                made = program.process_samples(rest)
                if made.features:
                    frames.append(made.features)
                if not made.samples_read:
                    break
                rest = rest[2 * made.samples_read :]
            waiting = rest
            return self._valued(np.asarray(frames, dtype=np.float64).reshape(-1, MELS))

        return run

    def _valued(self, frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        if self.values == "float":
            return frames.astype(np.float32)
        raw = np.rint(frames * RAW).astype(np.int64)
        return (raw if self.values == "raw" else np.clip((raw * 256 + 333) // 666 - 128, -128, 127)).astype(np.float32)

    @property
    def quantized(self) -> bool:
        """With int8 values the features are what the network takes."""
        return self.values == "int8"
