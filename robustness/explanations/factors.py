"""Where two windows of one recording differ in several ways, how much of the drop is each difference worth?

A factor is one way in which they differ: onset position, fill, truncation, numeric precision. Each is switched to its state in the
counterpart, in every order; a factor's exact Shapley value is what its switch recovers, averaged over the orders, and the values sum to the
drop. Orders that pass a combination that cannot be made are left out, and the combination is named. With one factor all of the drop is that
factor's, and that is no finding.
Source: Shapley (1953), A value for n-person games.

Under which conditions of the sweep does a recording fail that differ from its counterpart in two ways or more?

The counterpart is the same recording at the reference placement, padded with zeros: heard by the same variant where that is right, else by
the float network. Accounted for is the worst placement in another fill, the worst one that cuts speech away, and, for a quantized variant,
the failing placement against the float network's right answer at the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain, combinations, permutations
from typing import Any, Final, NamedTuple

import pandas as pd
import torch

from robustness.analysis.outcomes import GOOD
from robustness.conditions import Condition, Fill
from robustness.explanations.answering import Given, given_by
from robustness.explanations.cases import Case, Cases
from robustness.explanations.subject import Subject
from robustness.run.folder import Run
from robustness.run.perturbations import PerturbationFacts
from robustness.run.restoration import FactorCondition

FACTORS: Final = {"lead_ms": "onset position", "fill": "fill", "cut": "truncation", "variant": "numeric precision"}
Combination = frozenset[str]  # the factors that have their state in the counterpart


@dataclass(frozen=True)
class State:
    """What a window of a recording is made of, and who hears it; each field is one factor.

    Attributes:
        variant: who hears it.
        lead_ms: where the recording begins.
        fill: what the padding holds.
        cut: how much of the recording is missing at its start and its end, in samples.
    """

    variant: str
    lead_ms: float
    fill: Fill = "zeros"
    cut: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Shares:
    """What each factor is worth, in log-odds of the outcome margin.

    Attributes:
        drop: from the failing window to the counterpart.
        values: by the factor's name; they sum to the drop.
        left_out: combinations that cannot be made.
    """

    drop: float
    values: Mapping[str, float]
    left_out: tuple[tuple[str, ...], ...]


def differing(failing: State, counterpart: State) -> list[str]:
    """The fields in which two states differ."""
    return [field.name for field in fields(State) if getattr(failing, field.name) != getattr(counterpart, field.name)]


def switched(failing: State, counterpart: State, to: Combination) -> State:
    """The failing state with these factors as in the counterpart."""
    return replace(failing, **{name: getattr(counterpart, name) for name in to})


def factorial(failing: State, counterpart: State) -> dict[Combination, State]:
    """Every combination of the factors, from the failing state to the counterpart."""
    names = differing(failing, counterpart)
    every = chain.from_iterable(combinations(names, count) for count in range(len(names) + 1))
    return {frozenset(some): switched(failing, counterpart, frozenset(some)) for some in every}


def account(
    failing: State, counterpart: State, margins: Callable[[Sequence[State]], Sequence[float]], can_be_made: Callable[[State], bool]
) -> Shares | None:
    """What each factor is worth; None where fewer than two differ, or where no order can be made.

    Args:
        failing: the state in which the answer is wrong.
        counterpart: the state in which it is right.
        margins: the margin of each of some states.
        can_be_made: whether there is such a window.
    """
    states = factorial(failing, counterpart)
    names = differing(failing, counterpart)
    if len(names) < 2:
        return None
    possible = {some: state for some, state in states.items() if can_be_made(state)}
    values = dict(zip(possible, margins(list(possible.values())), strict=True))
    shapley = exact_shapley(names, values)
    if shapley is None:
        return None
    left_out = tuple(tuple(FACTORS[name] for name in names if name in some) for some in states if some not in possible)
    drop = values[frozenset(names)] - values[frozenset()]
    return Shares(drop, {FACTORS[name]: value for name, value in shapley.items()}, left_out)


def exact_shapley(names: Sequence[str], values: Mapping[Combination, float]) -> dict[str, float] | None:
    """The mean over orders of what each factor adds; only orders of which every step has a value; None where there is none."""
    orders = [order for order in permutations(names) if all(frozenset(order[:n]) in values for n in range(len(names) + 1))]
    if not orders:
        return None
    totals = dict.fromkeys(names, 0.0)
    for order in orders:
        for n, name in enumerate(order):
            totals[name] += values[frozenset(order[: n + 1])] - values[frozenset(order[:n])]
    return {name: total / len(orders) for name, total in totals.items()}


def rendered(subject: Subject, state: State) -> torch.Tensor:
    """The window of a state, [1 window]: the recording in its fill, with what is cut of it silent."""
    renderer, (start, end) = subject.renderer, state.cut
    windows = renderer.render(Condition(fill=state.fill), renderer.samples_of([state.lead_ms]))
    samples, lead = windows.samples.clone(), int(windows.lead[0])
    samples[:, max(0, lead) : max(0, lead + start)] = 0
    samples[:, max(0, lead + subject.length - end) : max(0, lead + subject.length)] = 0
    return samples


def whole_recording(subject: Subject, state: State) -> bool:
    """Whether there is such a window: where the recording hangs over the window's edge, what hangs over is cut."""
    return all(cut >= lost for cut, lost in zip(state.cut, hanging_over(subject, state.lead_ms), strict=True))


