"""What a failure's card shows first: what happens, the probability over the failing condition's axis, what brings the word back.

Everything is read from the trials and from what was tried on that very recording. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from markupsafe import Markup
from pandas import DataFrame

from robustness.analysis.outcomes import FALSE_ACCEPT, GOOD, LEFT_ALONE, MISSED, SUBSTITUTED
from robustness.report.cards.figures import CardFigures
from robustness.report.cards.noise import preposition
from robustness.report.cards.restoration import size_text, tried_on
from robustness.report.drawing import Curve, PlotFrame, PlotPoint, PlotText, round_ticks
from robustness.report.view import Variant
from robustness.report.words import NO_BREAK, capital, condition_name, listed, number, percent
from robustness.run.evidence import VariantAnswer
from robustness.run.restoration import RestoredAnswer, TriedEdit

SIZES: Final = {"on-wide": (1040, 230), "on-narrow": (350, 200)}  # in pixels; the page shows the one that it has room for
PX_A_TICK: Final = 70
MOST_BARS: Final = 6
LEAST_SHARE: Final = 0.005  # of the loss; less is nothing
HAPPENS: Final = {
    MISSED: "is missed",
    SUBSTITUTED: "triggers another command",
    FALSE_ACCEPT: "is acted on, and is no command",
}


class Bar(NamedTuple):
    """An edit's share of the loss, as a bar."""

    does: str
    width: float  # percent of the longest
    share: str
    kind: str  # back, some or control


class AxisCurve(NamedTuple):
    """The answers along the failing condition's axis: their rows, the column that is drawn, and both in words."""

    rows: DataFrame
    column: str
    axis: str
    caption: str


class Player(NamedTuple):
    """A sound that the card plays."""

    id: str
    text: str


@dataclass(frozen=True)
class CardOpening:
    """What stands before a card's folds."""

    title: str
    model: str
    unusual: str
    players: list[Player]
    curve: Markup | None
    caption: str
    bars: list[Bar]
    not_these: str
    costs: str


def opening(card: CardFigures) -> CardOpening:
    """The opening of a failure's card."""
    worst = _worst(card)
    attempts = _attempts(card, worst)
    curve, caption = _curve(card)
    return CardOpening(
        title=title(card),
        model=model_line(card),
        unusual=_unusual(card),
        players=_players(card),
        curve=curve,
        caption=caption,
        bars=_bars(attempts),
        not_these=_nothing(attempts),
        costs=_costs(attempts),
    )


def title(card: CardFigures) -> str:
    """`“four” is missed when it begins at 0 ms`."""
    facts, view = card.facts, card.view
    answer = _worst(card)[1]
    does = HAPPENS.get(outcome_of(card, answer), "fails")
    if does == HAPPENS[SUBSTITUTED]:
        does = f"triggers “{answer.predicted}”"
    if does == HAPPENS[FALSE_ACCEPT]:
        does = f"is acted on as “{answer.predicted}”"
    if view.is_noisy(facts.condition):
        where = f"{preposition(view, facts.condition)} {condition_name(facts.condition, view.kinds)}"
    else:
        where = f"when the recording begins at {number(facts.offset_ms)}{NO_BREAK}ms"
    return f"“{facts.word}” {does} {where}"


def outcome_of(card: CardFigures, answer: VariantAnswer) -> str:
    """The outcome of an answer, also of runs that called every good one `right`."""
    if answer.outcome in HAPPENS or answer.outcome in GOOD:
        return answer.outcome
    if answer.outcome != "right":
        return MISSED
    return LEFT_ALONE if card.facts.label in card.view.first.point.rejections else "accepted right"


def _worst(card: CardFigures) -> tuple[Variant, VariantAnswer]:
    """The variant that fails worst here, and its answer."""
    return next(((v, a) for v, a in card.answers if v.name == card.facts.worst_variant), card.answers[0])


def model_line(card: CardFigures) -> str:
    """What the network answers here, once where variants agree, and what was needed."""
    label = card.facts.label
    said: dict[str, list[str]] = {}
    for variant, answer in card.answers:
        own = "" if answer.predicted == label else f", {label} {percent(answer.p_label)}"
        said.setdefault(answer.predicted, []).append(f"{answer.predicted} {percent(answer.p_predicted)}{own} ({variant.short})")
    alike = len(said) == 1
    first = card.answers[0][1]
    own = "" if first.predicted == label else f", {label} {percent(first.p_label)}"
    names = [variant.short for variant, _ in card.answers]
    if alike:
        who = f"; {listed(names, 6)} alike" if len(names) > 1 else ""
        text_ = f"{first.predicted} {percent(first.p_predicted)}{own}{who}"
    else:
        text_ = "; ".join(parts[0] for parts in said.values())
    return f"Model: {text_}. {_needed(card)}"


