"""What do the benchmarks run on: real clips of Speech Commands, and the tutorial's network with its checkpoint."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Final

import torch

from benchmarks.harness import shared
from robustness.audio.placement import Frame
from robustness.frontends.log_mel import LogMel
from robustness.models.architectures import TutorialNet
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork

RATE_HZ: Final = 16_000
FRAME: Final = Frame(RATE_HZ, RATE_HZ)
LABELS: Final = tuple("yes no up down left right on off stop go unknown".split())


def tutorial() -> Classifier:
    """The tutorial's network in float."""
    net = TutorialNet().eval()
    net.load_state_dict(torch.load(shared("tutorial") / "speech_commands_model.pt", map_location="cpu", weights_only=True))
    return Classifier("tutorial", "float32", LABELS, LogMel(), TorchNetwork(net), "log-probabilities", FRAME, unknown="unknown")


def copied(count: int, folder: Path) -> list[Path]:
    """Clips of all words in a folder of their own, as many times over as it takes to reach the count."""
    source = shared("speech_commands")
    with (source / "index.csv").open(encoding="utf-8") as file:
        every = [row["path"] for row in csv.DictReader(file)]
    step = max(1, len(every) // count)
    chosen = (every[::step] * (count // len(every) + 1))[:count]
    made = []
    for number, name in enumerate(chosen):
        word, _, clip = name.partition("/")
        made.append(folder / word / f"{clip.removesuffix('.flac')}{number // len(every) or ''}.flac")
        made[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, made[-1])
    return made
