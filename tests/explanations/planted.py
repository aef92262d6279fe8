"""A network that is right exactly where it was planted to be, to the millisecond, and real sweeps of it.

At 1000 Hz a sample is a millisecond; features are |samples|, [clips 1 1 frames]. The network finds the center of the sound's mass, which
moves with the recording one to one, and is right where the lead lies in one of its intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import torch
from torch import Tensor, nn

from robustness.audio.placement import Frame
from robustness.audio.recordings import Recording
from robustness.frontends.base import Frontend
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import QUANTIZED, TorchNetwork
from robustness.run.folder import Run, RunWriter
from robustness.sweep.manifest import models_of
from robustness.sweep.plan import Settings, plan_of
from robustness.sweep.sweep import Sweep

RATE_HZ = 1000
WINDOW_MS = 1000
LENGTH_MS = 400
LOUDNESS = 0.25
LABELS = ("yes", "no", "unknown")


@dataclass(frozen=True)
class Magnitude(Frontend):
    """The magnitude of each sample."""

    name: ClassVar[str] = "magnitude"
    rate_hz: int = RATE_HZ
    hop_samples: int = 1

    def features(self, samples: Tensor) -> Tensor:
        return samples.abs()[:, None, None]

    def silence(self, features: Tensor) -> Tensor:
        return torch.zeros(len(features), 1, 1, 1)

    @property
    def band_hz(self) -> tuple[float, ...]:
        return (250.0,)


class RightWithin(nn.Module):
    """Says `yes` where the lead of a whole recording lies within an interval, both ends included; else the rival."""

    def __init__(self, *intervals_ms: tuple[float, float], rival: int = 2) -> None:
        super().__init__()
        self.intervals_ms = intervals_ms
        self.rival = rival

    def forward(self, features: Tensor) -> Tensor:
        mass = features.flatten(1)
        center = (mass * torch.arange(mass.shape[1])).sum(1) / (LENGTH_MS * LOUDNESS)
        lead = center - (LENGTH_MS - 1) / 2
        inside = torch.stack([torch.minimum(lead - low, high - lead) for low, high in self.intervals_ms]).amax(0)
        logits = torch.full((len(mass), len(LABELS)), -20.0)
        logits[:, 0] = (inside + 0.5) / 10
        logits[:, self.rival] = 0.0
        return logits


def classifier(*intervals_ms: tuple[float, float], rival: int = 2, variant: str = "float32", name: str = "planted") -> Classifier:
    frame = Frame(WINDOW_MS, RATE_HZ, "center")
    net = RightWithin(*intervals_ms, rival=rival)
    network = TorchNetwork(net) if variant == "float32" else TorchNetwork(net, QUANTIZED)
    return Classifier(name, variant, LABELS, Magnitude(), network, "logits", frame, unknown="unknown")


def sound(loudness: float = LOUDNESS) -> Tensor:
    """As loud at every sample, and not a constant, which has no power above 0 Hz."""
    return loudness * (1.0 - 2.0 * (torch.arange(LENGTH_MS) % 2))


def recording(name: str, label: str | None = "yes") -> Recording:
    return Recording(name, sound(), RATE_HZ, label, "somebody")


def run_of(
    classifiers: Sequence[Classifier],
    recordings: Sequence[Recording],
    out: Path,
    perturbations: tuple[str, ...] = ("padding-placement", "time-shift"),
) -> Run:
    """A real sweep of these, on disk."""
    plan = plan_of(Settings(perturbations=perturbations), classifiers[0].frame)
    writer = RunWriter(out)
    Sweep(classifiers, plan, writer).run(recordings)
    models = models_of(classifiers, {c.name: {} for c in classifiers})
    grids = {name: kind.plain() for name, kind in plan.kinds(classifiers[0].frame.reference).items()}
    writer.write_manifest({"models": models, "plan": {"speech_threshold_db": 35.0, "grids": grids}})
    writer.write_recordings(table_of(recordings))
    return writer.finish()


def table_of(recordings: Sequence[Recording]) -> pd.DataFrame:
    """What explaining reads of a run's table of recordings."""
    return pd.DataFrame({"id": [one.id for one in recordings], "speaker": [one.speaker for one in recordings]})
