"""What is a network to the rest of the suite: features in, outputs out, and what it says it can beyond that.

A capability is declared and asked for, never tried and caught: native code that is handed a tracer ends the process. Each format is one
file of this folder; a card's `[network]` key or the suffix of its weights chooses it, and nothing else in the suite asks what kind of
runtime it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from robustness.errors import CardError, UsageError
from robustness.models.checkpoints import content_of
from robustness.registry import Registry

if TYPE_CHECKING:
    from robustness.frontends.base import Frontend
    from robustness.models.card import Card

Made = TypeVar("Made", bound="Network")
Capability = Literal["gradients", "layers", "modules", "weights", "graph", "copies"]
WITHOUT: Final[dict[Capability, str]] = {
    "gradients": "gives no gradients",
    "layers": "has no layers that can be read",
    "modules": "has no layers whose outputs can be replaced",
    "weights": "has no weights that can be changed",
    "graph": "cannot be traced",
    "copies": "cannot be copied",
}

NEEDED_FOR: Final[dict[Capability, str]] = {
    "gradients": "maps by gradients",
    "layers": "what its layers give",
    "weights": "quantized variants and the test of maps with random weights",
}


@dataclass(frozen=True)
class Capabilities:
    """What a network can beyond answering; whoever needs one of these asks first.

    Attributes:
        gradients: a gradient through it is one; behind an int8 layer it silently is not.
        layers: what its layers give can be read, by their names.
        modules: its layers are torch modules: what they give can be replaced, and they can be changed in a copy.
        weights: its weights can be drawn anew and quantized, in a copy.
        graph: its computation can be traced: its code may be given symbols in place of tensors.
        copies: it can be copied for another thread, or be asked by several.
        batch: clips that it takes at once at most; None is any number.
        step_frames: of a network that keeps a state, how many frames of features it takes at a step; None takes a window at once.
        kernels: what computes it, for the manifest.
    """

    gradients: bool = False
    layers: bool = False
    modules: bool = False
    weights: bool = False
    graph: bool = False
    copies: bool = False
    batch: int | None = None
    step_frames: int | None = None
    kernels: str = "unknown"


class FileLayer(NamedTuple):
    """A layer with weights of a file that is run as it is.

    Attributes:
        name: of the tensor that it gives.
        kind: its operator.
        shape: of what it gives.
        parameters: weights and biases.
        multiplications: multiply-accumulates for one clip, from the shapes in the graph.
        quantized: whether its weights are integers.
        low: the smallest value that an integer output stands for; None for a float output.
        high: the largest.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiplications: int
    quantized: bool
    low: float | None = None
    high: float | None = None


