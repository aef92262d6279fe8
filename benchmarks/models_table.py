"""What do models accept of the same clips, undisturbed and under each family of perturbations? A row a model and variant, from its run.

`python -m benchmarks.models_table RUN …` reads runs that were made with the same recordings, preset and seed, and prints the table of
docs/models.md. Shares are of commands accepted; what costs most is the largest loss inside an ordinary day's range.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import Table
from robustness.report.costs import Costs
from robustness.report.sections.tolerance import shares_of
from robustness.report.view import Variant, View
from robustness.report.words import level_of, number, percent
from robustness.run.folder import Run

SHOWN = ("placement", "time", "level", "noise", "room", "microphone", "channel")


def row(view: View, variant: Variant) -> tuple[str, ...]:
    """One model and variant."""
    costs = Costs(view)
    clean = costs.estimate(costs.clean(variant))
    worst: tuple[float, str] = (0.0, "nothing")
    means: dict[str, list[float]] = {}
    for kind in view.kinds.values():
        if kind.placements or not (shares := shares_of(view, kind, variant)):
            continue
        means.setdefault(kind.family, []).append(clean.value - float(np.mean(list(shares.values()))))
        for level in kind.everyday_levels:
            if level in shares:
                worst = max(worst, (clean.value - shares[level], f"{kind.plain_name} at {level_of(level, kind.unit)}"))
    cells = [f"{100 * float(np.mean(means[family])):.1f}" if family in means else "–" for family in SHOWN]
    ends = "" if clean.low != clean.low else f" ({number(100 * clean.low)} to {number(100 * clean.high)})"
    name = f"{variant.model['name']} {variant.name.rpartition(' · ')[2]}"
    return (name, f"{percent(clean.value)}{ends}", f"{worst[1]}: {100 * worst[0]:.1f} points", *cells)


def main() -> None:
    """Prints the table of the runs that are given."""
    views = [View(Run.open(Path(path))) for path in sys.argv[1:]]
    rows = tuple(row(view, variant) for view in views for variant in view.variants)
    head = ("model", "accepted undisturbed, %", "what costs most on an ordinary day", *(f"{family}, points" for family in SHOWN))
    print(Table(head, rows))


if __name__ == "__main__":
    main()
