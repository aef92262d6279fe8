"""How the words of a take become a folder of files, whole or not at all.

Each file is a stretch of the take as it is: no fade, no gain, no filter; 16-bit wav, mono, at the take's rate. Beside them
lies `spans.csv`: path, label, where the word lies in the take and where in the file, in ms, and its level in dBFS.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Final, NamedTuple

import numpy as np
import soundfile

from robustness.audio.reading import read_audio
from robustness.audio.segment_advice import check_count
from robustness.audio.segment_settings import CutSettings, DetectorSettings
from robustness.audio.segmentation import Cut, FoundWord, Samples, Segmentation, cuts_around, find_words, hear
from robustness.errors import OutputError, RecordingError, UsageError

TUTORIAL_WORDS: Final = tuple("zero one two three four five six seven eight nine yes no up down left right on off stop go".split())
SPANS: Final = "spans.csv"
PAGE: Final = "take.html"
COLUMNS: Final = ("path", "label", "start_ms", "end_ms", "cut_start_ms", "cut_end_ms", "level_dbfs")
FIELDS: Final = frozenset({"take", "label", "count", "number"})
LABEL: Final = re.compile(r"[^\W_][\w'.-]*", re.UNICODE)  # no separators, nothing hidden, no leading dash


class Segmented(NamedTuple):
    """What was written: the files, how long they last, and what was done to the take."""

    names: list[str]
    durations_ms: list[float]
    notices: tuple[str, ...]


def read_words(words: str, words_file: Path | None) -> list[str]:
    """The words said, in order, from an option or a file with a word a line.

    Raises:
        UsageError: where there is none, or the file cannot be read.
    """
    if words_file is None:
        given = list(TUTORIAL_WORDS) if words == "tutorial" else [word.strip() for word in words.split(",")]
    else:
        try:
            given = [line.strip() for line in words_file.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{words_file} cannot be read as text ({error}); give a UTF-8 file with one word a line") from error
    given = [word for word in given if word]
    if not given:
        raise UsageError("no words were given; name them in the order they are said, as in --words yes,no,up")
    return given


def segment_take(
    take: Path,
    labels: Sequence[str],
    out: Path,
    *,
    name: str,
    rate_hz: int,
    detector: DetectorSettings = DetectorSettings(),  # noqa: B008 - frozen
    cutting: CutSettings = CutSettings(),  # noqa: B008 - frozen
    page: Callable[[Segmentation, Sequence[str]], str] | None = None,
) -> Segmented:
    """Finds the words of a take and writes a folder with one file each, `spans.csv` and, if it is given how to draw it, `take.html`.

    Raises:
        RecordingError: where the take cannot be used, or has more or fewer words than were given.
        UsageError: where the names cannot be.
        OutputError: where `out` holds something else or cannot be written.
    """
    names = file_names(name, take.stem, labels)
    check_replaceable(out)
    audio = read_audio(take, rate_hz)
    try:
        hearing = hear(audio.samples.numpy(), rate_hz, detector)
        words = find_words(hearing, detector)
        check_count(hearing, words, labels, detector)
        cuts = cuts_around(words, hearing.duration_ms, cutting)
    except RecordingError as error:
        raise RecordingError(f"{take}: {error}", error.details) from error
    found = Segmentation(take.stem, audio.samples.numpy(), rate_hz, hearing, detector, labels, words, cuts)
    texts = {SPANS: spans_csv(names, found)}
    if page is not None:
        texts[PAGE] = page(found, names)
    write_folder(out, texts, dict(zip(names, pieces(found), strict=True)), rate_hz)
    return Segmented(names, [cut.end_ms - cut.start_ms for cut in found.cuts], audio.notices)


def file_names(pattern: str, take: str, labels: Sequence[str]) -> list[str]:
    """The name of each word's file.

    Args:
        pattern: with the fields `{label}`, `{count}` (how often the label came so far), `{number}` (which word of the take) and `{take}`.
        take: the take's name; its underscores become dashes, for the label is found by counting them.
        labels: the words, in order.

    Raises:
        UsageError: where the pattern has an unknown field, leaves the folder, or gives one name twice, or a label cannot be in a name.
    """
    _check_pattern(pattern)
    for label in labels:
        _check_label(label)
    seen: Counter[str] = Counter()
    names = []
    for number, label in enumerate(labels, 1):
        seen[label] += 1
        names.append(pattern.format(take=take.replace("_", "-"), label=label, count=seen[label], number=number))
    twice = [name for name, times in Counter(name.casefold() for name in names).items() if times > 1]  # one file where case is ignored
    if twice:
        raise UsageError(f"--name {pattern!r} gives two words the name {twice[0]!r}; put {{label}} and {{count}} into it")
    return names


def _check_pattern(pattern: str) -> None:
    try:
        fields = {name: plain for _, name, *plain in Formatter().parse(pattern) if name is not None}
    except ValueError as error:
        raise UsageError(f"--name {pattern!r} is no pattern ({error}); write it like 'mine_{{label}}_{{count}}.wav'") from error
    if not fields.keys() <= FIELDS or "label" not in fields or any(any(plain) for plain in fields.values()):
        raise UsageError(
            f"--name {pattern!r} needs {{label}} and may have {{take}}, {{count}} and {{number}}, as plain fields and no others"
        )
    if not pattern.endswith(".wav") or "/" in pattern or "\\" in pattern or pattern.startswith("."):
        raise UsageError(f"--name {pattern!r} must be the name of a visible file that ends in .wav, without a folder")


def _check_label(label: str) -> None:
    if not LABEL.fullmatch(label) or "_" in label:
        raise UsageError(
            f"the word {label!r} cannot be in a file's name, where an underscore separates fields; use letters, digits, ' . and -, "
            "as in 'turn-on'"
        )


def write_folder(out: Path, texts: Mapping[str, str], sounds: Mapping[str, Samples], rate_hz: int) -> None:
    """Writes files into a new folder beside `out`, then puts it in its place.

    An existing folder is replaced only when it is empty or wholly written by an earlier segmentation.

    Args:
        out: the folder.
        texts: contents by file name; one is `spans.csv`.
        sounds: samples by file name, [time], full scale ±1.
        rate_hz: their sampling rate.

    Raises:
        OutputError: where `out` is something else or cannot be written.
    """
    check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
            _fill(Path(beside) / "new", texts, sounds, rate_hz)
            if out.exists():
                out.rename(Path(beside) / "old")
            (Path(beside) / "new").rename(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}); give another --out") from error


def _fill(folder: Path, texts: Mapping[str, str], sounds: Mapping[str, Samples], rate_hz: int) -> None:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    for name, samples in sounds.items():
        pcm = np.clip(np.rint(samples.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
        wav = io.BytesIO()
        soundfile.write(wav, pcm, rate_hz, format="WAV", subtype="PCM_16")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(wav.getvalue())


def check_replaceable(out: Path) -> None:
    """Refuses a folder that holds anything but an earlier segmentation.

    Raises:
        OutputError: naming what is in the way.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out} is a file; give --out a folder that is new, or one written by `robustness segment`")
    strange = sorted(
        {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_symlink() or not path.is_dir()} - _written_before(out)
    )
    if strange:
        raise OutputError(
            f"{out} holds {strange[0]!r}, which `robustness segment` did not write; give another --out, or move that away first"
        )


def _written_before(out: Path) -> set[str]:
    if not (out / SPANS).is_file():
        return set()
    with (out / SPANS).open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    return {SPANS, PAGE, *(row[0] for row in table[1:])} if table and tuple(table[0]) == COLUMNS else set()


def spans_csv(names: Sequence[str], take: Segmentation) -> str:
    """The table of what was found, one row a word."""
    return spans_table(zip(names, take.labels, take.words, take.cuts, strict=True))


def spans_table(rows: Iterable[tuple[str, str, FoundWord, Cut]]) -> str:
    """The table of these files, with their words and where they lay."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for name, label, word, cut in rows:
        numbers = (word.start_ms, word.end_ms, cut.start_ms, cut.end_ms, word.level_dbfs)
        table.writerow([name, label, *(f"{number:.1f}" for number in numbers)])
    return text.getvalue()


def pieces(take: Segmentation) -> list[Samples]:
    """The stretch of the take for each cut, [time] → [cut time] each."""
    edges = [(round(cut.start_ms * take.rate_hz / 1000), round(cut.end_ms * take.rate_hz / 1000)) for cut in take.cuts]
    return [take.samples[start:end] for start, end in edges]
