"""Small real things that tests share: recordings that are made, and the tutorial's network with seeded weights."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from robustness.audio.placement import Frame, batch_of, lead_of, place
from robustness.audio.recordings import Recording
from robustness.frontends.log_mel import LogMel
from robustness.models.architectures import TutorialNet
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.quantization.base import Calibration

RATE_HZ = 16_000
FRAME = Frame(RATE_HZ, RATE_HZ)
LABELS = tuple("yes no up down left right on off stop go unknown".split())


def tone(hz: float, ms: float, level_dbfs: float = -20.0) -> Tensor:
    """A tone with soft edges, [time]."""
    count = round(ms * RATE_HZ / 1000)
    envelope = torch.hann_window(count, periodic=False).sqrt()
    return torch.sin(2 * math.pi * hz * torch.arange(count) / RATE_HZ) * envelope * 10 ** (level_dbfs / 20) * math.sqrt(2)


def recording(name: str, ms: float = 500.0, label: str | None = "up", seed: int = 0, floor_dbfs: float = -60.0) -> Recording:
    """A word of sorts: two tones over a floor of noise, with 50 ms of floor on each side."""
    rng = torch.Generator().manual_seed(seed)
    samples = torch.randn(round(ms * RATE_HZ / 1000), generator=rng) * 10 ** (floor_dbfs / 20)
    word = tone(300 + 40 * seed, ms - 100) + tone(1700 + 90 * seed, ms - 100, -30)
    samples[800 : 800 + len(word)] += word
    return Recording(name, samples, RATE_HZ, label, None, None, sha256=f"{seed:064d}")


def recordings(count: int) -> list[Recording]:
    """Words of different lengths, one of each label in turn."""
    return [recording(f"{LABELS[i % 11]}-{i}.wav", 400 + 37 * i, LABELS[i % 11], seed=i) for i in range(count)]


def classifier(seed: int = 0) -> Classifier:
    """The tutorial's network with random weights and BatchNorm statistics that fit log-mel features."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = TutorialNet()
    net.eval()
    net.bn1.load_state_dict({**net.bn1.state_dict(), "running_var": torch.full((32,), 400.0)})
    return Classifier("small", "float32", LABELS, LogMel(), TorchNetwork(net), "log-probabilities", FRAME, unknown="unknown")


def calibration(count: int = 24, seed: int = 5) -> Calibration:
    """Made words as a model hears them, to learn ranges from."""
    made = [recording(f"calibration-{i}.wav", 400 + 11 * i, LABELS[i % 11], seed=seed + i) for i in range(count)]
    batch = batch_of(made)
    samples = place(batch, lead_of(FRAME.reference, FRAME.samples - batch.lengths), FRAME).samples
    return Calibration("made words", samples, batch.ids, tuple(str(one.label) for one in made), "0" * 64)


def named(made: Classifier, name: str) -> Classifier:
    """The same classifier under another name."""
    return replace(made, name=name)
