"""What does a model answer to a take, window by window? Probabilities over time, kept so that another rule costs no forward pass.

A score's time is the end of the window that it answers: the moment at which a device has it. Times are ms from the take's start. Loads no
torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from robustness.analysis.outcomes import OperatingPoint
from robustness.errors import RunError, UsageError
from robustness.run.atomic import whole

Floats = NDArray[np.float64]
Values = NDArray[np.float32]
UNEVEN: Final = 0.5  # of a step: a step that differs by more is none of an even stream
ABOUT: Final = b"robustness"
TOGETHER: Final = 65_536  # answers that are written at once


class Detection(NamedTuple):
    """What a device says: which command, when, and at which score."""

    time_ms: float
    label: str
    score: float


@dataclass(frozen=True, eq=False)
class Scores:
    """The answers to one take.

    Attributes:
        take: its name.
        labels: of the model.
        times_ms: when each answer is there, the end of its window, [steps].
        values: probabilities, as the device compares them, [steps labels].
        duration_ms: of the take.
        window_ms: how much sound an answer is given to; 0 where it is not known.
        point: when a device acts on a single answer; its rejection labels are no commands.
        silence: the label of windows without a word.
        model: who answered, with the variant.
    """

    take: str
    labels: tuple[str, ...]
    times_ms: Floats
    values: Values
    duration_ms: float
    window_ms: float
    point: OperatingPoint
    silence: str | None = None
    model: str = ""

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def step_ms(self) -> float:
        """From one answer to the next; 0 for fewer than two."""
        return float(np.median(np.diff(self.times_ms))) if len(self) > 1 else 0.0

    @property
    def acts(self) -> NDArray[np.bool_]:
        """Whether a label is a command, [labels]."""
        return np.asarray([label not in self.point.rejections for label in self.labels])

    def every(self, steps: int, first: int = 0) -> Self:
        """Every so many answers, from one of the first: the stream of a device that starts so much later."""
        part = slice(first, None, steps)
        return replace(self, times_ms=self.times_ms[part], values=self.values[part])

    def between(self, start_ms: float, end_ms: float) -> Self:
        """The answers that are there within a stretch of the take, both ends included."""
        part = slice(int(np.searchsorted(self.times_ms, start_ms)), int(np.searchsorted(self.times_ms, end_ms, side="right")))
        return replace(self, times_ms=self.times_ms[part], values=self.values[part])

    def checked(self) -> Self:
        """The same.

        Raises:
            UsageError: times do not rise, or a value is no number.
        """
        if len(self) == 0:
            raise UsageError(f"{self.take} has no scores; give a file with one a step")
        if not (np.isfinite(self.values).all() and np.isfinite(self.times_ms).all()):
            raise UsageError(f"{self.take}: a time or a score is no number (NaN or infinite); write the scores again")
        wrong = np.flatnonzero(np.diff(self.times_ms) <= 0)
        if len(wrong):
            at = self.times_ms[wrong[0] + 1] / 1000
            raise UsageError(f"{self.take}: the times must rise, and {at:g} s follows {self.times_ms[wrong[0]] / 1000:g} s; sort them")
        return self


def best_command(scores: Scores) -> tuple[NDArray[np.int64], Values]:
    """The command that a device would carry out at each step and its probability, [steps] each; 0 where a rejection label wins.

    As in a single window: with a contest the command must be the winning label; without one the best command counts.
    """
    acts = scores.acts
    if not acts.any():
        return np.zeros(len(scores), np.int64), np.zeros(len(scores), np.float32)
    allowed = scores.values if scores.point.contest else np.where(acts, scores.values, -np.inf)
    place = allowed.argmax(axis=1)
    p = scores.values[np.arange(len(scores)), place]
    return place, np.where(acts[place], p, np.float32(0.0)).astype(np.float32)


def averaged(scores: Scores, window: int) -> Scores:
    """Each answer as the mean of the last so many; the first ones of as many as there are."""
    if window <= 1:
        return scores
    total = np.cumsum(np.vstack([np.zeros((1, len(scores.labels))), scores.values]), axis=0)
    last = np.arange(1, len(scores) + 1)
    first = np.maximum(0, last - window)
    means = (total[last] - total[first]) / (last - first)[:, None]
    return replace(scores, values=means.astype(np.float32))


def write_scores(path: Path, scores: Scores) -> None:
    """Keeps the answers to one take, a column a label, whole or not at all."""
    about = {
        "take": scores.take, "labels": scores.labels, "duration_ms": scores.duration_ms, "window_ms": scores.window_ms,
        "silence": scores.silence, "model": scores.model, "rejections": sorted(scores.point.rejections),
        "threshold": scores.point.threshold, "own": scores.point.own, "contest": scores.point.contest,
    }  # fmt: skip
    places = range(len(scores.labels))
    fields = [("time_ms", pa.float64()), *((f"p_{place}", pa.float32()) for place in places)]
    schema = pa.schema(fields, metadata={ABOUT: json.dumps(about, sort_keys=True).encode()})
    with whole(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=False) as writer:
        for first in range(0, len(scores), TOGETHER):
            part = slice(first, first + TOGETHER)
            columns = [scores.times_ms[part], *(scores.values[part, place] for place in places)]
            writer.write_table(pa.table(columns, schema))


def read_scores(path: Path) -> Scores:
    """The answers that `write_scores` kept.

    Raises:
        RunError: the file is no such table.
    """
    try:
        table = pq.read_table(path)
        about = json.loads((table.schema.metadata or {})[ABOUT])
        values = [table.column(f"p_{place}").to_numpy() for place in range(len(about["labels"]))]
        return _scores(about, table.column("time_ms").to_numpy(), values)
    except (OSError, KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise RunError(f"{path} is no table of scores that `robustness stream` wrote ({error}); make it again, or give a CSV") from error


def _scores(about: dict[str, Any], times: Floats, values: Sequence[Values]) -> Scores:
    own = tuple((str(label), float(value)) for label, value in about["own"])
    point = OperatingPoint(frozenset(about["rejections"]), about["threshold"], own, about["contest"])
    return Scores(
        about["take"],
        tuple(about["labels"]),
        times,
        np.stack(values, axis=1).astype(np.float32),
        about["duration_ms"],
        about["window_ms"],
        point,
        about["silence"],
        about["model"],
    )
