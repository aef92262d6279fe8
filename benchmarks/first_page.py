"""How long does a report take until its first page, which the sweep alone gives, and until its last, with what explains each failure?

The command is that of the README, on the twenty recordings of one voice and on clips of Speech Commands, each in a process of its own.
`--before COMMIT` runs the same with the code of an earlier commit, in turn, so that both stand in one table of one machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.harness import ROOT, Table, arguments, finish, shared

NOTE: Final = "One run of each, in turn: what the machine varies by from minute to minute is not in these figures."
FIRST: Final = "the first page, still without explanations"
TWENTY: Final = ("--model", "models/digits.toml", "--recordings", "recordings/joe")


class Took(NamedTuple):
    """What a report took: s until its first page and until its end, s on CPUs, and GB at most; no first page in earlier versions."""

    first_s: float | None
    seconds: float
    cpu_s: float
    memory_gb: float

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table has them."""
        return (f"{self.first_s:.1f}" if self.first_s else "–", f"{self.seconds:.1f}", f"{self.cpu_s:.1f}", f"{self.memory_gb:.2f}")


def reported(code: Path, given: Sequence[str]) -> Took:
    """A report by the code of a checkout.

    Raises:
        SystemExit: where it fails; what it said is shown.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "robustness", "report", *given, "--out", f"{folder}/out"]
        began, first, said = time.perf_counter(), None, []
        environment = {**os.environ, "PYTHONPATH": str(code)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=code, env=environment) as child:
            for line in child.stdout or ():
                said.append(line)
                if FIRST in line and first is None:
                    first = time.perf_counter() - began
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{''.join(said)}")
    return Took(first, time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


@contextmanager
def checkouts(before: str) -> Iterator[dict[str, Path]]:
    """Today's code, and that of an earlier commit where one is given."""
    if not before:
        yield {"today": ROOT}
        return
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", f"{folder}/before", before], check=True)
        try:
            yield {before: Path(folder) / "before", "today": ROOT}
        finally:
            subprocess.run([*git, "remove", "--force", f"{folder}/before"], check=True)


def main() -> None:
    """Both reports, and with --before each by both versions."""
    asked = arguments(__doc__, clips=300, before="")
    clips = ("--model", "models/commands.toml", "--recordings", str(shared("speech_commands")), "--sample", str(asked.clips))
    cases = {"the twenty recordings of one voice": TWENTY} | ({f"{asked.clips} clips of Speech Commands": clips} if asked.clips else {})
    with checkouts(asked.before) as versions:
        rows = [(what, name, *reported(code, given).cells) for what, given in cases.items() for name, code in versions.items()]
    table = Table(("report on", "code of", "s until the first page", "s in all", "s on CPUs", "GB at most"), tuple(rows), (NOTE,))
    finish(__file__, "How long does a report take until its first page, and until its last?", [table], ["captum", "plotly"])


if __name__ == "__main__":
    main()
