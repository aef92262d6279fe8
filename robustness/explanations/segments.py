"""What does each 100 ms of a window add to a target? Exact Shapley values of segments, from f(baseline) to f(x)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from robustness.attributions.base import Relevance
from robustness.attributions.methods.shapley import Shapley
from robustness.explanations.maps import MapRequest, RelevanceMap, maps_of
from robustness.frontends.base import Frontend
from robustness.models.classifier import Classifier
from robustness.run.evidence import SegmentValues

SEGMENT_MS: Final = 100.0
SEGMENTS: Final = 10  # 1,024 passes


@dataclass(frozen=True)
class SegmentShare:
    """The share of one segment of f(x) − f(baseline), on one variant and for one target; in logits, its edges in ms."""

    variant: str
    target: str
    baseline: float
    value: float
    start_ms: float
    end_ms: float
    share: float


def method_for(classifier: Classifier) -> Shapley:
    """Segments of 100 ms, longer ones in a long window."""
    window_ms = classifier.frame.samples * 1000 / classifier.frame.rate_hz
    return Shapley(segments=max(1, min(SEGMENTS, round(window_ms / SEGMENT_MS))))


def segment_maps(request: MapRequest, made: Sequence[RelevanceMap] = ()) -> list[RelevanceMap]:
    """The values of segments on every variant and for every target.

    Args:
        request: what is explained.
        made: maps; those by the same method over as many segments are not made again.
    """
    method = method_for(next(iter(request.classifiers.values())))
    known = [one for one in made if one.method == method]
    every = len(request.classifiers) * len(request.targets)
    return known if len(known) == every else maps_of(request, [method])


def segment_shares(maps: Sequence[RelevanceMap]) -> list[SegmentShare]:
    """A row a segment, variant and target."""
    return [share for one in maps for share in _shares(one)]


def _shares(one: RelevanceMap) -> list[SegmentShare]:
    asked, relevance = one.asked, one.relevance
    if relevance.parts is None:
        return []
    frame = asked.classifier.frame
    start, end = (float(asked.target.score(asked.classifier.logits_from(x))[0]) for x in (asked.baseline, asked.features))
    edges = [*edges_ms(asked.classifier.frontend, relevance.settings["frame_edges"])[:-1], frame.samples * 1000 / frame.rate_hz]
    shares = relevance.parts[0].sum(1).tolist()
    return [
        SegmentShare(one.variant, one.name, start, end, first, last, share)
        for first, last, share in zip(edges, edges[1:], shares, strict=False)
    ]


def segment_values(request: MapRequest, worst: str) -> SegmentValues:
    """For a card: what each segment adds to its one target, on every variant; the values of each sum to its f(x) − f(silence).

    Args:
        request: of one target.
        worst: the variant whose picture gives the edges.
    """
    found = {one.variant: one.relevance for one in segment_maps(request)}
    return SegmentValues(
        edges_ms=edges_ms(request.classifiers[worst].frontend.picture, found[worst].settings["frame_edges"]),
        values={name: values_of(one) for name, one in found.items()},
        change={name: float(one.change[0]) for name, one in found.items()},
        passes={name: one.passes for name, one in found.items()},
    )


def values_of(relevance: Relevance) -> tuple[float, ...]:
    """The values of segments of one clip."""
    parts: Tensor | None = relevance.parts
    return () if parts is None else tuple(parts[0, :, 0].tolist())


def edges_ms(frontend: Frontend, edges: object) -> tuple[float, ...]:
    """Edges of segments, from frames to ms."""
    return tuple(edge * frontend.hop_ms for edge in edges) if isinstance(edges, list) else ()
