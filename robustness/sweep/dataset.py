"""Which recordings are there, and how do they lie in a model's window? Each is decoded once, measured, and let go.

Lengths are in ms, levels in dBFS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from robustness.audio.labels import LabelSource
from robustness.audio.levels import decibels, speech_power
from robustness.audio.placement import LEAST_SLACK_MS, Frame, slack_ms, span_of, trimmed
from robustness.audio.reading import Looking, Reading, Wish, open_recordings
from robustness.audio.recordings import Recording
from robustness.audio.selection import Selection
from robustness.audio.spelling import lookalikes
from robustness.audio.streaming import Clip
from robustness.models.classifier import Classifier
from robustness.run.looks import KeptLooks, LookBook
from robustness.run.schema import SCHEMA
from robustness.sweep.plan import Settings


@dataclass(frozen=True)
class Wanted:
    """Which recordings are to be heard.

    Attributes:
        paths: folders, manifests and files.
        labels: where the words come from.
        selection: a split, a sample.
        skip_bad: go on without those that cannot be used.
    """

    paths: Sequence[Path]
    labels: LabelSource
    selection: Selection
    skip_bad: bool


class DataSet(NamedTuple):
    """What there is: the recordings, to be read when they are asked for, what was noticed, and what was measured of each."""

    reading: Reading
    measures: list[Measured]


class Measured(NamedTuple):
    """What is measured of a recording while its samples are there; lengths in ms.

    Attributes:
        duration_ms: as it is placed.
        native_ms: as it was recorded.
        speech_start_ms, speech_end_ms: where its speech lies as it is placed.
        slack_ms: how far it can move in the window.
        level_dbfs: of its speech.
    """

    duration_ms: float
    native_ms: float
    speech_start_ms: float
    speech_end_ms: float
    slack_ms: float
    level_dbfs: float


def measured(native: Recording, placed: Recording, frame: Frame, threshold_db: float) -> Measured:
    """How long a recording is, where its speech lies, how far it can move.

    Args:
        native: as it was recorded.
        placed: as it is placed, cut to its speech where it was cut.
        frame: the window.
        threshold_db: how far below the loudest frame speech may be.
    """
    ms = 1000 / placed.rate_hz
    span = span_of(placed, threshold_db)
    return Measured(
        duration_ms=len(placed.samples) * ms,
        native_ms=len(native.samples) * ms,
        speech_start_ms=span.start * ms,
        speech_end_ms=span.end * ms,
        slack_ms=slack_ms(len(placed.samples), frame),
        level_dbfs=decibels(float(speech_power(placed.samples[None], torch.tensor([span]), placed.rate_hz))),
    )


def look_at(
    wanted: Wanted,
    frame: Frame,
    settings: Settings,
    *,
    progress: Callable[[int, int], None],
    kept: KeptLooks | None = None,
    share: slice = slice(None),
) -> DataSet:
    """Decodes and measures every recording that is wanted; no sample is kept.

    Args:
        wanted: which.
        frame: the window that will hear them.
        settings: of the sweep.
        progress: told how many of how many were looked at.
        kept: where looks at files are kept; what lies there is not decoded, and what does not is put there.
        share: which of the files are looked at; by default all.

    Raises:
        RecordingError: recordings cannot be used; all of them are named in one message.
        UsageError: what is wanted contradicts itself, or is not there.
    """
    wish = Wish(frame.rate_hz, frame.samples, cut=settings.trim != "never")
    way = {**wish._asdict(), "trim": settings.trim, "threshold_db": settings.speech_threshold_db, "schema": SCHEMA}

    def measure(native: Recording) -> Measured:
        placed = trimmed(native, frame, settings.trim, settings.speech_threshold_db)
        return measured(native, placed, frame, settings.speech_threshold_db)

    reading = open_recordings(
        wanted.paths,
        wish,
        labels=wanted.labels,
        selection=wanted.selection,
        skip_bad=wanted.skip_bad,
        looking=Looking(measure, LookBook(kept, way), share),
        progress=progress,
    )
    return DataSet(reading, [Measured(*look.measures) for look in reading.looks if not look.reason])


def recordings_table(found: DataSet, classifier: Classifier) -> pd.DataFrame:
    """A row a recording: what it is, how long, where its speech lies, how far it can move."""
    return pd.DataFrame(
        [_recording_row(clip, measure, classifier) for clip, measure in zip(found.reading.clips, found.measures, strict=True)]
    )


def _recording_row(clip: Clip, measure: Measured, classifier: Classifier) -> dict[str, Any]:
    return {
        "id": clip.id,
        "word": clip.label,
        "label": classifier.truth(clip.label),
        "speaker": clip.speaker,
        "duration_ms": measure.duration_ms,
        "native_ms": measure.native_ms,
        "speech_start_ms": measure.speech_start_ms,
        "speech_end_ms": measure.speech_end_ms,
        "slack_ms": measure.slack_ms,
        "trimmed": measure.duration_ms != measure.native_ms,
        "untestable": measure.slack_ms < LEAST_SLACK_MS,
        "level_dbfs": measure.level_dbfs,
        "sha256": clip.sha256,
    }


def unsaid(table: pd.DataFrame, classifier: Classifier) -> list[str]:
    """Notices of the labels that no recording has, and of words that are like a label and count as unknown."""
    strange = [word for word, label in zip(table["word"], table["label"], strict=True) if label == classifier.unknown and word != label]
    like = lookalikes([word for word in strange if word], classifier.labels, classifier.unknown or "")
    there = set(table["label"].dropna())
    absent = [label for label in classifier.labels if label not in there and label != classifier.silence]
    missing = (
        [f"no recording has {'the label' if len(absent) == 1 else 'one of the labels'} {', '.join(absent)}"] if there and absent else []
    )
    return [*like, *missing]
