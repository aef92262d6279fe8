"""How a network learns: one loop, averaged weights, a checkpoint after each epoch.

The network sees features scaled to about unit spread; the scale is folded into its first convolution, so that the weights that are kept
take the front-end's dB as they are. Answers are those of the exponential moving average of the weights.
Sources: AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), cosine decay (arXiv:1608.03983), label smoothing (arXiv:1512.00567).
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from robustness.errors import OutputError, UsageError
from robustness.seeds import generator_of
from robustness.training.batches import Batch, Batches
from robustness.training.recipes import Targets

FEATURE_MEAN_DB: Final = -30.0  # of log-mel features of speech; any constant near it serves
FEATURE_SPREAD_DB: Final = 20.0
GRADIENT_NORM: Final = 5.0


class Epoch(NamedTuple):
    """What one epoch came to: its number, mean training loss, learning rate, and validation accuracies by source."""

    number: int
    loss: float
    learning_rate: float
    accuracy: dict[str, float]


class Scaled(nn.Module):
    """A network that takes features as they are and scales them first."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> Tensor:
        """What the network says of the scaled features, [clips 1 mels frames] → [clips labels]."""
        answer: Tensor = self.net((features - FEATURE_MEAN_DB) / FEATURE_SPREAD_DB)
        return answer


def folded_clip(net: nn.Module, first_layer: str) -> nn.Module:
    """A copy of a network trained on scaled features that takes features as they are; exact, for its first layer pads nothing with 0."""
    return _refit(net, first_layer, 1 / FEATURE_SPREAD_DB, -FEATURE_MEAN_DB)


def unfolded(net: nn.Module, first_layer: str) -> nn.Module:
    """The inverse of `folded`."""
    return _refit(net, first_layer, FEATURE_SPREAD_DB, FEATURE_MEAN_DB / FEATURE_SPREAD_DB)


def _refit(net: nn.Module, first_layer: str, scale: float, offset: float) -> nn.Module:
    """A copy whose first layer computes W·scale·(x + offset) + b."""
    changed = copy.deepcopy(net)
    conv = changed.get_submodule(first_layer)
    with torch.no_grad():
        weight, bias = conv.get_parameter("weight"), conv.get_parameter("bias")
        weight.mul_(scale)
        bias.add_(offset * weight.sum(dim=(1, 2, 3)))
    return changed


@contextmanager
def dropping_out(net: nn.Module, share: float, rng: torch.Generator) -> Iterator[None]:
    """While it trains, a share of the inputs of each linear layer is 0; the network itself has no dropout and needs none to be loaded."""

    def drop(module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor | None:
        if not module.training:
            return None
        kept = torch.rand(inputs[0].shape, generator=rng) >= share
        return inputs[0] * kept / (1 - share)

    handles = [module.register_forward_pre_hook(drop) for module in net.modules() if isinstance(module, nn.Linear)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def fit(net: nn.Module, batches: Iterable[Batch], optimizer: torch.optim.Optimizer, plan: Targets, after_step: Callable[[], None]) -> float:
    """One pass over the batches; the mean loss.

    Args:
        net: features → log-probabilities; also a network with fake quantization.
        batches: features and label shares.
        optimizer: over its parameters.
        plan: label smoothing and precision.
        after_step: called after each step (learning rate, averages).
    """
    net.train()
    total, count = 0.0, 0
    for features, truth in batches:
        shares = truth * (1 - plan.label_smoothing) + plan.label_smoothing / truth.shape[1]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.precision == "bfloat16"):
            answer = net(features.contiguous(memory_format=torch.channels_last))
        loss = -(shares * answer.float()).sum(1).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), GRADIENT_NORM)
        optimizer.step()
        after_step()
        total, count = total + loss.item(), count + 1
    return total / max(1, count)