def _needed(card: CardFigures) -> str:
    label, point = card.facts.label, card.view.first.point
    if label in point.rejections:
        return "Needed: no command, or one under its threshold."
    needed = point.threshold_of(label)
    return f"Needed: {label} ≥ {percent(needed)}." if needed is not None else f"Needed: {label} as the winning label."


def _unusual(card: CardFigures) -> str:
    """Where the word begins in the window here, beside where accepted words begin."""
    facts, view = card.facts, card.view
    if view.is_noisy(facts.condition):
        return ""
    spans = view.recordings["speech_start_ms"]
    clean = view.of(view.first, view.clean)
    good = clean[clean["outcome"].isin(GOOD)]
    begins = [float(offset) + float(spans[str(name)]) for name, offset in zip(good["recording"], good["offset_ms"], strict=True)]
    here = facts.speech_ms[0]
    if len(begins) < 2 or min(begins) <= here <= max(begins):
        return ""
    span = f"{number(min(begins))}–{number(max(begins))}{NO_BREAK}ms"
    return f"Unusual about this take: the word begins {number(here)}{NO_BREAK}ms into the window ({len(begins)} good takes: {span})."


def _players(card: CardFigures) -> list[Player]:
    found = []
    if card.sound is not None:
        found.append(Player(f"{card.id}-sound", "as it fails"))
    if card.facts.before_sound is not None and (card.view.run.evidence / card.facts.before_sound).exists():
        found.append(Player(f"{card.id}-before-sound", "with what sounded before the window"))
    other = card.facts.counterpart
    if other is not None and (card.view.run.evidence / f"{card.id}-counterpart.wav").exists():
        places = {"start": "at the start", "center": "in the middle", "end": "at the end"}
        quiet = card.view.is_noisy(card.facts.condition)
        where = "undisturbed" if quiet else places.get(other.placement, f"at {number(other.offset_ms)} ms")
        found.append(Player(f"{card.id}-counterpart-sound", f"{where}: {_there(card)}"))
    return found


def _there(card: CardFigures) -> str:
    """How the same recording is answered at its good place."""
    label, rejections = card.facts.label, card.view.first.point.rejections
    chances = [answer.probabilities["counterpart"].get(label) for _, answer in card.answers if "counterpart" in answer.probabilities]
    known = [float(p) for p in chances if p is not None]
    word = "left alone" if label in rejections else "accepted"
    return f"{word}, {percent(min(known))}" if known else word


def _curve(card: CardFigures) -> tuple[Markup | None, str]:
    """The probability of the label, or of the best command where there should be none, over the failing condition's axis."""
    rows, axis = _rows(card)
    if rows.empty or rows["level"].nunique() < 2:
        return None, ""
    facts, view = card.facts, card.view
    command = facts.label in view.first.point.rejections
    column = "p_command" if command else "p_label"
    if column not in rows or rows[column].isna().all():
        return None, ""
    what = "the likeliest command" if command else f"“{facts.label}”"
    who = listed([variant.short for variant in view.variants], 6)
    curve = AxisCurve(rows, column, axis, f"Probability of {what} over {axis}")
    return Markup("").join(_drawing(card, curve, name) for name in SIZES), f"{curve.caption} ({who})."


