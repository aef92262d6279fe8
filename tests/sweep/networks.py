"""Networks with the things that folding and sharing must see, on log-mel features [clips 1 64 101]."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Small(nn.Module):
    """A convolution, its BatchNorm, a pool and a linear layer; what derives from it does one thing otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 6, (9, 11)), nn.BatchNorm2d(6)
        self.pool = nn.MaxPool2d((4, 4))
        self.fc = nn.Linear(6 * 14 * 22, 11)

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.pool(self.bn(self.conv(features))))

    def head(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.relu(hidden).flatten(1))
        return logits


class NormAfterPool(Small):
    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.bn(self.pool(self.conv(features))))


class FunctionalNorm(Small):
    def forward(self, features: Tensor) -> Tensor:
        hidden = self.conv(features)
        hidden = functional.batch_norm(hidden, self.bn.running_mean, self.bn.running_var, self.bn.weight, self.bn.bias)
        return self.head(self.pool(hidden))


class SharedNorm(Small):
    """One BatchNorm behind two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Conv2d(1, 6, (9, 11))

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.pool(self.bn(self.conv(features)) + self.bn(self.other(features))))


class SeenTwice(Small):
    """What is before the BatchNorm is used beside it."""

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.conv(features)
        return self.head(self.pool(self.bn(hidden) + hidden))


class NoNorm(Small):
    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.pool(self.conv(features)))


class Hooked(Small):
    """Somebody's hook changes what the convolution gives."""

    def __init__(self) -> None:
        super().__init__()
        self.conv.register_forward_hook(lambda _module, _inputs, output: output * 2)


class Branching(Small):
    """Its path depends on its input: it cannot be traced, and its parts stand in a Sequential."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(self.conv, self.bn, self.pool)

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.body(features + 1 if float(features.max()) > 1e6 else features))


class InTurn(nn.Module):
    """As `Branching`, with nothing outside the Sequential."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, (9, 11)), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten())
        self.fc = nn.Linear(6 * 14 * 22, 11)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.body(features + 1 if float(features.max()) > 1e6 else features))
        return logits


class Recurrent(nn.Module):
    """Bands over time into a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(64, 16, batch_first=True), nn.Linear(16, 11)

    def forward(self, features: Tensor) -> Tensor:
        hidden, _ = self.gru(features.squeeze(1).transpose(1, 2))
        logits: Tensor = self.fc(hidden[:, -1])
        return logits


class Viewing(Small):
    """Asks for its images to lie contiguous: channels-last breaks it."""

    def head(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.relu(hidden).view(len(hidden), -1))
        return logits


class LayoutAware(Small):
    """Answers otherwise where its images lie channels-last: what a check of answers alone can find."""

    def head(self, hidden: Tensor) -> Tensor:
        return super().head(hidden) + (0.0 if hidden.is_contiguous() else 0.01)


class InPlace(Small):
    """Its head begins by changing what it is given."""

    def head(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.fc(hidden.flatten(1).mul_(0.5).relu_())
        return logits


class Centering(Small):
    """Takes the mean of its batch away: an answer depends on the batch-mates."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) - (features - features.mean(0)).mean((1, 2, 3))[:, None]


def seeded(make: type[nn.Module]) -> nn.Module:
    """A network with random weights, and BatchNorm statistics that are not those of a new one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        net = make().eval()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
                module.running_mean.normal_(0, 10)
                module.running_var.uniform_(50, 900)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias)
    return net
