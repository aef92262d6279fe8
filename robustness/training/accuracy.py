"""How often a model is right on speakers that it never heard: by word, by placement, for each variant.

Recordings are read and placed as `robustness report` does, so that the command on the same files gives the same numbers. As recorded means
`--trim never`; for placements, recordings without slack are cut to their speech (`--trim auto`), in digital silence.
Sources: Wilson (1927) for a proportion; Zou & Donner, Statistics in Medicine 27 (2008), for a mean of proportions (MOVER).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from robustness.analysis.intervals import Estimate, wilson
from robustness.audio.labels import LabelSource
from robustness.audio.placement import Frame, slack_ms, trimmed
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.conditions import Condition
from robustness.models.classifier import Classifier
from robustness.rendering import Renderer, reference_windows
from robustness.training.data import Corpus

SHIFTS_MS: Final = tuple(shift for shift in range(-150, 151, 50) if shift)
PIECE: Final = 64
UNKNOWN_ACCEPTED: Final = 0.05  # the operating point: so many unknown words of the validation speakers may pass


@dataclass(frozen=True)
class HeldOut:
    """Recordings that a model is measured on.

    Attributes:
        name: in tables.
        folder: where they are.
        listed: a CSV with the columns path, label and speaker that selects them; None takes all.
    """

    name: str
    folder: Path
    listed: Path | None = None

    def read(self, frame: Frame) -> Sequence[Recording]:
        """The recordings, at the model's rate; those longer than its window are left out."""
        labels = LabelSource(csv=self.listed)
        return read_recordings([self.folder], rate_hz=frame.rate_hz, longest_samples=frame.samples, labels=labels, skip_bad=True).recordings


def listing(corpus: Corpus, source: str) -> bytes:
    """The clips of one source as a CSV: path, label, speaker."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "label", "speaker"))
    writer.writerows(sorted((clip.id, clip.word, clip.speaker) for clip in corpus.clips if clip.source == source))
    return text.getvalue().encode()


def predictions_table(classifiers: Sequence[Classifier], samples: Tensor) -> list[Tensor]:
    """Logits of each classifier for the windows, [clips time] → one [clips labels] a classifier; features are computed once."""
    parts: list[list[Tensor]] = [[] for _ in classifiers]
    with torch.inference_mode():
        for piece in samples.split(PIECE):
            features = classifiers[0].features(piece)
            for part, classifier in zip(parts, classifiers, strict=True):
                with classifier.network.evaluating():
                    part.append(classifier.logits_from(features))
    return [torch.cat(part) for part in parts]


def truths(classifier: Classifier, recordings: Sequence[Recording]) -> list[str]:
    """The label of each recording in the classifier's vocabulary."""
    return [str(classifier.truth(recording.label)) for recording in recordings]


def accuracy_table(classifiers: Sequence[Classifier], held_out: HeldOut) -> dict[str, Any]:
    """What a card says of one set of recordings, a part for each variant and how it was counted."""
    frame = classifiers[0].frame
    recordings = held_out.read(frame)
    cut = [recording for recording in (trimmed(r, frame) for r in recordings) if slack_ms(len(recording.samples), frame) >= 0]
    words = truths(classifiers[0], recordings)
    speakers = {recording.speaker for recording in recordings if recording.speaker}
    facts: dict[str, Any] = {"recordings": len(recordings), "speakers": len(speakers) or "not named"}
    as_recorded = _answers(classifiers, reference_windows(recordings, frame).samples)
    moved = _by_placement(classifiers, Renderer.of(cut, frame), truths(classifiers[0], cut))
    for classifier, answers, placed in zip(classifiers, as_recorded, moved, strict=True):
        facts[classifier.variant] = {"as_recorded": by_word(answers, words, classifier.labels), "placed": placed}
    return facts


def by_word(answers: Sequence[str], words: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Accuracy over all, balanced over the labels, and of each label, with 95 % intervals."""
    right = {label: [answer == word for answer, word in zip(answers, words, strict=True) if word == label] for label in labels}
    parts = {label: wilson(sum(marks), len(marks)) for label, marks in right.items() if marks}
    total = wilson(sum(a == w for a, w in zip(answers, words, strict=True)), len(words))
    return {
        "accuracy": shown(total),
        "balanced": shown(mean_accuracy(list(parts.values()))),
        "words": {label: shown(part) for label, part in parts.items()},
    }


def mean_accuracy(parts: Sequence[Estimate]) -> Estimate:
    """The mean of independent proportions, its interval from theirs."""
    value = sum(part.value for part in parts) / len(parts)
    below = math.sqrt(sum((part.value - part.low) ** 2 for part in parts)) / len(parts)
    above = math.sqrt(sum((part.high - part.value) ** 2 for part in parts)) / len(parts)
    return Estimate(value, max(0.0, value - below), min(1.0, value + above), sum(part.total for part in parts))


def shown(estimate: Estimate) -> dict[str, float | int]:
    """An estimate as a card writes it."""
    return {"value": round(estimate.value, 4), "low": round(estimate.low, 4), "high": round(estimate.high, 4), "of": estimate.total}


def threshold_for(classifier: Classifier, windows: Tensor, words: Sequence[str]) -> float | None:
    """The lowest probability in steps of 0.05 at which few unknown words are accepted; None where there are no unknown words."""
    labels = [str(classifier.truth(word)) for word in words]
    rows = torch.tensor([label == classifier.unknown for label in labels])
    if not bool(rows.any()):
        return None
    best = predictions_table([classifier], windows[rows])[0].softmax(1).max(1)
    known = torch.tensor([label != classifier.unknown for label in classifier.labels])[best.indices]
    steps = [round(0.05 * step, 2) for step in range(4, 20)]
    passing = (step for step in steps if float((known & (best.values >= step)).float().mean()) <= UNKNOWN_ACCEPTED)
    return next(passing, steps[-1])


def _answers(classifiers: Sequence[Classifier], windows: Tensor) -> list[list[str]]:
    logits = predictions_table(classifiers, windows)
    return [[c.labels[index] for index in part.argmax(1).tolist()] for c, part in zip(classifiers, logits, strict=True)]


def _by_placement(classifiers: Sequence[Classifier], renderer: Renderer, words: Sequence[str]) -> list[dict[str, Any]]:
    """For each classifier: accuracy at start, center and end, and how many answers change on the way."""
    center = renderer.leads("center")
    leads = {"start": renderer.leads("start"), "center": center, "end": renderer.leads("end")}
    leads |= {f"{shift}": center + shift * renderer.frame.rate_hz // 1000 for shift in SHIFTS_MS}
    answers = {name: _answers(classifiers, renderer.render(Condition(), lead).samples) for name, lead in leads.items()}
    return [_placed({name: of[index] for name, of in answers.items()}, words) for index in range(len(classifiers))]


def _placed(answers: dict[str, list[str]], words: Sequence[str]) -> dict[str, Any]:
    def changed(name: str) -> int:
        return sum(answer != before for answer, before in zip(answers[name], answers["center"], strict=True))

    return {
        **{name: shown(wilson(_right(answers[name], words), len(words))) for name in ("start", "center", "end")},
        "changed_from_center_to_start": shown(wilson(changed("start"), len(words))),
        "changed_within_150_ms": round(sum(changed(f"{shift}") for shift in SHIFTS_MS) / (len(SHIFTS_MS) * len(words)), 4),
    }


def _right(answers: Sequence[str], words: Sequence[str]) -> int:
    return sum(answer == word for answer, word in zip(answers, words, strict=True))
