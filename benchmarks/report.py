"""How long do judging and drawing a stored run of a million trials take, how much memory, and how large is the page?

Usage: python -m benchmarks.report [RECORDINGS]

The run is made first, of planted answers: by default 10,000 recordings of 500 speakers, 60 rows each, in two variants: 1.2 million trials.
The limit for both together is 20 s and 2 GB, each process counted with its start, and 15 MB for the page.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.crowd import Crowd

RULES = """
[rule.accepted]
metric = "accepted_right"
min = 0.5
[rule.noise]
metric = "accuracy"
perturbation = "white-noise"
scope = "population"
min = 0.2
[rule.int8]
metric = "accuracy_drop"
perturbation = "white-noise"
variant = "dynamic-int8"
against = "float32"
scope = "population"
max = 0.5
"""
PROBE = (
    "import json,resource,subprocess,sys,time;b=time.perf_counter();"
    "d=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL);t=time.perf_counter()-b;"
    "u=resource.getrusage(resource.RUSAGE_CHILDREN);print(json.dumps([d.returncode,t,u.ru_utime+u.ru_stime,u.ru_maxrss/1e6]))"
)


class Took(NamedTuple):
    """What a process took, its start included."""

    status: int
    wall_s: float
    cpu_s: float
    memory_gb: float


def took(*arguments: str | Path) -> Took:
    """Runs a command of the suite in a process of its own and measures it."""
    command = [sys.executable, "-c", PROBE, sys.executable, "-m", "robustness", *map(str, arguments)]
    return Took(*json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))


def main(recordings: int = 10_000) -> None:
    """Makes the run, draws and judges it in fresh processes, and prints what that took."""
    with tempfile.TemporaryDirectory() as folder:
        run, rules = Path(folder) / "run", Path(folder) / "gates.toml"
        crowd = Crowd(recordings=recordings, speakers=max(20, recordings // 20))
        crowd.write(run)
        rules.write_text(RULES, encoding="utf-8")
        trials = recordings * len(crowd.rows) * len(crowd.variants)
        print(f"{trials:,} trials of {recordings:,} recordings")
        print("| what | s | s on a CPU | GB |\n| --- | --- | --- | --- |")
        for name, found in (("judging", took("gate", "--rules", rules, "--from", run)), ("drawing", took("report", "--from", run))):
            if found.status not in (0, 1):
                raise SystemExit(f"{name} ended with {found.status}")
            print(f"| {name} | {found.wall_s:.1f} | {found.cpu_s:.1f} | {found.memory_gb:.2f} |")
        print(f"the page is {(run / 'index.html').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
