"""How long does the gate take to judge a stored run of a million trials, and how much memory?

The run is made first, of planted answers: two variants, six levels of white noise in five draws, the clean rows, and the shift curve.
The limit is 5 s and 1 GB, the whole process counted, its start included.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.harness import Spread, Table, arguments, finish, process
from robustness.run.folder import TRIALS, RunWriter

SNR_DB = (30.0, 20.0, 10.0, 5.0, 0.0, -5.0)
SHIFTS_MS = tuple(float(ms) for ms in range(-200, 201, 20) if ms)
VARIANTS = ("float32", "dynamic-int8")
RULES = """
[rule.accepted]
metric = "accepted_right"
min = 0.5
[rule.noise]
metric = "accuracy"
perturbation = "white-noise"
scope = "population"
min = 0.5
[rule.flips]
metric = "right_to_wrong"
perturbation = "white-noise"
max = 0.5
[rule.early]
metric = "tolerance_early_ms"
at = 0.5
min = 100
scope = "population"
[rule.int8]
metric = "accuracy_drop"
perturbation = "white-noise"
variant = "dynamic-int8"
against = "float32"
scope = "population"
max = 0.1
"""


def words(values: Any) -> pa.Array:
    """A column of words."""
    return pa.array(values, pa.string()).dictionary_encode()


def rows(ids: pa.Array, key: tuple[str, str, float | None, int], rng: np.random.Generator) -> dict[str, pa.Array]:
    """One condition of one variant: nine of ten are right."""
    variant, perturbation, level, draw = key
    count = len(ids)
    right = rng.random(count) < 0.9
    given: dict[str, Any] = {"recording": ids, "label": words(["yes"] * count), "predicted": words(np.where(right, "yes", "no"))}
    given |= {"variant": words([variant] * count), "perturbation": words([perturbation] * count), "model": words(["planted"] * count)}
    given |= {"placement": words(["center"] * count), "fill": words(["zeros"] * count), "draw": pa.array([draw] * count, pa.int32())}
    given |= {"level": pa.array([level] * count, pa.float64()), "correct": pa.array(right)}
    sure = pa.array(np.full(count, 0.9, np.float32))
    given |= {"p_predicted": sure, "p_label": sure, "margin": pa.array(np.where(right, 1, -1).astype(np.float32))}
    return {field.name: given[field.name] if field.name in given else pa.nulls(count, field.type) for field in TRIALS}


def write(out: Path, trials: int) -> int:
    """The run folder; how many trials it holds."""
    keys = [("none", None, 0), ("time-shift", 0.0, 0), *(("time-shift", ms, 0) for ms in SHIFTS_MS)]
    keys += [("white-noise", db, draw) for db in SNR_DB for draw in range(5)]
    count = -(-trials // (len(keys) * len(VARIANTS)))
    names = [f"r{i:06d}.wav" for i in range(count)]
    writer, rng = RunWriter(out), np.random.default_rng(0)
    grids = {
        "white-noise": {"unit": "dB", "levels": list(SNR_DB), "neutral": "inf", "draws": 5, "fills": ["zeros"]},
        "time-shift": {"unit": "ms", "levels": list(SHIFTS_MS), "neutral": 0.0, "draws": 1, "fills": ["zeros"]},
    }
    model = {"name": "planted", "labels": ["yes", "no", "unknown"], "unknown": "unknown", "silence": None, "threshold": None}
    model |= {"reference": "center", "window_ms": 1000.0, "variants": [{"name": name, "about": {}} for name in VARIANTS]}
    writer.write_manifest({"models": [model], "plan": {"grids": grids, "skipped": {}}, "complete": True})
    speakers = [f"s{i % 100}" for i in range(count)]
    writer.write_recordings(pd.DataFrame({"id": names, "speaker": speakers, "untestable": False, "slack_ms": 300.0}))
    ids = words(names)
    for variant in VARIANTS:
        for perturbation, level, draw in keys:
            writer.add(rows(ids, (variant, perturbation, level, draw), rng))
    writer.flush()
    writer.finish()
    return count * len(keys) * len(VARIANTS)


def main() -> None:
    """Makes the run, judges it in fresh processes, and shows what that took."""
    asked = arguments(__doc__, trials=1_000_000, runs=5)
    with tempfile.TemporaryDirectory() as folder:
        run, rules = Path(folder) / "run", Path(folder) / "gates.toml"
        made = write(run, asked.trials)
        rules.write_text(RULES, encoding="utf-8")
        command = [sys.executable, "-m", "robustness", "gate", "--rules", rules, "--from", run]
        took = [process(command) for _ in range(asked.runs)]
    seconds, memory_gb = Spread.of([one.seconds for one in took]), Spread.of([one.memory_gb for one in took])
    cpu_s = Spread.of([one.cpu_s for one in took])
    rows = ((f"`robustness gate --from` on {made:,} trials, five rules", str(seconds), str(cpu_s), str(memory_gb)),)
    table = Table(("what", "s", "s on a CPU", "GB at most"), rows, ("The limit is 5 s and 1 GB.",))
    finish(__file__, "How long does the gate take to judge a stored run?", [table])


if __name__ == "__main__":
    main()
