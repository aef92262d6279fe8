"""The table of docs/frontends.md: `python -m tests.frontends.table` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from robustness.frontends.base import laid_out
from robustness.frontends.presets import made_from, presets
from tests.frontends.golden_recipe import RECIPES, RECORDING

GOLDEN = Path(__file__).resolve().parent / "golden.npz"
OF = {
    "tutorial": "librosa 0.11, HTK mels, no norm",
    "mlperf-tiny-kws": "tf.signal, TensorFlow 2.21",
    "mlperf-tiny-sww": "tf.signal, TensorFlow 2.21",
    "tf-audio-ops": "AudioSpectrogram and Mfcc, TensorFlow 2.21",
    "tf-signal-mfcc": "tf.signal, TensorFlow 2.21",
    "edge-impulse-mfe": "speechpy 2.4 and the block's own steps",
    "edge-impulse-mfcc": "speechpy 2.4 and the block's own steps",
    "openwakeword": "its melspectrogram.onnx, by ONNX Runtime",
    "kaldi-fbank": "kaldi-native-fbank 1.23",
    "librosa-mel": "librosa 0.11",
    "librosa-mfcc": "librosa 0.11",
    "librosa-pcen": "librosa 0.11",
    "python-speech-features": "python_speech_features 0.6",
}


class Row(NamedTuple):
    preset: str
    original: str
    shape: str
    low: float
    high: float
    largest: float


def rows() -> list[Row]:
    golden = np.load(GOLDEN)
    clip = torch.from_numpy(soundfile.read(RECORDING, dtype="float32")[0])[None]
    found = []
    for name in (name for name in presets() if name in RECIPES):
        frontend, expected = made_from(name), golden[name]
        ours = laid_out(frontend.features(clip), frontend.layout)[0].numpy().reshape(-1)
        gap = float(np.abs(ours - expected.reshape(-1)).max())
        shape = " × ".join(str(size) for size in expected.shape)
        found.append(Row(name, OF[name], shape, float(expected.min()), float(expected.max()), gap))
    return found


def table() -> str:
    lines = ["| preset | against | features | their range | largest difference |", "|---|---|---|---|---|"]
    lines += [f"| `{r.preset}` | {r.original} | {r.shape} | {r.low:.3g} … {r.high:.3g} | {r.largest:.1e} |" for r in rows()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
