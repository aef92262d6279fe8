"""Which recordings fail, and under which condition?

A recording fails where a user of the device meets anything but the right outcome: another command is carried out, or none, though the
label may win under the threshold. What fails at the start, the center or the end of the window, with silence around, is told of the place
at which words normally lie, where it fails there: what is wrong there is wrong with the recording, or the network, and not with its place.
Else it is told of its worst place. What fails nowhere there may fail under any other perturbation of the run: that is told of the mildest
level at which most draws are bad, and of a perturbation that moves the word only where none of it is lost.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from robustness.analysis.outcomes import GOOD
from robustness.conditions import NONE, OTHER_WORD, Condition, Placement
from robustness.run.folder import Run
from robustness.run.perturbations import PerturbationFacts

PLACES: Final[tuple[Placement, ...]] = ("start", "center", "end")
MOST: Final = 0.5  # of the draws at a level
RANK: Final = "rank"  # how mild a level is among those of its perturbation: above 0, the harshest 1

NO_RIVAL: Final = "nothing"  # what stands against the one label of a wake word
_WORDS: Final = ("recording", "variant", "label", "perturbation", "placement", "fill", "predicted", "rival", "outcome", "command")
_COLUMNS: Final = (*_WORDS, "level", "draw", "offset_ms", "onset_ms", "lost_start_ms", "lost_end_ms", "outcome_margin", "command_margin")


@dataclass(frozen=True)
class Failure:
    """A recording that fails, and the condition that is told.

    Attributes:
        recording: its id.
        label: the right answer.
        condition: the worst placement, or the mildest level of another perturbation.
        offset_ms: the lead there.
        variant: the worst one there.
        rival: the wrong answer of that variant, or the strongest one where its label wins under the threshold.
        margin: the outcome margin of that variant, in log-odds.
        also_wrong: the other places where some variant fails.
        at_a_place: whether it fails at a named placement with nothing else done to it.
    """

    recording: str
    label: str
    condition: Condition
    offset_ms: float
    variant: str
    rival: str
    margin: float
    also_wrong: tuple[str, ...]
    at_a_place: bool


def placed_trials(run: Run | None, kinds: Mapping[str, PerturbationFacts]) -> pd.DataFrame:
    """The answers at each place, a row a recording, variant and place, with silence around; recordings with a label of the model only.

    Where placements were not part of the sweep, the clean rows give the reference placement. `failing` says which rows fail.

    Args:
        run: its trials; of None there are none.
        kinds: what is known of its perturbations.
    """
    if run is None:
        return pd.DataFrame(
            {name: pd.Series(dtype="float64" if name in _COLUMNS[len(_WORDS) :] else "object") for name in _COLUMNS}
        ).assign(failing=pd.Series(dtype=bool))
    placing = [name for name, kind in kinds.items() if kind.placements]
    parts = [_labelled(run.trials(columns=_COLUMNS, perturbation=name, fill="zeros")) for name in (*placing, NONE)]
    rows = pd.concat([part for part in parts if len(part)] or parts)
    rows = rows[rows["placement"].isin(PLACES)]
    return rows.drop_duplicates(["recording", "variant", "placement"]).reset_index(drop=True)


def find_failures(
    run: Run, placed: pd.DataFrame, kinds: Mapping[str, PerturbationFacts], reference: Placement | None = None
) -> list[Failure]:
    """Every recording that fails: at a place, worst margin of any first; then under anything else, the one that bears least first.

    Args:
        run: its trials.
        placed: from `placed_trials`.
        kinds: what is known of the run's perturbations.
        reference: the placement at which words normally lie: what fails there is told of there.
    """
    wrong = placed[placed["failing"]].sort_values(["outcome_margin", "recording", "variant", "placement"], kind="stable")
    found = [
        _failure(recording, _there_first(rows, reference), at_a_place=True) for recording, rows in wrong.groupby("recording", sort=False)
    ]
    others = [rows for kind in kinds.values() if not kind.placements for rows in _under(run, kind, set(wrong["recording"]))]
    rows = pd.concat([some for some in others if len(some)] or [pd.DataFrame(columns=[*_COLUMNS, RANK])])
    rows = rows.sort_values([RANK, "outcome_margin", "recording", "variant"], kind="stable")
    return found + [_failure(recording, each, at_a_place=False) for recording, each in rows.groupby("recording", sort=False)]


def _there_first(wrong: pd.DataFrame, reference: Placement | None) -> pd.DataFrame:
    """The failing rows of one recording, those at the reference placement first."""
    return wrong.sort_values("placement", key=lambda places: places != reference, kind="stable")


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.astype(dict.fromkeys(_WORDS, "object"))
    rows = rows[rows["label"].notna() & (rows["label"] != OTHER_WORD) & rows["outcome"].notna()]
    return rows.assign(failing=~rows["outcome"].isin(GOOD))


def _under(run: Run, kind: PerturbationFacts, known: set[str]) -> list[pd.DataFrame]:
    """The bad rows under a perturbation, of recordings that are not known to fail, part by part."""
    ranks = _ranks(kind)
    found = []
    for part in run.batches(columns=_COLUMNS, perturbation=kind.name, fill="zeros"):
        rows = _labelled(part)
        rows = rows[~rows["recording"].isin(known) & rows["placement"].isin(PLACES) & rows["level"].isin(ranks)]
        if kind.moves:
            rows = rows[rows["lost_start_ms"] + rows["lost_end_ms"] == 0]
        found.append(_mildest(rows.assign(**{RANK: rows["level"].map(ranks).astype(float)})))
    return found


def _ranks(kind: PerturbationFacts) -> dict[float, float]:
    """How mild each level is, by its distance to the neutral one: levels are compared across perturbations by their place in the grid."""
    levels = [level for level in kind.levels if level != kind.neutral]
    distances = sorted({kind.distance(level) for level in levels})
    return {level: (distances.index(kind.distance(level)) + 1) / len(distances) for level in levels}


def _mildest(rows: pd.DataFrame) -> pd.DataFrame:
    """The bad draws at the mildest level at which most draws are bad, of each recording."""
    share = rows["failing"].astype(float).groupby([rows[key] for key in ("recording", "variant", "level")]).transform("mean")
    wrong = rows[rows["failing"] & (share > MOST)]
    return wrong[wrong[RANK] == wrong.groupby("recording")[RANK].transform("min")]


def _failure(recording: Hashable, wrong: pd.DataFrame, *, at_a_place: bool) -> Failure:
    """From the failing rows of one recording, worst first."""
    worst = wrong.iloc[0]
    level = None if pd.isna(worst["level"]) else float(worst["level"])
    also = set(wrong["placement"]) - {worst["placement"]} if at_a_place else set()
    return Failure(
        recording=str(recording),
        label=worst["label"],
        condition=Condition(worst["perturbation"], level, worst["fill"], int(worst["draw"]), worst["placement"]),
        offset_ms=float(worst["offset_ms"]),
        variant=worst["variant"],
        rival=NO_RIVAL if pd.isna(worst["rival"]) else worst["rival"],
        margin=float(worst["outcome_margin"]),
        also_wrong=tuple(place for place in PLACES if place in also),
        at_a_place=at_a_place,
    )
