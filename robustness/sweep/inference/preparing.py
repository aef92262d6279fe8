"""Networks made ready to answer fast, each only as far as its answers stay what they are.

A float network's logits stay within 1e-4 of those of the network as it is, asked one clip at a time; an int8 variant's keep every bit. That
is tried on real windows before a network is used; the first way that passes is taken, the fastest is tried first, the last is the network
as it is. A float network whose answer depends on its batch-mates is asked one clip at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from robustness.models.after_sound import after
from robustness.models.classifier import Classifier
from robustness.models.formats.base import Capabilities, Network, OneAtATime
from robustness.models.formats.torch_module import module_of, with_module
from robustness.sweep.inference.first_layer import with_first_layer_apart
from robustness.sweep.inference.folding import ChannelsLast, folded
from robustness.sweep.inference.masked_passes import MaskedClips, MaskedPasses, masked_passes, masking
from robustness.sweep.inference.norms import with_late_norms
from robustness.sweep.inference.onnx_runtime import exporting
from robustness.sweep.inference.overlapping import Overlapping, once_a_column
from robustness.sweep.inference.paired import with_paired_columns
from robustness.sweep.inference.pooling import with_sliced_pools
from robustness.sweep.inference.sharing import shared

TOLERANCE: Final = 1e-4  # of a float logit, as definitions of an answer have it
FLOAT: Final = "float32"
AS_IT_IS: Final = "as it is"
ONCE: Final = "columns that windows share computed once"
MadeReady = TypeVar("MadeReady")
Way = tuple[str, Callable[[], Network]]  # in words, and how it is made
ONE_AT_A_TIME: Final = "one clip at a time, because its answers depend on the batch"


@dataclass(frozen=True, eq=False)
class NetworkFamily:
    """Classifiers that share what they compute alike.

    Attributes:
        places: of the classifiers among those that were asked for.
        heads: the classifiers, each with the network that is left for it to run.
        trunk: what comes before, features → hidden; None where every head takes features.
        how: in words, how each is run.
        passes: of the trunk, for masked clips.
    """

    places: tuple[int, ...]
    heads: tuple[Classifier, ...]
    how: tuple[str, ...]
    trunk: nn.Module | None = None
    passes: MaskedPasses | None = None

    def logits(self, features: Tensor) -> list[Tensor]:
        """The logits of each head, [clips 1 bands frames] → [clips labels] each."""
        if self.trunk is None:
            return [head.logits_from(features) for head in self.heads]
        with torch.inference_mode():
            hidden = self.trunk(features)
        return self.after_trunk(hidden)

    def after_trunk(self, hidden: Tensor) -> list[Tensor]:
        """The logits of each head, from what the trunk gives."""
        return [head.logits_from(hidden.clone()) for head in self.heads]

    @property
    def joint(self) -> Classifier:
        """All heads as one classifier, whose labels are those of the first, then those of the second, and so on."""
        labels = tuple(f"{label} ({head.variant})" for head in self.heads for label in head.labels)
        variant = _and([head.variant for head in self.heads])
        return replace(self.heads[0], variant=variant, labels=labels, network=JointNetwork(self), output="logits")

    @property
    def overlapping(self) -> bool:
        """Whether columns that windows share are computed once."""
        heads = any(head.network.can.modules and isinstance(module_of(head.network), Overlapping) for head in self.heads)
        return heads or isinstance(self.trunk, Overlapping)

    def after(self, sound: Tensor) -> NetworkFamily:
        """The same after a sound that came before each window, [time]."""
        return replace(self, heads=tuple(after(head, sound) for head in self.heads))

    @property
    def copies(self) -> bool:
        """Whether it can be copied for another thread."""
        return all(head.network.can.copies for head in self.heads)

    def copied(self) -> NetworkFamily:
        """The same with networks of its own; to be asked for only if it `copies`."""
        heads = tuple(replace(head, network=head.network.copied()) for head in self.heads)
        trunk = copy.deepcopy(self.trunk)
        passes = None if self.passes is None or trunk is None else self.passes.of(trunk)
        return replace(self, heads=heads, trunk=trunk, passes=passes)


@dataclass(frozen=True, eq=False)
class JointNetwork(Network):
    """What all heads of a family answer, one after the other, without gradients."""

    family: NetworkFamily
    kind: str = "several variants asked at once"

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """As many clips at once as the first head takes: where one differs from another, each sees to its own."""
        return Capabilities(copies=self.family.copies, kernels="several")

    @property
    def parameters(self) -> None:
        """Nobody asks."""
        return None

    def __call__(self, features: Tensor) -> Tensor:
        """[clips 1 bands frames] → [clips heads × labels]."""
        return torch.cat(self.family.logits(features), 1)

    def masked(self, clip: Tensor, baseline: Tensor, masks: Tensor, batch: int) -> Tensor:
        """What all heads answer under each mask."""
        asked, passes = MaskedClips(clip, baseline, masks, batch), self.family.passes
        found = None if passes is None else passes.outputs(asked, lambda hidden: torch.cat(self.family.after_trunk(hidden), 1))
        return super().masked(clip, baseline, masks, batch) if found is None else found

    def copied(self) -> JointNetwork:
        """The same with networks of its own."""
        return JointNetwork(self.family.copied())


def prepared(classifiers: Sequence[Classifier], probes: Tensor, runtime: str = "torch", hops: Sequence[int] = ()) -> list[NetworkFamily]:
    """The families of these classifiers.

    Args:
        classifiers: variants of one or several models.
        probes: real windows, [clips time], on which answers are compared.
        runtime: of float networks, `torch` or `onnx`; with `onnx` nothing is shared.
        hops: columns from one window to the next, the commonest first, if windows follow each other; the probes do so too.

    Raises:
        UsageError: where the ONNX Runtime is asked for and not installed.
    """
    alone = {place: _alone(classifier, probes) for place, classifier in enumerate(classifiers)}
    left = dict(enumerate(classifiers))
    families = []
    for place, classifier in enumerate(classifiers):
        if place not in left:
            continue
        traced = classifier.network.can.graph and classifier.network.can.modules
        together = traced and classifier.variant == FLOAT and runtime == "torch" and len(left) > 1
        family = _tried(lambda place=place: _family(left, place, alone, probes, hops)) if together else None  # type: ignore[misc]
        families.append(
            family
            or _single(place, classifier, alone[place], probes, [*_once(classifier, probes, hops), *_ways(classifier, probes, runtime)])
        )
        for taken in families[-1].places:
            del left[taken]
    return families


def each_alone(classifiers: Sequence[Classifier], probes: Tensor) -> list[Classifier]:
    """The same classifiers, each with the fastest network that keeps its answers; nothing is shared, so that each can be asked apart.

    Args:
        classifiers: variants of one or several models.
        probes: real windows, [clips time], on which answers are compared.
    """
    found = [_single(0, one, _alone(one, probes), probes, _ways(one, probes, "torch")).heads[0] for one in classifiers]
    return [replace(one, network=masking(one.network)) for one in found]


def for_gradients(classifiers: Sequence[Classifier], probes: Tensor) -> list[Classifier]:
    """The same classifiers, the float ones with BatchNorm folded where that keeps their answers: a gradient is a tenth quicker.

    The first layer is asked apart where it is affine. Channels-last would make it twice as slow.

    Args:
        classifiers: variants of one or several models.
        probes: real windows, [clips time], on which answers are compared.
    """
    found = [_folded(one, probes) or one if one.variant == FLOAT and one.differentiable else one for one in classifiers]
    return [replace(one, network=with_first_layer_apart(one.network)) if one.differentiable else one for one in found]


def _folded(classifier: Classifier, probes: Tensor) -> Classifier | None:
    if not classifier.network.can.graph:
        return None
    net = _tried(lambda: folded(module_of(classifier.network)))
    found = None if net is None else replace(classifier, network=with_module(classifier.network, net))
    logits = None if found is None else _tried(lambda: found.logits(probes))
    return found if logits is not None and _same(classifier, _alone(classifier, probes), logits) else None


def _alone(classifier: Classifier, probes: Tensor) -> Tensor:
    """The answers that count: one clip at a time."""
    return torch.cat([classifier.logits(window[None]) for window in probes])


def _family(left: dict[int, Classifier], place: int, alone: dict[int, Tensor], probes: Tensor, hops: Sequence[int]) -> NetworkFamily | None:
    """A float network with those int8 variants whose beginning is its own; None where there is none, or an answer changes."""
    features = left[place].features(probes)
    for way in (with_sliced_pools,) if hops else (_leanest, with_sliced_pools):
        family = _tried(lambda way=way: _family_by(way, left, place, alone, features))  # type: ignore[misc]
        if family is not None:
            return _family_once(family, left, alone, features, hops)
    return None


def _leanest(net: nn.Module) -> nn.Module:
    """A copy with all that gives the same bits in less time."""
    return with_late_norms(_paired_and_sliced(net))


def _paired_and_sliced(net: nn.Module) -> nn.Module:
    """A copy with both of what gives the same bits in less time."""
    return with_paired_columns(with_sliced_pools(net))


def _family_by(
    leaner: Callable[[nn.Module], nn.Module], left: dict[int, Classifier], place: int, alone: dict[int, Tensor], features: Tensor
) -> NetworkFamily | None:
    """The family whose networks are made lean in one way."""
    first = left[place]
    lean = {place: leaner(module_of(first.network))}
    for at, other in left.items():
        same = (other.name, other.frontend, other.device) == (first.name, first.frontend, first.device)
        if same and at != place and other.network.can.graph:
            net = leaner(module_of(other.network))
            if _tried(lambda net=net: shared([lean[place], net], features)) is not None:  # type: ignore[misc]
                lean[at] = net
    parts = shared(list(lean.values()), features)
    if parts is None:
        return None
    tails = zip(lean, parts.tails, strict=True)
    heads = tuple(replace(left[at], network=with_module(left[at].network, tail)) for at, tail in tails)
    how = tuple(f"after a trunk that {_and([left[a].variant for a in lean if a != at])} shares" for at in lean)
    family = NetworkFamily(tuple(lean), heads, how, parts.trunk, masked_passes(parts.trunk))
    return family if _family_keeps(family, left, alone, features) else None


def _family_once(
    family: NetworkFamily, left: dict[int, Classifier], alone: dict[int, Tensor], features: Tensor, hops: Sequence[int]
) -> NetworkFamily:
    """The same, with columns that windows share computed once if windows follow each other and the answers stay."""
    trunk = _tried(partial(once_a_column, family.trunk, features, hops, exact=True)) if hops and family.trunk is not None else None
    told = tuple(f"{one}, {ONCE}" for one in family.how)
    faster = family if trunk is None else replace(family, trunk=trunk, how=told, passes=None)
    return faster if _family_keeps(faster, left, alone, features) else family


def _family_keeps(family: NetworkFamily, left: dict[int, Classifier], alone: dict[int, Tensor], features: Tensor) -> bool:
    return all(_same(left[at], alone[at], new) for at, new in zip(family.places, family.logits(features), strict=True))


def _single(place: int, classifier: Classifier, alone: Tensor, probes: Tensor, ways: Iterable[Way]) -> NetworkFamily:
    """A classifier by itself, run in the first way that keeps its answers."""
    features = classifier.features(probes)
    for how, make in ways:
        network = _tried(make)
        if network is None:
            continue
        head = replace(classifier, network=network)
        found = _tried(lambda head=head: head.logits_from(features))  # type: ignore[misc]
        if found is not None and _same(classifier, alone, found):
            return NetworkFamily((place,), (head,), (how,))
    return NetworkFamily((place,), (classifier,), (AS_IT_IS,))


def _ways(classifier: Classifier, probes: Tensor, runtime: str) -> Iterator[Way]:
    """What can be tried, fastest first; a module is changed only where its network can be traced and copied."""
    network, features = classifier.network, classifier.features(probes)
    if network.can.graph and network.can.modules:
        for how, make in _modules(classifier, features, runtime):
            yield how, lambda make=make: with_module(network, make())  # type: ignore[misc]
    yield AS_IT_IS, lambda: network
    if classifier.variant == FLOAT:
        yield ONE_AT_A_TIME, lambda: OneAtATime(network)


def _once(classifier: Classifier, probes: Tensor, hops: Sequence[int]) -> Iterator[Way]:
    """Columns that windows share computed once, if windows follow each other; by its own layers for a variant that keeps every bit."""
    network, features = classifier.network, classifier.features(probes)
    if not hops or not (network.can.graph and network.can.modules):
        return
    exact, net = classifier.variant != FLOAT, module_of(network)
    made = _tried(lambda: once_a_column(with_sliced_pools(net if exact else folded(net)), features, hops, exact=exact))
    if made is not None:
        yield ONCE, lambda: with_module(network, made)


def _modules(classifier: Classifier, features: Tensor, runtime: str) -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Faster modules that may answer the same."""
    net = module_of(classifier.network)
    if classifier.variant == FLOAT:
        if runtime == "onnx":
            yield "by ONNX Runtime", exporting(classifier, features)
        if any(isinstance(module, nn.Conv2d) for module in net.modules()):
            yield "BatchNorm folded, channels last", lambda: ChannelsLast(_paired_and_sliced(folded(net)))
            yield "BatchNorm folded, channels last", lambda: ChannelsLast(with_sliced_pools(folded(net)))
        yield "BatchNorm folded", lambda: with_sliced_pools(folded(net))
    yield "its own layers, faster max-pooling", lambda: _paired_and_sliced(net)
    yield "its own layers, faster max-pooling", lambda: with_sliced_pools(net)


def _same(classifier: Classifier, alone: Tensor, found: Tensor) -> bool:
    """Whether answers are those that count: a float network's within the tolerance, an int8 variant's to the bit."""
    if found.shape != alone.shape:
        return False
    return bool(((found - alone).abs() <= TOLERANCE).all()) if classifier.variant == FLOAT else torch.equal(found, alone)


def _tried(make: Callable[[], MadeReady]) -> MadeReady | None:
    """What a step gives; None where a foreign network does not go along with it, whatever it says."""
    try:
        return make()
    except Exception:
        return None


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
