"""How many maps pass the check of their order on failing recordings, and how many random maps?

    python -m benchmarks.map_checks RUN --model CARD --recordings DIR [--weights FILE]

RUN is a run of that model on those recordings, with its evidence. A random map is noise over the blocks of the check.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch

from robustness.attributions.deletion import DeletionCurves, Lift
from robustness.attributions.trust import held_out
from robustness.explanations.cases import Cases
from robustness.explanations.failures import find_failures
from robustness.explanations.maps import maps_of
from robustness.jobs.assess import prepare
from robustness.jobs.request import Request
from robustness.run.folder import Run
from robustness.seeds import generator_of
from robustness.sweep.plan import Settings

RANDOM: Final = 5  # maps a recording and variant


def lifts(cases: Cases, run: Run, most: int) -> Iterator[tuple[str, Lift | None]]:
    """The lift of each map, and of random maps, by the name of the method."""
    found = find_failures(run, cases.placed, cases.kinds, cases.frame.reference)
    for failure in [one for one in found if one.at_a_place][:most]:
        case = cases.case(failure)
        curves: dict[str, DeletionCurves] = {}
        for one in maps_of(case.map_request({"": case.target})):
            here = curves.setdefault(one.variant, DeletionCurves(held_out(one.asked)))
            yield one.method.name, here.lift(one.relevance.map[0])
        for variant, here in curves.items():
            rng = generator_of("random map", failure.recording, variant)
            for _ in range(RANDOM):
                values = torch.randn(len(here.blocks), generator=rng, dtype=torch.float64)
                yield "random", here.lift((here.blocks.double() * values[:, None, None]).sum(0))


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--most", type=int, default=24)
    given = parser.parse_args()
    run = Run.open(given.run)
    names = tuple(variant["name"] for model in run.manifest["models"] for variant in model["variants"])
    request = Request((given.model,), (given.recordings,), given.weights, names, settings=Settings(perturbations=("padding-placement",)))
    job = prepare(request)
    cases = Cases(run, job.classifiers, job.placed, 0, job.plan.perturbations)
    counted, passing, every = Counter[str](), Counter[str](), Counter[str]()
    for name, lift in lifts(cases, run, given.most):
        every[name] += 1
        counted[name] += lift is not None
        passing[name] += lift is not None and lift.beyond
    print("| method | maps | can be tested | pass |\n|---|---|---|---|")
    for name, count in every.items():
        print(f"| {name} | {count} | {counted[name]} | {passing[name]} |")


if __name__ == "__main__":
    main()
