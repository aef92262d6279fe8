"""A front-end that is itself a TensorFlow Lite Micro graph, such as micro_speech's audio_preprocessor: 480 samples in, 40 int8 values out.

Its signal operators are in tflite-micro's Python build (the extra `tflite-micro`), not in LiteRT. The graph has a memory, which is reset
before each clip. The file is the user's, named by the card. Silence is what zeros give. Source:
tensorflow/lite/micro/examples/micro_speech/audio_preprocessor.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS, Layout
from robustness.frontends.streamed import MELS, PCM, WINDOW_SAMPLES, StreamedFrontend


@FRONTENDS.register
@dataclass(frozen=True)
class TflmGraph(StreamedFrontend):
    """A TFLite Micro graph run over the clip, 30 ms at a time; `graph` is its file, relative to the card."""

    name: ClassVar[str] = "tflm-graph"
    hop_samples: int = 320
    layout: Layout = "flat frames bands"
    graph: str = "audio_preprocessor_int8.tflite"
    folder: str = ""

    def run(self, pcm: PCM) -> npt.NDArray[np.float32]:
        """Frames of 40 int8 values, [time] → [frames bands]."""
        program = self._program
        program.reset()
        frames = []
        for start in range(0, len(pcm) - WINDOW_SAMPLES + 1, self.hop_samples):
            program.set_input(pcm[start : start + WINDOW_SAMPLES].reshape(1, -1), 0)
            program.invoke()
            frames.append(program.get_output(0).reshape(-1).copy())
        return np.asarray(frames, dtype=np.float32).reshape(-1, MELS)

    @cached_property
    def _program(self) -> Any:
        path = Path(self.folder) / self.graph
        if not path.is_file():
            raise UsageError(f"the front-end's graph {path} is not there; give its path, relative to the card, as frontend.graph")
        try:
            from tflite_micro.python.tflite_micro import runtime
        except ModuleNotFoundError as error:
            raise UsageError("tflm-graph needs tflite-micro; pip install 'speech-robustness[tflite-micro]'") from error
        return runtime.Interpreter.from_file(str(path))

    @property
    def quantized(self) -> bool:
        """The graph's values are what the network takes."""
        return True
