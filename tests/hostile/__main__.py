"""Does anything from outside break the program? Makes hostile cases of every kind, runs each, and says which broke a promise.

    python -m tests.hostile [--each 65] [--kind NAME] [--number N] [--keep DIR] [--table]

The exit status is 1 where a promise was broken. `--table` writes the table of docs/inputs.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: threads of the parent are not in its forks

import argparse
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.hostile import models, runs, sounds, texts
from tests.hostile.cases import KINDS, write_base
from tests.hostile.harness import Case, Ending, ran, warm

__all__ = ["models", "runs", "sounds", "texts"]  # each registers its kinds
EACH = 65
OWN_PROCESSES = 100
DOCS = Path(__file__).resolve().parents[2] / "docs" / "inputs.md"
MARKS = ("<!-- hostile cases -->", "<!-- end -->")


def cases_of(names: list[str], each: int, own_processes: int) -> list[Case]:
    """So many cases of each kind, some of them as processes of their own."""
    cases = [Case(name, number) for number in range(each) for name in names]
    step = max(1, len(cases) // own_processes) if own_processes else len(cases) + 1
    return [case._replace(own_process=place % step == step - 1) for place, case in enumerate(cases)]


def told(ending: Ending) -> None:
    """What is known of a case that broke a promise."""
    print(f"\n{ending.case.kind}, {ending.case.number}: {'; '.join(ending.faults)}\n  robustness {ending.command[:600]!r}")
    print("  " + ending.said.strip()[-1500:].replace("\n", "\n  "), flush=True)


def table_of(endings: list[Ending]) -> str:
    """The table of docs/inputs.md: kind, count tried, what each gets."""
    statuses: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for ending in endings:
        statuses[ending.case.kind][ending.status] += 1
    rows = [
        "| kind | tried | done (0) | does not pass (1) | refused (2) | cannot be judged (3) | what it gets |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, counts in statuses.items():
        rows.append(f"| {name} | {counts.total()} | {counts[0]} | {counts[1]} | {counts[2]} | {counts[3]} | {KINDS[name].gets} |")
    return "\n".join(rows)


def main() -> int:
    """Runs the cases; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--number", type=int)
    parser.add_argument("--own", type=int, default=OWN_PROCESSES)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    names = given.kind or list(KINDS)
    cases = [Case(name, given.number) for name in names] if given.number is not None else cases_of(names, given.each, given.own)
    since = time.monotonic()
    warm()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        base, endings = write_base(root / "base"), []
        for ending in ran(cases, base, root / "cases"):
            endings.append(ending)
            if ending.faults:
                told(ending)
    broken = [ending for ending in endings if ending.faults]
    worst = max(endings, key=lambda ending: ending.work_s)
    took_s, work_s = time.monotonic() - since, sum(ending.work_s for ending in endings)
    print(f"\n{len(endings)} cases of {len(names)} kinds in {took_s:.0f} s, {work_s:.0f} s of work; {len(broken)} broke a promise")
    print(f"statuses {dict(Counter(ending.status for ending in endings))}, most memory {max(e.memory_mb for e in endings):.0f} MB")
    print(f"most work {worst.work_s:.1f} s ({worst.case.kind}, {worst.case.number})")
    if given.table:
        text = DOCS.read_text(encoding="utf-8")
        before, after = text.partition(MARKS[0])[0], text.partition(MARKS[1])[2]
        DOCS.write_text(f"{before}{MARKS[0]}\n{table_of(endings)}\n{MARKS[1]}{after}", encoding="utf-8")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
