"""How does a model do when it runs many times a second over a take? From takes and labels to figures, phases and words that fail alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from robustness.audio.reading import read_audio
from robustness.audio.segment_advice import check_count
from robustness.audio.segment_settings import DetectorSettings
from robustness.audio.segmentation import find_words, hear
from robustness.audio.spelling import lookalikes
from robustness.audio.takes import Take, open_take
from robustness.errors import RecordingError, UsageError
from robustness.models.card import read_card
from robustness.models.classifier import Classifier
from robustness.models.streaming_settings import Streaming
from robustness.streaming.pairing import PairedHits, paired_hits
from robustness.streaming.repair import SingleAnswer
from robustness.streaming.rules.base import PLAIN, RULES
from robustness.streaming.score_files import FileFacts, read_score_file
from robustness.streaming.scores import Scores
from robustness.streaming.sentences import counted
from robustness.streaming.spans import Word, checked_spans, read_spans
from robustness.streaming.streams import VariantStream, stream_of
from robustness.sweep.single_windows import single_answers
from robustness.sweep.states import figures_by_state, remembers, runs_on
from robustness.sweep.steps import keeps_state, stepped_scores
from robustness.sweep.takes import refuse_hop, scores_of

BESIDE: Final = ("{}.csv", "{}.txt", "{}.TextGrid", "{}_spec.json")
STEPPED: Final = "{} keeps a state: it is fed step by step, at its own pace and one phase, and is not asked in single windows"
OFF: Final = 0.01  # of a step: a hop that is off by more is no multiple of it
Progress = Callable[[str, int, int], None]


class AskedDecisions(NamedTuple):
    """What a card may say as well; None is left to it."""

    rule: str | None = None
    hop_ms: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class StreamRequest:
    """What is asked.

    Attributes:
        hop_ms: from one answer of the device to the next.
        phase_ms: how finely the phases of its first window are tried.
        rule: the name of the decision rule.
        threshold: of the rule; None is the card's, or the rule's usual one.
        settings: of the rule, as text.
        tolerance_ms: how long after its end a word may be hit; None is the model's window.
        words: what is said in the one take, where the detector is to find it.
    """

    hop_ms: float = 100.0
    phase_ms: float = 20.0
    rule: str = "plain"
    threshold: float | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    tolerance_ms: float | None = None
    words: tuple[str, ...] = ()

    def by_card(self, card: Path, asked: AskedDecisions) -> Self:
        """The request with what a card says of streaming, where nothing else is asked; its settings go with its own rule alone.

        Raises:
            CardError: the card cannot be read, or is wrong.
        """
        said = read_card(card).streaming or Streaming()
        own = asked.rule in (None, said.rule)
        return replace(
            self,
            hop_ms=asked.hop_ms if asked.hop_ms is not None else said.hop_ms or self.hop_ms,
            rule=asked.rule or said.rule,
            threshold=asked.threshold if asked.threshold is not None or not own else said.threshold,
            settings={**(said.texts if own else {}), **self.settings},
            tolerance_ms=said.tolerance_ms if self.tolerance_ms is None else self.tolerance_ms,
        )

    @property
    def steps(self) -> int:
        """Phases of the first window.

        Raises:
            UsageError: a time is not above 0.
        """
        for name, value in (("--hop-ms", self.hop_ms), ("--phase-ms", self.phase_ms)):
            if not 0 < value < float("inf"):
                raise UsageError(f"{name} is {value:g}; expected a number above 0")
        if self.tolerance_ms is not None and not 0 <= self.tolerance_ms < float("inf"):
            raise UsageError(f"--tolerance-ms is {self.tolerance_ms:g}; expected 0 or more")
        return max(1, round(self.hop_ms / self.phase_ms))


@dataclass(frozen=True, eq=False)
class StreamResult:
    """What came out.

    Attributes:
        variants: one or several.
        notices: what is worth knowing of takes and labels.
        takes: the sound files; none where scores were given.
    """

    variants: tuple[VariantStream, ...]
    notices: tuple[str, ...]
    takes: tuple[Take, ...] = ()

    @cached_property
    def pairs(self) -> list[PairedHits]:
        """The variants at equal false alarms an hour."""
        return paired_hits(self.variants)


def finite(value: float) -> float | None:
    """The number; None if it is infinite."""
    return value if isfinite(value) else None


def stream_models(
    classifiers: Sequence[Classifier], paths: Sequence[Path], labels: Sequence[Path], request: StreamRequest, progress: Progress
) -> StreamResult:
    """Runs classifiers over takes.

    Args:
        classifiers: the variants of a model, with one front-end and window.
        paths: the takes.
        labels: a file a take, in their order; none looks beside each take.
        request: what is asked.
        progress: told what is done.

    Raises:
        RecordingError: a take or its labels cannot be used.
        UsageError: labels and takes do not go together, or the request cannot be.
    """
    first, steps = classifiers[0], request.steps
    rule = RULES[request.rule].made(request.threshold, request.settings)
    rule.decide(_no_answers(first))  # a rule that lacks what it needs says so before hours are streamed
    takes = [open_take(path, first.frame.rate_hz) for path in paths]
    said = [_words(take, path, request) for take, path in zip(takes, labels_of(paths, labels, request), strict=True)]
    notices = [f"{take.name}: {one}" for take, words in zip(takes, said, strict=True) for one in _notices(take, words, first)]
    stepped = keeps_state(first)
    if stepped:
        notices.append(STEPPED.format(first.name))
    else:
        refuse_hop(request.hop_ms, first.frame)
    answered = [_Answered(classifier) for classifier in classifiers]
    for at, (take, words) in enumerate(zip(takes, said, strict=True)):
        if stepped:
            for one in answered:
                one.scores.append(stepped_scores(take, one.classifier))
        else:
            notices += _ask(answered, (at, take, words), request, progress)

    def scored(one: _Answered) -> VariantStream:
        words, tolerance_ms = one.words(said), request.tolerance_ms
        made = stream_of(
            one.scores, words, rule, steps=1 if stepped else steps, tolerance_ms=tolerance_ms, alone=one.alone, one_hop=stepped
        )
        return _with_states(made, takes, one.classifier)

    return StreamResult(tuple(map(scored, answered)), tuple(notices), tuple(takes))


def _no_answers(classifier: Classifier) -> Scores:
    """One answer of zeros, with the labels of a classifier."""
    labels = classifier.labels
    return Scores("", labels, np.ones(1), np.zeros((1, len(labels)), np.float32), 1.0, 1.0, classifier.point, classifier.silence)


@dataclass(eq=False)
class _Answered:
    """What a classifier answers to the takes, and to each word alone."""

    classifier: Classifier
    scores: list[Scores] = field(default_factory=list)
    alone: dict[tuple[int, int], Mapping[str, SingleAnswer]] = field(default_factory=dict)

    def words(self, said: Sequence[Sequence[Word]]) -> list[list[Word]]:
        """The words of each take by its labels."""
        return [named(words, self.classifier) for words in said]


def _ask(answered: Sequence[_Answered], part: tuple[int, Take, Sequence[Word]], request: StreamRequest, progress: Progress) -> list[str]:
    """Asks classifiers for a take, window by window and word by word; what is worth knowing of it."""
    at, take, words = part
    classifiers = [one.classifier for one in answered]
    step_ms = request.hop_ms / request.steps
    found, shared = scores_of(take, classifiers, step_ms, lambda done, of: progress(f"take: {take.name}", done, of))
    singles = single_answers(take, words, [_alone(one, request) for one in classifiers])
    for one, scores, by_word in zip(answered, found, singles, strict=True):
        one.scores.append(scores)
        one.alone.update({(at, place): by_place for place, by_place in by_word.items()})
    return [] if shared else [f"{take.name}: each window's features are computed alone, for none of their frames can be shared"]


def _with_states(made: VariantStream, takes: Sequence[Take], classifier: Classifier) -> VariantStream:
    """With figures by starting state, if the model has a memory."""
    made = replace(made, memory=remembers(classifier))
    if not runs_on(classifier) or not any(any(timeline.spoken) for timeline in made.timelines):
        return made
    return replace(made, states=tuple(figures_by_state(takes, made.timelines, classifier, made.rule, made.phases.hop_ms)))


def _alone(classifier: Classifier, request: StreamRequest) -> Classifier:
    """The classifier as it answers to a single window: at the threshold of the stream, where that is the plain rule's."""
    plain = request.threshold is not None and request.rule == PLAIN
    return replace(classifier, threshold=request.threshold) if plain else classifier


