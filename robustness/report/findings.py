"""Which trials count once, and what a second variant changes in them.

An answer fails where a user of the device would meet a missed, a wrong or a needless command, at the operating point. Trials come part by
part. Loads no torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from pandas import DataFrame, Series

from robustness.analysis.accuracy import changed_answers, compared
from robustness.analysis.intervals import PairedChange
from robustness.analysis.outcomes import ACCEPTED, LEFT_ALONE, MISSED, SUBSTITUTED
from robustness.report.trials import of_recording
from robustness.report.view import Variant, View

LEAST_MS: Final = 0.5  # less of a word than this in the window is nothing of it


class Change(NamedTuple):
    """What one variant changes against the first over the recordings' table, and in all conditions that are not alike."""

    variant: Variant
    changed: int
    answers: int
    everywhere: DataFrame  # every answer that differs, of the trials that `distinct` keeps
    all_answers: int
    paired: dict[str, PairedChange]  # by placement


def judged(view: View, trials: DataFrame) -> DataFrame:
    """Trials with their outcomes."""
    return trials.assign(outcome=view.outcome(trials))


def measure(view: View, trials: DataFrame) -> Series[float]:
    """What is counted as good: commands accepted; where there are none, other words left alone; [trials], NaN where neither."""
    outcome = view.outcome(trials)
    known = outcome.isin([ACCEPTED, MISSED, SUBSTITUTED])
    if has_known(view):
        return (outcome == ACCEPTED).astype(float).where(known)
    return (outcome == LEFT_ALONE).astype(float).where(outcome.notna())


def has_known(view: View) -> bool:
    """Whether any recording is a word of the vocabulary."""
    labels = view.recordings["label"].dropna()
    return bool((~labels.isin(view.first.point.rejections)).any())


def good_word(view: View) -> str:
    """What `measure` counts, in a word: of commands, or of other words where there are no commands."""
    return "accepted" if has_known(view) else "left alone"


def neutral(view: View, trials: DataFrame) -> Series[bool]:
    """Which trials repeat the clean one, [trials]: a level that changes nothing, at the reference placement, padded with zeros."""
    found = Series(False, index=trials.index)
    for name, grid in view.grids.items():
        found |= (trials["perturbation"] == name) & (trials["level"] == float(grid["neutral"]))
    return found & (trials["placement"] == view.reference) & (trials["fill"] == "zeros")


def distinct(view: View, trials: DataFrame) -> DataFrame:
    """The trials but those that repeat the clean one, and those in which nothing of the word is left in the window."""
    span = view.recordings["speech_end_ms"] - view.recordings["speech_start_ms"]
    spoken = of_recording(trials, span)
    gone = trials["lost_start_ms"] + trials["lost_end_ms"] >= spoken - LEAST_MS
    return trials[~(neutral(view, trials) | gone)]


@lru_cache(maxsize=1)
def changes(view: View) -> tuple[Change, ...]:
    """What each other variant changes against the first."""
    return tuple(_change(view, variant) for variant in view.variants[1:])


def _change(view: View, variant: Variant) -> Change:
    first, other = view.first.name, variant.name
    answers = 0

    def differing(rows: DataFrame) -> DataFrame:
        nonlocal answers
        rows = distinct(view, rows)
        answers += len(view.of(variant, rows))
        return changed_answers(rows, first, other)

    everything = view.trials.gathered(differing)
    table = changed_answers(view.placed, first, other)
    paired = {place: compared(view.placed[view.placed["placement"] == place], first, other, view.speakers) for place in view.placements}
    return Change(variant, len(table), len(view.of(variant, view.placed)), everything, answers, paired)
