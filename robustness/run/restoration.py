"""What restores a failing answer, and what holds over all recordings that fail alike? The records of `evidence/restoring.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, Field

from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record
from robustness.run.evidence import FiniteNumber

FILE: Final = "restoring.json"
NamingVerdict = Literal["named", "most", "several", "one", "none"]
Strength = Literal["full", "weak"]


def renamed(now: str, before: str) -> Any:
    """A field that runs made before have under another name."""
    return Field(validation_alias=AliasChoices(now, before))


@dataclass(frozen=True)
class TriedSize:
    """An edit at one size.

    Attributes:
        size: in the edit's unit.
        margin: of the median draw, in logits.
        share: of the loss of margin that the median draw recovers; None where no loss is known.
        right: the share of draws that are right.
        answer: the commonest answer.
        restores: whether it is right, and stays so a little beyond.
    """

    size: FiniteNumber
    margin: FiniteNumber
    share: FiniteNumber | None
    right: FiniteNumber
    answer: str
    restores: bool


@dataclass(frozen=True)
class SideEffect:
    """How many other recordings an edit turns wrong, of those that were right and could be edited."""

    wrong: int
    of: int


@dataclass(frozen=True)
class TriedEdit:
    """Everything that one edit gave on one failing answer.

    Attributes:
        name: of the edit.
        kind: of what it changes.
        does: what it does, in words.
        control_does: what its control does.
        axis: what its size is.
        unit: of its size.
        draws: of each size.
        tried_sizes: mild to strong.
        restores_at: the smallest size that restores the answer; None where none does.
        best: the size that recovers most.
        control: the control.
        side_effect: on other recordings; None where it does not restore.
    """

    name: str
    kind: str
    does: str
    control_does: Annotated[str, renamed("control_does", "sham_does")]
    axis: str
    unit: str
    draws: int
    tried_sizes: Annotated[tuple[TriedSize, ...], renamed("tried_sizes", "rungs")]
    restores_at: FiniteNumber | None
    best: TriedSize
    control: Annotated[TriedSize, renamed("control", "sham")]
    side_effect: Annotated[SideEffect | None, renamed("side_effect", "collateral")]

    @property
    def smallest(self) -> float:
        """The smallest size that restores; of an edit that does not restore, the one that recovers most."""
        return self.best.size if self.restores_at is None else self.restores_at

    @property
    def unshared(self) -> bool:
        """Whether no loss is known of which its sizes recover a share."""
        return any(size.share is None for size in self.tried_sizes)


@dataclass(frozen=True)
class MarginLoss:
    """What a failing answer lacks.

    Attributes:
        margin: where it fails.
        wanted: where nothing is missing.
        against: what `wanted` is of.
        others: how many recordings `wanted` is the median of, of this run or of the good one; 1 against the counterpart.
    """

    margin: FiniteNumber
    wanted: FiniteNumber
    against: Literal["counterpart", "other recordings", "good run"]
    others: int

    @property
    def logits(self) -> float:
        """The loss."""
        return self.wanted - self.margin


@dataclass(frozen=True)
class Naming:
    """What may be said.

    Attributes:
        verdict: `named`; `most` of the loss is recovered by the one kind for which a measurement speaks, and nothing restores the answer;
            `several` edits restore it; `one` does, without what it takes to be named; `none` of those tried does.
        kind: what is named.
        by: the edit of that kind to speak of.
        share: of the drop that it recovers.
        next_kind: the kind that recovers most after it.
        next_share: what that recovers.
        restoring: every edit that restores the answer.
        strength: `weak` where nothing but the edit itself speaks for what is named; runs made before had none.
    """

    verdict: NamingVerdict
    kind: str | None
    by: str | None
    share: FiniteNumber | None
    next_kind: str | None
    next_share: FiniteNumber | None
    restoring: tuple[str, ...]
    strength: Strength = "full"


@dataclass(frozen=True)
class EditPair:
    """Two edits that restore an answer together, and what they recover.

    Attributes:
        names: of the interventions.
        kinds: of the interventions.
        sizes: of the interventions.
        margin: in logits.
        share: of the drop; None where none is known.
        restores: whether they do, or recover most of the drop alone; runs made before had those that do.
    """

    names: tuple[str, str]
    kinds: tuple[str, str]
    sizes: tuple[FiniteNumber, FiniteNumber]
    margin: FiniteNumber
    share: FiniteNumber | None
    restores: bool = True


@dataclass(frozen=True)
class FactorCondition:
    """A failing condition that differs from its counterpart in several ways, and the variant that it is counted against."""

    offset_ms: FiniteNumber
    fill: str
    lost_start_ms: FiniteNumber
    lost_end_ms: FiniteNumber
    against: str


@dataclass(frozen=True)
class FactorShares:
    """What each factor is worth, in logits, under a condition; combinations that cannot be made are left out."""

    condition: FactorCondition
    answer: str
    drop: FiniteNumber
    values: Mapping[str, FiniteNumber]
    left_out: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class LeanFacts:
    """By how much a network leans to its rejection labels at the reference placement, and what less of that would cost.

    Attributes:
        size: in logits.
        back: missed commands that come back.
        missed: commands that are missed.
        commands: all commands.
        carried_out: unknown words that are carried out then.
        unknown: unknown words that are left alone now.
    """

    size: FiniteNumber
    back: int
    missed: int
    commands: int
    carried_out: int
    unknown: int


@dataclass(frozen=True)
class RestoredAnswer:
    """Everything tried on one failing answer of one variant; `lean` is None where the network does not lean, and in earlier runs."""

    margin: FiniteNumber
    drop: MarginLoss | None
    tried: tuple[TriedEdit, ...]
    naming: Naming
    pairs: tuple[EditPair, ...]
    pair: EditPair | None
    shares: tuple[FactorShares, ...]
    lean: LeanFacts | None = None

    def __post_init__(self) -> None:
        """Holds what is named to what was tried.

        Raises:
            ValueError: where an edit is named that was not tried, or nothing is tried that the verdict needs.
        """
        known = {one.name for one in self.tried}
        named = {*self.naming.restoring, *([] if self.naming.by is None else [self.naming.by]), *(self.pair.names if self.pair else ())}
        if not named <= known:
            raise ValueError(f"{', '.join(sorted(named - known))} is named and was not tried")
        restoring = any(one.restores_at is not None for one in self.tried)
        if restoring != (self.naming.verdict in {"several", "one"}) and not (restoring and self.naming.by is not None):
            raise ValueError(f"the verdict is {self.naming.verdict}, and that is not what was tried")
        if self.naming.verdict in {"named", "most"} and self.naming.by is None:
            raise ValueError("an edit is named without its name")

    @property
    def named(self) -> TriedEdit:
        """The edit to speak of."""
        return next(one for one in self.tried if one.name == self.naming.by)


@dataclass(frozen=True)
class CohortEffect:
    """Margins of the same recordings before and after.

    Attributes:
        words: `known` or `unknown`.
        recordings: how many.
        speakers: how many are known.
        higher: how many margins rise.
        lower: how many margins fall.
        median: the median change, in logits.
        right_before: how many are right before.
        right_after: how many are right after.
        turned_right: how many turn right.
        turned_wrong: how many turn wrong.
    """

    words: str
    recordings: int
    speakers: int
    higher: int
    lower: int
    median: FiniteNumber
    right_before: int
    right_after: int
    turned_right: int
    turned_wrong: int


@dataclass(frozen=True)
class SharedEdit:
    """One edit that is given to all recordings under a condition."""

    name: str
    size: FiniteNumber
    does: str
    unit: str


@dataclass(frozen=True)
class CohortFacts:
    """What a failing placement costs all recordings, and what one edit gives them, in one variant."""

    placement: str
    variant: str
    failing: int
    cost: tuple[CohortEffect, ...]
    edit: SharedEdit | None
    gives: tuple[CohortEffect, ...]


@dataclass(frozen=True)
class Score:
    """How well one placement is predicted, a recording left out at a time.

    Attributes:
        variant: whose answers.
        placement: which.
        recordings: how many are right at the reference and could be predicted.
        failing: how many of them fail there.
        hits: how many of those were predicted to fail.
        false_alarms: how many of the others were.
        auc: the chance that a failing one has a lower predicted margin than another; None with fewer than five of either.
        auc_alone: the same without the place of the word: by the margin at the reference and whether the word is known.
        onset_error_ms: the median distance from the predicted onset of the flip to the true one.
        onsets: how many flips that is the median of.
        auc_ends: the 95 % interval of `auc`; runs made before had none.
        auc_alone_ends: that of `auc_alone`.
    """

    variant: str
    placement: str
    recordings: int
    failing: int
    hits: int
    false_alarms: int
    auc: FiniteNumber | None
    auc_alone: FiniteNumber | None
    onset_error_ms: FiniteNumber | None
    onsets: int
    auc_ends: tuple[FiniteNumber, FiniteNumber] | None = None
    auc_alone_ends: tuple[FiniteNumber, FiniteNumber] | None = None


@dataclass(frozen=True)
class RestorationRecord:
    """What restores the failures of a run.

    Attributes:
        cards: by the name of the card and the variant.
        asked: how many recordings were asked for side effects.
        most: how many would be asked at most.
        conditions: what holds over all recordings under each.
        predictions: the leave-one-out scores.
    """

    cards: Mapping[str, Mapping[str, RestoredAnswer]]
    asked: int
    most: int
    conditions: tuple[CohortFacts, ...]
    predictions: tuple[Score, ...]


def read_restoration(evidence: Path) -> RestorationRecord | None:
    """What restores the failures of a run; None where it was not written.

    Raises:
        RunError: where it is damaged.
    """
    return read_record(evidence.parent, f"{evidence.name}/{FILE}", RestorationRecord) if (evidence / FILE).exists() else None


def write_restoration(evidence: Path, found: RestorationRecord) -> None:
    """Writes what restores the failures of a run, whole or not at all."""
    write_json(evidence / FILE, plain(RestorationRecord, found))
