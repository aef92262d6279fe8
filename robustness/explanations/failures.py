"""Which recordings fail, where worst, and what that means to the user of the device.

A recording fails where, at the start, the center or the end of the window and in silence, the winning label is not its own, or a user of
the device meets anything but the right outcome: a known word under the threshold is missed though its label wins. One that fails nowhere
there may fail in added noise: where another label wins in most draws of a level.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast

import pandas as pd

from robustness.analysis.outcomes import GOOD, OperatingPoint, outcomes
from robustness.conditions import NONE, Condition
from robustness.models.classifier import Classifier
from robustness.run.folder import Run

PLACING: Final = "padding-placement"
PLACES: Final = ("start", "center", "end")
MOST: Final = 0.5  # of the draws at a level
Outcome = Literal["right", "missed", "substituted", "falsely accepted"]

_WORDS: Final = ("recording", "variant", "label", "perturbation", "placement", "fill", "predicted", "rival")
_COLUMNS: Final = (*_WORDS, "level", "draw", "offset_ms", "onset_ms", "correct", "p_predicted", "margin")


@dataclass(frozen=True)
class Failure:
    """A recording that fails, under the condition with the worst margin.

    Attributes:
        recording: its id.
        label: the right answer.
        condition: the worst one.
        offset_ms: the lead there.
        variant: the worst one there.
        rival: the wrong answer of that variant, or the strongest one where its label wins under the threshold.
        margin: of that variant, in logits.
        also_wrong: the other places where some variant fails.
    """

    recording: str
    label: str
    condition: Condition
    offset_ms: float
    variant: str
    rival: str
    margin: float
    also_wrong: tuple[str, ...]


def operating_point(classifier: Classifier) -> OperatingPoint:
    """When a device acts on a classifier's answers."""
    return classifier.point


def placed_trials(run: Run, classifiers: Mapping[str, Classifier]) -> pd.DataFrame:
    """The answers at each place, a row a recording, variant and place, with silence around; labelled recordings only.

    Where placements were not part of the sweep, the clean rows give the reference placement. `failing` says which rows fail.

    Args:
        run: its trials.
        classifiers: by the name of the variant; their thresholds are the operating points.
    """
    parts = [run.trials(columns=_COLUMNS, perturbation=name, fill="zeros") for name in (PLACING, NONE)]
    rows = pd.concat([part.astype(dict.fromkeys(_WORDS, "object")) for part in parts if len(part)] or parts)
    rows = rows[rows["placement"].isin(PLACES) & rows["label"].notna()]
    rows = rows.drop_duplicates(["recording", "variant", "placement"]).reset_index(drop=True)
    met = [outcomes(part, operating_point(classifiers[str(name)])) for name, part in rows.groupby("variant", observed=True)]
    right = rows["correct"].astype(bool) & pd.concat(met).isin(GOOD).reindex(rows.index) if met else rows["correct"].astype(bool)
    return rows.assign(failing=~right)


def find_failures(placed: pd.DataFrame) -> list[Failure]:
    """Every recording that fails, worst margin first, from `placed_trials`."""
    wrong = placed[placed["failing"]].sort_values(["margin", "recording", "variant", "placement"], kind="stable")
    return [_failure(recording, group) for recording, group in wrong.groupby("recording", sort=False)]


def find_in_noise(run: Run, placed: pd.DataFrame, noises: Collection[str]) -> list[Failure]:
    """Every recording that fails in noise alone, under the mildest in which most draws are wrong; the one that bears least comes first.

    Args:
        run: its trials.
        placed: from `placed_trials`; what fails there is left out.
        noises: the perturbations that add noise.
    """
    elsewhere = set(placed.loc[placed["failing"], "recording"])
    found = []
    for name in noises:
        for part in run.batches(columns=_COLUMNS, perturbation=name, fill="zeros"):
            rows = part.astype(dict.fromkeys(_WORDS, "object"))
            found.append(_mildest(rows[rows["label"].notna() & ~rows["recording"].isin(elsewhere)]))
    rows = pd.concat([some for some in found if len(some)] or [pd.DataFrame(columns=list(_COLUMNS))])
    order = rows.sort_values(["level", "margin", "recording", "variant"], ascending=[False, True, True, True], kind="stable")
    return [_failure(recording, group) for recording, group in order.groupby("recording", sort=False)]


def _mildest(rows: pd.DataFrame) -> pd.DataFrame:
    """The wrong draws at the highest level at which most draws are wrong, of each recording."""
    is_wrong = ~rows["correct"].astype(bool)
    share = is_wrong.groupby([rows[key] for key in ("recording", "variant", "level")]).transform("mean")
    wrong = rows[is_wrong & (share > MOST)]
    return wrong[wrong["level"] == wrong.groupby("recording")["level"].transform("max")]


def _failure(recording: Hashable, wrong: pd.DataFrame) -> Failure:
    """From the failing rows of one recording, worst first."""
    worst = wrong.iloc[0]
    level = None if pd.isna(worst["level"]) else float(worst["level"])
    return Failure(
        recording=str(recording),
        label=worst["label"],
        condition=Condition(worst["perturbation"], level, worst["fill"], int(worst["draw"]), worst["placement"]),
        offset_ms=float(worst["offset_ms"]),
        variant=worst["variant"],
        rival=worst["rival"],
        margin=float(worst["margin"]),
        also_wrong=tuple(place for place in PLACES if place in set(wrong["placement"]) - {worst["placement"]}),
    )


def outcome_of(classifier: Classifier, label: str, predicted: str, probability: float) -> Outcome:
    """What the user of the device meets at the operating point.

    Args:
        classifier: its rejections and threshold are the operating point.
        label: the right answer.
        predicted: the winning label.
        probability: of the winning label; under the threshold nothing is carried out.
    """
    row = pd.DataFrame({"label": [label], "predicted": [predicted], "p_predicted": [probability], "perturbation": [NONE]})
    met = str(outcomes(row, operating_point(classifier)).iloc[0])
    return "right" if met in GOOD else cast(Outcome, met)
