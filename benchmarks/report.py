"""How long do judging and drawing a stored run of a million trials take, how much memory, and how large is the page?

The run is made first, of planted answers: by default 10,000 recordings of 500 speakers, 60 rows each, in two variants: 1.2 million trials.
The limit for both together is 20 s and 2 GB, each process counted with its start, for judging alone 5 s and 1 GB, and 15 MB for the page.
Neither may load torch.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.harness import Process, Spread, Table, arguments, finish, process
from tests.crowd import Crowd

RULES: Final = """
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
WITHOUT_TORCH: Final = (
    "import sys; from robustness.cli.main import run; status = run(); sys.exit('torch was loaded' if 'torch' in sys.modules else status)"
)


def took(*command: str | Path) -> Process:
    """A command of the suite in a process of its own, which fails where it loads torch."""
    return process([sys.executable, "-c", WITHOUT_TORCH, *command])


def row(name: str, runs: list[Process]) -> tuple[str, ...]:
    """What some runs of one thing took."""
    columns = ([one.seconds for one in runs], [one.cpu_s for one in runs], [one.memory_gb for one in runs])
    return (name, *(str(Spread.of(values)) for values in columns))


def both(judged: Process, drawn: Process) -> Process:
    """One after the other: seconds add up, memory does not."""
    return Process(judged.seconds + drawn.seconds, judged.cpu_s + drawn.cpu_s, max(judged.memory_gb, drawn.memory_gb), "")


def main() -> None:
    """Makes the run, then judges and draws it in turn, in fresh processes."""
    asked = arguments(__doc__, recordings=10_000, runs=5)
    with tempfile.TemporaryDirectory() as folder:
        run, rules = Path(folder) / "run", Path(folder) / "gates.toml"
        crowd = Crowd(recordings=asked.recordings, speakers=max(20, asked.recordings // 20))
        crowd.write(run)
        rules.write_text(RULES, encoding="utf-8")
        judged, drawn = [], []
        for _ in range(asked.runs):
            judged.append(took("gate", "--rules", rules, "--from", run))
            drawn.append(took("report", "--from", run))
        page_mb = (run / "index.html").stat().st_size / 1e6
    trials = asked.recordings * len(crowd.rows) * len(crowd.variants)
    rows = (row("judging", judged), row("drawing", drawn), row("both", list(map(both, judged, drawn))))
    note = f"{trials:,} trials of {asked.recordings:,} recordings; the page is {page_mb:.1f} MB. The limits: 20 s, 2 GB, 15 MB."
    table = Table(("what", "s", "s on a CPU", "GB at most"), rows, (note,))
    finish(__file__, "How long do judging and drawing a stored run of a million trials take?", [table], ["pandas", "pyarrow"])


if __name__ == "__main__":
    main()
