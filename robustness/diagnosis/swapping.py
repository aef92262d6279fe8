"""What of the margin does a part of one layer bring back, taken from where the answer is right?

At one layer a span of time or a channel of what it gives there stands in for the same part of what it gives here, moved to where the word
is now; the rest of the network goes on from that. A share is the gain in margin over the drop, the margin there less the margin here. A
layer that follows the word gives nothing back: what it gives there is what it gives here. A whole layer without an axis of time would give
everything back, and says nothing; of such a layer channels alone are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor

from robustness.classifiers.classifier import Classifier
from robustness.diagnosis.equivariance import Pair
from robustness.diagnosis.layers import noise_of
from robustness.diagnosis.patching import answers_with, can_be_short
from robustness.trials import answer_of

SPANS: Final = 5  # parts of the word
CHANNELS: Final = 32  # of a layer that are tried at most, those that differ most
ALTOGETHER: Final = 96  # of all layers, but no fewer than `FEWEST` of each
FEWEST: Final = 4
NAMED: Final = 3  # of these that are kept
DIGITS: Final = 6  # of a share
SAME: Final = 1e-6  # of a layer's largest value: no difference


@dataclass(frozen=True, eq=False)
class Drop:
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

    def of(self, pair: Pair, drop: Drop) -> dict[str, Any]:
        """The shares of a layer's parts: `all` that both have, `spans`, the best `channels`; how many channels were tried, of how many."""
        spans, channels = _spans(pair, drop), self._channels(pair)
        count = pair.here.shape[pair.layer.channel_axis(pair.here.ndim + 1) - 1]
        parts = [pair.moved, *(part for _, part in spans), *(part for _, part in channels)]
        whole, *rest = self._shares(pair, drop, parts)
        by_span = [{"start_ms": low, "end_ms": high, "share": share} for ((low, high), _), share in zip(spans, rest, strict=False)]
        by_channel = [{"channel": i, "share": share} for (i, _), share in zip(channels, rest[len(spans) :], strict=True)]
        by_channel.sort(key=lambda one: -one["share"])
        return {
            "all": None if pair.layer.time is None else whole,
            "spans": by_span,
            "channels": by_channel[:NAMED],
            "tried": len(by_channel),
            "of": count,
        }

    @property
    def channels(self) -> int:
        """How many of a layer are tried at most."""
        return min(CHANNELS, max(FEWEST, ALTOGETHER // max(1, self.layers)))

    def _channels(self, pair: Pair) -> list[tuple[int, Tensor]]:
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

    def _shares(self, pair: Pair, drop: Drop, parts: Sequence[Tensor]) -> list[float]:
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


def _spans(pair: Pair, drop: Drop) -> list[tuple[tuple[float, float], Tensor]]:
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
