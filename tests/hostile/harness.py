"""How does the program end on a hostile case? Each runs in a child forked from a warm parent, or as a process of its own.

Promised: the status is 0, 2 or 3 (or 1, of a gate that has judged); anything but 0 says why in one sentence; at most 2 GB and 20 s of work;
nothing half-written is left.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import random
import resource
import signal
import stat
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import robustness
from robustness.files import printable
from tests.hostile.cases import KINDS, Base, Place

MOST_MB: Final = 2_000
MOST_WORK_S: Final = 20.0
MOST_WAIT_S: Final = 120.0  # on a busy machine
SANE: Final = (0, 2, 3)
JUDGED: Final = "The model "  # a gate that has judged begins its last line so, and may end with 1
LONGEST_SENTENCE: Final = 2_500  # characters: four files with their reasons


class Case(NamedTuple):
    """One case: which kind, which number, and whether it runs as a process of its own."""

    kind: str
    number: int
    own_process: bool = False


class Ending(NamedTuple):
    """How a case ended; `faults` is empty where all that is promised held."""

    case: Case
    command: str
    status: int
    work_s: float
    memory_mb: float
    said: str
    faults: tuple[str, ...]


class _Running(NamedTuple):
    case: Case
    place: Place
    command: list[str]
    before: frozenset[str]
    since: float


def warm() -> None:
    """Imports all that the commands import, so that a forked child need not."""
    for module in pkgutil.walk_packages(robustness.__path__, "robustness."):
        if module.name not in ("robustness.__main__", "robustness.pytest_plugin"):
            with suppress(ImportError):  # what needs an extra that is not installed
                importlib.import_module(module.name)


def ran(cases: Sequence[Case], base: Base, folder: Path, at_once: int = 2) -> Iterator[Ending]:
    """Each case as it ends, so many at a time."""
    running: dict[int, _Running] = {}
    waiting = list(reversed(cases))
    while waiting or running:
        while waiting and len(running) < at_once:
            started = _started(waiting.pop(), base, folder)
            running[started[0]] = started[1]
        pid, status, used = os.wait4(-1, os.WNOHANG)
        if pid in running:
            yield _judged(running.pop(pid), status, used)
            continue
        for child, case in running.items():
            if time.monotonic() - case.since > MOST_WAIT_S:
                os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


def _started(case: Case, base: Base, folder: Path) -> tuple[int, _Running]:
    place = Place(folder / f"{case.kind.replace(' ', '-')}-{case.number}", random.Random(f"{case.kind} {case.number}"), base)
    place.folder.mkdir(parents=True)
    command = [str(part) for part in KINDS[case.kind].make(place)]
    running = _Running(case, place, command, _files(place.folder), time.monotonic())
    child = os.fork()
    if child == 0:
        _become(place.folder, command, own_process=case.own_process)
    return child, running


def _become(folder: Path, command: list[str], *, own_process: bool) -> None:
    """What the child does; it never returns."""
    status = 99
    try:
        said = os.open(folder.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        sys.argv = ["robustness", *command]
        if own_process:
            os.execv(sys.executable, [sys.executable, "-m", "robustness", *command])
        sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
        from robustness.cli.main import run

        status = run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _files(folder: Path) -> frozenset[str]:
    """Every file below a folder with its size and time of change; links are not followed."""
    found = set()
    for at, folders, names in os.walk(os.fsencode(folder)):
        for name in [*names, *folders]:
            path = os.path.join(at, name)  # noqa: PTH118 - of bytes
            if name == b"__pycache__" or b"__pycache__" in at:
                continue
            facts = os.lstat(path)
            is_folder = stat.S_ISDIR(facts.st_mode)  # a link to a folder is a link, whether the folder is there or not
            found.add(f"{path!r} {'' if is_folder else (facts.st_size, facts.st_mtime_ns)}")
    return frozenset(found)


def _judged(ran: _Running, status: int, used: resource.struct_rusage) -> Ending:
    code = os.waitstatus_to_exitcode(status)
    said = ran.place.folder.with_suffix(".said").read_text(encoding="utf-8", errors="backslashreplace")
    work_s, memory_mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    faults = [*faults_in_words(code, said), *_of_files(ran, code)]
    if memory_mb > MOST_MB:
        faults.append(f"took {memory_mb:.0f} MB")
    if work_s > MOST_WORK_S:
        faults.append(f"worked {work_s:.0f} s")
    return Ending(ran.case, " ".join(ran.command), code, work_s, memory_mb, said, tuple(faults))


def faults_in_words(code: int, said: str) -> Iterator[str]:
    """What of the promises the status and the words break."""
    if code not in SANE and not (code == 1 and JUDGED in said):
        yield f"ended with status {code}"
    if "Traceback" in said:
        yield "wrote a traceback"
    if any(printable(line) != line for line in said.split("\n")):
        yield "wrote control characters"
    if code in (2, 3):
        sentences = [line for line in said.splitlines() if line.startswith("robustness: ")]
        if len(sentences) != 1 and JUDGED not in said:
            yield f"said {len(sentences)} sentences"
        if max(map(len, sentences), default=0) > LONGEST_SENTENCE:
            yield "said a sentence without an end"


def _of_files(ran: _Running, code: int) -> Iterator[str]:
    after = _files(ran.place.folder)
    fresh = sorted(after - ran.before)
    if gone := ran.before - {*after, *fresh}:
        yield f"changed {len(gone)} files that were there: {min(gone)[:200]}"
    if code not in (0, 1) and [one for one in fresh if "/gate" not in one and "/out'" not in one]:
        yield f"left {len(fresh)} files behind a refusal: {fresh[0][:200]}"
    if half := [one for one in fresh if any(mark in one for mark in (".partial", ".tmp", ".lock"))]:
        yield f"left {half[0][:200]}"
