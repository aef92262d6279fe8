"""Does a measured value keep to a rule's bars? Pass, fail, or: these recordings cannot decide.

`files`: these recordings alone, no interval. `population`: the interval's bad end must keep to the bar to pass; the whole interval must
break it to fail; else it straddles the bar, which is inconclusive. A pass needs no correction, for all cases of a gate must pass; of many
that are judged at once some break a bar by chance, so that failures of populations are corrected by Holm (1979, Scandinavian Journal of
Statistics 6). What is a fact about these files has no error to correct. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from robustness.analysis.power import Effort
from robustness.gates.samples import AT_THE_BAR, Interval, Sample

Outcome = Literal["pass", "inconclusive", "fail", "error", "skipped"]
Scope = Literal["files", "population"]
WORSE: Final[tuple[Outcome, ...]] = ("pass", "inconclusive", "fail", "error")  # of several, the last counts
SMALLEST: Final = 1e-12  # a share of the error below which none is told apart
HALVINGS: Final = 40


@dataclass(frozen=True)
class Judgement:
    """What a sample says about the bars.

    Attributes:
        outcome: pass, fail or inconclusive.
        interval: of a population; None for files.
        straddled: the bar inside the interval, where inconclusive.
        needed: where inconclusive, how many would show that the bar is kept, at truths that are assumed; empty where no number would.
        badness: how far the value is on the wrong side of a bar; negative within.
        error: of what fails in a population, the error of a lower confidence at which it still fails, as a part of that allowed; else None.
        among: where a fail became inconclusive, how many cases it is one of.
    """

    outcome: Outcome
    interval: Interval | None
    straddled: float | None
    needed: tuple[Effort, ...]
    badness: float
    error: float | None = None
    among: int | None = None


def judgement(sample: Sample, least: float | None, most: float | None, scope: Scope, confidence: float) -> Judgement:
    """Judges a sample against a least and a most allowed value; None is no bar."""
    value = sample.value
    distances = [*([least - value] if least is not None else []), *([value - most] if most is not None else [])]
    if scope == "files" or not sample.sampled:
        outcome: Outcome = "pass" if max(distances) <= AT_THE_BAR else "fail"
        return Judgement(outcome, None, None, (), max(distances))
    interval = sample.interval(confidence)
    outcomes = [(_least(interval, least), least), (_most(interval, most), most)]
    outcome, bar = max(outcomes, key=lambda pair: WORSE.index(pair[0]))
    if outcome == "fail":
        return Judgement(outcome, interval, None, (), max(distances), _error(sample, least, most, confidence))
    if outcome != "inconclusive" or bar is None:
        return Judgement(outcome, interval, None, (), max(distances))
    return Judgement(outcome, interval, bar, sample.needed(bar, confidence, least=outcomes[0][0] == outcome), max(distances))


def corrected(judgements: Sequence[Judgement], among: int) -> list[Judgement]:
    """The judgements with Holm's correction: the failures in order, each allowed a share of the error that is left to it and those after.

    Args:
        judgements: of every case of a gate.
        among: how many of them are about a population, and could fail.
    """
    found = list(judgements)
    failing = sorted((one.error, place) for place, one in enumerate(found) if one.error is not None)
    holds = True
    for rank, (error, place) in enumerate(failing):
        holds = holds and error <= 1 / (among - rank)
        if not holds:
            found[place] = replace(found[place], outcome="inconclusive", among=among)
    return found


def _error(sample: Sample, least: float | None, most: float | None, confidence: float) -> float:
    """The smallest part of the error at which the bar is still broken, by halving its logarithm."""

    def fails(part: float) -> bool:
        interval = sample.interval(1 - (1 - confidence) * part)
        return "fail" in (_least(interval, least), _most(interval, most))

    if fails(SMALLEST):
        return SMALLEST
    low, high = SMALLEST, 1.0
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if fails(middle) else (middle, high)
    return high


def _least(interval: Interval, bar: float | None) -> Outcome:
    if bar is None or interval.low >= bar - AT_THE_BAR:
        return "pass"
    return "fail" if interval.high < bar - AT_THE_BAR else "inconclusive"


def _most(interval: Interval, bar: float | None) -> Outcome:
    if bar is None or interval.high <= bar + AT_THE_BAR:
        return "pass"
    return "fail" if interval.low > bar + AT_THE_BAR else "inconclusive"
