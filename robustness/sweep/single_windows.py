"""What do classifiers answer to a word of a take alone in a window, at the usual placements? As a report would ask it.

The recording is the stretch that the labels name, or else the word with a margin that reaches into no neighbour; the rest of the window is
zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Final

import torch
from torch import Tensor

from robustness.analysis.outcomes import GOOD, NO_COMMAND, OUTCOMES, Decisions
from robustness.audio.placement import Frame
from robustness.audio.recordings import Recording
from robustness.audio.segment_settings import CutSettings
from robustness.audio.takes import Take
from robustness.conditions import OTHER_WORD, Condition, Placement
from robustness.models.classifier import Classifier
from robustness.rendering import Renderer
from robustness.streaming.repair import SingleAnswer
from robustness.streaming.spans import Word
from robustness.sweep.engine import Engine

ASKED: Final[tuple[Placement, ...]] = ("start", "center", "end")
TOGETHER: Final = 64  # words rendered at once
PROBES: Final = 8
MARGINS: Final = CutSettings()
WordRecordings = list[tuple[int, Recording]]  # with the word's place
SeparateAnswers = dict[int, dict[str, SingleAnswer]]


def single_answers(take: Take, words: Sequence[Word], classifiers: Sequence[Classifier]) -> list[SeparateAnswers]:
    """The answers of each classifier to each word, by its place in time; a word that does not fit the window is left out.

    Args:
        take: in which they are said.
        words: in order of time.
        classifiers: of one window.
    """
    found: list[SeparateAnswers] = [{} for _ in classifiers]
    windows = _windows(take, words, classifiers[0].frame)
    first = next(windows, None)
    if first is None:
        return found
    engine = Engine.ready(classifiers, first[1][:PROBES])
    with closing(engine.stream(chain([first], windows))) as stream:
        for (part, placement), several in stream:
            for kept, classifier, logits in zip(found, classifiers, several, strict=True):
                labels = [recording.label or "" for _, recording in part]
                decided = classifier.decide(logits, torch.tensor([_truth(classifier, label) for label in labels]))
                for at, (place, _) in enumerate(part):
                    kept.setdefault(place, {})[placement] = _answer(classifier, decided, at)
    return found


def _windows(take: Take, words: Sequence[Word], frame: Frame) -> Iterator[tuple[tuple[WordRecordings, Placement], Tensor]]:
    """Some words at one placement, [words time], after the other."""
    recordings = _recordings(take, words, frame)
    while part := list(islice(recordings, TOGETHER)):
        renderer = Renderer.of([recording for _, recording in part], frame)
        for placement in ASKED:
            yield (part, placement), renderer.render(Condition(placement=placement)).samples


def _recordings(take: Take, words: Sequence[Word], frame: Frame) -> Iterator[tuple[int, Recording]]:
    for place, word in enumerate(words):
        start, end = word.clip_ms or stretch(words, place, take.duration_ms)
        samples = torch.from_numpy(take.part(start, end))
        if 0 < len(samples) <= frame.samples and float(samples.abs().max()) > 0:
            yield place, Recording(word.recording or f"{word.label}-{place}", samples, frame.rate_hz, word.label)


def stretch(words: Sequence[Word], place: int, duration_ms: float) -> tuple[float, float]:
    """The word with the margins of a cut, shared with its neighbours at the middle of a pause."""
    word = words[place]
    left = (words[place - 1].end_ms + word.start_ms) / 2 if place else 0.0
    right = (word.end_ms + words[place + 1].start_ms) / 2 if place + 1 < len(words) else duration_ms
    start = min(word.start_ms, max(left, word.start_ms - MARGINS.before_ms))
    longest = max(MARGINS.longest_ms, word.end_ms - start)
    return start, max(word.end_ms, min(right, word.end_ms + MARGINS.after_ms, start + longest))


def _truth(classifier: Classifier, label: str) -> int:
    """The place of a word's label, or that of a word outside the vocabulary of a model without a label for such."""
    if label not in classifier.labels and classifier.unknown is None:
        return NO_COMMAND
    truth = classifier.truth(label)
    return NO_COMMAND if truth is None or truth == OTHER_WORD else classifier.labels.index(truth)


def _answer(classifier: Classifier, decided: Decisions, at: int) -> SingleAnswer:
    outcome = OUTCOMES[int(decided.outcome[at])]
    predicted = int(decided.predicted[at])
    command = int(decided.command[at]) if not classifier.point.contest else predicted
    acts = outcome not in ("missed", "left alone")
    return SingleAnswer(outcome in GOOD, classifier.labels[predicted], outcome, classifier.labels[command] if acts else None)
