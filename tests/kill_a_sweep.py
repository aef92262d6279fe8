"""Does a sweep that is killed at any moment, and resumed, leave the same bytes as one that nobody disturbed?

    python -m tests.kill_a_sweep FOLDER [--kills 10] [--seed 0]

Each time a process of its own sweeps the same small request; SIGKILL, SIGTERM or SIGINT ends it at a moment drawn by seed, once or
several times, and the next one resumes. Moments are seconds of the process's own work, so that a busy machine ends no later in the sweep.
Prints a line a kill; the exit status is 1 where a byte differs.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: threads of the parent are not in its forks, which would wait for them

from robustness.errors import INTERRUPTED
from robustness.jobs.assess import Job, Progress, execute, prepare
from robustness.jobs.request import Request
from robustness.run.folder import Run, RunWriter, write_json, write_text
from robustness.sweep import sweep
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings

RECORDINGS = 10
LONGEST_S = 60.0
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def main() -> int:
    """Sweeps undisturbed, then disturbed as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    request = Request(
        (write_card(given.folder / "model"),),
        (write_recordings(given.folder / "words", RECORDINGS),),
        variants=("float32", "dynamic-int8"),
        settings=Settings(perturbations=("padding-placement",), batch=8),
    )
    sweep.RECORDINGS_AT_ONCE = 2
    sweep.ROWS_A_PART = 50  # type: ignore[attr-defined]  # of the module that reads it
    before = worked_s()
    if not ended_by_itself(lambda: one(request, given.folder / "whole", resume=False), LONGEST_S):
        raise RuntimeError(f"the sweep takes longer than {LONGEST_S:g} s")
    lasts_s = worked_s() - before
    expected = bytes_of(given.folder / "whole")
    parts = len(list((given.folder / "whole" / "trials").iterdir()))
    print(f"undisturbed: {lasts_s:.2f} s, {len(expected)} files, {parts} parts")
    return max(disturbed(request, given.folder / f"killed-{number}", rng, lasts_s, expected) for number in range(given.kills))


def disturbed(request: Request, out: Path, rng: random.Random, lasts_s: float, expected: dict[str, bytes]) -> int:
    """One run that is killed until it comes through; whether a byte differs."""
    moments: list[float] = []
    kept: list[int] = []
    signals: list[str] = []
    while True:
        moments.append(rng.uniform(0, lasts_s))
        by = rng.choice(SIGNALS)
        if ended_by_itself(lambda: one(request, out, resume=len(moments) > 1), moments[-1] if len(moments) < 4 else LONGEST_S, by):
            break
        signals.append(by.name)
        kept.append(len(list((out.with_name(f"{out.name}.partial") / "trials").glob("part-*"))))
    found = bytes_of(out)
    unlike = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    said = ", ".join(
        f"{moment:.2f} s by {by} with {parts} parts on disk" for moment, by, parts in zip(moments, signals, kept, strict=False)
    )
    print(f"killed after {said or 'nothing'}: {'other bytes in ' + ', '.join(unlike) if unlike else 'the same bytes'}", flush=True)
    return int(bool(unlike) or out.with_name(f"{out.name}.partial").exists())


def one(request: Request, out: Path, *, resume: bool) -> None:
    """The request as the command line runs it; in place of explanations, which take longer, a few files."""
    execute(prepare(request), RunWriter(out, resume=resume), lambda doing, done, total: None, finish)


def finish(job: Job, run: Run, progress: Progress) -> None:
    """What comes after the sweep: evidence and a page that say what was swept."""
    for label, count in run.trials(["label"])["label"].value_counts().items():
        write_json(run.evidence / f"{label}.json", {"count": int(count)})
    write_text(run.path / "index.html", str(len(run.trials())))


def worked_s() -> float:
    """How long all processes that have ended worked, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spent_s(child: int) -> float:
    """How long a process has worked so far, in seconds."""
    fields = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ended_by_itself(work: Callable[[], None], seconds: float, by: signal.Signals = signal.SIGKILL) -> bool:
    """Whether a process of its own ended before it had worked so long and was ended by that signal.

    Raises:
        RuntimeError: where it failed.
    """
    child = os.fork()
    if child == 0:
        status = 1
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.default_int_handler)  # as the command line does
        try:
            work()
            status = 0
        except KeyboardInterrupt:
            status = INTERRUPTED
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    while spent_s(child) < seconds:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if status:
                raise RuntimeError(f"the sweep failed with status {status}")
            return True
        time.sleep(0.002)
    os.kill(child, by)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, INTERRUPTED, -signal.SIGKILL):
        raise RuntimeError(f"a sweep that was ended by {by.name} failed with status {status}")
    return status == 0


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file by its name; the manifest without its provenance, which alone may differ."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = Run.open(folder).manifest
    return files | {"manifest.json": repr(sorted((key, value) for key, value in manifest.items() if key != "provenance")).encode()}


if __name__ == "__main__":
    sys.exit(main())
