"""Is fragility harmless when the model runs many times a second? What streaming does to the words that fail in a single window.

A word *fails in a single window* if its outcome is bad at one of the usual placements of its recording: at the start, in the center or at
the end of the window. Streamed every H ms it is *caught* at a phase of the first window if it is hit there; a word outside the vocabulary
is caught if nothing is said. Whatever else is said during a command's word before its hit is said *first*. Loads no torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from robustness.streaming.matching import Matching, Timeline
from robustness.streaming.phases import Phases, phases_of
from robustness.streaming.rules.base import DecisionRule
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word

MOST_ANSWERS: Final = 4_000_000  # to which a rule is applied for the map of hops: of a long take fewer hops are tried


class SingleAnswer(NamedTuple):
    """What is said to a word alone in a window.

    Attributes:
        good: whether the outcome is.
        predicted: the winning label.
        outcome: in words.
        command: what is carried out; None if nothing.
    """

    good: bool
    predicted: str
    outcome: str
    command: str | None


class AtHop(NamedTuple):
    """What happens to one word when it is streamed at one hop.

    Attributes:
        phases: of the first window.
        caught: at how many of them the outcome is good: hit, or nothing said to a word outside the vocabulary.
        wrong: at how many another command is said during it.
        first: at how many that comes before the hit, or without one.
        said: which other commands, and at how many phases each.
    """

    phases: int
    caught: int
    wrong: int
    first: int
    said: tuple[tuple[str, int], ...]

    @property
    def clean(self) -> bool:
        """Whether it is caught at every phase, and nothing else is said."""
        return self.caught == self.phases and self.wrong == 0


class HopStreams(NamedTuple):
    """All streams of one hop.

    Attributes:
        hop_ms: from one answer to the next.
        hits: words that are hit, at each phase.
        wrong: words during which another command is said, at each phase.
    """

    hop_ms: float
    hits: tuple[int, ...]
    wrong: tuple[int, ...]


class ByHop(NamedTuple):
    """What becomes of words at every hop: word by word, and phase by phase."""

    records: list[WordRecord]
    streams: list[HopStreams]


@dataclass(frozen=True)
class WordRecord:
    """One word: alone in a window, and streamed.

    Attributes:
        take: the name of its take.
        place: of the word in it.
        word: with its label as said.
        spoken: whether it is a command.
        alone: by placement; empty where it was not asked.
        hops: by hop in ms.
    """

    take: str
    place: int
    word: Word
    spoken: bool
    alone: Mapping[str, SingleAnswer] = field(default_factory=dict)
    hops: Mapping[float, AtHop] = field(default_factory=dict)

    @property
    def fails_alone(self) -> bool:
        """Whether its outcome is bad at one of the placements."""
        return any(not one.good for one in self.alone.values())

    def always_from_ms(self) -> float | None:
        """The largest hop at which, and at every smaller one tried, it is caught at every phase; None if there is none."""
        found = None
        for hop in sorted(self.hops):
            if self.hops[hop].caught < self.hops[hop].phases:
                break
            found = hop
        return found


def hops_of(takes: Sequence[Scores], steps: int, most_ms: float) -> list[int]:
    """The hops that are tried, in steps: multiples of the step up to the window or the hop asked for, and fewer for long takes."""
    step_ms = max((take.step_ms for take in takes), default=0.0)
    longest = max(steps, round(most_ms / step_ms)) if step_ms else steps
    able = max(1, MOST_ANSWERS // max(1, sum(map(len, takes))))
    every = -(-longest // able)
    return sorted({steps, *range(every, longest + 1, every)} | ({1} if every > 1 else set()))


def word_records(
    takes: Sequence[Scores],
    timelines: Sequence[Timeline],
    rule: DecisionRule,
    hops: Sequence[int],
    alone: Mapping[tuple[int, int], Mapping[str, SingleAnswer]],
) -> ByHop:
    """Every word of every take, at every hop.

    Args:
        takes: closely spaced scores.
        timelines: the words of each.
        rule: what the device says.
        hops: in steps of those scores.
        alone: what is said to a word in a single window, by take and place.
    """
    found: dict[tuple[int, int], dict[float, AtHop]] = {}
    kept = []
    alike: dict[AtHop, AtHop] = {}  # most words of hours end alike: each outcome is kept once
    for steps in hops:
        phases = phases_of(takes, timelines, rule, steps)
        kept.append(_hop_streams(phases))
        for at, timeline in enumerate(timelines):
            streams = [_by_word(matchings[at]) for matchings in phases.matchings]
            for place in range(len(timeline.words)):
                outcome = _at_hop(streams, place, spoken=timeline.spoken[place])
                found.setdefault((at, place), {})[phases.hop_ms] = alike.setdefault(outcome, outcome)
    records = [
        WordRecord(takes[at].take, place, timelines[at].words[place], timelines[at].spoken[place], alone.get((at, place), {}), hops_at)
        for (at, place), hops_at in sorted(found.items())
    ]
    return ByHop(records, kept)


def _hop_streams(phases: Phases) -> HopStreams:
    hits = tuple(sum(len(one.hits) for one in takes) for takes in phases.matchings)
    wrong = tuple(sum(len(one.wrong) for one in takes) for takes in phases.matchings)
    return HopStreams(phases.hop_ms, hits, wrong)


class _Said(NamedTuple):
    """What is said to one word in one stream."""

    hit_ms: float | None
    others: list[tuple[float, str]]


def _by_word(matching: Matching) -> dict[int, _Said]:
    found: dict[int, _Said] = {}
    for place, hit in matching.hits.items():
        found[place] = _Said(hit.detection.time_ms, [])
    for one in matching.heard:
        if one.word is not None and one.kind in ("wrong command", "false alarm"):
            found.setdefault(one.word, _Said(None, [])).others.append((one.detection.time_ms, one.detection.label))
    return found


def _at_hop(streams: Sequence[Mapping[int, _Said]], place: int, *, spoken: bool) -> AtHop:
    nothing = _Said(None, [])
    said = [stream.get(place, nothing) for stream in streams]
    caught = sum(one.hit_ms is not None if spoken else not one.others for one in said)
    first = sum(any(one.hit_ms is None or time < one.hit_ms for time, _ in one.others) for one in said)
    labels = Counter(label for one in said for label in {label for _, label in one.others})
    return AtHop(len(said), caught, sum(bool(one.others) for one in said), first, tuple(labels.most_common()))


class Repairs(NamedTuple):
    """The failures that streaming repairs, and those that it makes, among words that were also asked alone.

    Attributes:
        words: asked alone.
        failing: that fail in a single window.
        repaired: of them, caught at every phase with nothing else said.
        partly: of them, caught at some phases, or with another command on the way.
        never: of them, caught at no phase.
        made: good at every placement alone, and missed or wrong at some phase.
    """

    words: int
    failing: int
    repaired: int
    partly: int
    never: int
    made: int


def repairs(records: Sequence[WordRecord], hop_ms: float) -> Repairs:
    """The sum over words at one hop."""
    asked = [(one, one.hops[hop_ms]) for one in records if one.alone]
    failing = [hop for one, hop in asked if one.fails_alone]
    repaired = sum(hop.clean for hop in failing)
    never = sum(hop.caught == 0 for hop in failing)
    made = sum(not hop.clean for one, hop in asked if not one.fails_alone)
    return Repairs(len(asked), len(failing), repaired, len(failing) - repaired - never, never, made)


__all__ = ["AtHop", "ByHop", "HopStreams", "Phases", "Repairs", "SingleAnswer", "WordRecord", "hops_of", "repairs", "word_records"]
