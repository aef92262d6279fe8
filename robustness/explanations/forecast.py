"""If the place of the word is what matters, do the other recordings tell which recording fails, and at which onset?

One recording at a time is left out; of the AUC a pair, with all recordings of their speakers (`analysis.ranking`). Its margin at an onset
is predicted as its own margin at the reference plus what the move costs the others on average, at the same onset of their words, known and
unknown words apart: nothing else of it is used. It is predicted to fail where that is 0 or less. The AUC stands beside that of the same
facts without the place of the word: its own margin at the reference plus what the placement costs the others on average, whatever their
onsets, known and unknown words apart.
Only places where no speech is lost are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robustness.analysis.accuracy import known_speakers
from robustness.analysis.intervals import Estimate
from robustness.analysis.ranking import Leaving, ranked
from robustness.conditions import NONE
from robustness.explanations.cases import Cases
from robustness.explanations.failures import PLACES
from robustness.run.folder import Run
from robustness.run.restoration import Score

LEAST: Final = 3  # other recordings, for a prediction
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """One recording's margins by onset, for one variant.

    Attributes:
        recording: its id.
        unknown: whether it is no command.
        onset_ms: of the word in the window, ascending.
        margin: at each onset.
        reference: the margin at the reference placement.
    """

    recording: str
    unknown: bool
    onset_ms: Floats
    margin: Floats
    reference: float

    def at(self, onset_ms: Floats) -> Floats:
        """Margins at other onsets, between those known; NaN beyond."""
        found: Floats = np.interp(onset_ms, self.onset_ms, self.margin, left=np.nan, right=np.nan)
        return found


def tracks(run: Run, cases: Cases, variant: str) -> list[Track]:
    """The recordings of a run that were moved, in the run's order."""
    clean = run.trials(columns=["recording", "variant", "outcome_margin"], perturbation=NONE)
    clean = clean[(clean["variant"] == variant) & clean["outcome_margin"].notna()]
    reference = dict(zip(clean["recording"].astype(str), clean["outcome_margin"].astype(float), strict=True))
    rejections = cases.classifiers[variant].rejections
    columns = ["recording", "variant", "label", "outcome_margin", "onset_ms", "lost_start_ms", "lost_end_ms"]
    found = []
    for part in _moved(run, cases, columns):
        moved = part[
            (part["variant"] == variant) & part["outcome_margin"].notna() & (part["lost_start_ms"] == 0) & (part["lost_end_ms"] == 0)
        ]
        for name, rows in moved.sort_values("onset_ms", kind="stable").groupby("recording", observed=True, sort=True):
            if str(name) in reference:
                unknown = rows["label"].iloc[0] in rejections
                found.append(Track(str(name), unknown, _array(rows["onset_ms"]), _array(rows["outcome_margin"]), reference[str(name)]))
    return found


