"""Where in the network it stops following the word: sentences and a table from the numbers of `robustness.explanations.word_tracking`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from robustness.report.figures import Table
from robustness.report.words import listed, number, percent
from robustness.run.evidence import LayerError, LayerTracking, PatchedLayer, SpanShare, TrackedLayer

Names = Mapping[str, str]
NamedPatch = tuple[str, PatchedLayer]
FEATURES: Final = "features"  # the first row: what the network hears
JUMP: Final = 0.2  # by which a layer's error exceeds that of every layer before: there it stops following
ALIKE: Final = 0.02  # of an error: what is said to be the same
NOTHING: Final = 0.005  # a share that is 0 % when it is rounded
LEAST: Final = 0.05  # a share that is worth a sentence
UNKNOWN: Final = "–"
UNHEARD: Final = LayerError(None, None, None)
READING: Final = (
    "Error: ‖A(here) moved − A(there)‖ / ‖A(there) − A(silence)‖ of what a layer gives, over the frames that both leads have; 0 follows "
    "the word exactly, 1 is as far off as if there were none. Another word: the same for other recordings at that lead. By position: the "
    "layer has no axis of time, and nothing is moved. Outside: the share of what the layer says of the word there that lies in frames "
    "which the window here has not. Brings back: the share of the loss of margin that comes back if a part of what the layer gives there "
    "stands in for that part here, moved with the word: all that both have, the best fifth of the word, the best channels, each alone. A "
    "layer that follows has nothing to bring back."
)


class Followed(NamedTuple):
    """What a page says: a heading of a few words, sentences, a table, and how to read it."""

    heading: str
    lines: Sequence[str]
    table: Table
    reading: str


def followed(facts: LayerTracking | None, names: Names) -> Followed | None:
    """What is said of the layers; None where nothing is known.

    Args:
        facts: from `Following.of`.
        names: how the page calls each variant, in its order.
    """
    if not facts or len(facts.layers) < 2:
        return None
    stop = stop_of(facts, facts.variant)
    heading = f"it stops following the word at {stop}" if stop else "no layer stops following the word"
    follows = [_stops(facts, stop, names), *_others(facts, stop, names), *_grid(facts)]
    paragraphs = [" ".join(lines) for lines in (follows, [*_outside(facts), *_brought(facts, names)]) if lines]
    return Followed(heading, paragraphs, table_of(facts, names), READING)


def stop_of(facts: LayerTracking, variant: str) -> str | None:
    """The first layer whose error jumps, in a variant; None where none does."""
    most = 0.0
    for name, error in _errors(facts, variant).items():
        if error >= most + JUMP:
            return name
        most = max(most, error)
    return None


def _errors(facts: LayerTracking, variant: str) -> dict[str, float]:
    """The error of each layer that has one, in a variant."""
    found = {row.layer: row.variants.get(variant, UNHEARD).error for row in facts.layers}
    return {name: error for name, error in found.items() if error is not None}


def _row(facts: LayerTracking, layer: str) -> TrackedLayer:
    return next(row for row in facts.layers if row.layer == layer)


def _stops(facts: LayerTracking, stop: str | None, names: Names) -> str:
    """Where the variant that fails stops following."""
    variant = facts.variant
    errors, between = _errors(facts, variant), f"between leads of {number(facts.here_ms)} and {number(facts.there_ms)} ms"
    if stop is None:
        most = max(errors, key=lambda name: errors[name], default=None)
        rest = "" if most is None else f": the largest is {number(errors[most], 2)}, at {most}"
        return f"In {names[variant]}, {between}, no layer’s error jumps{rest}."
    before = list(errors)[: list(errors).index(stop)]
    row = _row(facts, stop)
    floor = row.variants[variant].floor
    beside = "" if floor is None else f"; another word is {number(floor, 2)} off"
    position = " It has no axis of time: what it hears lies by position." if row.stride_ms is None else ""
    if not before:
        return f"What {names[variant]} hears {between} differs itself: an error of {number(errors[stop], 2)}{beside}."
    most_before = number(max(errors[name] for name in before), 2)
    up_to = f"up to {before[-1]} it follows the word (error {most_before} at most)"
    return f"In {names[variant]}, {between}, {up_to}; at {stop} it stops: {number(errors[stop], 2)}{beside}.{position}"


def _others(facts: LayerTracking, stop: str | None, names: Names) -> list[str]:
    """Whether the other variants do the same."""
    own = _errors(facts, facts.variant)
    lines = []
    for variant in (name for name in names if name != facts.variant):
        errors, other = _errors(facts, variant), stop_of(facts, variant)
        gaps = {name: abs(errors[name] - own[name]) for name in own if name in errors}
        if not gaps:
            continue
        most = max(gaps, key=lambda name: gaps[name])
        same = "does the same" if other == stop else f"stops at {other}" if other else "stops at none"
        if gaps[most] <= ALIKE:
            lines.append(f"{names[variant]} {same}: no error differs by more than {number(max(0.01, gaps[most]), 2)}.")
        else:
            lines.append(f"{names[variant]} {same}; they differ most at {most}: {number(errors[most], 2)} against {number(own[most], 2)}.")
    return lines


def _outside(facts: LayerTracking) -> list[str]:
    """What of the word lies outside of the window, in the layer that loses most."""
    lost = {row.layer: row.variants.get(facts.variant, UNHEARD).lost or 0.0 for row in facts.layers}
    most = max(lost, key=lambda name: lost[name])
    if lost[most] < LEAST:
        return []
    return [f"Of what {most} says of the word there, {percent(lost[most])} lies in frames that the window here has not."]


def _brought(facts: LayerTracking, names: Names) -> list[str]:
    """What parts of layers bring back."""
    rows = [(row.layer, row.patched) for row in facts.layers if row.patched is not None]
    lines = [*_whole(rows), *_alone(rows)]
    return [f"Put into {names[facts.variant]}, {'; '.join(lines)}."] if lines else []


def _whole(rows: Sequence[NamedPatch]) -> list[str]:
    """All that both have of the layers with an axis of time, and the best span."""
    shares = {layer: patched.all for layer, patched in rows if patched.all is not None}
    if not shares:
        return []
    best = max(shares, key=lambda layer: shares[layer])
    give, share = f"what {listed(list(shares), 6)} {'gives' if len(shares) == 1 else 'give'} there", shares[best]
    if share < LEAST:
        lines = [f"{give}, moved with the word, brings back {'nothing' if share < NOTHING else f'{percent(share)} of the margin at most'}"]
    else:
        lines = [f"of {give}, moved with the word, {best} brings back most: {percent(share)} of the margin"]
    spans = [(layer, span) for layer, patched in rows if patched.all is not None for span in patched.spans if span.share >= LEAST]
    top = max(spans, key=lambda found: found[1].share, default=None)
    return [*lines, *([] if top is None else [f"its best span is {_ms(top[1])} in {top[0]}, {percent(top[1].share)}"])]


def _alone(rows: Sequence[NamedPatch]) -> list[str]:
    """The layer whose channels bring back most."""
    found = [(layer, patched.channels) for layer, patched in rows if patched.channels]
    best, channels = max(found, key=lambda row: row[1][0].share, default=("", ()))
    named = [f"{one.channel} ({percent(one.share)})" for one in channels if one.share >= LEAST]
    return [f"of single channels those of {best} bring back most: {listed(named)}"] if named else []


def _grid(facts: LayerTracking) -> list[str]:
    if facts.whole:
        return []
    return ["No right lead near is a whole number of every layer’s frames away: a part of each error is the frames’ grid."]


def _best_span(patched: PatchedLayer) -> SpanShare | None:
    return max(patched.spans, key=lambda span: span.share, default=None)


def _ms(span: SpanShare) -> str:
    return f"{number(span.start_ms)}–{number(span.end_ms)} ms"


def table_of(facts: LayerTracking, names: Names) -> Table:
    """A row a layer; no column for other words where none were heard."""
    rows = [row for row in facts.layers if not facts.wanted or row.layer in (FEATURES, *facts.wanted)]
    mine = [row.variants.get(facts.variant, UNHEARD) for row in rows]
    columns: dict[str, Sequence[str]] = {
        "layer": [row.layer for row in rows],
        "frames": [_every(row.stride_ms) for row in rows],
        **{f"error, {short}": [_number(row.variants.get(name, UNHEARD).error) for row in rows] for name, short in names.items()},
        "another word": [_number(one.floor) for one in mine],
        "outside": [UNKNOWN if one.lost is None else percent(one.lost) for one in mine],
        **dict(zip(("brings back", "best span", "best channels"), zip(*(_parts(row.patched) for row in rows), strict=True), strict=True)),
    }
    if all(one.floor is None for one in mine):
        del columns["another word"]
    return Table("Where in the network it stops following the word", list(columns), list(zip(*columns.values(), strict=True)))


def _every(stride_ms: float | None) -> str:
    if stride_ms is None:
        return "by position"
    return f"{number(stride_ms, 0 if stride_ms % 1 == 0 else 1)} ms"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else number(value, 2)


def _parts(patched: PatchedLayer | None) -> list[str]:
    """What the layer, its best span and its best channels bring back."""
    if patched is None:
        return [UNKNOWN] * 3
    whole = UNKNOWN if patched.all is None else percent(patched.all)
    best = _best_span(patched)
    span = UNKNOWN if best is None else f"{_ms(best)}: {percent(best.share)}" if best.share >= LEAST else f"none over {percent(LEAST)}"
    named = [f"{one.channel}: {percent(one.share)}" for one in patched.channels if one.share >= LEAST]
    tried = "" if patched.tried == patched.of else f" ({patched.tried} of {patched.of} tried)"
    if not patched.tried:
        return [whole, span, "none differs"]
    return [whole, span, f"{', '.join(named) if named else f'none over {percent(LEAST)}'}{tried}"]
