"""What do models of the field lose to each family of perturbations? Two models, in float and in int8, on the same 500 real clips.

`python -m benchmarks.models_table` makes the runs that are not there yet in a folder, `build/models` or `--runs DIR`, and prints the table
of docs/models.md; `--keep` puts it there. Shares are of commands accepted; what costs most is the largest loss in the everyday range. It
needs the developers' data beside the repository. `--run DIR`, several times for several, reads runs of other models; they must be of the
same clips, preset and seed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks.harness import ROOT, SHARED, Table
from robustness.audio.selection import Selection
from robustness.conditions import VARIANTS, Preset
from robustness.jobs.assess import execute, prepare
from robustness.jobs.request import Request
from robustness.report.costs import Costs
from robustness.report.sections.tolerance import shares_of
from robustness.report.view import Variant, View
from robustness.report.words import level_of, number, percent
from robustness.run.folder import Run, RunWriter
from robustness.sweep.plan import Settings

SHOWN: Final = ("placement", "time", "level", "noise", "room", "microphone", "channel", "mask", "scene")
CLIPS: Final = 500
NONE: Final = "–"
DOCUMENT: Final = ROOT / "docs" / "models.md"
BEGIN, END = "<!-- python -m benchmarks.models_table --keep -->", "<!-- end of the table -->"
TINY: Final = ("kws_ref_model_float32.tflite", "kws_ref_model.tflite")


class Swept(NamedTuple):
    """A model as it is run."""

    name: str
    card: Path
    weights: Path | None
    variants: tuple[str, ...]


def tiny_card(runs: Path) -> Path:
    """The card of MLPerf Tiny's two files, drafted by `robustness init` where it is not there yet."""
    card = runs / "mlperf-tiny.toml"
    if not card.exists():
        for name in TINY:
            shutil.copy(SHARED / "mlperf_tiny" / name, runs)
        drafted = [sys.executable, "-m", "robustness", "init", *(str(runs / name) for name in TINY), "--out", str(card)]
        subprocess.run(drafted, check=True, stdout=sys.stderr)
    return card


def swept(runs: Path) -> tuple[Swept, ...]:
    """The models: the tutorial's checkpoint, and MLPerf Tiny's two files under a card of their own."""
    weights = SHARED / "tutorial" / "speech_commands_model.pt"
    tutorial = Swept("tutorial", ROOT / "models" / "tutorial.toml", weights, VARIANTS)
    return tutorial, Swept("mlperf-tiny", tiny_card(runs), None, VARIANTS)


def made(runs: Path, preset: Preset) -> list[Path]:
    """The runs of all models, made where they are not there yet; nothing is explained, for only shares are read."""
    runs.mkdir(parents=True, exist_ok=True)
    clips, found = SHARED / "speech_commands", []
    settings = Settings(preset=preset, inputs={"noises": clips / "_background_noise_"})
    for one in swept(runs):
        folder = runs / f"{one.name}-{preset}"
        if not folder.exists():
            wanted = Request((one.card,), (clips,), one.weights, one.variants, selection=Selection(sample=CLIPS), settings=settings)
            job = prepare(wanted)
            print(f"{one.name}: {job.answers:,} answers", file=sys.stderr)
            execute(job, RunWriter(folder), lambda doing, done, total: None, lambda job, run, progress: None)
        found.append(folder)
    return found


def row(view: View, variant: Variant) -> tuple[str, ...]:
    """One model and variant."""
    costs = Costs(view)
    scores = costs.clean(variant)
    clean = costs.estimate(scores)
    worst: tuple[float, str] = (0.0, "nothing")
    means: dict[str, list[float]] = {}
    for kind in view.kinds.values():
        if kind.placements or not (shares := shares_of(view, kind, variant)):
            continue
        undisturbed = float(np.nanmean(scores[costs.movable])) if kind.moves else clean.value  # of the same recordings
        means.setdefault(kind.family, []).append(undisturbed - float(np.mean(list(shares.values()))))
        for level in kind.everyday_levels:
            if level in shares:
                worst = max(worst, (undisturbed - shares[level], f"{kind.plain_name} at {level_of(level, kind.unit)}"))
    cells = [f"{100 * float(np.mean(means[family])):.1f}" if family in means else NONE for family in SHOWN]
    ends = "" if clean.low != clean.low else f" ({number(100 * clean.low)} to {number(100 * clean.high)})"
    name = f"{variant.model['name']} {variant.name.rpartition(' · ')[2]}"
    return (name, f"{percent(clean.value)}{ends}", f"{worst[1]}: {100 * worst[0]:.1f} points", *cells)


def main() -> None:
    """Prints the table, and with --keep puts it into the document."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--runs", type=Path, default=ROOT / "build" / "models", help="the folder of the runs")
    asked.add_argument("--preset", default="full", help="which perturbations: quick, standard or full")
    asked.add_argument("--run", type=Path, action="append", default=[], help="a run of another model")
    asked.add_argument("--keep", action="store_true", help="put the table into docs/models.md")
    told = asked.parse_args()
    views = [View(Run.open(path)) for path in [*made(told.runs, told.preset), *told.run]]
    rows = tuple(row(view, variant) for view in views for variant in view.variants)
    head = ("model", "accepted undisturbed, %", "what costs most on an ordinary day", *(f"{family}, points" for family in SHOWN))
    there = [at for at in range(len(head)) if any(cells[at] != NONE for cells in rows)]  # a preset has not every family
    table = str(Table(tuple(head[at] for at in there), tuple(tuple(cells[at] for at in there) for cells in rows)))
    print(table)
    if told.keep:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
