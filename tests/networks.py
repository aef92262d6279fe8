"""Networks of kinds that the shipped ones are not: a recurrent and a depthwise-separable one.

Inputs are [clips 1 mels frames], outputs log-probabilities [clips labels].
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional


class GruNet(nn.Module):
    """A wide network with a recurrent layer: one convolution, a GRU over what is left of time, and the answer from its last state.

    Source: Arik et al., Convolutional Recurrent Neural Networks for Small-Footprint Keyword Spotting (2017), arXiv:1703.05390.

    Args:
        labels: the number of classes.
        width: units of the GRU.
    """

    def __init__(self, labels: int = 11, width: int = 256) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, (20, 5), stride=(8, 2))
        self.bn1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.gru = nn.GRU(32 * 6, width, batch_first=True)
        self.fc1 = nn.Linear(width, 64)
        self.relu2 = nn.ReLU()
        self.fc2 = nn.Linear(64, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities, [clips 1 64 frames] → [clips labels]."""
        hidden = self.relu1(self.bn1(self.conv1(features)))  # [clips channels 6 time]
        outputs, _ = self.gru(hidden.flatten(1, 2).transpose(1, 2))
        return functional.log_softmax(self.fc2(self.relu2(self.fc1(outputs[:, -1]))), dim=1)


class SeparableNet(nn.Module):
    """A depthwise-separable CNN, DS-CNN: one convolution, then blocks of one filter a channel and of one weight a pair of channels.

    Source: Zhang et al., Hello Edge: Keyword Spotting on Microcontrollers (2017), arXiv:1711.07128.

    Args:
        labels: the number of classes.
        channels: of every layer.
        blocks: how many pairs of a depthwise and a pointwise convolution.
    """

    def __init__(self, labels: int = 11, channels: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, (10, 4), stride=2, padding=(5, 1))
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.blocks = nn.Sequential(*(_separable(channels) for _ in range(blocks)))
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities, [clips 1 bands frames] → [clips labels]."""
        hidden = self.blocks(self.relu1(self.bn1(self.conv1(features))))
        return functional.log_softmax(self.fc(self.mean(hidden).flatten(1)), dim=1)


def _separable(channels: int) -> nn.Sequential:
    """One filter a channel over time and bands, then one weight a pair of channels."""
    layers: dict[str, nn.Module] = {
        "depthwise": nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
        "bn1": nn.BatchNorm2d(channels),
        "relu1": nn.ReLU(),
        "pointwise": nn.Conv2d(channels, channels, 1),
        "bn2": nn.BatchNorm2d(channels),
        "relu2": nn.ReLU(),
    }
    return nn.Sequential(OrderedDict(layers))
