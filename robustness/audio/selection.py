"""Which of the recordings are wanted: a split, as its source names it, and a stratified sample.

Where splits are known, in this order: the column of the table that gives the words or lists the recordings; of a `labels.csv` or
`index.csv` in the folder given; Speech Commands' own `testing_list.txt` and `validation_list.txt`, in the folder or in torchaudio's
layout below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.files import AudioFile, counted
from robustness.audio.labels import CSV_NAMES, Label
from robustness.audio.manifests import PATH, columns_of, manifest_rows
from robustness.audio.speech_commands import SPLITS, official_folder, official_splits
from robustness.errors import UsageError
from robustness.seeds import seed_of

UNLISTED: Final = "in none"


@dataclass(frozen=True)
class Selection:
    """What is wanted of the recordings given.

    Attributes:
        split: the name of a part, such as `testing`; None is all.
        column: the column of a table that names each recording's part.
        sample: how many, drawn by word; None is all.
        seed: of the draw.
    """

    split: str | None = None
    column: str = "split"
    sample: int | None = None
    seed: int = 0


class Part(NamedTuple):
    """The files that are wanted, in their order, and what is to be said."""

    files: Sequence[AudioFile]
    notices: list[str]


def chosen_recordings(files: Sequence[AudioFile], selection: Selection, table: Path | None = None, path_column: str = PATH) -> Part:
    """The files of the split that is wanted.

    Args:
        files: as found.
        selection: what is wanted.
        table: where the words come from, where that was given.
        path_column: the column of a table that holds the paths.

    Raises:
        UsageError: no split is known, or none has that name.
        RecordingError: a table cannot be read.
    """
    if selection.split is None:
        return Part(files, [])
    places: dict[Path, list[AudioFile]] = {}
    for file in files:
        places.setdefault(file.manifest or file.root, []).append(file)
    splits: dict[str, str] = {}
    for place, own in places.items():
        splits |= _splits(place, own, selection, table, path_column)
    kept = [file for file in files if splits.get(file.id) == selection.split]
    counts = Counter(splits.get(file.id, UNLISTED) for file in files)
    if not kept:
        there = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
        raise UsageError(f"--split {selection.split}: no recording is of that split; there are {there}")
    others = f"; {counted(len(files) - len(kept), 'recording')} of others passed over" if len(kept) < len(files) else ""
    return Part(kept, [f"{counted(len(kept), 'recording')} of the split {selection.split}{others}"])


def _splits(place: Path, files: Sequence[AudioFile], selection: Selection, table: Path | None, path_column: str) -> dict[str, str]:
    """The split of each file that has one, by id."""
    own = place if place.is_file() else None
    for path in filter(None, (table, own, *(place / name for name in CSV_NAMES))):
        if {PATH, selection.column} <= set(columns_of(path, path_column)):
            return _of_table(path, files, selection.column, path_column)
    if own is not None:
        manifest_rows(own, selection.column, option="--split-column names the one with the split", path_column=path_column)
    folder = official_folder(place)
    if folder is not None:
        return official_splits(place, folder)
    raise UsageError(
        f"--split {selection.split}: the splits of {place} are not known; expected a table with the columns {PATH},{selection.column} "
        f"(--split-column gives another name), or Speech Commands' testing_list.txt with its splits {', '.join(SPLITS)}"
    )


def _of_table(path: Path, files: Sequence[AudioFile], column: str, path_column: str) -> dict[str, str]:
    """Paths are relative to the table's folder or to the recordings'."""
    rows = {(row[PATH] or "").strip(): (row[column] or "").strip() for row in manifest_rows(path, column, path_column=path_column)}
    by_path = {(path.parent / name).resolve(): split for name, split in rows.items()}
    found: dict[str, str] = {}
    for file in files:
        split = by_path.get(file.path.resolve(), rows.get(file.id))
        if split:
            found[file.id] = split
    return found


def sampled(files: Sequence[AudioFile], labels: Mapping[str, Label], selection: Selection) -> Part:
    """A sample, stratified by word: one of each word, the rest in proportion to how many there are (largest remainders).

    Which recordings of a word are drawn depends on the seed and their ids alone, on no order.

    Raises:
        UsageError: where the sample cannot hold one of each word.
    """
    wanted = selection.sample
    if wanted is None:
        return Part(files, [])
    if wanted >= len(files):
        return Part(files, [f"all {counted(len(files), 'recording')} are used: a sample of {wanted} was asked for"])
    strata: dict[str, list[str]] = {}
    for file in files:
        label = labels.get(file.id)
        strata.setdefault(label.word if label else "", []).append(file.id)
    if wanted < len(strata):
        raise UsageError(f"--sample {wanted} cannot hold one of each of {counted(len(strata), 'word')}; give {len(strata)} or more")
    drawn: set[str] = set()
    for word, count in shares({word: len(ids) for word, ids in strata.items()}, wanted).items():
        drawn.update(sorted(strata[word], key=lambda name: (seed_of(selection.seed, name, "sample"), name))[:count])
    said = f"{wanted} of {counted(len(files), 'recording')} drawn by word, seed {selection.seed}"
    return Part([file for file in files if file.id in drawn], [said])


def shares(counts: Mapping[str, int], wanted: int) -> dict[str, int]:
    """How many of each stratum: one, and of the rest in proportion to its own, rounded by the largest remainders."""
    rest, total = wanted - len(counts), sum(counts.values()) - len(counts)
    exact = {name: rest * (count - 1) / total for name, count in counts.items()}
    taken = {name: 1 + int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder[: wanted - sum(taken.values())]:
        taken[name] += 1
    return taken
