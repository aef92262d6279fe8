"""Hostile run folders: damaged in every way that the tests of whole runs know, and read by every command that reads one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tests.hostile.cases import Place, changed_bytes, kind, reported
from tests.run import test_integrity as damage

TABLES: Final = (damage.rows_twice, damage.rows_gone, damage.column_gone, damage.no_number, damage.unknown_name, damage.recordings_spoiled)
SCHEMAS: Final = (damage.without_a_key, damage.of_another_kind)
FILES: Final = (damage.cut, damage.zeroed, damage.gone, damage.led_out)


def own_run(at: Place) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(at.base.run, at.folder / "run", ignore=shutil.ignore_patterns("index.html", "gate")))


def read_by(at: Place, run: Path) -> list[object]:
    """One of the commands that read a run."""
    return at.rng.choice((
        ["gate", "--from", run, "--rules", at.base.rules, "--out", at.out], ["report", "--from", run],
        ["compare", run, at.base.run, "--out", at.folder / "compare.html"],
        ["gate", "--from", at.base.run, "--rules", at.base.rules, "--baseline", run, "--out", at.out],
    ))  # fmt: skip


@kind("run folders with files damaged", "refused as damaged, with the command that makes the run again")
def _files(at: Place) -> list[object]:
    run = own_run(at)
    at.rng.choice(FILES)(run, at.rng)
    return read_by(at, run)


@kind("run folders with bytes changed", "refused as damaged, or read where nothing that is read was changed")
def _bytes(at: Place) -> list[object]:
    run = own_run(at)
    path = at.rng.choice(damage.files(run))
    path.write_bytes(changed_bytes(path.read_bytes(), at.rng))
    return read_by(at, run)


@kind("run folders with other JSON", "refused as damaged")
def _json(at: Place) -> list[object]:
    run = own_run(at)
    at.rng.choice(SCHEMAS)(run, at.rng)
    return read_by(at, run)


@kind("run folders with other tables", "refused as damaged, or judged alike by the page and the gate")
def _tables(at: Place) -> list[object]:
    run = own_run(at)
    at.rng.choice(TABLES)(run, at.rng)
    return read_by(at, run)


@kind("interrupted runs that are resumed", "refused as damaged or as started with other settings; nothing of them is removed")
def _resumed(at: Place) -> list[object]:
    at.out.parent.mkdir()
    left = own_run(at).rename(at.out.with_name(f"{at.out.name}.partial"))
    at.rng.choice((*FILES, *SCHEMAS))(left, at.rng)
    if at.rng.random() < 0.5:
        path = at.rng.choice((left / "request.json", left / "recordings.parquet", left / "manifest.json"))
        path.write_bytes(
            at.rng.choice((b"", b"[" * 100_000, b"{}", b"null", b"[]", changed_bytes(path.read_bytes() if path.exists() else b"0", at.rng)))
        )
    return reported(at, "--resume")
