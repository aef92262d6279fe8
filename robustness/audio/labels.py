"""Which word does a recording say, and who says it.

A pattern that is given is the only source; so is a CSV that is given, which also selects: files that it does not list are passed over.
With neither, the first of these that knows a file: a `labels.csv`, `index.csv` or `spans.csv` in the folder given that has the columns
needed; a name like the tutorial's (`SCRIC20_ragh_imac_clean_up_1.wav`: the fifth field is the word, the second the speaker); the name
of the folder that holds the file (`up/c1d39ce8_nohash_0.wav`, where Speech Commands' names also give the speaker).
Words are taken as written: "2" is not "two".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.files import AudioFile, BadFile, counted, some
from robustness.audio.manifests import PATH, columns_of, inside, manifest_rows, slashed
from robustness.errors import RecordingError, UsageError
from robustness.timing import ends_within

SPEAKER: Final = "speaker"
CSV_NAMES: Final = ("labels.csv", "index.csv", "spans.csv")  # spans.csv is what `robustness segment` writes
# All four leading fields begin with a letter: dates and counters in other people's names are no words.
TUTORIAL: Final = re.compile(r"[A-Za-z][^_]*_(?P<speaker>[A-Za-z][^_]*)_[A-Za-z][^_]*_[A-Za-z][^_]*_(?P<label>[^\W\d_][^_]*)_\d+")
SPEECH_COMMANDS: Final = re.compile(r"(?P<speaker>.+)_nohash_\d+")
FIELD: Final = re.compile(r"\{(\w*)\}|(\*)")
LONGEST_SEARCH_S: Final = 10.0  # a million names take two
EXAMPLE: Final = "{label}_{speaker}_{take}"


@dataclass(frozen=True)
class LabelSource:
    """Where words come from; with neither CSV nor pattern, see the module.

    Attributes:
        csv: a table (CSV or Parquet) with the columns `path`, `column` and optionally `speaker`; paths are relative to its folder or
            to the recordings'.
        column: the column that holds the word.
        pattern: fields in braces, as in `{label}_{speaker}_{take}`, or a regular expression with a group `label` and perhaps `speaker`.
        required: whether a file without a word is refused.
        path_column: the column of the table that holds the paths.
    """

    csv: Path | None = None
    column: str = "label"
    pattern: str | None = None
    required: bool = True
    path_column: str = PATH


class Label(NamedTuple):
    """The word as written in its source, and who says it."""

    word: str
    speaker: str | None = None


class Labelled(NamedTuple):
    """The files to read, their words by id, files that have none or are not there, and where the words came from."""

    files: list[AudioFile]
    labels: dict[str, Label]
    bad: list[BadFile]
    notices: list[str]


def label_files(files: Sequence[AudioFile], source: LabelSource) -> Labelled:
    """The word of every file.

    Raises:
        UsageError: both a CSV and a pattern are given, or the pattern has no `label`.
        RecordingError: the CSV cannot be used.
    """
    if source.csv and source.pattern:
        raise UsageError("--labels and --label-pattern are both given; a recording has one word: give one of them")
    if source.csv:
        return _listed(files, source.csv, source)
    labels: dict[str, Label] = {}
    used = Counter[str]()
    for name, labeller in _sources(files, source):
        with ends_within(LONGEST_SEARCH_S, _endless(source)):
            fresh = {f.id: label for f in files if f.id not in labels and (label := labeller(f))}
        labels |= fresh
        used[name] += len(fresh)
    notices = [f"words of {counted(count, 'recording')} taken from {name}" for name, count in used.items() if count]
    bad = [BadFile(f.id, _looked_for(source)) for f in files if source.required and f.id not in labels]
    kept = [f for f in files if not source.required or f.id in labels]
    return Labelled(kept, labels, bad, [*notices, *_numerals(labels)])


def _endless(source: LabelSource) -> UsageError:
    return UsageError(
        f"--label-pattern {source.pattern!r} was not done with the names after {LONGEST_SEARCH_S:g} s; write it without repetitions "
        f"inside of repetitions, or in the form with braces, such as {EXAMPLE}"
    )


def compiled(pattern: str) -> re.Pattern[str]:
    """A label pattern as a regular expression.

    In the form with braces a field holds no `/` and none of the pattern's own punctuation, so that `{label}_{speaker}` is
    unambiguous; `*` stands for anything, and the extension may be left out.

    Raises:
        UsageError: it is no regular expression, or has no `label`.
    """
    text = pattern if "(?P<" in pattern else _from_fields(pattern)
    try:
        regex = re.compile(text)
    except re.error as error:
        raise UsageError(f"--label-pattern {pattern!r} is no regular expression: {error}; an example: {EXAMPLE}") from error
    if "label" not in regex.groupindex:
        raise UsageError(f"--label-pattern {pattern!r} has no field {{label}} and no group (?P<label>…); an example: {EXAMPLE}")
    return regex


def _from_fields(pattern: str) -> str:
    punctuation = "".join(sorted(c for c in set(FIELD.sub("", pattern)) if not c.isalnum() and not c.isspace() and c != "/"))
    field = f"[^/{re.escape(punctuation)}]+?"  # as little as fits, so that the extension is no part of the last field
    text, at = "", 0
    for match in FIELD.finditer(pattern):
        name = match[1]
        text += re.escape(pattern[at : match.start()])
        text += ".*" if match[2] else f"(?P<{name}>{field})" if name in {"label", SPEAKER} else field
        at = match.end()
    return rf"\A{text}{re.escape(pattern[at:])}(\.\w+)?\Z"


def _sources(files: Sequence[AudioFile], source: LabelSource) -> list[tuple[str, Callable[[AudioFile], Label | None]]]:
    if source.pattern:
        regex = compiled(source.pattern)
        return [(f"their names by the pattern {source.pattern}", lambda f: _matched(regex, f))]
    tables = [(f"{path.name}, column {source.column}", _lookup(path, source)) for path in _tables(files, source)]
    return [
        *tables,
        ("their names, the fifth field as in the tutorial's", lambda f: _by_regex(TUTORIAL.fullmatch(f.path.stem))),
        ("the names of their folders", _by_folder),
    ]


def _by_regex(match: re.Match[str] | None) -> Label | None:
    if match is None or not match["label"]:
        return None
    return Label(match["label"], match.groupdict().get(SPEAKER))


def _matched(regex: re.Pattern[str], file: AudioFile) -> Label | None:
    return _by_regex(regex.search(file.path.name) or regex.search(file.id))


def _by_folder(file: AudioFile) -> Label | None:
    speaker = _speaker_in_name(file)
    inside = file.id.split("/")[:-1]
    if inside:
        return Label(inside[-1], speaker)
    # The folder given is itself a word's only where its files are named as Speech Commands names them.
    named = SPEECH_COMMANDS.fullmatch(file.path.stem)
    return Label(file.path.resolve().parent.name, speaker) if named else None


def _speaker_in_name(file: AudioFile) -> str | None:
    match = SPEECH_COMMANDS.fullmatch(file.path.stem) or TUTORIAL.fullmatch(file.path.stem)
    return match[SPEAKER] if match else None


def _looked_for(source: LabelSource) -> str:
    if source.pattern:
        return f"has no word: its name does not match the pattern {source.pattern}"
    columns = f"{source.path_column},{source.column}"
    return (
        f"has no word: looked for {', '.join(CSV_NAMES)} with the columns {columns} in the folder given, a name like the "
        f"tutorial's, and a folder named by the word; give --labels CSV, or --label-pattern such as '{EXAMPLE}'"
    )


def _numerals(labels: dict[str, Label]) -> list[str]:
    numerals = sorted({label.word for label in labels.values() if label.word.isdigit()})
    if not numerals:
        return []
    return [f'the words {some(numerals)} are numerals, taken as written: "2" is not the label "two"; a CSV (--labels) can give the words']


def _tables(files: Sequence[AudioFile], source: LabelSource) -> list[Path]:
    roots = dict.fromkeys(f.root for f in files if (f.root / f.id) == f.path)
    candidates = (next((root / name for name in CSV_NAMES if _has_words(root / name, source)), None) for root in roots)
    given = dict.fromkeys(f.manifest for f in files if f.manifest)
    return list(dict.fromkeys([*given, *(path for path in candidates if path)]))


def _has_words(table: Path, source: LabelSource) -> bool:
    return {PATH, source.column} <= set(columns_of(table, source.path_column))


def _table(path: Path, source: LabelSource, roots: Sequence[Path]) -> dict[Path, Label]:
    """Words by resolved path; a row's file lies in the CSV's folder or in one of the roots."""
    labels: dict[Path, Label] = {}
    for line, row in enumerate(manifest_rows(path, source.column, path_column=source.path_column), start=2):
        name, word = slashed((row[PATH] or "").strip()), (row[source.column] or "").strip()
        inside(path, line, row, roots)
        if not word:
            raise RecordingError(f"{path}, line {line}: the {source.column} is empty; every row needs both")
        try:
            file = next((root / name for root in (path.parent, *roots) if (root / name).is_file()), path.parent / name).resolve()
        except (OSError, ValueError) as error:
            raise RecordingError(f"{path}, line {line}: {name[:60]!r} is no path of a file: {error}") from error
        label = Label(word, (row.get(SPEAKER) or "").strip() or None)
        if labels.setdefault(file, label) != label:
            raise RecordingError(
                f"{path}, line {line}: {name} is {label.word!r} here and {labels[file].word!r} above; a recording has one word"
            )
    return labels


def _lookup(path: Path, source: LabelSource) -> Callable[[AudioFile], Label | None]:
    table = _table(path, source, ())
    return lambda file: _with_speaker(table.get(file.path.resolve()), file)


def _with_speaker(label: Label | None, file: AudioFile) -> Label | None:
    return label and label._replace(speaker=label.speaker or _speaker_in_name(file))


def _listed(files: Sequence[AudioFile], path: Path, source: LabelSource) -> Labelled:
    table = _table(path, source, list(dict.fromkeys(f.root for f in files)))
    labels = {f.id: label for f in files if (label := _with_speaker(table.get(f.path.resolve()), f))}
    kept = [f for f in files if f.id in labels]
    absent = [name for name in table if not name.is_file()]
    if not kept:
        raise RecordingError(
            f"{path} lists none of the {len(files)} recordings; its paths are relative to its folder or to the recordings'"
        )
    bad = [BadFile(name.name, f"is listed in {path.name} and does not exist") for name in absent]
    notices = [f"words of {counted(len(kept), 'recording')} taken from {path.name}, column {source.column}"]
    if len(files) > len(kept):
        notices.append(f"{counted(len(files) - len(kept), 'recording')} passed over: {path.name} does not list them")
    return Labelled(kept, labels, bad, [*notices, *_numerals(labels)])
