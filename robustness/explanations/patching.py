"""What does a network answer where a layer gives something else than it does? Forward hooks replace outputs; the weights stay.

Values are in float. A layer that gives int8 has them put on its own scale, on which whatever it gives for any clip lies already.
Source: Zhang & Nanda, Towards Best Practices of Activation Patching (2023), arXiv:2309.16042.

What of the margin does a part of one layer bring back, taken from where the answer is right?

At one layer a span of time or a channel of what it gives there stands in for the same part of what it gives here, moved to where the word
is now; the rest of the network goes on from that. A share is the gain in margin over the drop, the margin there less the margin here. A
layer that follows the word gives nothing back: what it gives there is what it gives here. A whole layer without an axis of time would give
everything back, and says nothing; of such a layer channels alone are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from threading import get_ident
from typing import Any, Final

import torch
from torch import Tensor, nn

from robustness.explanations.equivariance import ActivationPair
from robustness.explanations.layers import noise_of
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.one_by_one import RowByRow
from robustness.run.evidence import ChannelShare, PatchedLayer, SpanShare
from robustness.sweep.trials import answer_of

BATCH: Final = 32  # clips whose outputs are replaced together
CLOSE: Final = 1e-4  # in logits: what another order of sums may change


def answers_with(classifier: Classifier, features: Tensor, path: str, values: Tensor, *, short: bool = False) -> Tensor:
    """Logits of one clip where a layer gives each of these values in turn, [values labels].

    Args:
        classifier: asked.
        features: of the clip, [1 1 bands frames].
        path: of the layer, as in `named_modules()`.
        values: in place of its outputs, [values …].
        short: what runs before the layer runs once, not once a value; only where `can_be_short` says so.
    """
    return torch.cat([_answered(classifier, features, path, part, short=short) for part in values.split(BATCH)])


def can_be_short(classifier: Classifier, features: Tensor, path: str, values: Tensor) -> bool:
    """Whether what runs before a layer may run once for all values: tried on these, with and without.

    It may not where a network counts its clips before the layer, or joins what the layer gives with what was before it.
    """
    if isinstance(module_of(classifier.network), RowByRow):
        return False  # the layers inside would meet a batch
    try:
        found = answers_with(classifier, features, path, values, short=True)
    except (RuntimeError, ValueError, TypeError, IndexError):  # shapes that do not fit
        return False
    expected = answers_with(classifier, features, path, values)
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=CLOSE, atol=CLOSE)


def _answered(classifier: Classifier, features: Tensor, path: str, values: Tensor, *, short: bool) -> Tensor:
    clips = features if short else features.expand(len(values), *features.shape[1:])
    handle = dict(module_of(classifier.network).named_modules())[path].register_forward_hook(_replacing(values, whole=short))
    try:
        return classifier.logits_from(clips)
    finally:
        handle.remove()


def _replacing(values: Tensor, *, whole: bool) -> Callable[[nn.Module, object, Any], Any]:
    """A forward hook that gives the values, all at once or as many rows as it is asked for."""
    mine, left = get_ident(), [values]

    def replace(_module: nn.Module, _inputs: object, output: Any) -> Any:
        if get_ident() != mine:  # another thread asks the same network
            return None
        first = output[0] if isinstance(output, tuple) else output
        count = len(left[0]) if whole else len(first)
        rows, left[0] = left[0][:count], left[0][count:]
        given = _like(rows, first)
        return (given, *output[1:]) if isinstance(output, tuple) else given

    return replace


def _like(rows: Tensor, output: Tensor) -> Tensor:
    """Values as the layer gives them: of its kind, on its device, on its scale where it has one."""
    if not output.is_quantized:
        return rows.to(output)
    return torch.quantize_per_tensor(rows.to(output.device), output.q_scale(), output.q_zero_point(), output.dtype)


SPANS: Final = 5  # parts of the word
CHANNELS: Final = 32  # of a layer that are tried at most, those that differ most
ALTOGETHER: Final = 96  # of all layers, but no fewer than `FEWEST` of each
FEWEST: Final = 4
NAMED: Final = 3  # of these that are kept
DIGITS: Final = 6  # of a share
SAME: Final = 1e-6  # of a layer's largest value: no difference


@dataclass(frozen=True, eq=False)
class LayerLoss:
    """One clip that fails, and what it is short of.

    Attributes:
        features: here, [1 1 bands frames].
        label: the index of the right answer.
        here: its margin here.
        there: and there.
        speech_ms: of the word, here.
        hop_ms: of the features.
    """

    features: Tensor
    label: int
    here: float
    there: float
    speech_ms: tuple[float, float]
    hop_ms: float


@dataclass(eq=False)
class Swaps:
    """Parts of layers put in.

    Attributes:
        classifier: into which.
        layers: how many are tried; the more there are, the fewer channels of each.
    """

    classifier: Classifier
    layers: int = 1
    _short: dict[str, bool] = field(default_factory=dict)

    def of(self, pair: ActivationPair, drop: LayerLoss) -> PatchedLayer:
        """The shares of a layer's parts: `all` that both have, `spans`, the best `channels`; how many channels were tried, of how many."""
        spans, channels = _spans(pair, drop), self._channels(pair)
        count = pair.here.shape[pair.layer.channel_axis(pair.here.ndim + 1) - 1]
        parts = [pair.moved, *(part for _, part in spans), *(part for _, part in channels)]
        whole, *rest = self._shares(pair, drop, parts)
        by_span = [SpanShare(low, high, share) for ((low, high), _), share in zip(spans, rest, strict=False)]
        by_channel = [ChannelShare(i, share) for (i, _), share in zip(channels, rest[len(spans) :], strict=True)]
        by_channel.sort(key=lambda one: -one.share)
        everything = None if pair.layer.time is None else whole
        return PatchedLayer(everything, tuple(by_span), tuple(by_channel[:NAMED]), len(by_channel), count)

    @property
    def channels(self) -> int:
        """How many of a layer are tried at most."""
        return min(CHANNELS, max(FEWEST, ALTOGETHER // max(1, self.layers)))

    def _channels(self, pair: ActivationPair) -> list[tuple[int, Tensor]]:
        """Each channel alone, of those that differ the ones that do so most, with the layer's outputs that have it from there."""
        axis = pair.layer.channel_axis(pair.here.ndim + 1) - 1
        gap = (pair.moved - pair.here).movedim(axis, 0).flatten(1) if pair.here.ndim > 1 else (pair.moved - pair.here)[:, None]
        sizes = gap.double().norm(dim=1)
        least = SAME * float(pair.here.abs().amax())
        order = [i for i in sizes.argsort(descending=True, stable=True).tolist() if float(sizes[i]) > least][: self.channels]
        found = []
        for i in order:
            part = pair.here.clone()
            part.select(axis, i).copy_(pair.moved.select(axis, i))
            found.append((i, part))
        return found

    def _shares(self, pair: ActivationPair, drop: LayerLoss, parts: Sequence[Tensor]) -> list[float]:
        """The share of the drop that each part brings back; what changes nothing is not asked."""
        least = SAME * float(pair.here.abs().amax())
        differ = [place for place, part in enumerate(parts) if float((part - pair.here).abs().amax()) > least]
        shares = [0.0] * len(parts)
        if differ:
            values, path = torch.stack([parts[place] for place in differ]), pair.layer.path
            logits = answers_with(self.classifier, drop.features, path, values, short=self._is_short(path))
            margins = answer_of(logits, torch.full((len(logits),), drop.label)).margin.tolist()
            for place, margin in zip(differ, margins, strict=True):
                shares[place] = round((margin - drop.here) / (drop.there - drop.here), DIGITS)
        return shares

    def _is_short(self, path: str) -> bool:
        """Tried on noise, so that it depends on the network alone."""
        if path not in self._short:
            noise = noise_of(self.classifier)
            given = self.classifier.activations(noise, [path])[path]
            self._short[path] = can_be_short(self.classifier, noise, path, torch.cat([given, given / 2]))
        return self._short[path]


def _spans(pair: ActivationPair, drop: LayerLoss) -> list[tuple[tuple[float, float], Tensor]]:
    """Equal parts of the word, each with the layer's outputs that have it from there; none without an axis of time."""
    time = pair.layer.time
    if time is None:
        return []
    axis = time.axis - 1
    frames = torch.arange(pair.here.shape[axis]).double()
    at_ms = (frames * float(time.stride) + time.origin) * drop.hop_ms
    start, end = drop.speech_ms
    edges = [start + (end - start) * i / SPANS for i in range(SPANS + 1)]
    shape = [-1 if place == axis else 1 for place in range(pair.here.ndim)]
    found = []
    for low, high in pairwise(edges):
        inside = (at_ms >= low) & (at_ms < high)
        if bool(inside.any()):
            found.append(((low, high), torch.where(inside.reshape(shape), pair.moved, pair.here)))
    return found
