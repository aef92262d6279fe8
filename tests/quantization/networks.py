"""Networks that tests of several schemes quantize, each with something that a scheme may stumble over."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from tests.builders import classifier


class Viewing(nn.Module):
    """A network that reshapes with `view`, as many do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 8, stride=8)
        self.fc = nn.Linear(4 * 8 * 12, 11)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.conv(features)
        logits: Tensor = self.fc(hidden.view(hidden.size(0), -1))
        return logits


class Deciding(Viewing):
    """A network whose path depends on the values it sees."""

    def forward(self, features: Tensor) -> Tensor:
        if features.mean() > 0:
            features = -features
        logits: Tensor = self.fc(self.conv(features).flatten(1))
        return logits


class Adding(nn.Module):
    """A network with a sum, a ReLU that is a function, and a mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, (16, 4), stride=4)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.fc = nn.Linear(6, 11)

    def forward(self, features: Tensor) -> Tensor:
        hidden = torch.relu(self.bn1(self.conv1(features)))
        logits: Tensor = self.fc((hidden + self.conv2(hidden)).mean((2, 3)))
        return logits


class Recurrent(nn.Module):
    """A convolution over all bands, a GRU and an LSTM over time, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 12, (64, 3), stride=(1, 4))
        self.gru = nn.GRU(12, 16, batch_first=True)
        self.lstm = nn.LSTM(16, 8, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(16, 11)

    def forward(self, features: Tensor) -> Tensor:
        outputs, _ = self.gru(self.conv(features).squeeze(2).transpose(1, 2))
        outputs, _ = self.lstm(outputs)
        logits: Tensor = self.fc(outputs[:, -1])
        return logits


def with_net(network: type[nn.Module]) -> Classifier:
    """A classifier of that network with seeded weights, whose first layer takes decibels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replace(classifier(), network=TorchNetwork(network().eval()), output="logits")