def _drawing(card: CardFigures, curve: AxisCurve, name: str) -> Markup:
    """The curve in one of the two sizes."""
    facts, view, rows, column = card.facts, card.view, curve.rows, curve.column
    levels = sorted(set(rows["level"]))
    frame = PlotFrame(*SIZES[name], (levels[0], levels[-1]), (0, 100), left=44)
    parts = [frame.ticks(round_ticks(*frame.x, frame.width // PX_A_TICK), [0, 25, 50, 75, 100], curve.axis, " %")]
    if not view.is_noisy(facts.condition) and levels[0] < 0:
        parts.insert(0, frame.area(levels[0], 0, "veil"))
    medians = [view.of(variant, rows).groupby("level")[column].median().reindex(levels) for variant in view.variants]
    curves: list[Curve] = [(levels, (100 * mine).tolist()) for mine in medians]
    needed = view.first.point.threshold if column == "p_command" else view.first.point.threshold_of(facts.label)
    dots, texts = _marks(card, frame, curve, curves)
    if needed is not None:
        parts.append(frame.line(frame.x, [100 * needed] * 2, "needed"))
        ends = ((frame.at(frame.x[1], 0).x - 4, "tick end"), (frame.at(frame.x[0], 0).x + 4, "tick"))
        height, words = frame.at(0, 100 * needed).y, f"accepted from {percent(needed)}"
        choices = [PlotText(PlotPoint(x, height + up), words, name) for x, name in ends for up in (-5, 13)]
        parts.append(frame.free(choices, curves, texts).drawn)
    for variant, drawn in reversed(list(zip(view.variants, curves, strict=True))):
        parts.append(frame.line(*drawn, f"variant v{variant.mark}"))
    return frame.drawn(f"{curve.caption}.", *parts, *dots, *(one.drawn for one in texts), name=name)


def _rows(card: CardFigures) -> tuple[DataFrame, str]:
    """The answers along the failing condition's axis, and what that is."""
    facts, view = card.facts, card.view
    if not view.is_noisy(facts.condition):
        rows = view.atlas
        return rows[rows["recording"] == facts.recording], "silence before the recording (lead), ms"
    kind = view.kinds[facts.condition.perturbation]
    rows = view.trials.gathered(lambda part: part[part["recording"] == facts.recording], perturbation=kind.name)
    finite = rows[rows["level"].abs() < float("inf")]
    return finite[finite["placement"] == facts.condition.placement], f"{kind.axis}, {kind.unit}"


def _marks(card: CardFigures, frame: PlotFrame, curve: AxisCurve, curves: Sequence[Curve]) -> tuple[list[Markup], list[PlotText]]:
    """Where it fails, and from where on it does not: dots and their texts."""
    facts, view, rows, column = card.facts, card.view, curve.rows, curve.column
    noisy = view.is_noisy(facts.condition)
    here = float(facts.condition.level or 0.0) if noisy else facts.offset_ms
    mine = view.of(_worst(card)[0], rows).groupby("level")[column].median()
    if mine.empty:
        return [], []
    nearest = min(mine.index, key=lambda level: abs(level - here))
    dots = [frame.dot(here, 100 * float(mine[nearest]), "mark bad")]
    texts = [frame.beside(here, 100 * float(mine[nearest]), f"here: {percent(float(mine[nearest]))}", "name bad", curves=curves)]
    flip = None if noisy else _worst(card)[1].restored_at_ms
    if flip is not None and frame.x[0] <= flip <= frame.x[1]:
        height = 100 * float(np.interp(flip, mine.index, mine))  # found to 1 ms, between the leads of the curve
        dots.append(frame.dot(flip, height, "mark good"))
        texts.append(frame.beside(flip, height, f"good from {number(flip)}{NO_BREAK}ms", "name", curves=curves, others=texts))
    return dots, texts


def _attempts(card: CardFigures, worst: tuple[Variant, VariantAnswer]) -> list[TriedEdit]:
    """What was tried on the worst variant, what regains most first."""
    found: dict[str, RestoredAnswer] = tried_on(card.view, card.id)
    facts = found.get(worst[0].name) or next(iter(found.values()), None)
    return [] if facts is None else sorted(facts.tried, key=lambda one: (one.restores_at is None, -(one.best.share or 0.0), one.name))


def _bars(attempts: list[TriedEdit]) -> list[Bar]:
    """The edits that regain most, and the control of the first."""
    shown = [one for one in attempts if (one.best.share or 0.0) > LEAST_SHARE or one.restores_at is not None][:MOST_BARS]
    if not shown:
        return []
    control = shown[0]
    longest = max([1.0, *(one.best.share or 0.0 for one in shown)])
    bars = [_bar(one, longest) for one in shown]
    share = control.control.share or 0.0
    width = max(0.0, round(100 * share / longest, 1))
    return [*bars, Bar(f"control: {control.control_does}", width, percent(share) if share >= 0 else "none", "control")]


def _bar(one: TriedEdit, longest: float) -> Bar:
    size = one.restores_at if one.restores_at is not None else one.best.size
    share = one.best.share
    said = "–" if share is None else f"{number(100 * share)}{NO_BREAK}%"
    said += ", brings it back" if one.restores_at is not None else ""
    width = max(0.0, round(100 * (share or 0.0) / longest, 1))
    return Bar(f"{capital(one.does)} ({size_text(one, size)})", width, said, "back" if one.restores_at is not None else "some")


def _nothing(attempts: list[TriedEdit]) -> str:
    """The edits that regain nothing."""
    none = [one.does for one in attempts if one.restores_at is None and (one.best.share or 0.0) <= LEAST_SHARE]
    return f"Nothing regained by {listed(none, 8)}." if none else ""


def _costs(attempts: list[TriedEdit]) -> str:
    """What the first restoring edit does to the other takes."""
    first = next((one for one in attempts if one.restores_at is not None), None)
    if first is None:
        return "Nothing that was tried brings it back." if attempts else ""
    if first.side_effect is None:
        return ""
    wrong, of = first.side_effect.wrong, first.side_effect.of
    breaks = "breaks none" if not wrong else f"breaks {number(wrong)}"
    return f"The same edit {breaks} of {number(of)} other takes." if of else ""
