"""Where two windows of one recording differ in several ways, how much of the drop is each difference worth?

A factor is one way in which they differ: onset position, fill, level, added noise, truncation, bandwidth, speed, numeric precision. Each
is switched to its state in the counterpart, in every order; a factor's exact Shapley value is what its switch recovers, averaged over
the orders, and the values sum to the drop. Orders that pass a combination that cannot be made are left out, and the combination is named.
With one factor all of the drop is that factor's, and that is no finding.
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
from torch import Tensor

from robustness.audio.colours import white
from robustness.audio.filters import passing_below, shaped
from robustness.audio.levels import from_decibels
from robustness.conditions import Fill
from robustness.explanations.cases import Case, Cases
from robustness.explanations.failures import PLACING
from robustness.explanations.movable import Movable, scene_of
from robustness.explanations.places import SHIFTING
from robustness.interventions.speed import at_speed
from robustness.run.folder import Run
from robustness.run.restoration import FactorCondition
from robustness.sweep.trials import answer_of, label_indices

WHOLE_BAND: Final = 100.0
EDGE: Final = 0.05  # of the band, from passing to stopping
FACTORS: Final = {
    "lead_ms": "onset position",
    "fill": "fill",
    "gain_db": "level",
    "snr_db": "added noise",
    "cut": "truncation",
    "kept_percent": "bandwidth",
    "speed_percent": "speed",
    "variant": "numeric precision",
}
Combination = frozenset[str]  # the factors that have their state in the counterpart


@dataclass(frozen=True)
class State:
    """What a window of a recording is made of, and who hears it; each field is one factor.

    Attributes:
        variant: who hears it.
        lead_ms: where the recording begins.
        fill: what the padding holds.
        cut: how much of the recording is missing at its start and its end, in samples.
        gain_db: on the whole window.
        snr_db: of white noise in the word; None adds none.
        kept_percent: of the band.
        speed_percent: faster than it was said.
    """

    variant: str
    lead_ms: float
    fill: Fill = "zeros"
    cut: tuple[int, int] = (0, 0)
    gain_db: float = 0.0
    snr_db: float | None = None
    kept_percent: float = WHOLE_BAND
    speed_percent: float = 0.0


@dataclass(frozen=True)
class Shares:
    """What each factor is worth, in logits.

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


def rendered(movable: Movable, state: State, band_hz: tuple[float, ...]) -> Tensor:
    """The window of a state, [window]: cut, at its speed, placed, band-limited, at its level, in its noise."""
    scene = scene_of(movable, state.lead_ms, band_hz, state.fill)
    start, end = state.cut
    silenced = scene.recording.clone()
    silenced[:start] = 0
    silenced[len(silenced) - end :] = 0
    scene = (
        at_speed(replace(scene, recording=silenced), 1 + state.speed_percent / 100)
        if state.speed_percent
        else replace(scene, recording=silenced)
    )
    window = scene.window
    if state.kept_percent < WHOLE_BAND:
        edge_hz = scene.nyquist_hz * state.kept_percent / 100
        window = shaped(window, scene.rate_hz, passing_below(edge_hz, scene.nyquist_hz * EDGE))
    if state.snr_db is not None:
        noise = white(scene.samples, scene.rate_hz, scene.rng("factor", "noise"))
        window = window + noise * float(scene.power**0.5) * from_decibels(-state.snr_db)
    return window * from_decibels(state.gain_db)


def whole_recording(movable: Movable, state: State) -> bool:
    """Whether there is such a window: where the recording hangs over the window's edge, what hangs over is cut."""
    lead = round(state.lead_ms * movable.frame.rate_hz / 1000)
    return all(cut >= lost for cut, lost in zip(state.cut, hanging_over(movable, lead), strict=True))


def hanging_over(movable: Movable, lead: int) -> tuple[int, int]:
    """How many samples of the recording a lead leaves outside, before and after the window."""
    length = int(movable.batch.lengths[0])
    return min(length, max(0, -lead)), min(length, max(0, lead + length - movable.frame.samples))


def stacked(movable: Movable, states: Sequence[State], band_hz: tuple[float, ...]) -> Tensor:
    """The windows of some states, [states window]."""
    return torch.stack([rendered(movable, state, band_hz) for state in states])


COLUMNS: Final = ["variant", "recording", "placement", "fill", "offset_ms", "margin", "lost_start_ms", "lost_end_ms", "correct"]


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
    """

    run: Run

    def __post_init__(self) -> None:
        parts = [self.run.trials(columns=COLUMNS, perturbation=name) for name in (PLACING, SHIFTING)]
        rows = pd.concat([part.astype({"variant": str, "recording": str, "placement": str, "fill": str}) for part in parts])
        wrong = rows[~rows["correct"].fillna(True).astype(bool)]  # without a label nothing is wrong
        self._wrong = wrong.sort_values(["margin", "offset_ms"], kind="stable")

    def failing(self, recording: str, variant: str) -> Iterator[pd.Series[Any]]:
        """The worst wrong answer in another fill, and the worst one where speech is cut away and some is left."""
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
    rows, reference = cases.placed, case.movable.frame.reference
    rows = rows[(rows["recording"] == case.failure.recording) & (rows["placement"] == reference) & ~rows["failing"]]
    right = set(rows["variant"].astype(str))
    found = next((name for name in (variant, cases.float_of(variant)) if name in right), None)
    return None if found is None else _state(case, found, case.movable.lead_ms(reference), "zeros")


def _state(case: Case, variant: str, lead_ms: float, fill: Any) -> State:
    """A state of the sweep: what hangs over the window's edge is cut."""
    lead = round(lead_ms * case.movable.frame.rate_hz / 1000)
    return State(variant, lead_ms, fill, hanging_over(case.movable, lead))


def _accounted(case: Case, failing: State, counterpart: State) -> Accounted | None:
    band_hz = case.worst.frontend.picture.band_hz

    def margins(states: Sequence[State]) -> list[float]:
        return [
            _answered(case, state, window[None])[0] for state, window in zip(states, stacked(case.movable, states, band_hz), strict=True)
        ]

    shares = account(failing, counterpart, margins, lambda state: whole_recording(case.movable, state))
    if shares is None or shares.drop <= 0:
        return None
    start, end = (case.movable.frame.ms(case.movable.at([failing.lead_ms]).lost[0])).tolist()
    condition = FactorCondition(failing.lead_ms, failing.fill, start, end, counterpart.variant)
    return Accounted(condition, _answered(case, failing, stacked(case.movable, [failing], band_hz))[1], shares)


def _answered(case: Case, state: State, window: Any) -> tuple[float, str]:
    classifier = case.classifiers[state.variant]
    answer = answer_of(classifier.logits(window), label_indices(classifier, [case.failure.label]))
    return float(answer.margin), classifier.labels[int(answer.predicted)]
