"""Under which conditions of the sweep does a recording fail that differ from its counterpart in two ways or more?

The counterpart is the same recording at the reference placement, padded with zeros: heard by the same variant where that is right, else by
the float network. Accounted for is the worst placement in another fill, the worst one that cuts speech away, and, for a quantized variant,
the failing placement against the float network's right answer at the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pandas as pd

from robustness.diagnosis.cases import Case, Cases
from robustness.diagnosis.factors import Shares, State, account, hanging_over, stacked, whole
from robustness.diagnosis.failures import PLACING
from robustness.diagnosis.restoring import SHIFTING
from robustness.run import Run
from robustness.trials import answer_of, label_indices

COLUMNS: Final = ["variant", "recording", "placement", "fill", "offset_ms", "margin", "lost_start_ms", "lost_end_ms", "correct"]


class Accounted(NamedTuple):
    """A failing condition in words, what was answered, and what each factor is worth in it."""

    condition: dict[str, Any]
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

    shares = account(failing, counterpart, margins, lambda state: whole(case.movable, state))
    if shares is None or shares.drop <= 0:
        return None
    start, end = (case.movable.frame.ms(case.movable.at([failing.lead_ms]).lost[0])).tolist()
    condition = {"offset_ms": failing.lead_ms, "fill": failing.fill, "lost_start_ms": start, "lost_end_ms": end}
    return Accounted(
        {**condition, "against": counterpart.variant}, _answered(case, failing, stacked(case.movable, [failing], band_hz))[1], shares
    )


def _answered(case: Case, state: State, window: Any) -> tuple[float, str]:
    classifier = case.classifiers[state.variant]
    answer = answer_of(classifier.logits(window), label_indices(classifier, [case.failure.label]))
    return float(answer.margin), classifier.labels[int(answer.predicted)]
