"""What did another engine answer? Its scores from the files that people have.

Read are: the tables that `robustness stream` writes (.parquet); a CSV with time_s (or time_ms), label and score, a row an answer, or with
a column a label; wekws' list (a line an utterance and keyword: key, number of the keyword, a score a frame); and a log of MLPerf Tiny's
runner (`Detection Timestamps (ms)` … `m-ready`; the first marks the start). Loads no torch.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from robustness.analysis.outcomes import OperatingPoint
from robustness.errors import UsageError
from robustness.files import UnreadableError, text_of
from robustness.streaming.scores import Floats, Scores, Values, read_scores

MOST_BYTES: Final = 1_000_000_000
REJECTIONS: Final = frozenset("unknown _unknown_ silence _silence_ other _other_ background _background_noise_ noise vad".split())
SILENCES: Final = ("silence", "_silence_")
TIMES: Final = {"time": 1000.0, "time_s": 1000.0, "time_ms": 1.0}
TIMESTAMPS: Final = re.compile(r"Detection Timestamps \(ms\)(.*?)m-ready", re.DOTALL)
WHOLE: Final = 0.02  # how far from 1 the scores of one moment may add up to, for classes of which one wins
FORMS: Final = (
    "a CSV with time_s, label and score (or time_s and a column a label), wekws' score list, a log of MLPerf Tiny's runner, or a table "
    "that `robustness stream` wrote"
)


@dataclass(frozen=True)
class FileFacts:
    """What a file of scores does not say itself.

    Attributes:
        names: of keywords that it numbers or does not name, in their order.
        step_ms: from one frame to the next, where it has no times.
        rejections: labels that are no commands; None are the usual names of such.
    """

    names: tuple[str, ...] = ()
    step_ms: float = 10.0
    rejections: frozenset[str] | None = None


def read_score_file(path: Path, facts: FileFacts) -> list[Scores]:
    """The scores of a file, of one take or several.

    Raises:
        UsageError: it is none of the forms, or a score is no probability; the sentence names file and line.
        RunError: it is a damaged table of ours.
    """
    if path.suffix == ".parquet":
        return [read_scores(path).checked()]
    try:
        text = text_of(path, MOST_BYTES).lstrip("\ufeff")
    except UnreadableError as error:
        raise UsageError(f"the scores {path} cannot be read: {error}; give {FORMS}") from error
    if "Detection Timestamps" in text:
        return [_of_log(path, text, facts)]
    first = text.partition("\n")[0]
    if "," in first or "time" in first:
        return [_of_table(path, text, facts)]
    return _of_list(path, text, facts)


def _of_table(path: Path, text: str, facts: FileFacts) -> Scores:
    rows = csv.reader(io.StringIO(text))
    head = [cell.strip() for cell in next(rows, [])]
    time = next((name for name in TIMES if name in head), None)
    if time is None:
        raise UsageError(f"the scores {path} have the columns {', '.join(head) or 'none'} and no time_s; give {FORMS}")
    body = [(number, row) for number, row in enumerate(rows, 2) if any(cell.strip() for cell in row)]
    cells = [[_cell(path, number, row, head.index(time)) * TIMES[time] for number, row in body]]
    if {"label", "score"} <= set(head):
        return _of_rows(path, cells[0], [(number, row) for number, row in body], head, facts)
    labels = [name for name in head if name != time]
    values = [[_cell(path, number, row, place) for place, name in enumerate(head) if name != time] for number, row in body]
    return _made(path.name, labels, np.asarray(cells[0]), np.asarray(values, np.float32).reshape(len(body), len(labels)), facts)


def _of_rows(path: Path, times: Sequence[float], body: Sequence[tuple[int, list[str]]], head: Sequence[str], facts: FileFacts) -> Scores:
    """A row a time and label; a label without a score at a time has 0 there."""
    said = [row[head.index("label")].strip() for _, row in body]
    labels = sorted(set(said))
    moments, at = np.unique(np.asarray(times), return_inverse=True)
    values = np.zeros((len(moments), len(labels)), np.float32)
    for (number, row), label, moment in zip(body, said, at.tolist(), strict=True):
        values[moment, labels.index(label)] = _cell(path, number, row, head.index("score"))
    return _made(path.name, labels, moments, values, facts)


def _of_list(path: Path, text: str, facts: FileFacts) -> list[Scores]:
    """wekws: `key keyword score score …`, a line an utterance and keyword."""
    found: dict[str, dict[str, Values]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) < 3:
            raise UsageError(f"line {number} of the scores {path} is no list of scores; give {FORMS}")
        scores = [_number(path, number, cell) for cell in cells[2:]]
        found.setdefault(cells[0], {})[_name(path, cells[1], facts)] = np.asarray(scores, np.float32)
    if not found:
        raise UsageError(f"the scores {path} are empty; give {FORMS}")
    return [_of_utterance(path, key, by_label, facts) for key, by_label in found.items()]


def _of_utterance(path: Path, key: str, by_label: dict[str, Values], facts: FileFacts) -> Scores:
    if len({len(scores) for scores in by_label.values()}) > 1:
        raise UsageError(f"the scores {path} have keywords of different lengths for {key}; write them again")
    values = np.stack(list(by_label.values()), axis=1)
    return _made(key, list(by_label), facts.step_ms * np.arange(1, len(values) + 1, dtype=np.float64), values, facts)


def _of_log(path: Path, text: str, facts: FileFacts) -> Scores:
    """MLPerf Tiny: detections, which are certain answers of one keyword."""
    found = TIMESTAMPS.search(text)
    stamps = [float(one) for one in re.findall(r"\d+", found.group(1))] if found else []
    if not stamps:
        raise UsageError(f"the log {path} has no timestamps between `Detection Timestamps (ms)` and `m-ready`; give the log of a whole run")
    times = np.asarray(stamps[1:]) - stamps[0]
    if not len(times):  # nothing was detected, which is an answer too
        return _made(path.name, [_name(path, "0", facts)], np.zeros(1), np.zeros((1, 1), np.float32), facts)
    return _made(path.name, [_name(path, "0", facts)], times, np.ones((len(times), 1), np.float32), facts)


def _name(path: Path, number: str, facts: FileFacts) -> str:
    if not facts.names:
        raise UsageError(f"the scores {path} do not name their keywords; give --label NAME, once a keyword in the order of their numbers")
    if not number.isdecimal() or int(number) >= len(facts.names):
        raise UsageError(f"the scores {path} have a keyword {number}, and {len(facts.names)} --label are given; give one for each")
    return facts.names[int(number)]


def _made(name: str, labels: Sequence[str], times: Floats, values: Values, facts: FileFacts) -> Scores:
    if not labels or not len(times):
        raise UsageError(f"the scores {name} hold no answer; give {FORMS}")
    wrong = values[(values < 0) | (values > 1)]
    if len(wrong):
        raise UsageError(f"the scores {name} hold {wrong[0]:g}; expected probabilities from 0 to 1: take the softmax or sigmoid of logits")
    rejections = facts.rejections if facts.rejections is not None else REJECTIONS
    contest = len(labels) > 1 and bool((np.abs(values.sum(axis=1) - 1) < WHOLE).all())
    point = OperatingPoint(frozenset(label for label in labels if label in rejections), contest=contest)
    silence = next((label for label in labels if label in SILENCES), None)
    return Scores(name, tuple(labels), times, values, float(times[-1]), 0.0, point, silence, name).checked()


def _cell(path: Path, number: int, row: Sequence[str], place: int) -> float:
    return _number(path, number, row[place] if place < len(row) else "")


def _number(path: Path, line: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"line {line} of the scores {path} has {cell!r} where a number is expected")
    return value
