"""What got better and what got worse from one run to another, by what the device does, recording by recording?

Both must be of the same recordings, prepared alike. A row is one variant under one condition; a recording counts once, its draws averaged.
Right is a good outcome (`analysis.outcomes`): a command accepted right, another word left alone. Conditions that change nothing stand once,
as the reference; recordings that cannot be moved are left out where a perturbation moves them. Intervals are those of paired differences,
by speaker where all are known (`analysis.intervals`), as in the gate and on the page; the figure over a perturbation is of one score a
recording, its mean over the conditions. No p-values: what is looked at first was chosen on these recordings. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.accuracy import known_speakers, speakers_of
from robustness.analysis.answers import answers_of
from robustness.analysis.intervals import mean_change, whom
from robustness.analysis.outcomes import FALSE_ACCEPT, MISSED, SUBSTITUTED, good
from robustness.analysis.pairing import refuse_unlike
from robustness.analysis.placing import countable, moves, untestable
from robustness.conditions import NO_WORD, NONE, Condition
from robustness.errors import CannotJudgeError
from robustness.gates.samples import AT_THE_BAR, Interval
from robustness.run.folder import Run
from robustness.run.perturbations import PerturbationFacts, perturbation_facts

KEYS: Final = ["variant", "perturbation", "placement", "fill", "level"]
COLUMNS: Final = [*KEYS, "recording", "draw", "label", "predicted", "outcome"]
ATLAS: Final = "offset"  # 81 leads of the shift atlas would hide the rest
KINDS: Final = {MISSED: "missed", SUBSTITUTED: "substituted", FALSE_ACCEPT: "falsely_accepted"}
SpeakersById = Mapping[str, str] | None


class Errors(NamedTuple):
    """How many recordings met each bad outcome, draws averaged within a recording."""

    missed: float
    substituted: float
    falsely_accepted: float


class ConditionChange(NamedTuple):
    """One variant under one condition, before and after.

    Attributes:
        variant: which.
        condition: what was done to the recordings.
        recordings: labelled ones that are counted.
        before: share of good outcomes in the first run.
        after: the same in the second.
        interval: of after minus before, 95 %, paired; NaN of a single speaker.
        lost: recordings whose outcome is good less often.
        won: recordings whose outcome is good more often.
        errors_before: bad outcomes by kind in the first run.
        errors_after: the same in the second.
        answers: how many recordings have another winning label, whatever the truth.
    """

    variant: str
    condition: Condition
    recordings: int
    before: float
    after: float
    interval: Interval
    lost: tuple[str, ...]
    won: tuple[str, ...]
    errors_before: Errors
    errors_after: Errors
    answers: int

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


class PerturbationChange(NamedTuple):
    """One variant over all conditions of one perturbation.

    Attributes:
        variant: which.
        perturbation: its name; `none` is the reference.
        conditions: how many.
        worse: in how many the share of good outcomes fell.
        better: in how many it rose.
        recordings: that are counted.
        untestable: that cannot be moved and are left out.
        before: mean share of good outcomes in the first run.
        after: the same in the second.
        interval: of after minus before, 95 %, of the recordings' mean scores.
        errors_before: bad outcomes by kind, averaged over the conditions.
        errors_after: the same in the second.
    """

    variant: str
    perturbation: str
    conditions: int
    worse: int
    better: int
    recordings: int
    untestable: int
    before: float
    after: float
    interval: Interval
    errors_before: Errors
    errors_after: Errors

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        names: of their folders.
        models: of each run.
        changes: every variant and condition that both have, worst first.
        perturbations: the same by perturbation: the reference first, then what got worst.
        overall: a variant's mean over all of its perturbations, each counted the same.
        repeats: how many conditions were the reference under another name.
        notes: what else is to be known; whom intervals speak of is the last.
        kinds: what is known of the perturbations, by name.
        recaptured: whether the second is of the first's recordings, played back and captured.
    """

    names: tuple[str, str]
    models: tuple[str, str]
    changes: tuple[ConditionChange, ...]
    perturbations: tuple[PerturbationChange, ...]
    overall: tuple[PerturbationChange, ...]
    repeats: int
    notes: tuple[str, ...]
    kinds: Mapping[str, PerturbationFacts]
    recaptured: bool = False

    @property
    def worse(self) -> list[ConditionChange]:
        """Where good outcomes fell, worst first."""
        return [change for change in self.changes if change.difference < -AT_THE_BAR]

    @property
    def better(self) -> list[ConditionChange]:
        """Where good outcomes rose, most first."""
        return [change for change in reversed(self.changes) if change.difference > AT_THE_BAR]

    @property
    def mixed(self) -> list[ConditionChange]:
        """Where recordings changed and their number did not."""
        return [c for c in self.changes if abs(c.difference) <= AT_THE_BAR and (c.lost or c.won)]