def stream_scores(path: Path, labels: Path | None, request: StreamRequest, facts: FileFacts) -> StreamResult:
    """Scores what another engine answered, by the same rules.

    Args:
        path: the file of scores.
        labels: what is said; with the column `take` where the file is of several.
        request: what is asked; a hop of 0 takes every answer.
        facts: what the file does not say itself.

    Raises:
        UsageError: the file is no list of scores, or its steps are no part of the hop.
        RecordingError: the labels cannot be used.
    """
    rule = RULES[request.rule].made(request.threshold, request.settings)
    words = [] if labels is None else read_spans(labels)
    named_only = {word.label for word in words}
    if not facts.names and len(named_only) == 1:  # a log names no keyword: it is the one that is said
        facts = replace(facts, names=tuple(named_only))
    takes = read_score_file(path, facts)
    said = [_of_take(words, one.take, several=len(takes) > 1) for one in takes]
    scores = [
        replace(one, duration_ms=max([one.duration_ms, *(word.end_ms for word in mine)])) for one, mine in zip(takes, said, strict=True)
    ]
    found = stream_of(scores, said, rule, steps=_steps_of(scores, request), tolerance_ms=request.tolerance_ms, alone={})
    outside = [] if any(any(one.spoken) for one in found.timelines) else ["no word of the labels is a command of the scores"]
    return StreamResult((found,), tuple(outside))


