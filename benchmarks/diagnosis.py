"""Is the right kind named where a real network fails for a known reason, and nothing where no edit undoes it?

Each plant is a network that was taught to fail for one cause (`benchmarks.real_plants`) and a folder of recordings: some that are right,
some unknown words, and those that fail. They are swept at the three placements, and every failing recording with the cause is diagnosed as
a report does it. *Named*: the planted kind, or of two causes both or one of them. *Falsely*: any other kind. Intervals are Wilson's, 95 %.

The rule was worked out on the plants of `--tuning 1`. The table is of others: their networks learn from the speakers that were told there,
and are asked about recordings of those from whom the networks learned there, drawn by other seeds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import torch

from benchmarks.harness import ROOT, Table, arguments, machine, shared, tell
from benchmarks.real_plants import PLANTS, Plant, folder, network
from robustness.analysis.intervals import wilson
from robustness.audio.recordings import Recording
from robustness.explanations.cases import Cases
from robustness.explanations.diagnosis import Diagnosis, diagnose
from robustness.explanations.failures import Failure, find_failures
from robustness.explanations.naming_rule import named_pair
from robustness.models.classifier import Classifier
from robustness.run.folder import Run, RunWriter
from robustness.sweep.manifest import models_of
from robustness.sweep.plan import Settings, plan_of
from robustness.sweep.sweep import Sweep

DOC: Final = ROOT / "docs" / "diagnosis.md"
DEFAULTS: Final = {"takes": 24, "plants": "", "alone": 0, "tuning": 0, "workers": 2, "networks": ""}


class Told(NamedTuple):
    """What was said of one recording: the kinds that are named, and those whose edits restore it."""

    named: frozenset[str]
    restoring: frozenset[str]


class Figures(NamedTuple):
    """A line of the table."""

    plant: Plant
    told: list[Told]

    @property
    def right(self) -> int:
        """How often what is named is planted."""
        return sum(bool(one.named) and one.named <= self.plant.expected for one in self.told)

    @property
    def listed(self) -> int:
        """How often nothing is named, and all that is planted is among what restores."""
        return sum(not one.named and bool(self.plant.expected) and self.plant.expected <= one.restoring for one in self.told)

    @property
    def wrong(self) -> int:
        """How often anything else is named."""
        return sum(not one.named <= self.plant.expected for one in self.told)

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table has them."""
        count = len(self.told)
        right = shown(self.right, count) if self.plant.expected else "–"
        listed = f"{self.listed}" if self.plant.expected else "–"
        return self.plant.name, ", ".join(sorted(self.plant.expected)) or "nothing", right, listed, shown(self.wrong, count)


def shown(hits: int, of: int) -> str:
    """A count with its interval."""
    if not of:
        return "–"
    found = wilson(hits, of)
    return f"{hits} of {of} ({100 * found.low:.0f}–{100 * found.high:.0f} %)"


def swept(classifier: Classifier, recordings: list[Recording], where: Path) -> Run:
    """A run of the recordings at the three placements."""
    plan = plan_of(Settings(perturbations=("padding-placement",)), classifier.frame)
    writer = RunWriter(where)
    Sweep([classifier], plan, writer).run(recordings)
    grids = {name: kind.plain() for name, kind in plan.kinds(classifier.frame.reference).items()}
    writer.write_manifest({"models": models_of([classifier], {classifier.name: {}}), "plan": {"grids": grids}})
    return writer.finish()


def failing(cases: Cases, run: Run, one: Plant, ids: set[str]) -> Iterator[Failure]:
    """The failures to tell: right at the reference placement where the cause is the place, and wrong there where channels are dead."""
    placed_rows = cases.placed
    there = placed_rows[(placed_rows["placement"] == cases.frame.reference) & ~placed_rows["failing"]]
    right = set(there["recording"].astype(str))
    for found in find_failures(run, placed_rows, cases.kinds, cases.frame.reference):
        if found.recording in ids and (not one.placed or found.recording in right) and not (one.dead and found.recording in right):
            yield found


def told(found: Diagnosis) -> Told:
    """What a page says of it."""
    pair = named_pair(found.pairs, found.tried, found.beside)
    named = {str(found.naming.kind)} if found.naming.kind else set(map(str, pair.kinds)) if pair else set()
    return Told(frozenset(named), frozenset(one.kind for one in found.tried if one.restores_at is not None))


def figures(one: Plant, takes: int, networks: Path | None, *, alone: bool) -> Figures:
    """A line: the plant made, swept and told.

    Args:
        one: the plant.
        takes: how many recordings are told.
        networks: where taught networks are kept; None keeps none.
        alone: whether the folder holds those that fail alone.
    """
    torch.set_num_threads(1)
    classifier = network(one, networks)
    recordings, ids = folder(one, classifier, takes)
    kept = [each for each in recordings if each.id in ids] if alone else recordings
    with tempfile.TemporaryDirectory() as temporary:
        run = swept(classifier, kept, Path(temporary) / "run")
        cases = Cases(run, [classifier], kept, 0)
        failures = list(failing(cases, run, one, set(ids)))[:takes]
        found = [told(each) for failure in failures for each in diagnose(cases.case(failure), cases).values()]
    return Figures(one, found)


def told_lines(plants: Sequence[Plant], asked: argparse.Namespace) -> Iterator[Figures]:
    """The lines, each said when it is done; several plants at once, each in one thread."""
    networks = Path(asked.networks) if asked.networks else None
    with ProcessPoolExecutor(asked.workers) as pool:
        for line in pool.map(partial(figures, takes=asked.takes, networks=networks, alone=bool(asked.alone)), plants):
            sys.stderr.write(f"{' | '.join(line.cells)}\n")
            yield line


def main() -> None:
    """The table; with --keep it takes its place in docs/diagnosis.md."""
    asked = arguments(__doc__, **DEFAULTS)
    shared("speech_commands")
    names = [name.strip() for name in asked.plants.split(",") if name.strip()]
    plants = [replace(one, tuning=bool(asked.tuning)) for one in PLANTS if not names or one.name in names]
    lines = list(told_lines(plants, asked))
    planted, nulls = ([line for line in lines if bool(line.plant.expected) is bool(has)] for has in (True, False))
    count = sum(len(line.told) for line in planted), sum(len(line.told) for line in nulls)
    right, wrong = (shown(sum(getattr(line, what) for line in planted), count[0]) for what in ("right", "wrong"))
    none = shown(sum(line.wrong for line in nulls), count[1])
    notes = [f"Over all plants {right} are named correctly and {wrong} falsely; of what no edit undoes {none} are given a name."]
    table = Table(("plant", "planted", "named", "listed", "named falsely"), tuple(line.cells for line in lines), tuple(notes))
    changed = [f"--{name} {value}" for name in ("takes", "plants", "alone", "tuning") if (value := getattr(asked, name)) != DEFAULTS[name]]
    given = " ".join(changed)
    text = f"`python -m benchmarks.diagnosis{' ' + given if given else ''}`: {machine()}\n\n{table}"
    tell(DOC, "diagnosis", text)


if __name__ == "__main__":
    main()
