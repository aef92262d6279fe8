"""One variant on its takes: streams at every phase, every word alone and streamed, and the operating curve. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from robustness.streaming.curve import OperatingCurve, operating_curve
from robustness.streaming.matching import Timeline
from robustness.streaming.phases import Phases, phases_of
from robustness.streaming.repair import AtHop, HopStreams, Repairs, SingleAnswer, WordRecord, hops_of, repairs, word_records
from robustness.streaming.rules.base import DecisionRule
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word
from robustness.streaming.states import StateFigures

NO_WINDOW_MS: Final = 1000.0  # how long after its end a word can be hit where nothing says how much sound a score is of
AVERAGED: Final = ("hits", "misses", "wrong_words", "repeats", "false_alarms")
Alone = Mapping[tuple[int, int], Mapping[str, SingleAnswer]]


@dataclass(frozen=True, eq=False)
class VariantStream:
    """One variant on the takes.

    Attributes:
        name: of the model, with the variant.
        scores: of each take, closely spaced.
        timelines: the words of each.
        rule: what the device says.
        phases: the streams.
        records: every word, alone and streamed.
        curve: errors at every threshold of the plain rule, over the first phase.
        hops: what every hop that was tried does at each phase.
        memory: whether what came before a window can change the answer to it.
        states: what becomes of words from each starting state; empty without a memory, or without words.
    """

    name: str
    scores: tuple[Scores, ...]
    timelines: tuple[Timeline, ...]
    rule: DecisionRule
    phases: Phases
    records: tuple[WordRecord, ...]
    curve: OperatingCurve
    hops: tuple[HopStreams, ...] = ()
    memory: bool = False
    states: tuple[StateFigures, ...] = ()

    @property
    def repairs(self) -> Repairs:
        """What streaming does to the words that fail alone."""
        return repairs(self.records, self.phases.hop_ms)

    @property
    def said(self) -> dict[str, Any]:
        """In plain values, for JSON."""
        figures, worst = self.phases.figures, self.phases.worst
        return {
            "name": self.name,
            "settings": self.rule.settings,
            "tolerance_ms": self.timelines[0].tolerance_ms,
            "first_phase": figures[0].said,
            "worst_phase": figures[worst].said | {"phase_ms": worst * self.phases.step_ms},
            "mean_over_phases": {name: self.phases.mean(name) for name in AVERAGED},
            "hops": [one._asdict() for one in self.hops],
            "memory": self.memory,
            "states": [one._asdict() for one in self.states],
            "repairs": self.repairs._asdict(),
            "words": [_word_said(record) for record in self.records],
        }


def stream_of(
    scores: Sequence[Scores],
    said: Sequence[Sequence[Word]],
    rule: DecisionRule,
    *,
    steps: int,
    tolerance_ms: float | None,
    alone: Alone,
    one_hop: bool = False,
) -> VariantStream:
    """One variant's figures from its scores.

    Args:
        scores: of each take, closely spaced.
        said: the words of each.
        rule: what the device says.
        steps: of the scores, from one answer of the device to the next.
        tolerance_ms: how long after its end a word may be hit; None is the window.
        alone: what is said to each word in a single window, by take and place.
        one_hop: whether no other hop is tried, for a model with a state answers at its own.
    """
    window_ms = max(one.window_ms for one in scores)
    tail = tolerance_ms if tolerance_ms is not None else (window_ms or NO_WINDOW_MS)
    commands = [label for label, acts in zip(scores[0].labels, scores[0].acts, strict=True) if acts]
    timelines = [Timeline.of(words, commands, one.duration_ms, tail) for one, words in zip(scores, said, strict=True)]
    phases = phases_of(scores, timelines, rule, steps)
    found = word_records(scores, timelines, rule, [steps] if one_hop else hops_of(scores, steps, window_ms), alone)
    curve = operating_curve([one.every(steps) for one in scores], timelines)
    return VariantStream(scores[0].model, tuple(scores), tuple(timelines), rule, phases, tuple(found.records), curve, tuple(found.streams))


def _word_said(one: WordRecord) -> dict[str, Any]:
    return {
        "take": one.take,
        "label": one.word.label,
        "start_ms": one.word.start_ms,
        "end_ms": one.word.end_ms,
        "command": one.spoken,
        "alone": {place: answer._asdict() for place, answer in one.alone.items()},
        "hops": {_hop_name(hop): _hop_said(at) for hop, at in one.hops.items()},
        "always_caught_up_to_ms": one.always_from_ms(),
    }


@cache
def _hop_name(hop_ms: float) -> str:
    return f"{hop_ms:g}"


@lru_cache(maxsize=4096)
def _hop_said(at: AtHop) -> dict[str, Any]:
    """In plain values, the same ones for all words that end alike: hours have tens of thousands."""
    return at._asdict() | {"said": dict(at.said)}