def _moved(run: Run, cases: Cases, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The rows whose level is the recording's lead, part by part."""
    for name, kind in cases.kinds.items():
        if kind.leads:
            yield from run.batches(columns=columns, perturbation=name, placement="offset", fill="zeros")


def _array(column: pd.Series[Any]) -> Floats:
    return column.to_numpy(dtype=np.float64)


def predicted(some: Sequence[Track], all_of_them: Sequence[Track], onsets_ms: Sequence[Floats]) -> list[Floats]:
    """Margins of recordings at some onsets of each, from the others; NaN where fewer than three were heard there.

    What moves cost is added up once over all, at all onsets together; from that each recording's own cost is taken away again.

    Args:
        some: of whom.
        all_of_them: these and the others.
        onsets_ms: for each of the first.
    """
    where, places = np.unique(np.concatenate([*onsets_ms, np.empty(0)]), return_inverse=True)
    costs = {unknown: _Costs(len(where)) for unknown in (False, True)}
    for other in all_of_them:
        costs[other.unknown].add(other.at(where) - other.reference)
    ends = np.cumsum([len(each) for each in onsets_ms])
    mine = [places[end - len(each) : end] for each, end in zip(onsets_ms, ends, strict=True)]
    return [one.reference + costs[one.unknown].without(one.at(where[at]) - one.reference, at) for one, at in zip(some, mine, strict=True)]


class _Costs:
    """What moves cost, added up over recordings, at some onsets."""

    def __init__(self, onsets: int) -> None:
        self.sums, self.heard = np.zeros(onsets), np.zeros(onsets, int)

    def add(self, cost: Floats) -> None:
        """One more recording; NaN where it was not heard."""
        known = np.isfinite(cost)
        self.sums[known] += cost[known]
        self.heard += known

    def without(self, own: Floats, at: NDArray[np.intp]) -> Floats:
        """The mean of all but one of those that were added, at some of the onsets; NaN where that is of fewer than three."""
        known = np.isfinite(own)
        sums, heard = self.sums[at] - np.where(known, own, 0), self.heard[at] - known
        return np.where(heard >= LEAST, sums / np.maximum(heard, 1), np.nan)


def forecast_scores(run: Run, cases: Cases) -> list[Score]:
    """Every placement but the reference at which some recording fails, for each variant."""
    found, speakers = [], known_speakers(run.recordings().set_index("id")["speaker"])
    for variant, classifier in cases.classifiers.items():
        moved = tracks(run, cases, variant)
        where = onsets(cases.placed, variant)
        for placement in PLACES:
            if placement != classifier.frame.reference and placement in where:
                score = scored(variant, placement, moved, where[placement], speakers)
                found += [score] if score is not None and score.failing else []
    return found


def onsets(placed: pd.DataFrame, variant: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Onset in ms at each placement and the outcome margin there, by recording."""
    rows = placed[placed["variant"] == variant]
    return {
        str(place): dict(
            zip(some["recording"].astype(str), zip(_array(some["onset_ms"]), _array(some["outcome_margin"]), strict=True), strict=True)
        )
        for place, some in rows.groupby("placement", observed=True)
    }


def scored(
    variant: str,
    placement: str,
    moved: Sequence[Track],
    there: Mapping[str, tuple[float, float]],
    speakers: Mapping[str, str] | None = None,
) -> Score | None:
    """The score of one placement; None where nothing can be predicted."""
    mine = [one for one in moved if one.recording in there and one.reference > 0]
    said = np.concatenate([*predicted(mine, moved, [np.array([there[one.recording][0]]) for one in mine]), np.empty(0)])
    usable = [i for i, value in enumerate(said) if np.isfinite(value)]
    if not usable:
        return None
    fails = np.array([there[mine[i].recording][1] <= 0 for i in usable])
    alarm = said[usable] <= 0
    auc, alone = _ranks([mine[i] for i in usable], moved, there, fails, speakers)
    errors = _flip_errors([mine[i] for i, wrong in zip(usable, fails, strict=True) if wrong], moved, there)
    return Score(
        variant=variant,
        placement=placement,
        recordings=len(usable),
        failing=int(fails.sum()),
        hits=int((alarm & fails).sum()),
        false_alarms=int((alarm & ~fails).sum()),
        auc=None if auc is None else auc.value,
        auc_ends=None if auc is None else (auc.low, auc.high),
        auc_alone=None if alone is None else alone.value,
        auc_alone_ends=None if alone is None else (alone.low, alone.high),
        onset_error_ms=median(errors) if errors else None,
        onsets=len(errors),
    )


def _ranks(
    some: Sequence[Track],
    moved: Sequence[Track],
    there: Mapping[str, tuple[float, float]],
    fails: NDArray[np.bool_],
    speakers: Mapping[str, str] | None,
) -> tuple[Estimate | None, Estimate | None]:
    """How well the prediction ranks some recordings, and how well the same facts do without the place of the word."""
    names = {one.recording for one in some}
    everyone = [*some, *(one for one in moved if one.recording not in names)]
    kinds = np.array([int(one.unknown) for one in everyone])
    own = np.unique([one.recording if speakers is None else speakers[one.recording] for one in everyone], return_inverse=True)[1]
    onsets_ms = np.array([there[one.recording][0] for one in some])
    moves = np.array([one.at(onsets_ms) - one.reference for one in everyone]).T
    placed = [there[one.recording][1] - one.reference if one.recording in there else np.nan for one in everyone]
    start, count = np.array([one.reference for one in some]), len(some)
    by_place, by_kind = (
        Leaving.of(np.vstack([values, np.full((len(everyone) - count, len(everyone)), np.nan)]), kinds, own, LEAST)
        for values in (moves, np.tile(placed, (count, 1)))
    )
    return ranked(start, by_place, fails), ranked(start, by_kind, fails)


def _flip_errors(failing: Sequence[Track], moved: Sequence[Track], there: Mapping[str, tuple[float, float]]) -> list[float]:
    """How far each predicted onset of the flip is from the true one; without those whose margins, true or predicted, have no flip."""
    found = []
    for one, margins in zip(failing, predicted(failing, moved, [one.onset_ms for one in failing]), strict=True):
        near_ms = there[one.recording][0]
        true, said = flip(one.onset_ms, one.margin, near_ms), flip(one.onset_ms, margins, near_ms)
        if true is not None and said is not None:
            found.append(abs(true - said))
    return found


def flip(onset_ms: Floats, margin: Floats, near_ms: float) -> float | None:
    """The onset nearest to a place at which margins go from wrong to right; None where they do not."""
    known = np.isfinite(margin)
    places, right = onset_ms[known], margin[known] > 0
    turns = np.flatnonzero(right[1:] != right[:-1])
    if not len(turns):
        return None
    low, high = margin[known][turns], margin[known][turns + 1]
    where = places[turns] + (places[turns + 1] - places[turns]) * low / (low - high)
    return float(where[np.abs(where - near_ms).argmin()])