def _of_take(words: Sequence[Word], name: str, *, several: bool) -> list[Word]:
    """The words of one take; a table without the column `take` is of the only one.

    Raises:
        RecordingError: there are several takes and the table does not say of which one a word is.
    """
    if several and any(word.take is None for word in words):
        raise RecordingError(
            "the scores are of several takes; give labels with a column `take`, which names the one that a word is said in"
        )
    return [word for word in words if word.take is None or word.take == name]


def _steps_of(scores: Sequence[Scores], request: StreamRequest) -> int:
    """How many answers lie between two of the device.

    Raises:
        UsageError: the hop asked for is no multiple of the step of the scores.
    """
    step_ms = max(one.step_ms for one in scores)
    if request.hop_ms == 0 or step_ms == 0:
        return 1
    steps = round(request.hop_ms / step_ms)
    if steps < 1 or abs(steps * step_ms - request.hop_ms) > OFF * step_ms:
        raise UsageError(
            f"--hop-ms is {request.hop_ms:g} and the scores come every {step_ms:g} ms; give a multiple of that, or leave it out"
        )
    return steps


def labels_of(paths: Sequence[Path], labels: Sequence[Path], request: StreamRequest) -> list[Path | None]:
    """The file of labels of each take.

    Raises:
        UsageError: there are others than takes, or words are given as well.
    """
    if request.words and (labels or len(paths) != 1):
        raise UsageError("--words goes with one take and without --labels: it names what the detector of `segment` is to find in it")
    if labels and len(labels) != len(paths):
        raise UsageError(
            f"{counted(len(labels), 'file')} of labels for {counted(len(paths), 'take')}; give one --labels a take, in their order"
        )
    return list(labels) if labels else [_beside(path) for path in paths]


def _beside(path: Path) -> Path | None:
    found = (path.with_name(form.format(path.stem)) for form in BESIDE)
    return next((one for one in found if one.is_file()), None)


def _words(take: Take, labels: Path | None, request: StreamRequest) -> list[Word]:
    if request.words:
        settings = DetectorSettings()
        hearing = hear(read_audio(take.path, take.rate_hz).samples.numpy(), take.rate_hz, settings)
        found = find_words(hearing, settings)
        try:
            check_count(hearing, found, request.words, settings)
        except RecordingError as error:
            raise RecordingError(f"{take.path}: {error}", error.details) from error
        return [Word(label, one.start_ms, one.end_ms) for label, one in zip(request.words, found, strict=True)]
    return [] if labels is None else read_spans(labels)


def _notices(take: Take, words: Sequence[Word], classifier: Classifier) -> list[str]:
    """What is worth knowing of a take and its labels.

    Raises:
        RecordingError: a word lies beyond the take's end.
    """
    found = [*take.notices, *checked_spans(words, take.duration_ms, take.name)]
    commands = {word.label for word in named(words, classifier)} & set(classifier.labels) - set(classifier.rejections)
    if not words:
        return [*found, "it has no labels: whatever is said counts as a false alarm"]
    if not commands:
        found.append("none of its words is a command of the model: whatever is said counts as a false alarm")
    outside = [word.label for word in words if word.label not in classifier.labels]
    return [*found, *lookalikes(outside, classifier.labels, "a word outside the vocabulary")]


def named(words: Sequence[Word], classifier: Classifier) -> list[Word]:
    """The words by the labels that they have in the vocabulary; others keep their own."""
    known = {word.label: classifier.truth(word.label) if _has_place(word.label, classifier) else word.label for word in words}
    rejected = set(classifier.rejections)
    return [word if known[word.label] in rejected else word._replace(label=known[word.label] or word.label) for word in words]


def _has_place(label: str, classifier: Classifier) -> bool:
    return label in classifier.labels or classifier.unknown is not None or not classifier.point.contest


def said_of(result: StreamResult, request: StreamRequest) -> dict[str, Any]:
    """The result in plain values, for JSON."""
    return {
        "rule": request.rule,
        "hop_ms": result.variants[0].phases.hop_ms,
        "phase_ms": result.variants[0].phases.step_ms,
        "steps": len(result.variants[0].phases.matchings),
        "takes": [
            {
                "name": scores.take,
                "duration_ms": scores.duration_ms,
                "words": len(timeline.words),
                "spoken": [(word.label, word.start_ms, word.end_ms) for word in timeline.words],
            }
            for scores, timeline in zip(result.variants[0].scores, result.variants[0].timelines, strict=True)
        ],
        "notices": list(result.notices),
        "variants": [one.said for one in result.variants],
        "at_equal_false_alarms": [
            one._asdict() | {"thresholds": [finite(value) for value in one.thresholds], "p": one.p_value} for one in result.pairs
        ],
    }
