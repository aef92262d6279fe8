"""Networks that a card can name: the tutorial's, one of pooled features, and one that hears a word alike wherever it lies.

Inputs are [clips 1 mels frames], outputs log-probabilities [clips labels].
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional


class TutorialNet(nn.Module):
    """The tutorial's CNN: two convolutions with BatchNorm and max-pooling, two linear layers (JumpML, 2020).

    Args:
        labels: the number of classes.
    """

    def __init__(self, labels: int = 11) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, (8, 20))
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 8, (4, 10))
        self.bn2 = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.relu1 = nn.ReLU()
        self.relu2 = nn.ReLU()
        self.relu3 = nn.ReLU()
        self.fc1 = nn.Linear(1536, 128)
        self.fc2 = nn.Linear(128, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities, [clips 1 64 101] → [clips labels]."""
        hidden = self.relu1(self.pool(self.bn1(self.conv1(features))))
        hidden = self.relu2(self.pool(self.bn2(self.conv2(hidden))))
        hidden = self.relu3(self.fc1(hidden.flatten(1)))  # flatten, not view: static int8 activations are channels-last
        return functional.log_softmax(self.fc2(hidden), dim=1)


class AntiAliasedPool(nn.Module):
    """Max-pooling that keeps every frame, then a low-pass along time before every second frame is dropped.

    Bands are halved as in the tutorial; along time the binomial low-pass [1 2 1] / 4 is two averages of two frames, the second with
    stride 2.
    Source: Zhang, Making Convolutional Networks Shift-Invariant Again (2019), arXiv:1904.11486.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.MaxPool2d(2, stride=(2, 1))
        self.blur = nn.AvgPool2d((1, 2), stride=1)
        self.halve = nn.AvgPool2d((1, 2), stride=(1, 2))

    def forward(self, hidden: Tensor) -> Tensor:
        """Half the bands and about half the frames, [clips channels bands frames]."""
        pooled: Tensor = self.halve(self.blur(self.dense(hidden)))
        return pooled


class PooledNet(nn.Module):
    """The tutorial's convolutions with anti-aliased pooling, and a head that has one weight for all positions in time.

    A third convolution spans all bands that are left, so that the order of sounds is heard before time is pooled away, by mean and by
    maximum. The first and last frame are repeated to both sides, so that more filters see the whole of a word at the window's edge.

    Args:
        labels: the number of classes.
    """

    EDGE_FRAMES: Final = 20  # half of what the first two convolutions span

    def __init__(self, labels: int = 11) -> None:
        super().__init__()
        self.edge = nn.ReplicationPad2d((self.EDGE_FRAMES, self.EDGE_FRAMES, 0, 0))
        self.conv1 = nn.Conv2d(1, 32, (8, 20))
        self.bn1 = nn.BatchNorm2d(32)
        self.relu1 = nn.ReLU()
        self.pool1 = AntiAliasedPool()
        self.conv2 = nn.Conv2d(32, 16, (4, 10))
        self.bn2 = nn.BatchNorm2d(16)
        self.relu2 = nn.ReLU()
        self.pool2 = AntiAliasedPool()
        self.conv3 = nn.Conv2d(16, 96, (12, 5))
        self.bn3 = nn.BatchNorm2d(96)
        self.relu3 = nn.ReLU()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.peak = nn.AdaptiveMaxPool2d(1)
        self.fc1 = nn.Linear(192, 128)
        self.relu4 = nn.ReLU()
        self.fc2 = nn.Linear(128, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities, [clips 1 64 frames] → [clips labels], for any number of frames from 41 on."""
        hidden = self.pool1(self.relu1(self.bn1(self.conv1(self.edge(features)))))
        hidden = self.pool2(self.relu2(self.bn2(self.conv2(hidden))))
        hidden = self.relu3(self.bn3(self.conv3(hidden)))
        pooled = torch.cat([self.mean(hidden), self.peak(hidden)], dim=1).flatten(1)
        return functional.log_softmax(self.fc2(self.relu4(self.fc1(pooled))), dim=1)


class TimeDelay(nn.Module):
    """A linear layer on a few neighbouring frames at once: a convolution over time, as a product for which every int8 scheme has a kernel.

    Args:
        inputs: channels × bands of a frame.
        outputs: channels.
        frames: heard at once.
    Source: Waibel et al., Phoneme Recognition Using Time-Delay Neural Networks (1989), doi:10.1109/29.21701.
    """

    def __init__(self, inputs: int, outputs: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.dense = nn.Linear(inputs * frames, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """[clips channels bands frames] → [clips outputs 1 frames − (frames heard − 1)]."""
        flat = hidden.flatten(1, 2)
        later = self.frames - 1
        taps = torch.cat([flat[:, :, k : k - later if k < later else None] for k in range(self.frames)], dim=1)
        heard: Tensor = self.dense(taps.transpose(1, 2)).transpose(1, 2).unsqueeze(2)
        return heard


class QuietEdges(nn.Module):
    """The window goes on in silence to both sides: each band at its quietest frame, so that a word at the edge begins as one inside does.

    Args:
        frames: added at each side.
    """

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, features: Tensor) -> Tensor:
        """[clips 1 bands frames] → [clips 1 bands frames + 2 × added]."""
        quiet = features.amin(dim=3, keepdim=True).expand(-1, -1, -1, self.frames)
        return torch.cat([quiet, features, quiet], dim=3)


class TimeDelayNet(PooledNet):
    """`PooledNet` to which a word at the window's edge is as one inside, and whose third layer is a linear one over time.

    The window goes on in silence to both sides, so far that each layer's first and last frame hear nothing else; these are repeated before
    the next layer, which is as much silence again at little cost. So every filter passes over the whole of a word wherever it lies. Dynamic
    int8 has a kernel for linear layers, and so reaches most of the weights.

    Args:
        labels: the number of classes.
    """

    QUIET_FRAMES: Final = 28  # more than the first convolution and its pooling span
    HELD: Final = (12, 4)  # after the first and the second pooling: what the next layer spans with its own, but for one frame

    def __init__(self, labels: int = 11) -> None:
        super().__init__(labels)
        self.edge = QuietEdges(self.QUIET_FRAMES)  # type: ignore[assignment]  # where PooledNet repeats the frame at the edge
        self.pool1, self.pool2 = (nn.Sequential(AntiAliasedPool(), _held(frames)) for frames in self.HELD)  # type: ignore[assignment]
        self.conv3 = TimeDelay(16 * 12, 96, 5)  # type: ignore[assignment]  # one layer in place of another


def _held(frames: int) -> nn.Module:
    """The first and the last frame repeated to both sides."""
    return nn.ReplicationPad2d((frames, frames, 0, 0))
