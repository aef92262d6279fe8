"""Which layers does a network have, and how does each follow time? Asked of the network, so that any network can be.

A click, some ms of noise in features that are else silent, is moved by whole frames. Where what a layer gives moves with it along one of
its axes, that axis is time, and the layer's stride is how far the click has to move for that. A layer behind pooling or flattening has
none: what it hears lies by position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.ao.nn.intrinsic.modules.fused import _FusedModule

from robustness.frontends.base import TakesLayout
from robustness.frontends.waveform import TakesSamples
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import WEIGHTED
from robustness.quantization.dynamic import DYNAMIC
from robustness.quantization.fx import kernel_names
from robustness.quantization.one_by_one import RowByRow
from robustness.seeds import generator_of

CLICK_MS: Final = 10.0
LOUDNESS: Final = 0.1  # of the click's samples, full scale is 1
TOLERANCE: Final = 0.1  # of a moved response that may be elsewhere: int8 rounds it, edges cut it
STRIDES: Final = 64  # tried for a layer at most
SLACK: Final = 2  # frames by which a stride that is no divisor of a distance, and an edge, put off a first guess
KINDS: Final = (*WEIGHTED, *DYNAMIC, _FusedModule)


class Time(NamedTuple):
    """How a layer follows time.

    Attributes:
        axis: of its outputs, 0 being the clips.
        stride: feature frames to a frame of its outputs.
        origin: the feature frame on which its frame 0 is centered.
    """

    axis: int
    stride: Fraction
    origin: float


@dataclass(frozen=True)
class Layer:
    """A layer with weights.

    Attributes:
        name: as in the user's network.
        path: as in `named_modules()` of the variant, which may wrap it.
        time: None where its outputs have no axis of time.
    """

    name: str
    path: str
    time: Time | None

    def channel_axis(self, dimensions: int) -> int:
        """The axis of channels in outputs of so many dimensions: the first that is not time, or the last where time is the first."""
        return dimensions - 1 if self.time is not None and self.time.axis == 1 else 1


def layers_of(classifier: Classifier) -> tuple[Layer, ...]:
    """The layers with weights that give a row a clip, in the order they run."""
    paths = {path: name for name, path in paths_of(classifier).items()}
    if not paths:
        return ()
    clicks = _Clicks.of(classifier)
    coarse = (clicks.first, clicks.first + clicks.far)
    still, *moved = clicks.at(())[0], *clicks.at(coarse)
    given = classifier.activations(torch.stack([still, *moved]), list(paths))
    given = {path: outputs for path, outputs in given.items() if len(outputs) == 1 + len(coarse)}
    guesses = {path: _guesses(outputs, clicks) for path, outputs in given.items()}
    moves = sorted({guess.frames for found in guesses.values() for guess in found})
    steps = classifier.activations(clicks.at([clicks.first + frames for frames in moves]), list(given)) if moves else {}
    at = {frames: place for place, frames in enumerate(moves)}
    return tuple(
        Layer(paths[path], path, _time(given[path], {guess: steps[path][at[guess.frames]] for guess in found}, clicks))
        for path, found in guesses.items()
    )


def paths_of(classifier: Classifier) -> dict[str, str]:
    """Each layer with weights by the name that the user knows, and where it is in a network that may be wrapped to run row by row.

    None if the network has no layers that can be read.
    """
    if not classifier.network.can.layers:
        return {}
    if not classifier.network.can.modules:
        return {name: name for name in classifier.network.layer_names()}
    net = module_of(classifier.network)
    kernels = set(kernel_names(net))
    return dict(_walk(net, "", "", kernels))


def _walk(module: nn.Module, name: str, path: str, kernels: set[str]) -> Iterator[tuple[str, str]]:
    inner = module.one_row if isinstance(module, RowByRow) else module
    if isinstance(inner, KINDS) or path in kernels:
        yield name or "network", path
        return
    for child_name, child in module.named_children():
        below = f"{path}.{child_name}".lstrip(".")
        wrapped = isinstance(module, (RowByRow, TakesSamples, TakesLayout))
        yield from _walk(child, name if wrapped else f"{name}.{child_name}".lstrip("."), below, kernels)


def noise_of(classifier: Classifier) -> Tensor:
    """Features of a window of noise, always the same, [1 1 bands frames]."""
    return classifier.features(torch.randn(1, classifier.frame.samples, generator=generator_of("click")) * LOUDNESS)


@dataclass(frozen=True, eq=False)
class _Clicks:
    """Silent features and a click to be put in them.

    Attributes:
        silence: [1 bands frames].
        click: [1 bands width].
        first: the frame of the first click.
        far: frames from it to another.
    """

    silence: Tensor
    click: Tensor
    first: int
    far: int

    @classmethod
    def of(cls, classifier: Classifier) -> _Clicks:
        """Two clicks around the middle of the window, a quarter of it apart."""
        noise = noise_of(classifier)
        frames = noise.shape[-1]
        width = max(1, round(CLICK_MS * classifier.frontend.rate_hz / 1000 / classifier.frontend.hop_samples))
        middle = max(0, frames // 2 - width)
        silence = classifier.frontend.silence(noise).to(noise).expand_as(noise)[0]
        return cls(silence, noise[0, ..., middle : middle + width], frames * 3 // 8, max(1, frames // 4))

    @property
    def width(self) -> int:
        return self.click.shape[-1]

    @property
    def room(self) -> int:
        """How far the first click can move."""
        return self.silence.shape[-1] - self.width - self.first

    def at(self, frames: list[int] | tuple[int, ...]) -> Tensor:
        """Features with a click at each of these frames, or without one where there is none, [clips 1 bands frames]."""
        features = self.silence.repeat(max(1, len(frames)), 1, 1, 1)
        for row, start in zip(features, frames, strict=False):
            row[..., start : start + self.width] = self.click
        return features


class _Guess(NamedTuple):
    """A stride that may be a layer's: where the click moves by so many frames, its response moves by so many along an axis."""

    axis: int
    frames: int
    moves: int


