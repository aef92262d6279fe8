"""What does a model with a memory answer to a word when something else came before it?

A memory is the network's (a state that is fed step by step) or the front-end's (TensorFlow's microfrontend). Each word is asked after a
fresh start: at once, after a second of silence, of white noise or another word, and once more after it was hit (re-armed, with the memory
and the rule running on). A network without a memory behind a front-end without one answers to its window alone; it is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch

from robustness.audio.takes import Samples, Take
from robustness.errors import UsageError
from robustness.frontends.streamed import WINDOW_SAMPLES, StreamedFrontend, pcm16
from robustness.models.classifier import Classifier
from robustness.streaming.matching import Timeline, match
from robustness.streaming.rules.base import DecisionRule
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word
from robustness.streaming.states import AfterState, StartingState, StateFigures, state_figures
from robustness.sweep.single_windows import stretch
from robustness.sweep.steps import keeps_state, step_scores

MOST_WORDS: Final = 40  # of the takes, that are asked from each state
SECOND_MS: Final = 1000.0
NOISE_DBFS: Final = -40.0  # of the white noise that comes before


def remembers(classifier: Classifier) -> bool:
    """Whether what came before can change an answer: the network keeps a state, or its front-end has a memory."""
    return keeps_state(classifier) or isinstance(classifier.frontend, StreamedFrontend)


def runs_on(classifier: Classifier) -> bool:
    """Whether its front-end can be fed piece by piece, so that it can be brought to a state."""
    if not isinstance(classifier.frontend, StreamedFrontend):
        return False
    try:
        classifier.frontend.started()
    except UsageError:
        return False
    return True


@dataclass(frozen=True)
class _Said:
    """A word as it is asked.

    Attributes:
        samples: with what follows it, up to the next word, and silence up to the end of its tolerance.
        word: where it lies in them.
    """

    samples: Samples
    word: Word

    def later(self, ms: float) -> Word:
        """The word where the samples begin so many ms later."""
        return self.word._replace(start_ms=self.word.start_ms + ms, end_ms=self.word.end_ms + ms)


def figures_by_state(
    takes: Sequence[Take], timelines: Sequence[Timeline], classifier: Classifier, rule: DecisionRule, hop_ms: float
) -> list[StateFigures]:
    """How many of the commands' words are hit from each state.

    Args:
        takes: in which they are said.
        timelines: the words of each.
        classifier: one that remembers.
        rule: what the device says.
        hop_ms: from one answer to the next, for a network without a state.
    """
    said = list(_words(takes, timelines))
    asked = _Asked(classifier, rule, hop_ms, timelines[0].tolerance_ms, timelines[0])
    spoken = [at for at, (_, command) in enumerate(said) if command][:MOST_WORDS]
    return state_figures([dict(_by_state(asked, [one for one, _ in said], at)) for at in spoken])


def _words(takes: Sequence[Take], timelines: Sequence[Timeline]) -> Iterator[tuple[_Said, bool]]:
    for take, timeline in zip(takes, timelines, strict=True):
        for place, (word, command) in enumerate(zip(timeline.words, timeline.spoken, strict=True)):
            start, _ = stretch(timeline.words, place, take.duration_ms)
            after = timeline.words[place + 1].start_ms if place + 1 < len(timeline.words) else take.duration_ms
            whole_ms = word.end_ms + timeline.tolerance_ms - start
            samples = take.part(start, max(word.end_ms, min(after, start + whole_ms)))
            silence = np.zeros(max(0, round(whole_ms * take.rate_hz / 1000) - len(samples)), np.float32)
            yield _Said(np.concatenate([samples, silence]), Word(word.label, word.start_ms - start, word.end_ms - start)), command


class _Asked(NamedTuple):
    """How words are asked."""

    classifier: Classifier
    rule: DecisionRule
    hop_ms: float
    tolerance_ms: float
    timeline: Timeline

    @property
    def rate_hz(self) -> int:
        """Of the samples."""
        return self.classifier.frame.rate_hz

    def answered(self, parts: Sequence[Samples], words: Sequence[Word]) -> list[AfterState]:
        """What becomes of words in one stretch after a fresh start, the last of them last."""
        scores = fresh_scores(np.concatenate([*parts]), self.classifier, self.hop_ms)
        commands = [label for label, acts in zip(scores.labels, scores.acts, strict=True) if acts]
        found = match(self.rule.decide(scores), Timeline.of(words, commands, scores.duration_ms, self.tolerance_ms))
        return [AfterState(place in found.hits, place in found.wrong) for place in range(len(words))]


def _by_state(asked: _Asked, said: Sequence[_Said], at: int) -> Iterator[tuple[StartingState, AfterState]]:
    one, second = said[at], round(SECOND_MS * asked.rate_hz / 1000)
    rng = np.random.default_rng(0)
    noise = (rng.normal(size=second) * 10 ** (NOISE_DBFS / 20)).astype(np.float32)
    yield "cold start", asked.answered([one.samples], [one.word])[0]
    yield "after a second of silence", asked.answered([np.zeros(second, np.float32), one.samples], [one.later(SECOND_MS)])[0]
    yield "after a second of noise", asked.answered([noise, one.samples], [one.later(SECOND_MS)])[0]
    other = next(
        (said[(at + step) % len(said)] for step in range(1, len(said)) if said[(at + step) % len(said)].word.label != one.word.label), None
    )
    if other is not None:
        yield "after another word", asked.answered([other.samples, one.samples], [other.word, one.later(_ms(other, asked))])[1]
    first, again = asked.answered([noise, one.samples, one.samples], [one.later(SECOND_MS), one.later(SECOND_MS + _ms(one, asked))])
    if first.hit:
        yield "re-armed after a trigger", again


def _ms(one: _Said, asked: _Asked) -> float:
    return len(one.samples) * 1000 / asked.rate_hz


def fresh_scores(samples: Samples, classifier: Classifier, hop_ms: float) -> Scores:
    """The answers to a stretch of sound of a device that starts with it, [time] → a row an answer.

    Raises:
        UsageError: the front-end cannot be fed piece by piece.
    """
    if keeps_state(classifier):
        return step_scores([samples], classifier, "a stretch", len(samples) * 1000 / classifier.frame.rate_hz)
    frontend = classifier.frontend
    if not isinstance(frontend, StreamedFrontend):
        raise UsageError(f"{classifier.name} has a front-end without a memory: what came before changes nothing")
    program: Callable[..., np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = frontend.started()
    frames = torch.from_numpy(program(pcm16(torch.from_numpy(samples))))  # [frames bands]
    length = 1 + (classifier.frame.samples - WINDOW_SAMPLES) // frontend.hop_samples
    hop = max(1, round(hop_ms / frontend.hop_ms))
    windows = frames.unfold(0, length, hop)[:, None] if len(frames) >= length else torch.zeros(0, 1, frames.shape[1], length)
    values = classifier.probabilities(classifier.logits_from(windows)) if len(windows) else np.zeros((0, len(classifier.labels)))
    ends = ((np.arange(len(windows)) * hop + length - 1) * frontend.hop_samples + WINDOW_SAMPLES) * 1000.0 / frontend.rate_hz
    whole_ms, window_ms = (count * 1000 / classifier.frame.rate_hz for count in (len(samples), classifier.frame.samples))
    return Scores(
        "a stretch", classifier.labels, ends, values.astype(np.float32), whole_ms, window_ms, classifier.point, classifier.silence
    )
