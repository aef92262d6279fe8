"""Which kind of edit may be said to restore an answer?

A kind is *named* where all of these hold; else the edits that restore are listed, and none of them is put before the others.

1. One of its edits restores the answer, and a little beyond that size as well.
2. That edit recovers at least half of the drop.
3. That is at least twice the share of the next kind, and at least twice what any sham recovered: a sham leaves the factor as it was, so
   what shams recover is what this answer does by itself. Shares count up to the whole drop.
4. Its own sham does not restore the answer.
5. The drop is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from robustness.diagnosis.trying import Attempt
from robustness.interventions.base import Kind

Verdict = Literal["named", "several", "one", "none"]
HALF: Final = 0.5  # of the drop
TWICE: Final = 2.0


@dataclass(frozen=True)
class Naming:
    """What may be said.

    Attributes:
        verdict: `named`; `several` edits restore the answer; `one` does, without what it takes to be named; `none` of those tried does.
        kind: what is named.
        by: the edit of that kind to speak of.
        share: of the drop that it recovers.
        next_kind: the kind that recovers most after it.
        next_share: what that recovers.
        restoring: every edit that restores the answer.
    """

    verdict: Verdict
    kind: Kind | None
    by: str | None
    share: float | None
    next_kind: Kind | None
    next_share: float | None
    restoring: tuple[str, ...]


def name(tried: Sequence[Attempt]) -> Naming:
    """The verdict on everything tried on one failing answer."""
    restoring = tuple(attempt.name for attempt in tried if attempt.restores_at is not None)
    verdict: Verdict = "several" if len(restoring) > 1 else "one" if restoring else "none"
    best = leading(tried)
    if best is None or best.best.share is None:
        return Naming(verdict, None, None, None, None, None, restoring)
    others = {other.kind: counted(max(_shares(tried, other.kind))) for other in tried if other.kind != best.kind}
    next_kind = max(others, key=lambda kind: others[kind], default=None)
    next_share = others[next_kind] if next_kind is not None else 0.0
    share, by_itself = counted(best.best.share), max((counted(attempt.sham.share) for attempt in tried), default=0.0)
    if share >= HALF and share >= TWICE * next_share and share >= TWICE * by_itself:
        return Naming("named", best.kind, best.name, best.best.share, next_kind, next_share, restoring)
    return Naming(verdict, None, None, None, next_kind, next_share, restoring)


def leading(tried: Sequence[Attempt]) -> Attempt | None:
    """The edit to speak of: it restores, its sham does not, and its kind recovers most.

    Of several edits of that kind that recover half of the drop, the one that is not random: it is tried as it is said.
    """
    eligible = [attempt for attempt in tried if attempt.restores_at is not None and not attempt.sham.restores]
    most = max(eligible, key=lambda attempt: counted(attempt.best.share), default=None)
    alike = [attempt for attempt in eligible if most is not None and attempt.kind == most.kind]
    return max(alike, key=lambda one: (counted(one.best.share) >= HALF, -one.draws, counted(one.best.share)), default=None)


def counted(share: float | None) -> float:
    """A share between nothing and the whole drop."""
    return 0.0 if share is None else min(1.0, max(0.0, share))


def _shares(tried: Sequence[Attempt], kind: Kind) -> list[float]:
    return [counted(attempt.share) for attempt in tried if attempt.kind == kind]
