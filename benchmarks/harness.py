"""How does a benchmark measure, and what does it print?

Contenders run interleaved, in another order each round, so that whatever else the machine does meets all of them alike. What counts is
the ratio within a round: its median over the rounds, with the smallest and the largest beside it. A benchmark is one question and one
file, run from the repository as `python -m benchmarks.NAME`:

    from benchmarks.harness import Contender, Table, finish, interleaved

    timings = interleaved([Contender("eager", slow), Contender("folded", fast)])
    finish(__file__, "How fast is a folded network?", [Table.of(timings, per=1000, unit="ms a clip", scale=1000)])

`finish` prints the tables with the command, the versions and the cores; with --keep it also puts them into benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from robustness.cli.memory import keep_freed_memory

ROOT: Final = Path(__file__).resolve().parent.parent
SHARED: Final = ROOT.parent / "shared"  # the developers' data, beside the repository
README: Final = ROOT / "benchmarks" / "README.md"
RUNS: Final = 5


@dataclass(frozen=True)
class Contender:
    """One way to do the job: a name for the table, and the job itself. What `prepare` does before each run is not timed."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


class Spread(NamedTuple):
    """A median, with the smallest and the largest of the runs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of these values."""
        return cls(statistics.median(values), min(values), max(values))

    def times(self, factor: float) -> Spread:
        """In another unit."""
        return Spread(*(value * factor for value in self))

    def __str__(self) -> str:
        return f"{_digits(self.median)} ({_digits(self.low)} – {_digits(self.high)})"


def _digits(value: float) -> str:
    """Three digits that count, and never an exponent for what a benchmark measures."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Timing(NamedTuple):
    """The seconds that a contender took, a number a round; the rounds of all contenders of one call belong together."""

    name: str
    seconds: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """In seconds."""
        return Spread.of(self.seconds)

    def faster_than(self, other: Timing) -> Spread:
        """How many times faster than another, round by round."""
        return Spread.of([theirs / ours for ours, theirs in zip(self.seconds, other.seconds, strict=True)])


def interleaved(contenders: Sequence[Contender], runs: int = RUNS, warm: int = 1) -> list[Timing]:
    """Times contenders in turn, each round beginning with another of them.

    Args:
        contenders: what is compared.
        runs: rounds that count, at least 5 for a table that is kept.
        warm: rounds before them that do not.
    """
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(warm + runs):
        first = number % len(contenders)
        for contender in [*contenders[first:], *contenders[:first]]:
            contender.prepare()
            gc.collect()
            began = time.perf_counter()
            contender.run()
            took = time.perf_counter() - began
            if number >= warm:
                seconds[contender.name].append(took)
    return [Timing(name, tuple(values)) for name, values in seconds.items()]


@dataclass(frozen=True)
class Table:
    """What a benchmark found: a heading for each column, a text for each cell, and sentences below."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, timings: Sequence[Timing], *, against: int = 0, per: float = 1, unit: str = "s", scale: float = 1, notes: Sequence[str] = ()
    ) -> Table:
        """A row a contender: its time, and how many times faster than one of them it is.

        Args:
            timings: of one call of `interleaved`.
            against: the place of the contender that the others are compared with.
            per: how many pieces of work a run did, such as clips.
            unit: of the time that is shown.
            scale: units in a second, such as 1000 for ms.
            notes: sentences below the table.
        """
        base = timings[against]
        rows = [(t.name, str(t.spread.times(scale / per)), "1" if t is base else str(t.faster_than(base))) for t in timings]
        return cls(("what", unit, f"times faster than {base.name}"), tuple(rows), tuple(notes))

    def __str__(self) -> str:
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return "\n\n".join([text, *self.notes])


class Process(NamedTuple):
    """What a process of its own took, its start included."""

    seconds: float
    cpu_s: float
    memory_gb: float  # the most that was resident at once
    output: str


def process(command: Sequence[str | Path], **environment: str) -> Process:
    """Runs a command to its end and measures it.

    Raises:
        SystemExit: where it fails; what it said is shown.
    """
    probe = (
        "import json,resource,subprocess,sys,time;b=time.perf_counter();"
        "d=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE,stderr=subprocess.STDOUT,text=True);t=time.perf_counter()-b;"
        "u=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([d.returncode,t,u.ru_utime+u.ru_stime,u.ru_maxrss/1e6,d.stdout]))"
    )
    arguments = [sys.executable, "-c", probe, *map(str, command)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, env={**os.environ, **environment})
    status, seconds, cpu_s, memory_gb, output = json.loads(done.stdout)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {status}:\n{output}")
    return Process(seconds, cpu_s, memory_gb, output)


def arguments(about: str | None, **defaults: Any) -> argparse.Namespace:
    """The command line of a benchmark: an option for each default, of its type, and --keep; memory is as in the program.

    Args:
        about: the module's docstring.
        defaults: names and values, such as clips=1000.
    """
    keep_freed_memory()  # as the command line does
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="put the tables into benchmarks/README.md too")
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"by default {value}")
    return parser.parse_args()


def machine(*libraries: str) -> str:
    """The machine and the versions that numbers come from, as a sentence."""
    found = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "torchaudio", *libraries)]
    return f"{', '.join(found)}; Python {platform.python_version()}; {_cores()} cores, {platform.machine()}, {_instructions()}."


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _instructions() -> str:
    import torch

    return f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"


def shared(name: str) -> Path:
    """A folder of the developers' data.

    Raises:
        SystemExit: where there is none.
    """
    path = SHARED / name
    if not path.is_dir():
        raise SystemExit(f"this benchmark needs the developers' data, and there is no ../shared/{name} beside the repository")
    return path


def finish(file: str, question: str, tables: Sequence[Table], libraries: Sequence[str] = (), notes: Sequence[str] = ()) -> None:
    """Prints a benchmark's tables; with --keep they take their place in benchmarks/README.md.

    Args:
        file: the benchmark's own `__file__`.
        question: that it answers.
        tables: what it found.
        libraries: others than torch whose versions belong to the numbers.
        notes: sentences that belong to the whole.
    """
    name = Path(file).stem
    given = " ".join(argument for argument in sys.argv[1:] if argument != "--keep")
    command = f"`python -m benchmarks.{name}{' ' + given if given else ''}`"
    text = "\n\n".join([f"## {question}", f"{command}: {machine(*libraries)}", *map(str, tables), *notes])
    tell(README, name, text)


def tell(document: Path, name: str, text: str) -> None:
    """Prints a text; with --keep it takes its place in a document."""
    print(text)
    if "--keep" in sys.argv[1:]:
        document.write_text(placed(document.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def placed(document: str, name: str, text: str) -> str:
    """The document with the text between the marks of that name, at its end where there are none yet."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n{text}\n{end}"
    if begin not in document:
        return f"{document.rstrip()}\n\n{block}\n"
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, document, flags=re.DOTALL)