def compare(first: Run, second: Run, *, recaptured: bool = False) -> Comparison:
    """Compares two runs in pairs.

    Args:
        first: the run before.
        second: the run after.
        recaptured: the second is of the first's recordings, played back and captured: paired by name.

    Raises:
        CannotJudgeError: where they are of other recordings or were made with other settings, or share no condition.
    """
    notes = refuse_unlike(first, second, recaptured=recaptured)
    before, after = (trials_of(run) for run in (first, second))
    both = before.merge(after, on=[*KEYS, "recording", "draw"], suffixes=("_before", "_after"))
    if both.empty:
        raise CannotJudgeError(f"{first.path} and {second.path} share no variant under one condition: nothing can be compared")
    notes = (*notes, *_without_partner(max(len(before), len(after)), len(both)))
    again = repeats_reference(first, both)
    counted = both[~again]
    scores = _scores(counted)
    stuck, kinds = untestable(first.recordings()), perturbation_facts(first.manifest)
    speakers = known_speakers(first.recordings().set_index("id")["speaker"])
    notes = (*notes, whom(None if speakers is None else len(set(speakers.values()))))
    changes = sorted(_changes(scores, speakers), key=lambda change: (change.difference, change.variant, str(change.condition)))
    parts = [
        _perturbation(*key, changes, rows, speakers, left_out=len(stuck) if moves(key[1], kinds) else 0)
        for key, rows in _by_perturbation(scores)
    ]
    models = tuple(", ".join(model["name"] for model in run.manifest["models"]) for run in (first, second))
    return Comparison(
        (first.path.name, second.path.name),
        (models[0], models[1]),
        tuple(changes),
        tuple(sorted(parts, key=lambda part: (part.perturbation != NONE, part.difference, part.perturbation, part.variant))),
        tuple(_overall(scores, changes, speakers)),
        len(both[again][KEYS].drop_duplicates()),
        notes,
        kinds,
        recaptured,
    )


def _without_partner(of: int, paired: int) -> list[str]:
    """How many answers have no partner, where any has none."""
    apart = of - paired
    return [f"{apart:,} of {of:,} answers {'has' if apart == 1 else 'have'} no partner in the other run: not counted"] if apart else []


def trials_of(run: Run) -> DataFrame:
    """The labelled trials with words that are counted, as plain values.

    Raises:
        CannotJudgeError: where an answer to a labelled recording is missing.
    """
    frame = answers_of(run, [*COLUMNS, "p_predicted"])
    frame = frame[(frame["perturbation"] != NO_WORD) & (frame["placement"] != ATLAS) & frame["label"].notna()]
    if frame["outcome"].isna().any() or not np.isfinite(frame["p_predicted"]).all():
        raise CannotJudgeError(f"{run.path} holds answers that are not a number; it cannot be compared")
    frame = frame[countable(frame, untestable(run.recordings()), perturbation_facts(run.manifest))]
    words = ["variant", "perturbation", "placement", "fill", "recording", "predicted"]
    kinds = {name: (frame["outcome"] == kind).astype(float) for kind, name in KINDS.items()}
    plain = frame.assign(good=good(frame["outcome"]), **kinds).astype(dict.fromkeys(words, str))
    return plain[[*KEYS, "recording", "draw", "predicted", "good", *KINDS.values()]]