def hanging_over(subject: Subject, lead_ms: float) -> tuple[int, int]:
    """How many samples of the recording a lead leaves outside, before and after the window."""
    lead, length = int(subject.renderer.samples_of([lead_ms])[0]), subject.length
    return min(length, max(0, -lead)), min(length, max(0, lead + length - subject.frame.samples))


COLUMNS: Final = ["variant", "recording", "fill", "offset_ms", "outcome", "outcome_margin", "lost_start_ms", "lost_end_ms"]


class Accounted(NamedTuple):
    """A failing condition in words, what was answered, and what each factor is worth in it."""

    condition: FactorCondition
    answer: str
    shares: Shares


@dataclass(eq=False)
class Swept:
    """The trials of a run that move recordings, read once.

    Attributes:
        run: the run.
        kinds: what is known of its perturbations.
    """

    run: Run
    kinds: Mapping[str, PerturbationFacts]

    def __post_init__(self) -> None:
        moving = [name for name, kind in self.kinds.items() if kind.placements or kind.leads]
        parts = [self.run.trials(columns=COLUMNS, perturbation=name) for name in moving] or [pd.DataFrame(columns=COLUMNS)]
        rows = pd.concat([part.astype({"variant": str, "recording": str, "fill": str, "outcome": object}) for part in parts])
        bad = rows[rows["outcome"].notna() & ~rows["outcome"].isin(GOOD)]
        self._wrong = bad.sort_values(["outcome_margin", "offset_ms"], kind="stable")

    def failing(self, recording: str, variant: str) -> Iterator[pd.Series[Any]]:
        """The worst bad answer in another fill, and the worst one where speech is cut away and some is left."""
        rows = self._wrong[(self._wrong["recording"] == recording) & (self._wrong["variant"] == variant)]
        for some in (rows[rows["fill"] != "zeros"], rows[rows["lost_start_ms"] + rows["lost_end_ms"] > 0]):
            if len(some):
                yield some.iloc[0]


def accounts(case: Case, cases: Cases, swept: Swept, variant: str) -> list[Accounted]:
    """What each factor is worth under each such condition, for one variant."""
    counterpart = _counterpart(case, cases, variant)
    if counterpart is None:
        return []
    states = [_state(case, variant, float(row["offset_ms"]), str(row["fill"])) for row in swept.failing(case.failure.recording, variant)]
    if counterpart.variant != variant:
        states.append(_state(case, variant, case.failure.offset_ms, "zeros"))
    return [found for state in dict.fromkeys(states) if (found := _accounted(case, state, counterpart)) is not None]


def _counterpart(case: Case, cases: Cases, variant: str) -> State | None:
    """At the reference placement, by the variant or else by the float network; None where neither is right there."""
    rows, reference = cases.placed, case.subject.frame.reference
    rows = rows[(rows["recording"] == case.failure.recording) & (rows["placement"] == reference) & ~rows["failing"]]
    right = set(rows["variant"].astype(str))
    found = next((name for name in (variant, cases.float_of(variant)) if name in right), None)
    return None if found is None else _state(case, found, case.subject.lead_ms(reference), "zeros")


def _state(case: Case, variant: str, lead_ms: float, fill: Any) -> State:
    """A state of the sweep: what hangs over the window's edge is cut."""
    return State(variant, lead_ms, fill, hanging_over(case.subject, lead_ms))


def _accounted(case: Case, failing: State, counterpart: State) -> Accounted | None:
    def margins(states: Sequence[State]) -> list[float]:
        return [_answered(case, state).margin for state in states]

    shares = account(failing, counterpart, margins, lambda state: whole_recording(case.subject, state))
    if shares is None or shares.drop <= 0:
        return None
    start, end = (case.subject.frame.ms(case.subject.at([failing.lead_ms]).lost[0])).tolist()
    condition = FactorCondition(failing.lead_ms, failing.fill, start, end, counterpart.variant)
    return Accounted(condition, _answered(case, failing).predicted, shares)


def _answered(case: Case, state: State) -> Given:
    classifier = case.classifiers[state.variant]
    return given_by(classifier, classifier.logits(rendered(case.subject, state)), [case.failure.label])[0]
