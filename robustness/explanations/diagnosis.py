"""What the page says of what restores answers: each failing recording by itself, and then all that share a failing condition.

Written into the run's `evidence/restoring.json`, so that drawing needs no torch. Same inputs, same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from robustness.conditions import Condition
from robustness.explanations import factors
from robustness.explanations.answering import answers_of
from robustness.explanations.cases import Case, Cases
from robustness.explanations.cohort import cost, given, shared_edit
from robustness.explanations.edits import Answers, Attempt, Edit, attempts, intervention
from robustness.explanations.explained_table import ExplainedRow, rows_of
from robustness.explanations.failing_group import LENGTH
from robustness.explanations.failures import Failure
from robustness.explanations.forecast import forecast_scores
from robustness.explanations.lean import Lean
from robustness.explanations.losses import Loss, drop_of
from robustness.explanations.naming_rule import Beside, counts, mostly, name, named_pair, pairs
from robustness.explanations.side_effects import MOST, Others
from robustness.explanations.standing import FEWEST, length_side, loudest, ordinary, spoken_for, undoing
from robustness.interventions.base import EditKind
from robustness.run.folder import Run
from robustness.run.restoration import (
    CohortEffect,
    CohortFacts,
    EditPair,
    FactorShares,
    LeanFacts,
    MarginLoss,
    Naming,
    RestorationRecord,
    RestoredAnswer,
    SharedEdit,
    SideEffect,
    TriedEdit,
    TriedSize,
    write_restoration,
)


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was tried on one failing answer, and what may be said of it.

    Attributes:
        margin: the outcome margin where it fails, in log-odds.
        drop: what the failing condition cost; None where that is not known.
        tried: every intervention.
        naming: which of them is named.
        pairs: two edits that restore it together, where none does alone.
        beside: what is known beside the edits.
        shares: what each factor is worth, where two windows of the recording differ in two or more.
        lean: by how much the network leans to its rejection labels; None where it does not.
    """

    margin: float
    drop: Loss | None
    tried: tuple[Attempt, ...]
    naming: Naming
    pairs: tuple[EditPair, ...]
    shares: tuple[factors.Accounted, ...]
    beside: Beside = Beside()
    lean: Lean | None = None


