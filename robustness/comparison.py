"""What got better and what got worse from one run to another, recording by recording?

Both must have heard the same recordings, prepared alike. A row is one variant under one condition; a recording counts once, its draws
averaged. Intervals are those of pairs, by speaker where all are known (statistics.py), as in the gate and on the page; p-values are
adjusted over the whole table by Benjamini and Hochberg. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from pandas import DataFrame

from robustness.comparability import refuse_unlike
from robustness.conditions import NO_WORD, Condition
from robustness.errors import CannotJudgeError
from robustness.gates.samples import AT_THE_BAR, Interval
from robustness.metrics import known_speakers, speakers_of
from robustness.run import Run
from robustness.statistics import adjusted, change_p_value, mean_change, whom

KEYS: Final = ["variant", "perturbation", "placement", "fill", "level"]
COLUMNS: Final = [*KEYS, "recording", "draw", "predicted", "correct"]
ATLAS: Final = "offset"  # 81 leads of the shift atlas would hide the rest


class Changed(NamedTuple):
    """One variant under one condition, before and after.

    Attributes:
        variant: which.
        condition: what was done to the recordings.
        recordings: labelled ones.
        before: accuracy in the first run.
        after: accuracy in the second.
        interval: of after minus before, 95 %, paired; NaN of a single speaker.
        p_value: that as many turned one way as the other by chance; adjusted over the table; NaN of a single speaker.
        lost: recordings that are right less often.
        won: recordings that are right more often.
        answers: how many recordings are answered otherwise, whatever the truth.
    """

    variant: str
    condition: Condition
    recordings: int
    before: float
    after: float
    interval: Interval
    p_value: float
    lost: tuple[str, ...]
    won: tuple[str, ...]
    answers: int

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
        notes: what else is to be known; whom intervals speak of is the last.
    """

    names: tuple[str, str]
    models: tuple[str, str]
    changes: tuple[Changed, ...]
    notes: tuple[str, ...]

    @property
    def worse(self) -> list[Changed]:
        """Where accuracy fell, worst first."""
        return [change for change in self.changes if change.difference < -AT_THE_BAR]

    @property
    def better(self) -> list[Changed]:
        """Where accuracy rose, most first."""
        return [change for change in reversed(self.changes) if change.difference > AT_THE_BAR]

    @property
    def mixed(self) -> list[Changed]:
        """Where recordings changed and accuracy did not."""
        return [c for c in self.changes if abs(c.difference) <= AT_THE_BAR and (c.lost or c.won)]


def compare(first: Run, second: Run) -> Comparison:
    """Compares two runs in pairs.

    Raises:
        CannotJudgeError: where they heard other recordings or were made with other settings, or share no condition.
    """
    notes = refuse_unlike(first, second)
    before, after = (trials_of(run) for run in (first, second))
    both = before.merge(after, on=[*KEYS, "recording", "draw"], suffixes=("_before", "_after"))
    if both.empty:
        raise CannotJudgeError(f"{first.path} and {second.path} share no variant under one condition: nothing can be compared")
    apart = max(len(before), len(after)) - len(both)
    if apart:
        notes = (*notes, f"{apart:,} of {max(len(before), len(after)):,} answers have no partner in the other run, and are left out")
    speakers = known_speakers(first.recordings().set_index("id")["speaker"])
    notes = (*notes, whom(None if speakers is None else len(set(speakers.values()))))
    changes = sorted(_changes(both, speakers), key=lambda change: (change.difference, change.variant, str(change.condition)))
    models = tuple(", ".join(model["name"] for model in run.manifest["models"]) for run in (first, second))
    return Comparison((first.path.name, second.path.name), (models[0], models[1]), tuple(changes), notes)


def trials_of(run: Run) -> DataFrame:
    """The labelled trials with words, as plain values.

    Raises:
        CannotJudgeError: where an answer to a labelled recording is missing.
    """
    frame = run.trials(columns=[*COLUMNS, "label", "margin"])
    frame = frame[(frame["perturbation"] != NO_WORD) & (frame["placement"] != ATLAS) & frame["label"].notna()]
    if frame["correct"].isna().any() or not np.isfinite(frame["margin"]).all():
        raise CannotJudgeError(f"{run.path} holds answers that are not a number; it cannot be compared")
    words = ["variant", "perturbation", "placement", "fill", "recording", "predicted"]
    return frame[COLUMNS].astype({**dict.fromkeys(words, str), "correct": float})


def _changes(both: DataFrame, speakers: Mapping[str, str] | None) -> list[Changed]:
    other = (both["predicted_before"] != both["predicted_after"]).astype(float)
    groups = both.assign(other=other).groupby([*KEYS, "recording"], dropna=False, sort=True)
    scores = groups[["correct_before", "correct_after", "other"]].mean()
    found = [_changed(key, rows.droplevel([*KEYS]), speakers) for key, rows in scores.groupby(level=KEYS, dropna=False, sort=True)]
    p_values = adjusted([change.p_value for change in found])
    return [change._replace(p_value=p) for change, p in zip(found, p_values, strict=True)]


def _changed(key: Any, rows: DataFrame, speakers: Mapping[str, str] | None) -> Changed:
    variant, perturbation, placement, fill, level = key
    condition = Condition(perturbation, None if pd.isna(level) else float(level), fill, 0, placement)
    drop = rows["correct_before"] - rows["correct_after"]
    lost, won = rows.index[drop > AT_THE_BAR], rows.index[drop < -AT_THE_BAR]
    who = speakers_of(list(map(str, rows.index)), speakers)
    ends = mean_change(-drop, who)
    return Changed(
        variant,
        condition,
        len(rows),
        float(rows["correct_before"].mean()),
        float(rows["correct_after"].mean()),
        Interval(ends.low, ends.high),
        change_p_value(-drop.where(drop.abs() > AT_THE_BAR, 0.0), who),
        tuple(map(str, lost)),
        tuple(map(str, won)),
        int((rows["other"] > 0).sum()),
    )