def repeats_reference(run: Run, trials: DataFrame) -> Series[bool]:
    """Which trials are the reference under another name: a level that changes nothing, at the reference placement, padded with zeros."""
    found = Series(False, index=trials.index)
    for name, grid in run.manifest["plan"]["grids"].items():
        found |= (trials["perturbation"] == name) & (trials["level"] == float(grid["neutral"]))
    has_reference = bool((trials["perturbation"] == NONE).any())
    same: Series[bool] = found & (trials["placement"] == run.manifest["models"][0]["reference"]) & (trials["fill"] == "zeros")
    return same & has_reference


SIDES: Final = ("before", "after")


def _scores(both: DataFrame) -> DataFrame:
    """Means over draws, a row a variant, condition and recording."""
    other = (both["predicted_before"] != both["predicted_after"]).astype(float)
    columns = [f"{name}_{side}" for side in SIDES for name in ("good", *KINDS.values())]
    return both.assign(other=other).groupby([*KEYS, "recording"], dropna=False, sort=True)[[*columns, "other"]].mean()


def _errors(rows: DataFrame, side: str) -> Errors:
    """Bad outcomes of one condition, [recordings] → recordings."""
    return Errors(*(float(rows[f"{name}_{side}"].sum()) for name in KINDS.values()))


def _interval(lost: Series[float], speakers: SpeakersById) -> Interval:
    """Of after minus before, from the loss of each recording."""
    ends = mean_change(-lost, speakers_of(list(map(str, lost.index)), speakers))
    return Interval(ends.low, ends.high)


def _changes(scores: DataFrame, speakers: SpeakersById) -> Iterator[ConditionChange]:
    for key, rows in scores.groupby(level=KEYS, dropna=False, sort=True):
        yield _changed(key, rows.droplevel([*KEYS]), speakers)


def _changed(key: Any, rows: DataFrame, speakers: SpeakersById) -> ConditionChange:
    variant, perturbation, placement, fill, level = key
    condition = Condition(perturbation, None if pd.isna(level) else float(level), fill, 0, placement)
    drop = rows["good_before"] - rows["good_after"]
    return ConditionChange(
        variant,
        condition,
        len(rows),
        float(rows["good_before"].mean()),
        float(rows["good_after"].mean()),
        _interval(drop, speakers),
        tuple(map(str, rows.index[drop > AT_THE_BAR])),
        tuple(map(str, rows.index[drop < -AT_THE_BAR])),
        _errors(rows, "before"),
        _errors(rows, "after"),
        int((rows["other"] > 0).sum()),
    )


def _by_perturbation(scores: DataFrame) -> Iterator[tuple[tuple[str, str], DataFrame]]:
    """Rows a recording, averaged over the conditions of each variant and perturbation."""
    means = scores.groupby(level=["variant", "perturbation", "recording"], sort=True).mean()
    for key, rows in means.groupby(level=["variant", "perturbation"], sort=True):
        variant, perturbation = key
        yield (str(variant), str(perturbation)), rows.droplevel(["variant", "perturbation"])


def _overall(scores: DataFrame, changes: list[ConditionChange], speakers: SpeakersById) -> Iterator[PerturbationChange]:
    """Each variant's mean over its perturbations, every perturbation counted the same, and the reference as one of them."""
    means = scores.groupby(level=["variant", "perturbation", "recording"], sort=True).mean()
    each = means.groupby(level=["variant", "recording"], sort=True).mean()
    for variant, rows in each.groupby(level="variant", sort=True):
        yield _perturbation(str(variant), "", changes, rows.droplevel("variant"), speakers)


def _perturbation(
    variant: str, perturbation: str, changes: list[ConditionChange], rows: DataFrame, speakers: SpeakersById, *, left_out: int = 0
) -> PerturbationChange:
    """The mean over conditions; an empty name is every perturbation."""
    mine = [c for c in changes if c.variant == variant and perturbation in ("", c.condition.perturbation)]
    return PerturbationChange(
        variant,
        perturbation,
        len(mine),
        sum(change.difference < -AT_THE_BAR for change in mine),
        sum(change.difference > AT_THE_BAR for change in mine),
        len(rows),
        left_out,
        float(rows["good_before"].mean()),
        float(rows["good_after"].mean()),
        _interval(rows["good_before"] - rows["good_after"], speakers),
        _errors(rows, "before"),
        _errors(rows, "after"),
    )
