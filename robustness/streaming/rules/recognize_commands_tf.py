"""TensorFlow's RecognizeCommands: a label is said if it is another than the last and the suppression has passed.

Both must hold: a word said twice in a row is said once, whatever the pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustness.streaming.rules.base import RULES
from robustness.streaming.rules.recognize_commands import RecognizeCommands
from robustness.streaming.scores import Floats


@RULES.register
@dataclass(frozen=True)
class RecognizeCommandsTf(RecognizeCommands):
    """Another label, and late enough."""

    name: ClassVar[str] = "recognize-commands-tf"
    source: ClassVar[str] = (
        "tensorflow/examples/speech_commands/recognize_commands.py (2019), and its defaults in test_streaming_accuracy.py"
    )
    usual: ClassVar[float | None] = 0.7
    average_ms: float = 500.0

    def averages(self, values: Floats) -> Floats:
        """The mean."""
        mean: Floats = values.mean(axis=0)
        return mean

    def fires(self, *, other: bool, late: bool) -> bool:
        """Both."""
        return other and late