class Network(ABC):
    """Features in, outputs out.

    Attributes:
        kind: what it is, in words: `a callable`.
        can: what it can beyond answering.
        parameters: how many weights and biases it has; None if nobody can count them.
    """

    kind: str
    can: Capabilities

    @property
    def step(self) -> float | None:
        """The step of its probabilities, such as 1 / 256; None if they are floats."""
        return None

    @property
    def finer(self) -> bool:
        """Whether its scores are finer than that step: margins are read before the quantized softmax."""
        return False

    @property
    def score_step(self) -> float | None:
        """The step of its scores before a quantized softmax, in natural log-odds; None if they are floats, or nobody knows."""
        return None

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of a file that is run as it is, with the keys of `Classifier.about`; empty for others."""
        return {}

    @property
    def for_micro(self) -> bytes | None:
        """The file that TFLite Micro can be given; None for any other network."""
        return None

    def file_layers(self) -> tuple[FileLayer, ...]:
        """The layers with weights of a file, in the order they run; none of what is no file or keeps its layers to itself."""
        return ()

    @property
    @abstractmethod
    def parameters(self) -> int | None:
        """How many weights and biases it has; None if nobody can count them."""

    @abstractmethod
    def __call__(self, features: Tensor) -> Tensor:
        """What the network gives, [clips 1 bands frames] → [clips labels]."""

    def masked(self, clip: Tensor, baseline: Tensor, masks: Tensor, batch: int) -> Tensor:
        """What the network gives for one clip in which the cells of a mask are replaced, [masks labels].

        Args:
            clip: [1 1 bands frames].
            baseline: what replaces a masked cell, of the same shape.
            masks: [masks bands frames], bool.
            batch: how many go through the network at once, or fewer where it takes fewer.
        """
        at_once = min(batch, self.can.batch or batch)
        return torch.cat([self(torch.where(some[:, None], baseline, clip)) for some in masks.split(at_once)])

    @property
    def first_layer(self) -> Callable[[Tensor], Tensor] | None:
        """Its first layer, if that is affine and what is behind it can be asked apart; None if it is not, or nobody knows."""
        return None

    def behind_first(self, hidden: Tensor) -> Tensor:
        """What the network gives where its first layer gives this.

        Raises:
            TypeError: it has no such layer; whoever asks looks at `first_layer` first.
        """
        raise TypeError(f"the network is {self.kind} and has no first layer that can be asked apart")

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """While answers count: no dropout, fixed statistics. As before afterwards."""
        yield

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While gradients are asked for features alone. As before afterwards."""
        yield

    def copied(self) -> Network:
        """One for another thread.

        Raises:
            TypeError: it cannot be copied; whoever copies asks first.
        """
        raise TypeError(self.without("copies"))

    def quicker(self) -> Network | None:
        """The same file by kernels that are faster and hardly round otherwise, if there are such; its own check what they answer."""
        return None

    def of_a_pc(self) -> Network | None:
        """The same file by the kernels that a PC or phone would run, if its own are others."""
        return None

    def started(self) -> Callable[[Tensor], Tensor]:
        """A run of a network that keeps a state, from its first state on: frames as they come, [frames bands] → [steps labels].

        Raises:
            TypeError: it keeps none; whoever starts one asks `can.step_frames` first.
        """
        raise TypeError(f"the network is {self.kind} and keeps no state")

    def __deepcopy__(self, memo: dict[int, object]) -> Network:
        """Also as a part of something else it is copied in its own way."""
        return self.copied()

    def layer_names(self) -> tuple[str, ...]:
        """The layers with weights whose outputs can be read, in the order they run; none if they cannot be read."""
        return ()

    def activations(self, features: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """What layers give for features, by their names; see `Classifier.activations`.

        Raises:
            UsageError: it has no layers that can be read, or none of that name.
        """
        if not layers:
            return {}
        raise UsageError(f"has no layer {', '.join(map(repr, layers))}: {self.without('layers')}")

    def tried(self, features: Tensor) -> Network:
        """The same network, with what it can as far as that was found out on these features, [clips 1 bands frames]."""
        del features
        return self

    def without(self, capability: Capability) -> str:
        """What it cannot, as a sentence."""
        return f"the network is {self.kind} and {WITHOUT[capability]}"

    @property
    def left_out(self) -> str | None:
        """What the page lacks for want of a capability, as a sentence; None if nothing."""
        missing = [capability for capability in NEEDED_FOR if not getattr(self.can, capability)]
        if not missing:
            return None
        why, what = ", ".join(WITHOUT[one] for one in missing), ", ".join(NEEDED_FOR[one] for one in missing)
        return f"the network is {self.kind} and {why}; left out: {what}"


@dataclass(frozen=True)
class OneAtATime(Network):
    """A network asked one clip at a time, for its answers depend on the batch."""

    network: Network

    @property
    def kind(self) -> str:  # type: ignore[override]
        """That of the network."""
        return self.network.kind

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """What is left of what the network can."""
        return Capabilities(copies=self.network.can.copies, kernels=self.network.can.kernels)

    @property
    def parameters(self) -> int | None:
        """Those of the network."""
        return self.network.parameters

    @property
    def finer(self) -> bool:
        """Whether those of the network are."""
        return self.network.finer

    def __call__(self, features: Tensor) -> Tensor:
        """What the network gives to each clip alone, [clips 1 bands frames] → [clips labels]."""
        return torch.cat([self.network(clip) for clip in features.split(1)])

    def copied(self) -> Network:
        """One for another thread."""
        return OneAtATime(self.network.copied())


class Sought(NamedTuple):
    """What is to be loaded, and how.

    Attributes:
        path: of the card.
        said: what the card says.
        frontend: that gives the network its features.
        weights: in place of the file that the card names.
        device: where the network runs, if it can run there.
    """

    path: Path
    said: Card
    frontend: Frontend
    weights: Path | None
    device: torch.device


class Format(ABC):
    """A way in which a network is given.

    Attributes:
        name: of the format.
        key: in a card's `[network]`, by which it is chosen; None if the suffix chooses.
        suffixes: of its files.
        deployed: whether its files are run as they are: they need no `[network]`, and are not quantized here.
    """

    name: ClassVar[str]
    key: ClassVar[str | None] = None
    suffixes: ClassVar[tuple[str, ...]] = ()
    deployed: ClassVar[bool] = False

    @abstractmethod
    def load(self, sought: Sought) -> Network:
        """The network of a card.

        Raises:
            CardError: it cannot be had; the sentence names the card and the key.
        """

    def digest(self, path: Path, said: Card) -> str | None:
        """The SHA-256 by which the network is known."""
        del path
        return None if said.weights is None else said.weights.sha256


FORMATS: Registry[Format] = Registry("format", "robustness.models.formats")


def format_of(path: Path, said: Card) -> Format:
    """The format of a card's network: by the key of its `[network]`, or else by the suffix of its file.

    Raises:
        CardError: there is no format for that suffix; those that exist are named.
    """
    formats = [cls() for cls in FORMATS.all().values()]
    for one in formats:
        if one.key is not None and any(getattr(section, one.key, None) is not None for section in (said.network, said.model)):
            return one
    suffix = Path(said.weights.file).suffix if said.weights else ""
    for one in formats:
        if suffix in one.suffixes:
            return one
    known = ", ".join(sorted(suffix for one in formats for suffix in one.suffixes))
    raise CardError(f"{path}: weights.file ends in {suffix!r}, for which there is no format; there are {known}")


def runs_as_it_is(file: str) -> bool:
    """Whether a file of that name is run as it is, by its suffix."""
    return any(Path(file).suffix in one.suffixes for one in FORMATS.all().values() if one.deployed)


def from_file(sought: Sought, make: Callable[[bytes], Made]) -> Made:
    """The network of the file that a card names, its content verified; what is wrong with it is told with card and file.

    Args:
        sought: the card, and the file in place of the one that it names.
        make: the network of a content.

    Raises:
        CardError: the file is not there, not the one of the card, or `make` refuses it.
    """
    if sought.said.weights is None:
        raise TypeError("a card without a file was taken for one with one")
    source = sought.said.weights.at(sought.path, sought.weights)
    content = content_of(source)
    try:
        return make(content)
    except CardError as error:
        raise CardError(f"{sought.path}: {source.path.name}: {error}") from error


def no_kernels(sought: Sought) -> None:
    """Refuses a choice of kernels where there is none.

    Raises:
        CardError: the card makes one.
    """
    if sought.said.weights is not None and sought.said.weights.kernels is not None:
        raise CardError(f"{sought.path}: kernels = {sought.said.weights.kernels!r} is for .tflite files; leave it out")
