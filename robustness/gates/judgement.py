"""Does a measured value keep to a rule's bars? Pass, fail, or: these recordings cannot decide.

`files`: these recordings alone, no interval. `population`: the interval's bad end must keep to the bar to pass; the whole interval must
break it to fail; else it straddles the bar, which is inconclusive. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from robustness.gates.samples import AT_THE_BAR, Interval, Sample

Outcome = Literal["pass", "inconclusive", "fail", "error", "skipped"]
Scope = Literal["files", "population"]
WORSE: Final[tuple[Outcome, ...]] = ("pass", "inconclusive", "fail", "error")  # of several, the last counts


@dataclass(frozen=True)
class Judgement:
    """What a sample says about the bars.

    Attributes:
        outcome: pass, fail or inconclusive.
        interval: of a population; None for files.
        straddled: the bar inside the interval, where inconclusive.
        needed: recordings in all that would decide, where inconclusive; None where none would.
        badness: how far the value is on the wrong side of a bar; negative within.
    """

    outcome: Outcome
    interval: Interval | None
    straddled: float | None
    needed: int | None
    badness: float


def judgement(sample: Sample, least: float | None, most: float | None, scope: Scope, confidence: float) -> Judgement:
    """Judges a sample against a least and a most allowed value; None is no bar."""
    value = sample.value
    distances = [*([least - value] if least is not None else []), *([value - most] if most is not None else [])]
    if scope == "files" or not sample.sampled:
        outcome: Outcome = "pass" if max(distances) <= AT_THE_BAR else "fail"
        return Judgement(outcome, None, None, None, max(distances))
    interval = sample.interval(confidence)
    outcomes = [(_least(interval, least), least), (_most(interval, most), most)]
    outcome, bar = max(outcomes, key=lambda pair: WORSE.index(pair[0]))
    if outcome != "inconclusive" or bar is None:
        return Judgement(outcome, interval, None, None, max(distances))
    return Judgement(outcome, interval, bar, sample.needed(bar, confidence), max(distances))


def _least(interval: Interval, bar: float | None) -> Outcome:
    if bar is None or interval.low >= bar - AT_THE_BAR:
        return "pass"
    return "fail" if interval.high < bar - AT_THE_BAR else "inconclusive"


def _most(interval: Interval, bar: float | None) -> Outcome:
    if bar is None or interval.high <= bar + AT_THE_BAR:
        return "pass"
    return "fail" if interval.low > bar + AT_THE_BAR else "inconclusive"