@dataclass(eq=False)
class Restoration:
    """Gathers what restores the failures of a run, or of a recording of which no run is at hand.

    Attributes:
        cases: its recordings and variants.
        rows: of the table of all that was explained.
    """

    cases: Cases
    rows: list[ExplainedRow] = field(default_factory=list)
    _cards: dict[str, dict[str, RestoredAnswer]] = field(default_factory=dict)
    _found: dict[tuple[Condition, str], list[Diagnosis]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.others = Others(self.cases)
        self.swept = None if self.cases.run is None else factors.Swept(self.cases.run, self.cases.kinds)

    def explain(self, case: Case) -> dict[str, Diagnosis]:
        """Tries everything on one failing recording."""
        found = diagnose(case, self.cases, self.swept)
        self.rows += rows_of(case, found)
        return found

    def rows_for(self, failure: Failure, cases: Cases) -> list[ExplainedRow]:
        """Tries everything on one failing recording with networks that nobody else asks, and gives its rows of the table."""
        case = cases.case(failure)
        return list(rows_of(case, diagnose(case, cases, self.swept)))

    def add(self, card: str, case: Case) -> None:
        """Tries everything on one failing recording, under the name of its card."""
        found = self.explain(case)
        for variant, diagnosis in found.items():
            self._found[case.failure.condition, variant].append(diagnosis)
        self._cards[card] = self._records(case, found)

    def answers(self, case: Case) -> dict[str, RestoredAnswer]:
        """What restores each variant that fails, of one recording alone."""
        return self._records(case, diagnose(case, self.cases, self.swept))

    def write(self, run: Run, folder: Path) -> None:
        """Adds what holds over recordings, and writes all down."""
        found = RestorationRecord(
            cards=self._cards,
            asked=len(self.others.asked),
            most=MOST,
            conditions=tuple(self._condition(*key) for key in self._found if self.cases.at_a_place(key[0])),
            predictions=tuple(forecast_scores(run, self.cases)),
        )
        write_restoration(folder, found)

    def _records(self, case: Case, found: Mapping[str, Diagnosis]) -> dict[str, RestoredAnswer]:
        """For each variant, with the side effects of each edit that restores, where other recordings are known."""
        return {v: restored_answer(one, [self._attempt(attempt, case, v) for attempt in one.tried]) for v, one in found.items()}

    def _attempt(self, attempt: Attempt, case: Case, variant: str) -> TriedEdit:
        if attempt.restores_at is None or self.cases.run is None:
            return tried_edit(attempt)
        edit, failure = Edit(attempt.name, attempt.restores_at), case.failure
        return tried_edit(attempt, self.others.turned(failure.condition, edit, variant, failure.recording))

    def _condition(self, condition: Condition, variant: str) -> CohortFacts:
        """One placement at which recordings fail: what it cost, and what the same edit gives to all."""
        placement, found = condition.placement, self._found[condition, variant]
        edit = shared_edit([one.tried for one in found], [one.naming.by if one.naming.verdict == "named" else None for one in found])
        costs: Sequence[CohortEffect] = ()
        if placement != self.cases.classifiers[variant].frame.reference:
            costs = cost(self.cases, placement, variant)
        gives = given(self.others, condition, edit, variant) if edit else []
        shared = None
        if edit is not None:
            shared = SharedEdit(edit.name, edit.size, intervention(edit.name).does, intervention(edit.name).sizes_tried.unit)
        return CohortFacts(placement, variant, len(found), tuple(costs), shared, tuple(gives))


def restored_answer(diagnosis: Diagnosis, tried: Sequence[TriedEdit]) -> RestoredAnswer:
    """What is written down of a failing answer, with what is known of each edit."""
    drop = diagnosis.drop
    return RestoredAnswer(
        margin=diagnosis.margin,
        drop=None if drop is None else MarginLoss(drop.margin, drop.wanted, drop.against, drop.others),
        tried=tuple(tried),
        naming=diagnosis.naming,
        pairs=diagnosis.pairs,
        pair=named_pair(diagnosis.pairs, diagnosis.tried, diagnosis.beside),
        shares=tuple(_shares(one) for one in diagnosis.shares),
        lean=None if diagnosis.lean is None else LeanFacts(*diagnosis.lean),
    )


def tried_edit(attempt: Attempt, side_effect: SideEffect | None = None) -> TriedEdit:
    """What is written down of an edit, with what it does to other recordings, where they were asked."""
    one = intervention(attempt.name)
    return TriedEdit(
        name=attempt.name,
        kind=attempt.kind,
        does=one.does,
        control_does=one.control_does,
        axis=one.sizes_tried.name,
        unit=one.sizes_tried.unit,
        draws=attempt.draws,
        tried_sizes=tuple(TriedSize(*tried_size) for tried_size in attempt.tried_sizes),
        restores_at=attempt.restores_at,
        best=TriedSize(*attempt.best),
        control=TriedSize(*attempt.control),
        side_effect=side_effect,
    )


def _shares(found: factors.Accounted) -> FactorShares:
    return FactorShares(found.condition, found.answer, found.shares.drop, dict(found.shares.values), found.shares.left_out)


def diagnose(case: Case, cases: Cases, swept: factors.Swept | None = None) -> dict[str, Diagnosis]:
    """Everything tried on one failing recording, for each variant that is bad there.

    Args:
        case: the failing recording.
        cases: the run.
        swept: its trials under combined conditions; None leaves the factors out.
    """
    answers = Answers(case.classifiers, cases.scene(case), case.failure.label, case.engine.answers)
    wrong = [variant for variant, here in answers.here.items() if not here.good]
    drops = {variant: _drop(case, cases, answers, variant) for variant in wrong}
    wanted = {variant: None if drop is None else drop.wanted for variant, drop in drops.items()}
    tried = attempts(answers, wrong, wanted)
    found = {}
    for variant in wrong:
        beside = _beside(case, cases, variant, drops[variant])
        naming = name(tried[variant], beside)
        alone = naming.verdict == "named" or any(counts(one) and one.kind not in {"output", *beside.ordinary} for one in tried[variant])
        naming = naming if alone else mostly(naming, tried[variant], beside)
        two = [] if alone or naming.kind is not None else pairs(answers, variant, wanted[variant], beside)
        shares = () if swept is None or not cases.at_a_place(case.failure.condition) else factors.accounts(case, cases, swept, variant)
        found[variant] = Diagnosis(
            margin=answers.here[variant].margin,
            drop=drops[variant],
            tried=tuple(tried[variant]),
            naming=naming,
            pairs=tuple(two),
            shares=tuple(shares),
            beside=beside,
            lean=cases.lean_at(variant, case.failure.condition),
        )
    return found


def _beside(case: Case, cases: Cases, variant: str, drop: Loss | None) -> Beside:
    """What is known of a failing answer beside the edits."""
    stands, differences = case.standings, case.differences
    speaks = set(spoken_for(stands))
    there = None if drop is None or drop.against != "counterpart" else drop.counterpart
    own = there is not None
    if there is not None and not case.changed:  # it is right at another lead, whether a placement or a shift brought it here
        speaks.add("placement")
    if (other := cases.float_of(variant)) is not None and case.given[other].good:
        speaks.add("precision")
    shifted = there is not None and not case.changed and there.placement == case.failure.condition.placement
    lean = cases.lean_at(variant, case.failure.condition)
    kinds: frozenset[EditKind] = frozenset(kind for kind in speaks if kind != "room")
    plain: frozenset[EditKind] = frozenset(kind for kind in ordinary(stands) if kind != "room")
    first = loudest(stands)
    return Beside(
        speaks=kinds,
        ordinary=plain - kinds,
        rings="room" in speaks,
        lean=None if lean is None else lean.size,
        own_drop=own,
        shifted=shifted,
        loudest=None if first == "room" else first,
        length=length_side(stands),
        compared=any(one.of >= FEWEST for one in stands),
        undoing=undoing(stands),
        group=frozenset(one.kind for one in differences if one.kind is not None and one.kind != "room"),
        group_length=next((one.side for one in differences if one.name == LENGTH), None),
    )


def _drop(case: Case, cases: Cases, answers: Answers, variant: str) -> Loss | None:
    def margin_at(lead_ms: float) -> float:
        window = case.subject.plain.at([lead_ms]).samples
        return answers_of(cases.engine, window, [case.failure.label])[variant][0].margin

    return drop_of(case, variant, cases.good, answers.here[variant].margin, margin_at)
