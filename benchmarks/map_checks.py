"""How many maps pass the check of their order on failing recordings, and how many random maps?

`python -m benchmarks.map_checks` makes the runs that are not there yet in a folder, `build/maps` or `--runs DIR`: the shipped digits
model on its recordings, the tutorial's network on its own, and MLPerf Tiny's two files on a sample of Speech Commands, each at the three
placements. It prints a table of the maps of what fails there; `--keep` puts it into docs/diagnosis.md. A random map is noise over the
blocks of the check.

Of a recording that has several maps by a method the share that pass is one score, and intervals are over recordings (Wilson, 95 %).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import torch

from benchmarks.harness import ROOT, Table, arguments, machine, shared, tell
from benchmarks.models_table import tiny_card
from robustness.analysis.intervals import mean_score
from robustness.attributions.deletion import DeletionCurves, Lift
from robustness.attributions.trust import held_out
from robustness.audio.selection import Selection
from robustness.conditions import VARIANTS
from robustness.explanations.cases import Cases
from robustness.explanations.failures import find_failures
from robustness.explanations.maps import METHODS, maps_of
from robustness.jobs.assess import Job, execute, prepare
from robustness.jobs.request import Request
from robustness.run.folder import Run, RunWriter
from robustness.seeds import generator_of
from robustness.sweep.plan import Settings

DOCUMENT: Final = ROOT / "docs" / "diagnosis.md"
RANDOM: Final = 5  # maps a recording and variant
RANDOM_NAME: Final = "random maps"
NAMES: Final = (*(method.name for method in METHODS), RANDOM_NAME)  # the rows, in their order
SETTINGS: Final = Settings(perturbations=("padding-placement",))
DEFAULTS: Final = {"runs": str(ROOT / "build" / "maps"), "sample": 150, "most": 24}


class Mapped(NamedTuple):
    """A model whose failures are explained, by the name of its column, and what is run."""

    name: str
    request: Request


class CheckedLift(NamedTuple):
    """What the check says of one map: of which method and recording; None where no order could be better than another."""

    method: str
    recording: str
    lift: Lift | None


def mapped(runs: Path, sample: int) -> tuple[Mapped, ...]:
    """The models; of Speech Commands a sample is heard."""

    def asked(card: Path, recordings: Path, weights: Path | None = None, count: int | None = None) -> Request:
        return Request((card,), (recordings,), weights, VARIANTS, selection=Selection(sample=count), settings=SETTINGS)

    tutorial, clips = shared("tutorial"), shared("speech_commands")
    return (
        Mapped("digits", asked(ROOT / "models" / "digits.toml", ROOT / "recordings" / "joe")),
        Mapped("tutorial", asked(ROOT / "models" / "tutorial.toml", tutorial / "recordings", tutorial / "speech_commands_model.pt")),
        Mapped("MLPerf Tiny", asked(tiny_card(runs), clips, count=sample)),
    )


def run_of(one: Mapped, job: Job, runs: Path) -> Run:
    """Its run, which is swept where it is not there yet."""
    count = one.request.selection.sample
    folder = runs / f"{one.name.lower().replace(' ', '-')}{'' if count is None else f'-{count}'}"
    if not folder.exists():
        execute(job, RunWriter(folder), lambda doing, done, total: None, lambda job, run, progress: None)
    return Run.open(folder)


def lifts(cases: Cases, run: Run, most: int) -> Iterator[CheckedLift]:
    """The lift of each map of what fails at a place, and of random maps."""
    found = find_failures(run, cases.placed, cases.kinds, cases.frame.reference)
    for failure in [one for one in found if one.at_a_place][:most]:
        case = cases.case(failure)
        curves: dict[str, DeletionCurves] = {}
        for one in maps_of(case.map_request({"": case.target})):
            here = curves.setdefault(one.variant, DeletionCurves(held_out(one.asked)))
            yield CheckedLift(one.method.name, failure.recording, here.lift(one.relevance.map[0]))
        for variant, here in curves.items():
            rng = generator_of("random map", failure.recording, variant)
            for _ in range(RANDOM):
                values = torch.randn(len(here.blocks), generator=rng, dtype=torch.float64)
                noise = (here.blocks.double() * values[:, None, None]).sum(0)
                yield CheckedLift(RANDOM_NAME, failure.recording, here.lift(noise))


def passing(checked: Sequence[CheckedLift]) -> str:
    """How many of the maps that can be tested pass, with the interval over their recordings."""
    tested: dict[str, list[bool]] = defaultdict(list)
    for one in checked:
        if one.lift is not None:
            tested[one.recording].append(one.lift.beyond)
    if not tested:
        return "–"
    hits, count = (sum(map(how, tested.values())) for how in (sum, len))
    found = mean_score([sum(beyond) / len(beyond) for beyond in tested.values()])
    return f"{hits} of {count} ({100 * found.low:.0f}–{100 * found.high:.0f} %)"


def table(columns: dict[str, list[CheckedLift]]) -> Table:
    """A row a method, a column a model."""
    rows = []
    for method in NAMES:
        own = {name: [one for one in checked if one.method == method] for name, checked in columns.items()}
        rows.append((method, *map(passing, own.values()), passing([one for checked in own.values() for one in checked])))
    counted = [
        f"{len({one.recording for one in checked})} recordings of {name}, of which {len({one.recording for one in checked if one.lift})}"
        for name, checked in columns.items()
    ]
    note = f"Failing: {'; '.join(counted)} have a map that can be tested. A file has no gradients."
    return Table(("method", *columns, "all"), tuple(rows), (note,))


def main() -> None:
    """Prints the table; with --keep it takes its place in docs/diagnosis.md."""
    asked = arguments(__doc__, **DEFAULTS)
    runs = Path(asked.runs)
    runs.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[CheckedLift]] = {}
    for one in mapped(runs, asked.sample):
        job = prepare(one.request)
        run = run_of(one, job, runs)
        columns[one.name] = list(lifts(Cases(run, job.classifiers, job.placed, 0, job.plan.perturbations), run, asked.most))
        sys.stderr.write(f"{one.name}: {len(columns[one.name])} maps\n")
    text = f"`python -m benchmarks.map_checks`: {machine('captum')}\n\n{table(columns)}"
    tell(DOCUMENT, "map_checks", text)


if __name__ == "__main__":
    main()
