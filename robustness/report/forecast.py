"""How well do the other recordings tell which one fails, and at which onset? In a sentence for each variant and placement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robustness.report.words import number, plural
from robustness.run.restoration import Score


def forecast_sentences(found: Sequence[Score], names: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """The scores of the leave-one-out prediction."""
    return [_sentence(facts, names[facts.variant], places.get(facts.placement, facts.placement)) for facts in found]


def _sentence(facts: Score, name: str, where: str) -> str:
    right, fails = facts.recordings, facts.failing
    text = f"{name}, {where}: of {plural(fails, 'recording')} that {'fails' if fails == 1 else 'fail'} {number(facts.hits)} "
    text += f"{'was' if facts.hits == 1 else 'were'} predicted, "
    text += f"with {plural(facts.false_alarms, 'false alarm')} among {number(right - fails)}"
    if facts.auc is not None:
        text += f"; AUC {number(facts.auc, 2)}{_ends(facts.auc_ends)}"
        if facts.auc_alone is not None:
            text += f", {number(facts.auc_alone, 2)}{_ends(facts.auc_alone_ends)} without the place of the word"
    if facts.onset_error_ms is not None:
        text += f"; the onset of the flip is off by {number(facts.onset_error_ms)} ms, the median of {number(facts.onsets)}"
    return f"{text}."


def _ends(ends: tuple[float, float] | None) -> str:
    """The 95 % interval; runs made before had none."""
    return "" if ends is None else f" (95 % interval {number(ends[0], 2)} to {number(ends[1], 2)})"
