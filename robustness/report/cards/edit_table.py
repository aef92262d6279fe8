"""What was tried on a failing answer, as a table with a small curve a row: kind, sizes, share of the drop, control, side effect, answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markupsafe import Markup

from robustness.report.cards.restoration import size_text
from robustness.report.words import capital, number, percent
from robustness.run.restoration import FactorShares, RestoredAnswer, SideEffect, TriedEdit

WIDTH: Final = 74
HEIGHT: Final = 22
LOW, HIGH = -0.25, 1.25  # shares that a curve shows; beyond, it runs along its edge
PAD: Final = 4


class EditRow(NamedTuple):
    """One intervention in one variant."""

    does: str
    kind: str
    at: str
    best: str
    curve: Markup
    control: str
    side_effect: str
    answer: str
    restores: bool


@dataclass(frozen=True)
class Tried:
    """Everything tried in one variant.

    Attributes:
        variant: as the page calls it.
        drop: what the failing condition cost, in words.
        lines: the interventions, those that restore first.
        factors: what each factor is worth under combined conditions, in sentences.
        restoring: how many bring the answer back, in words.
    """

    variant: str
    drop: str
    lines: Sequence[EditRow]
    factors: Sequence[str]
    restoring: str


def tried(found: Mapping[str, RestoredAnswer], names: Mapping[str, str]) -> list[Tried]:
    """A table for each variant."""
    return [
        Tried(names[variant], _drop(facts), lines_of(facts), _factors(facts, names), _restoring(facts)) for variant, facts in found.items()
    ]


def _restoring(facts: RestoredAnswer) -> str:
    count = sum(one.restores_at is not None for one in facts.tried)
    return "none brings it back" if not count else f"{number(count)} {'brings' if count == 1 else 'bring'} it back"


def lines_of(facts: RestoredAnswer) -> list[EditRow]:
    """The interventions, those that restore first, of these the one that recovers most."""
    order = sorted(facts.tried, key=lambda one: (one.restores_at is None, -(one.best.share or 0), one.name))
    return [_line(attempt) for attempt in order]


def _line(attempt: TriedEdit) -> EditRow:
    at, best, control = attempt.restores_at, attempt.best, attempt.control
    return EditRow(
        does=capital(attempt.does),
        kind=attempt.kind,
        at="–" if at is None else size_text(attempt, at),
        best=f"{exact(best.share)} at {size_text(attempt, best.size)}",
        curve=edit_curve(attempt),
        control=f"{exact(control.share)}{', restores' if control.restores else ''}",
        side_effect=_side_effect(attempt.side_effect),
        answer=best.answer if attempt.draws == 1 else f"{best.answer} ({percent(best.right)} of {attempt.draws} draws right)",
        restores=at is not None,
    )


def exact(value: float | None) -> str:
    """A share of the loss as it is, below nothing and beyond all as well."""
    return "–" if value is None else f"{number(100 * value)}\u00a0%"


def _side_effect(turned: SideEffect | None) -> str:
    return "" if turned is None else f"{turned.wrong} of {turned.of}"


def _drop(facts: RestoredAnswer) -> str:
    drop, margin = facts.drop, f"margin {number(facts.margin, 2)}"
    if drop is None:
        return f"{margin}; no other answer says how much is missing"
    others = "of the good run" if drop.against == "good run" else "others that are right there"
    what = "where it is accepted" if drop.against == "counterpart" else f"for the median of {drop.others} {others}"
    return f"{margin}, {number(drop.wanted, 2)} {what}: a loss of {number(drop.logits, 2)} logits"


def edit_curve(attempt: TriedEdit) -> Markup:
    """The share recovered by size, mild to strong, both directions from the middle; a large dot restores, a small one does not."""
    tried_sizes = sorted(attempt.tried_sizes, key=lambda tried_size: tried_size.size)
    if attempt.unshared:
        return Markup("")
    if not any(tried_size.size < 0 < other.size for tried_size in tried_sizes for other in tried_sizes):
        tried_sizes = list(attempt.tried_sizes)
    step = (WIDTH - 2 * PAD) / max(1, len(tried_sizes) - 1)
    points = [
        (PAD + i * step if len(tried_sizes) > 1 else WIDTH / 2, _y(tried_size.share or 0.0)) for i, tried_size in enumerate(tried_sizes)
    ]
    line = "L".join(_at(*point) for point in points)
    dots = "".join(f"M{_at(*point)}h0" for point, one in zip(points, tried_sizes, strict=True) if not one.restores)
    good = "".join(f"M{_at(*point)}h0" for point, one in zip(points, tried_sizes, strict=True) if one.restores)
    label = ", ".join(f"{size_text(attempt, tried_size.size)} {exact(tried_size.share)}" for tried_size in tried_sizes)
    drawn = {"frame": f"M0 {_y(0):.3g}h{WIDTH}M0 {_y(1):.3g}h{WIDTH}", "line": f"M{line}", "no": dots, "yes": good}
    paths = Markup("").join(Markup('<path class="{}" d="{}"/>').format(name, d) for name, d in drawn.items() if d)
    head = Markup('<svg class="sizes" width="{}" height="{}" role="img"><title>{}</title>').format(WIDTH, HEIGHT, label)
    return head + paths + Markup("</svg>")


def _at(x: float, y: float) -> str:
    """A point of a path, in a tenth of a pixel: a page has thousands."""
    return f"{x:.3g} {y:.3g}"


def _y(value: float) -> float:
    inside = min(HIGH, max(LOW, value))
    return HEIGHT - (inside - LOW) / (HIGH - LOW) * HEIGHT


def _factors(facts: RestoredAnswer, names: Mapping[str, str]) -> list[str]:
    return [_accounted(one, names) for one in facts.shares]


def _accounted(one: FactorShares, names: Mapping[str, str]) -> str:
    """A failing condition that differs in several ways, and what each is worth."""
    where, drop = one.condition, one.drop
    lost = where.lost_start_ms + where.lost_end_ms
    notes = [f"a lead of {number(where.offset_ms)} ms"]
    notes += ["padded with the recording's background level"] if where.fill != "zeros" else []
    notes += [f"{number(lost)} ms of speech lost"] if lost else []
    worth = " and ".join(
        f"{name} accounts for {exact(value / drop)}" for name, value in sorted(one.values.items(), key=lambda item: -item[1])
    )
    left = "".join(f"; {' with '.join(some)} alone as where it is accepted cannot be made and is left out" for some in one.left_out)
    text = f"At {', '.join(notes)}, recognised as {one.answer}: of the loss of {number(drop, 1)} logits"
    return f"{text} to {names[where.against]} at the reference, {worth}{left}."
