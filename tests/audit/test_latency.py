from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.audit.latency import CLIPS, latencies
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from tests.builders import classifier


class Slow(nn.Module):
    """A network that takes so long for a clip."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def forward(self, features: Tensor) -> Tensor:
        time.sleep(self.seconds * len(features))
        return torch.zeros(len(features), 11)


def slow(seconds: float, variant: str = "float32") -> Classifier:
    return replace(classifier(), network=TorchNetwork(Slow(seconds)), variant=variant, output="logits")


def test_a_network_that_takes_three_times_as_long_has_a_ratio_of_three_with_its_interval() -> None:
    found = latencies(slow(0.001), [slow(0.003, "slower")], torch.zeros(1, 1, 2, 2), rounds=9)
    assert [row.clips for row in found] == list(CLIPS)
    batch = found[1]
    assert batch.variant == "slower"
    assert batch.rounds == 9
    assert batch.low <= batch.ratio <= batch.high
    assert batch.ratio == pytest.approx(3, rel=0.3)
    assert batch.variant_ms == pytest.approx(3, rel=0.3)  # a clip
