"""An explanation as a folder: the page, the tables as JSON, the arrays as .npz, the sounds as WAV; whole or not at all."""

from __future__ import annotations

import base64
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from robustness.conditions import NONE
from robustness.errors import OutputError
from robustness.explanations.evidence import write_arrays
from robustness.explanations.explanation import Explanation
from robustness.explanations.sounds import COUNTERPART, HEARD, ONLY, WITHOUT
from robustness.files import UnreadableError, json_of
from robustness.inspector.page import inspector_page, plain_row, wave_of
from robustness.report.cards.restoration import restoration_says
from robustness.report.words import slug
from robustness.run.damage import plain
from robustness.run.evidence import LayerTracking
from robustness.run.folder import is_run, write_json, write_text
from robustness.run.lock import FolderLock
from robustness.run.restoration import RestoredAnswer

KIND: Final = "robustness explanation"
FILE: Final = "explanation.json"


def writable(out: Path) -> Path:
    """The folder, if it may be written: not there, empty, or an explanation.

    Raises:
        OutputError: it holds something else.
    """
    path = out.resolve()
    if path.exists() and not (path.is_dir() and (_is_explanation(path) or not any(path.iterdir()))):
        raise OutputError(f"{out} exists and is not an explanation; it is left as it is: give another --out, or remove it yourself")
    return path


def _report(folder: Path) -> str:
    """The address of the page of the run that the folder lies in, from its own page; empty outside of a run."""
    above = [parent for parent in list(folder.parents)[:2] if is_run(parent) and (parent / "index.html").exists()]
    return f"{os.path.relpath(above[0], folder)}/index.html" if above else ""


def _is_explanation(path: Path) -> bool:
    try:
        return bool(json_of(path / FILE).get("kind") == KIND)
    except (UnreadableError, AttributeError):
        return False


def write_explanation(found: Explanation, out: Path, repeat: str = "", *, audio: bool = True) -> Path:
    """Writes the folder; the path of its page.

    Args:
        found: what is known.
        out: the folder; an explanation that is there is replaced as a whole.
        repeat: the command that makes it again.
        audio: False leaves the voices out.
    """
    path = writable(out)
    with FolderLock(path):
        _write_whole(found, path, repeat, audio=audio)
    return out / "index.html"


def _write_whole(found: Explanation, path: Path, repeat: str, *, audio: bool) -> None:
    """Writes the folder beside its place, and puts it there."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _fill(found, partial, repeat, audio=audio)
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
    except OSError as error:
        raise OutputError(f"the folder {path} cannot be written ({error.strerror}); give another --out") from error


def _fill(found: Explanation, folder: Path, repeat: str, *, audio: bool) -> None:
    write_arrays(folder / "maps.npz", found.arrays)
    write_json(folder / FILE, facts_of(found))
    write_text(folder / "index.html", inspector_page(found, repeat, audio=audio, report=_report(folder)))
    if not audio:
        return
    first = found.rows[0].key
    for sound in found.sounds:  # of the map that the page opens with; the others are on the page
        if sound.key in {HEARD, COUNTERPART, f"{ONLY}/{first}", f"{WITHOUT}/{first}"}:
            (folder / f"{slug(sound.key)}.wav").write_bytes(base64.b64decode(wave_of(found, sound)))


def facts_of(found: Explanation) -> dict[str, Any]:
    """What is known, in plain values."""
    question = found.question
    counterpart, condition = question.counterpart, question.condition
    return {
        "kind": KIND,
        "model": question.first.name,
        "variants": list(question.classifiers),
        "recording": question.recording.id,
        "label": question.truth,
        "wrong": question.wrong,
        "placement": question.place,
        "offset_ms": question.here.lead_ms,
        "condition": None if condition.perturbation == NONE else asdict(condition),
        "counterpart_ms": None if counterpart is None else counterpart.lead_ms,
        "baseline": question.baseline,
        "targets": list(question.targets),
        **asdict(found.axes),
        "maps": [plain_row(row) for row in found.rows],
        "following": None if found.following is None else plain(LayerTracking, found.following),
        "restored": {variant: plain(RestoredAnswer, one) for variant, one in found.restored.items()},
        "verdict": restoration_says(found.restored, {variant: variant for variant in found.restored}),
        "segments": found.segments.to_dict("records"),
        "answers": {sound.key: {variant: asdict(one) for variant, one in sound.answers.items()} for sound in found.sounds},
    }
