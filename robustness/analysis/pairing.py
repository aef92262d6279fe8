"""May two runs be compared recording by recording? Only where they heard the same recordings, prepared alike. Loads no torch.

A run of recordings that were played back and captured is paired with that of their originals by names and labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from robustness.errors import CannotJudgeError
from robustness.run.folder import Run

SETTINGS: Final = {"seed": "seed", "trim": "trimming", "speech_threshold_db": "speech threshold"}
WINDOW: Final = ("rate_hz", "window_ms", "reference")
ARITHMETIC: Final = ("torch", "torchaudio", "cpu")  # what the last digit of a sample depends on
NAMED: Final = 3


def refuse_unlike(run: Run, other: Run, conditions: Iterable[str] | None = None, *, recaptured: bool = False) -> tuple[str, ...]:
    """Refuses two runs that cannot be paired.

    Args:
        run: the new one.
        other: the baseline.
        conditions: keys of the conditions that are compared; None for all that both have.
        recaptured: one is of the other's recordings, played back and captured (`robustness align`): their sound differs.

    Returns:
        What is to be known though they can be paired.

    Raises:
        CannotJudgeError: where recordings, labels, window, settings or the audio heard differ, or one was interrupted.
    """
    for one in (run, other):
        if not one.manifest.get("complete"):
            raise CannotJudgeError(f"the run {one.path} was interrupted, and cannot be compared; make it again")
    if recaptured:
        notes = _paired_by_name(run, other)
        _same_settings(run, other)
        return notes
    _same_recordings(run, other)
    _same_settings(run, other)
    return _same_audio(run, other, conditions)


def _same_recordings(run: Run, other: Run) -> None:
    mine, theirs = (one.recordings().set_index("id") for one in (run, other))
    if not mine.index.is_unique or not theirs.index.is_unique:
        raise CannotJudgeError(f"{run.path} or {other.path} holds a recording twice, and cannot be compared")
    sides = ((run, mine.index.difference(theirs.index)), (other, theirs.index.difference(mine.index)))
    only = [f"{len(extra)} recording{' is' if len(extra) == 1 else 's are'} only in {one.path}" for one, extra in sides if len(extra)]
    if only:
        raise CannotJudgeError(f"the runs were made from other recordings: {' and '.join(only)}; make both from the same")
    theirs = theirs.loc[mine.index]
    for column, what in (("sha256", "other sound"), ("label", "another label"), ("duration_ms", "another length once it is cut")):
        differs = mine[column].ne(theirs[column]) & ~(pd.isna(mine[column]) & pd.isna(theirs[column]))
        if differs.any():
            names = ", ".join(map(str, mine.index[differs][:NAMED]))
            said = f"{int(differs.sum())} recording{' has' if differs.sum() == 1 else 's have'} {what}"
            raise CannotJudgeError(
                f"{said} in {other.path} than in {run.path}, such as {names}; make both alike, or give --recaptured if one run is of a "
                "capture of the other"
            )


def _paired_by_name(run: Run, other: Run) -> tuple[str, ...]:
    """Recordings are the same by their names and labels; their sound may differ, and one run may lack some."""
    mine, theirs = (one.recordings().set_index("id")["label"] for one in (run, other))
    both = mine.index.intersection(theirs.index)
    if both.empty:
        raise CannotJudgeError(
            f"{run.path} and {other.path} share no recording by its name; `robustness align` writes the originals' names"
        )
    mine, theirs = mine.loc[both], theirs.loc[both]
    differs = both[(mine.ne(theirs) & ~(mine.isna() & theirs.isna())).to_numpy()]
    if len(differs):
        raise CannotJudgeError(f"{differs[0]} has another label in {other.path} than in {run.path}; label both alike")
    said = [f"the sound of one run is a capture of the other's: {len(both)} recording{'' if len(both) == 1 else 's'} paired by name"]
    said += [
        f"{len(one.recordings()) - len(both)} only in {one.path.name}, left out"
        for one in (run, other)
        if len(one.recordings()) > len(both)
    ]
    return ("; ".join(said),)


def _same_settings(run: Run, other: Run) -> None:
    mine, theirs = run.manifest, other.manifest
    pairs: list[tuple[str, Any, Any]] = [(name, mine["plan"].get(key), theirs["plan"].get(key)) for key, name in SETTINGS.items()]
    pairs += [(key, mine["models"][0].get(key), theirs["models"][0].get(key)) for key in WINDOW]
    differing = [f"{name} {b} instead of {a}" for name, a, b in pairs if a != b]
    if differing:
        raise CannotJudgeError(
            f"{other.path} was made with other settings than {run.path}: {', '.join(differing)}; make it again with the same ones"
        )


def _same_audio(run: Run, other: Run, conditions: Iterable[str] | None) -> tuple[str, ...]:
    mine, theirs = run.manifest.get("audio_sha256") or {}, other.manifest.get("audio_sha256") or {}
    shared = (mine.keys() & theirs.keys()) if conditions is None else (set(conditions) & mine.keys() & theirs.keys())
    if run.schema != other.schema and shared:
        return (f"{run.path} and {other.path} were made by versions that digest audio otherwise: what both were given was not compared",)
    unlike = sorted(key for key in shared if mine[key] != theirs[key])
    if not unlike:
        return ()
    said = f"under {len(unlike)} of {len(shared)} conditions, such as {unlike[0]}, {other.path} was given other audio than {run.path}"
    names = other_audio(run, other, unlike)
    said += f" of {len(names)} recording{'' if len(names) == 1 else 's'}, such as {', '.join(names[:NAMED])}" if names else ""
    versions = [[one.manifest["versions"].get(name) for name in ARITHMETIC] for one in (run, other)]
    if versions[0] == versions[1]:
        raise CannotJudgeError(f"{said}; give both the same recordings, noises and settings")
    return (f"{said}; they were made by other versions or on another kind of CPU, which may be why",)


def other_audio(run: Run, other: Run, conditions: Iterable[str]) -> list[str]:
    """Of which recordings two runs heard other audio under these conditions, sorted; none where a run has no marks of its recordings."""
    mine, theirs = (one.heard(list(conditions)) for one in (run, other))
    if mine is None or theirs is None:
        return []
    keys = ["condition", "recording"]
    plain = [frame.astype(dict.fromkeys(keys, str)) for frame in (mine, theirs)]
    both = plain[0].merge(plain[1], on=keys, how="outer", suffixes=("", "_other"))
    return sorted(set(both.loc[both["mark"].ne(both["mark_other"]), "recording"]))