@dataclass(frozen=True, eq=False)
class Trainer:
    """A training that can be stopped after any epoch and taken up again with the same result.

    Attributes:
        net: the network, on scaled features.
        batches: what it learns from.
        validate: accuracies of a network on clips of the validation speakers, by source.
        checkpoint: the file that holds its state.
    """

    net: nn.Module
    batches: Batches
    validate: Callable[[nn.Module], dict[str, float]]
    checkpoint: Path

    def run(
        self, *, resume: bool, progress: Callable[[int, int, float], None], done: Callable[[list[Epoch]], None]
    ) -> tuple[nn.Module, list[Epoch]]:
        """Trains to the plan's last epoch; the averaged network on scaled features, and its history.

        Args:
            resume: go on from the checkpoint.
            progress: called after each batch with how many are done, how many there are, and the loss so far.
            done: called after each epoch with the history.

        Raises:
            UsageError: where there is nothing to resume, or it was begun with another configuration.
        """
        plan, steps = self.batches.plan, len(self.batches)
        net = Scaled(self.net).to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(_groups(net, plan.weight_decay), lr=plan.learning_rate)
        average = AveragedModel(net, avg_fn=moving_average(plan.ema_decay), use_buffers=True)
        history = self._restore(net, average, optimizer) if resume else []
        for number in range(len(history), plan.epochs):
            step = number * steps

            def after_step(number: int = number) -> None:
                nonlocal step
                step += 1
                average.update_parameters(net)
                _set_rate(optimizer, plan.learning_rate * schedule(step / (steps * plan.epochs), plan.warm_up))
                progress(step, steps * plan.epochs, number + 1)

            _set_rate(optimizer, plan.learning_rate * schedule(step / (steps * plan.epochs), plan.warm_up))
            with dropping_out(net, plan.dropout, generator_of(plan.seed, "dropout", number)):
                loss = fit(net, self.batches.epoch(number), optimizer, plan, after_step)
            history.append(Epoch(number + 1, loss, optimizer.param_groups[0]["lr"], self.validate(average.module)))
            self._save(net, average, optimizer, history)
            done(history)
        return average.module.get_submodule("net"), history

    def _save(self, net: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer, history: list[Epoch]) -> None:
        state = {
            "plan": asdict(self.batches.plan),
            "net": net.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "history": [epoch._asdict() for epoch in history],
        }
        whole = self.checkpoint.with_suffix(".part")
        try:
            self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, whole)
            os.replace(whole, self.checkpoint)  # noqa: PTH105
        except OSError as error:
            raise OutputError(f"the checkpoint {self.checkpoint} cannot be written: {error}; give another --out") from error

    def _restore(self, net: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer) -> list[Epoch]:
        state = read_checkpoint(self.checkpoint, asdict(self.batches.plan))
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        return [Epoch(**epoch) for epoch in state["history"]]


def read_checkpoint(path: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """The state of a training that was begun with this plan.

    Raises:
        UsageError: where there is none, or its plan differs; the message names what differs.
    """
    if not path.is_file():
        raise UsageError(f"there is no training to resume: {path} does not exist; train without --resume")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    differing = [f"{key} was {state['plan'].get(key)!r} and is {value!r}" for key, value in plan.items() if state["plan"].get(key) != value]
    if differing:
        raise UsageError(
            f"{path} was begun with another configuration: {'; '.join(differing)}; resume with the same, or train without --resume"
        )
    return state


def moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average whose memory grows with the number of steps, so that the random first weights are soon forgotten."""

    def average(old: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
        if not old.is_floating_point():
            return new
        return old.lerp(new, 1 - min(decay, (1 + int(count)) / (10 + int(count))))

    return average


def schedule(part: float, warm_up: float) -> float:
    """The learning rate's share of its peak after a part of the training: a linear rise, then a cosine to 0."""
    if part < warm_up:
        return part / warm_up
    return 0.5 * (1 + math.cos(math.pi * (part - warm_up) / (1 - warm_up)))


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _groups(net: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases and normalization do not."""
    parameters = [p for p in net.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
