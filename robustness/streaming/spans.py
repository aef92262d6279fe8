"""Which words are said in a take, and when? Labels as spans, in the forms in which people have them.

Read are: the table that `robustness segment` and `robustness compose` write (path, label, start_ms, end_ms), a CSV with start_s, end_s and
label, an Audacity label track (start, end and label by tabs, no head), a Praat TextGrid (long or short form), and the JSON of MLPerf Tiny's
streaming takes. Loads no torch.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from robustness.errors import RecordingError
from robustness.files import UnreadableError, text_of

FORMS: Final = (
    "a CSV with start_s, end_s and label (or start_ms, end_ms and label, as `robustness segment` writes it), an Audacity label track, "
    "a TextGrid, or the JSON of MLPerf Tiny"
)
COLUMNS: Final = ((("start_ms", "end_ms"), 1.0), (("start_s", "end_s"), 1000.0))  # and how many ms each of its numbers is
SPEECH_COMMANDS_S: Final = 1.0  # how long each clip in MLPerf Tiny's JSON lasts; it says where they begin
MOST_LABELS_TEXT: Final = 64_000_000  # bytes; a million words


class Word(NamedTuple):
    """A word that is said in a take.

    Attributes:
        label: the word.
        start_ms: where it begins.
        end_ms: where it ends.
        recording: the recording that it comes from, where the table names one.
        clip_ms: where that recording begins and ends in the take, where the table says so.
        take: the name of the take, where one table is of several.
    """

    label: str
    start_ms: float
    end_ms: float
    recording: str | None = None
    clip_ms: tuple[float, float] | None = None
    take: str | None = None

    @property
    def duration_ms(self) -> float:
        """How long it lasts."""
        return self.end_ms - self.start_ms


def read_spans(path: Path) -> list[Word]:
    """The words of a take, in the order in which they are said.

    Raises:
        RecordingError: the file is none of the forms, or a span is wrong; the sentence names file and row.
    """
    try:
        text = text_of(path, MOST_LABELS_TEXT)
    except UnreadableError as error:
        raise RecordingError(f"the labels {path} cannot be read: {error}; give {FORMS}") from error
    suffix = path.suffix.lower()
    if suffix == ".textgrid" or "ooTextFile" in text[:200]:
        words = list(_of_textgrid(path, text))
    elif suffix == ".json":
        words = list(_of_json(path, text))
    else:
        words = list(_of_table(path, text))
    return sorted(words, key=lambda word: (word.start_ms, word.end_ms))


def checked_spans(words: Sequence[Word], duration_ms: float, name: str) -> list[str]:
    """What is worth a notice: words that overlap.

    Raises:
        RecordingError: a word begins after the take's end.
    """
    beyond = [word for word in words if word.start_ms >= duration_ms]
    if beyond:
        raise RecordingError(
            f"{name}: the word {beyond[0].label!r} begins at {beyond[0].start_ms / 1000:g} s and the take lasts {duration_ms / 1000:g} s; "
            "are these the labels of another take, or are ms given as seconds?"
        )
    ordered = sorted(words, key=lambda word: word.start_ms)
    overlaps = sum(other.start_ms < one.end_ms for one, other in pairwise(ordered))
    cut = sum(word.end_ms > duration_ms for word in ordered)
    notices = (
        [f"{overlaps} words overlap the word before them" if overlaps > 1 else "1 word overlaps the word before it"] if overlaps else []
    )
    return [*notices, *([f"{cut} words reach beyond the take's end" if cut > 1 else "1 word reaches beyond the take's end"] if cut else [])]


def _of_table(path: Path, text: str) -> Iterator[Word]:
    lines = text.lstrip("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    if "\t" in first and _is_number(first.split("\t")[0]):
        yield from _of_audacity(path, lines)
        return
    rows = csv.DictReader(io.StringIO("\n".join(lines)))
    head = [name.strip() for name in rows.fieldnames or []]
    ends, factor = next((form for form in COLUMNS if {*form[0], "label"} <= set(head)), ((), 0.0))
    if not ends:
        raise RecordingError(f"the labels {path} have the columns {', '.join(head) or 'none'}; give {FORMS}")
    for number, row in enumerate(rows, 2):
        values = {str(name).strip(): value for name, value in row.items()}
        span = [_number(path, number, values.get(name)) * factor for name in ends]
        yield _word(path, number, values.get("label"), span, values)


def _of_audacity(path: Path, lines: Sequence[str]) -> Iterator[Word]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("\\"):  # a line of frequencies follows a label that has some
            continue
        cells = line.split("\t")
        span = [_number(path, number, cell) * 1000 for cell in (*cells, "", "")[:2]]
        yield _word(path, number, cells[2] if len(cells) > 2 else "", span, {})


def _of_textgrid(path: Path, text: str) -> Iterator[Word]:
    """The intervals of the first tier of intervals; empty ones are pauses."""
    found = re.findall(r'"((?:[^"]|"")*)"|(?<![\w.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.\]])', text)
    start = next((place for place, (quoted, _) in enumerate(found) if quoted == "IntervalTier"), None)
    if start is None:
        raise RecordingError(f"the labels {path} are a TextGrid without a tier of intervals; export one with the words in it")
    numbers: list[float] = []
    for quoted, number in found[start + 2 :]:
        if number:
            numbers.append(float(number))
            continue
        if quoted in ("IntervalTier", "TextTier"):
            return
        if len(numbers) >= 2 and quoted.strip():
            yield _word(path, 0, quoted.replace('""', '"'), [1000 * value for value in numbers[-2:]], {})


def _of_json(path: Path, text: str) -> Iterator[Word]:
    """MLPerf Tiny: `configs_wakeword` holds [path, start in s, level] each; the clips last a second, and the folder is the word."""
    try:
        spec: Any = json.loads(text)
        for number, entry in enumerate(spec["configs_wakeword"], 1):
            name, start = str(entry[0]), float(entry[1]) * 1000
            yield _word(path, number, Path(name).parent.name, [start, start + 1000 * SPEECH_COMMANDS_S], {"path": Path(name).name})
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise RecordingError(f"the labels {path} are no JSON of MLPerf Tiny (`configs_wakeword`); give {FORMS}") from error


def _word(path: Path, number: int, label: str | None, span: Sequence[float], values: dict[str, Any]) -> Word:
    where = f"row {number} of the labels {path}" if number else f"an interval of the labels {path}"
    if label is None or not label.strip():
        raise RecordingError(f"{where} has no label; name the word, or remove the row")
    start, end = span
    if start < 0 or end <= start:
        raise RecordingError(f"{where} ({label.strip()}) runs from {start / 1000:g} to {end / 1000:g} s; expected an end after its start")
    given = [values.get(name) for name in ("cut_start_ms", "cut_end_ms")]
    ends = [float(value) for value in given if value is not None and _is_number(value)]
    clip = (ends[0], ends[1]) if len(ends) == 2 else None
    return Word(label.strip(), start, end, values.get("path") or None, clip, values.get("take") or None)


def _number(path: Path, row: int, cell: str | None) -> float:
    if cell is None or not _is_number(cell):
        raise RecordingError(f"row {row} of the labels {path} has {cell!r} as a time; expected a number")
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
