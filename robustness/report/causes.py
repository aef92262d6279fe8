"""What was tried on the failing recordings restores which of them? The page's "why", and the groups of failures by tested cause.

A recording is counted once, in the variant in which it fails worst. Loads no torch.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from markupsafe import Markup
from pandas import DataFrame

from robustness.report.view import View
from robustness.report.words import listed, number
from robustness.run.explained import read_explained

DOES: Final = {
    "placement": "moving the word",
    "padding": "filling the padding",
    "level": "another level",
    "noise": "adding or removing noise",
    "band": "another filter",
    "speed": "another speed",
    "precision": "computing in float",
    "distortion": "mending clicks and clipping",
    "output": "making rejections less likely",
}
CAUSES: Final = {
    "placement": "Position",
    "padding": "The padding",
    "level": "Level",
    "noise": "Noise",
    "band": "The band",
    "speed": "Speed",
    "precision": "Numeric precision",
    "distortion": "Clicks or clipping",
    "output": "A lean towards the rejections",
}


MOSTLY: Final = "by nothing that was tried, but one kind of edit regains most of their loss"
MOST_KINDS: Final = 3  # of edits, that are told beside the one that restores most


@dataclass(frozen=True)
class FailureCause:
    """Failing recordings that the same restores.

    Attributes:
        kind: of edit; empty where none is named.
        heading: what restores them, or that nothing stands out.
        short: the same as a part of a sentence.
        recordings: ids, the worst first.
    """

    kind: str
    heading: str
    short: str
    recordings: tuple[str, ...]


@lru_cache(maxsize=4)
def explained(view: View) -> DataFrame | None:
    """A row a failing recording: its worst variant's verdict, the worst first; None where the run does not hold it."""
    table = read_explained(view.run.evidence)
    if table is None or table.empty:
        return None
    there = table[table["recording"].isin(view.recordings.index)]
    return there.sort_values("margin", kind="stable").drop_duplicates("recording").reset_index(drop=True)


def why(view: View) -> list[Markup]:
    """Which kinds of edit restore failing takes, alone, each counted over all of them."""
    table = explained(view)
    if table is None:
        return []
    asked, counts = len(table), _counted(table)
    kinds = sorted(counts, key=lambda kind: (-counts[kind], kind))
    if not kinds or not counts[kinds[0]]:
        whom = "the one take that fails" if asked == 1 else f"any of the {asked} takes that fail"
        return [Markup("Nothing that was tried restores {} in some test.").format(whom)]
    most, rest = kinds[0], [kind for kind in kinds[1:] if counts[kind]]
    clear = 2 * max((counts[kind] for kind in rest), default=0) <= counts[most]
    does = _does(most, clear)
    name = f"{CAUSES.get(most, most.capitalize())}: " if clear else ""
    first = Markup("{}{} alone restores {}").format(name, does, _of_takes(counts[most], asked))
    others = [
        f"{_does(kind, True)}{' restores' if place == 0 else ''} {number(counts[kind])}" for place, kind in enumerate(rest[:MOST_KINDS])
    ]
    return [first + (f"; {listed(others, MOST_KINDS)}" if others else "") + "."]


def _counted(table: DataFrame) -> dict[str, int]:
    """How many takes each kind of edit that was tried brings back."""
    counts: Counter[str] = Counter()
    for row in table.itertuples():
        restored = _split(row.restoring_kinds)
        for kind in _split(row.tried_kinds):
            counts[kind] += kind in restored
    return dict(counts)


def _split(joined: Any) -> list[str]:
    return [kind for kind in str(joined).split(", ") if kind]


def _does(kind: str, inside: bool) -> str:
    words = DOES.get(kind, kind)
    return words if inside else words.capitalize()


def _of_takes(count: int, asked: int) -> str:
    if asked == 1:
        return "the one take that fails in some test"
    if count == asked:
        return f"all {number(asked)} takes that fail in some test"
    return f"{number(count)} of the {number(asked)} takes that fail in some test"


def causes(view: View) -> list[FailureCause]:
    """The failing recordings in groups, each in one, the largest first; those without a named cause at the end."""
    table = explained(view)
    if table is None:
        return []
    named = table[table["verdict"] == "named"]
    found = [_named(kind, named[named["kind"] == kind]) for kind in sorted(set(named["kind"].astype(str)))]
    found.sort(key=lambda cause: -len(cause.recordings))
    paired = (table["verdict"] == "none") & table["pair"].notna()
    rest = (
        (table["verdict"] == "several", "Several: edits of more than one kind restore", "by edits of several kinds"),
        (table["verdict"] == "one", "Not sure: one edit restores, and its control may as well, for", "by one edit that does not stand out"),
        (table["verdict"] == "most", "Mostly: no edit restores, and one kind regains most of the loss, for", MOSTLY),
        (paired, "Two together: no edit alone, but a pair restores", "by two edits together"),
        ((table["verdict"] == "none") & ~paired, "Not explained: nothing that was tried restores", "by nothing that was tried"),
    )
    return found + [FailureCause("", heading, short, _ids(table[rows])) for rows, heading, short in rest if rows.any()]


def _named(kind: str, rows: DataFrame) -> FailureCause:
    does = _does(kind, True)
    return FailureCause(kind, f"{CAUSES.get(kind, kind.capitalize())}: {does} restores", f"by {does}", _ids(rows))


def _ids(rows: DataFrame) -> tuple[str, ...]:
    return tuple(rows["recording"].astype(str))


def in_one_line(found: list[FailureCause]) -> str:
    """Which cause has how many: `12 recordings fail: 10 are restored by moving the word, 2 by edits of several kinds.`."""
    total = sum(len(cause.recordings) for cause in found)
    first, *rest = found
    verb = "fails" if total == 1 else "fail"
    is_are = "is" if len(first.recordings) == 1 else "are"
    tail = "".join(f", {number(len(cause.recordings))} {cause.short}" for cause in rest)
    count = "it" if total == 1 else number(len(first.recordings))
    return f"{number(total)} recording{'' if total == 1 else 's'} {verb}: {count} {is_are} restored {first.short}{tail}."
