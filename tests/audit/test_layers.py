from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.audit.layers import audited_layers, multiplications
from robustness.models.formats.torch_module import TorchNetwork
from tests.builders import classifier


def test_the_tutorials_layers_in_the_order_they_run_with_multiplications_worked_out_by_hand() -> None:
    made = classifier()
    found = {layer.name: layer for layer in audited_layers(made, torch.zeros(1, 1, 64, 101))}
    assert list(found) == ["conv1", "conv2", "fc1", "fc2"]
    assert {name: layer.multiplications for name, layer in found.items()} == {
        "conv1": 32 * 57 * 82 * 8 * 20,
        "conv2": 8 * 25 * 32 * 32 * 4 * 10,
        "fc1": 1536 * 128,
        "fc2": 128 * 11,
    }
    assert found["conv1"].parameters == 32 * 8 * 20 + 32
    assert (found["conv1"].kind, found["fc2"].kind) == ("Conv2d", "Linear")


@pytest.mark.parametrize(
    ("module", "shape", "expected"),
    [
        (nn.Linear(5, 3), (7, 5), 7 * 5 * 3),
        (nn.Conv1d(4, 6, 3), (1, 4, 10), 6 * 8 * 4 * 3),
        (nn.Conv2d(4, 8, 3, padding=1, groups=4), (1, 4, 5, 5), 8 * 25 * 9),  # each filter hears one channel
        (nn.ConvTranspose1d(4, 6, 3), (1, 4, 10), 4 * 10 * 6 * 3),
        (nn.GRU(5, 7, batch_first=True), (2, 9, 5), 2 * 9 * 3 * 7 * (5 + 7)),
        (nn.LSTM(5, 7, num_layers=2, bidirectional=True), (9, 2, 5), 2 * 9 * 2 * 4 * 7 * ((5 + 7) + (14 + 7))),
        (nn.GRUCell(5, 7), (3, 5), 3 * 3 * 7 * (5 + 7)),
    ],
)
def test_multiplications_of_a_call(module: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    given = torch.zeros(shape)
    output = module(given)
    assert multiplications(module, given, output[0] if isinstance(output, tuple) else output) == expected


class Twice(nn.Module):
    """One layer used twice, one never."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)
        self.shared = nn.Linear(64, 64)
        self.last = nn.Linear(64, 11)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.last(self.shared(self.shared(features.mean(3).flatten(1))))
        return logits


def test_a_layer_that_runs_twice_counts_twice_and_one_that_never_runs_is_still_named() -> None:
    made = replace(classifier(), network=TorchNetwork(Twice()), output="logits")
    found = audited_layers(made, torch.zeros(1, 1, 64, 101))
    assert [(layer.name, layer.multiplications) for layer in found] == [("shared", 2 * 64 * 64), ("last", 64 * 11), ("unused", 0)]