def _guesses(given: Tensor, clicks: _Clicks) -> list[_Guess]:
    """Strides that agree with two clicks far apart, [3 …]: silence, the first click, the other."""
    still, first, other = given
    found: list[_Guess] = []
    for axis in range(1, given.ndim):
        before, after = (_profile(one - still, axis - 1) for one in (first, other))
        moves = min(range(len(before)), key=lambda k: _mismatch(before, after, k), default=0)
        if moves == 0 or not float(after.norm()) > 0:
            continue
        ratio = clicks.far / moves
        low, high = clicks.far / (moves + SLACK), clicks.room if moves <= SLACK else clicks.far / (moves - SLACK)
        inside = range(max(1, int(low)), min(clicks.room, int(high) + 1) + 1)
        near = sorted(inside, key=lambda frames: abs(frames - ratio))[:STRIDES]
        found += [_Guess(axis, frames, max(1, round(frames / ratio))) for frames in near]
    return found


def _time(given: Tensor, steps: dict[_Guess, Tensor], clicks: _Clicks) -> Time | None:
    """The stride at which a click's response is the same, moved; None where there is none."""
    still, first, _ = given
    off = {guess: _moved_off(first - still, step - still, guess) for guess, step in steps.items()}
    best = min(off, key=lambda guess: (off[guess], guess), default=None)
    if best is None or not off[best] <= TOLERANCE:
        return None
    stride = Fraction(best.frames, best.moves)
    energy = _profile(first - still, best.axis - 1).square()
    center = float((energy * torch.arange(len(energy))).sum() / energy.sum())
    return Time(best.axis, stride, clicks.first + (clicks.width - 1) / 2 - center * float(stride))


def _moved_off(before: Tensor, after: Tensor, guess: _Guess) -> float:
    return _mismatch(_profile(before, guess.axis - 1), _profile(after, guess.axis - 1), guess.moves)


def _profile(response: Tensor, axis: int) -> Tensor:
    """How much of a response lies at each place along an axis, […] → [places]."""
    return response.double().movedim(axis, 0).flatten(1).norm(dim=1) if response.ndim > 1 else response.double().abs()


def _mismatch(before: Tensor, after: Tensor, moves: int) -> float:
    """How far one profile is from the other moved by so many places, as a share of it; 1 where either is nothing."""
    moved = torch.zeros_like(before)
    moved[moves:] = before[: len(before) - moves]
    size = float(after.norm())
    return float((after - moved).norm()) / size if size > 0 else 1.0
