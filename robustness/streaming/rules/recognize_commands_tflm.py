"""TFLite Micro's RecognizeCommands: as TensorFlow's in whole numbers, and it fires on another label or after the suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from robustness.streaming.rules.base import RULES
from robustness.streaming.rules.recognize_commands import RecognizeCommands
from robustness.streaming.scores import Floats

STEPS: Final = 256  # of a probability as int8 has it, counted from 0 to 255
LARGEST: Final = 255


@RULES.register
@dataclass(frozen=True)
class RecognizeCommandsTflm(RecognizeCommands):
    """Another label, or late enough; averages are cut to whole steps of 1/256, and strictly above the threshold in steps."""

    name: ClassVar[str] = "recognize-commands-tflm"
    source: ClassVar[str] = "tflite-micro/tensorflow/lite/micro/examples/micro_speech/recognize_commands.cc (2023)"
    usual: ClassVar[float | None] = 200 / STEPS

    def averages(self, values: Floats) -> Floats:
        """The mean of whole steps, cut to a whole step."""
        counts = np.clip(np.rint(values * STEPS), 0, LARGEST)
        mean: Floats = (counts.sum(axis=0) // len(counts)) / STEPS
        return mean

    def above(self, mean: float, bar: float) -> bool:
        """Strictly, in whole steps."""
        return round(mean * STEPS) > round(bar * STEPS)

    def fires(self, *, other: bool, late: bool) -> bool:
        """Either."""
        return other or late
