"""What does a sweep of shifts cost beside its own forward passes, and the default grid?

The forward passes alone are those of the same variants for as many windows, on features that are there already, as torch runs them at their
best batch of those tried. End to end a sweep makes the networks ready, renders every window, marks it, answers it and writes its rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.clips import FRAME, RATE_HZ, copied, tutorial
from benchmarks.harness import Contender, Table, arguments, finish, interleaved
from benchmarks.sweep import KEPT, as_torch_makes_it, best_batch, forwards
from robustness.audio.labels import LabelSource
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import quantized
from robustness.run.folder import RunWriter
from robustness.sweep.plan import Plan, Settings, plan_of
from robustness.sweep.shifts import chains_of, leads_under
from robustness.sweep.sweep import Sweep, placeable, renderer_of

MOST_SLACK_MS = 600.0  # the atlas of the shipped grid
VARIANTS = (("float32",), ("float32", "dynamic-int8"))


class Grid(NamedTuple):
    """What is swept, and the share of its forward passes that it may take."""

    name: str
    plan: Plan
    wanted: float


def grids() -> list[Grid]:
    """Shifts alone, and all that `make report` runs."""
    named = {"shifts": (Settings(perturbations=("time-shift",)), 0.25), "the default grid": (Settings(), 0.6)}
    return [
        Grid(name, replace(plan_of(settings, FRAME, MOST_SLACK_MS), no_word=False), wanted) for name, (settings, wanted) in named.items()
    ]


def sweep(plan: Plan, names: Sequence[str], placed: Sequence[Recording], out: Path) -> None:
    """Every condition on every clip, as rows of a run folder."""
    writer = RunWriter(out)
    Sweep([quantized(tutorial(), name) for name in names], plan, writer).run(placed)
    writer.discard()


def shared(plan: Plan, placed: Sequence[Recording]) -> float:
    """The share of windows that lie whole frames from others of the same recording."""
    renderer = renderer_of(placed, plan, FRAME)
    leads = leads_under(renderer, plan.conditions)
    hop = tutorial().frontend.hop_samples
    found = 0
    for clip in range(len(placed)):
        there = {lead for chain in chains_of(leads[:, clip].tolist(), hop, FRAME) for lead in chain}
        found += sum(lead in there for lead in leads[:, clip].tolist())
    return found / (len(plan.conditions) * len(placed))


def row(grid: Grid, names: Sequence[str], placed: Sequence[Recording], runs: int) -> tuple[str, ...]:
    """One grid with some variants."""
    windows = len(placed) * len(grid.plan.conditions)
    nets = [module_of(as_torch_makes_it(name).network) for name in names]
    features = tutorial().features(torch.randn(KEPT, FRAME.samples, generator=torch.Generator().manual_seed(0)) * 0.05)
    batch, times = best_batch(nets, features), max(1, round(windows / KEPT))
    with tempfile.TemporaryDirectory() as scratch:
        contenders = [
            Contender("end to end", lambda: sweep(grid.plan, names, placed, Path(scratch) / "run")),
            Contender("forward passes alone", lambda: forwards(nets, features, batch, times)),
        ]
        whole, alone = interleaved(contenders, runs=runs)
    scale = 1000 / windows
    return (
        f"{grid.name}, {' and '.join(names)}",
        f"{len(grid.plan.conditions)}",
        f"{shared(grid.plan, placed):.0%}",
        str(whole.spread.times(scale)),
        str(alone.spread.times(1000 / (times * KEPT))),
        str(alone.faster_than(whole).times(times * KEPT / windows)),
        f"{grid.wanted:g}",
    )


def main() -> None:
    """Two grids, float alone and with dynamic int8."""
    asked = arguments(__doc__, clips=64, runs=5)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "clips"
        copied(asked.clips, folder)
        reading = read_recordings(
            (folder,), rate_hz=RATE_HZ, longest_samples=FRAME.samples, labels=LabelSource(required=False), skip_bad=True
        )
        placed = list(placeable(reading.recordings, FRAME, Settings()))
        rows = [row(grid, names, placed, asked.runs) for names in VARIANTS for grid in grids()]
    head = (
        "what",
        "conditions",
        "windows that share",
        "end to end, ms a window",
        "forward passes alone, ms a window",
        "ratio",
        "wanted below",
    )
    notes = (f"{len(placed)} clips; a ratio below 1 is less than the forward passes of every window by itself.",)
    finish(__file__, "What do shifts cost beside their own forward passes?", [Table(head, tuple(rows), notes)])


if __name__ == "__main__":
    main()
