"""How long does a stream take? The tutorial's network every 100 ms, over hours, and scores at all thresholds."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.harness import ROOT, Contender, Table, arguments, finish, interleaved, process
from robustness.analysis.outcomes import OperatingPoint
from robustness.audio.takes import open_take
from robustness.conditions import VARIANTS
from robustness.models.card import load_classifiers
from robustness.models.classifier import Classifier
from robustness.quantization.variants import variants_of
from robustness.streaming.curve import operating_curve
from robustness.streaming.matching import Timeline
from robustness.streaming.scores import Scores
from robustness.streaming.spans import Word
from robustness.sweep.takes import scores_of

CARD = ROOT / "models" / "commands.toml"
HOP_MS = 100.0


def main() -> None:
    """A take of two minutes in two ways; takes of hours as a user streams them; a million scores."""
    asked = arguments(__doc__, hours=1.0, more=3.0, most=10.0, frames=1_000_000)
    with tempfile.TemporaryDirectory() as made:
        hours = [one for one in (asked.hours, asked.more, asked.most) if one]
        tables = [_ways(Path(made)), _hours(Path(made), hours), _thresholds(asked.frames)]
    finish(__file__, "How long does a stream take?", tables, ["scipy"])


def _composed(folder: Path, hours: float) -> Path:
    out = folder / f"{hours:g}.wav"
    words: list[str | Path] = [ROOT / "recordings" / "joe", ROOT / "recordings" / "heart"]
    process([sys.executable, "-m", "robustness", "compose", *words, "--noise", "white", "--hours", str(hours), "--out", out])
    return out


def _ways(folder: Path) -> Table:
    """A window at a time, and as a stream."""
    take = open_take(_composed(folder, 1 / 30), 16_000)
    models, _ = variants_of(load_classifiers(CARD), VARIANTS)
    windows = torch.from_numpy(take.part(0, take.duration_ms)).unfold(0, models[0].frame.samples, round(HOP_MS * 16))
    rows = []
    for asked in (models[:1], models):
        names = " and ".join(one.variant for one in asked)

        def alone(asked: list[Classifier] = asked) -> None:
            for window in windows:
                for model in asked:
                    model.logits(window[None].contiguous())

        def streamed(asked: list[Classifier] = asked) -> None:
            scores_of(take, asked, HOP_MS)

        slow, fast = interleaved([Contender(f"{names}, a window at a time", alone), Contender(f"{names}, streamed", streamed)], runs=5)
        per = 1000 / len(windows)
        rows += [(slow.name, str(slow.spread.times(per)), "1"), (fast.name, str(fast.spread.times(per)), str(fast.faster_than(slow)))]
    return Table(("2 minutes, H = 100 ms", "ms a window", "times as fast"), tuple(rows))


def _hours(folder: Path, hours: list[float]) -> Table:
    """The whole command at one phase, with its page."""
    rows = []
    for count in hours:
        out = folder / f"run{count:g}"
        command: list[str | Path] = [sys.executable, "-m", "robustness", "stream", "--model", CARD, _composed(folder, count), "--out", out]
        took = process([*command, "--variant", "float32", "--phase-ms", str(HOP_MS)])
        found = json.loads((out / "stream.json").read_text(encoding="utf-8"))["variants"][0]["first_phase"]
        alarms = f"{found['false_alarms_per_hour']:.0f} ({found['low']:.0f} – {found['high']:.0f}) in {found['hours']:.2f} h"
        page = (out / "index.html").stat().st_size / 1e6
        rows.append((f"{count:g} h", f"{took.seconds:.0f}", f"{took.cpu_s:.0f}", f"{took.memory_gb:.2f}", f"{page:.1f}", alarms))
    return Table(("one phase, H = 100 ms", "s", "s of CPU", "GB at most", "page in MB", "false alarms an hour"), tuple(rows))


def _thresholds(frames: int) -> Table:
    """The operating curve of so many answers, of one keyword and of eleven labels."""
    rng, rows = np.random.default_rng(0), []
    made = {
        "one keyword, every score above 0": rng.beta(0.1, 2, size=(frames, 1)),
        "eleven labels": rng.dirichlet(np.full(11, 0.1), size=frames),
    }
    for name, values in made.items():
        labels = tuple("abcdefghijk"[: values.shape[1]])
        point = OperatingPoint(frozenset(labels[10:]), contest=len(labels) > 1)
        scores = Scores(
            "made", labels, 20.0 * np.arange(1, frames + 1, dtype=np.float64), values.astype(np.float32), 20.0 * frames, 1000.0, point
        )
        words = [
            Word(labels[at % len(labels[:10])], start, start + 500)
            for at, start in enumerate(np.arange(5e3, 20.0 * frames - 5e3, 5e3).tolist())
        ]
        timeline = Timeline.of(words, labels[:10], scores.duration_ms, 1000.0)
        began, cpu = time.perf_counter(), time.process_time()
        curve = operating_curve([scores], [timeline])
        rows.append((name, f"{len(curve.thresholds):,}", f"{time.perf_counter() - began:.1f}", f"{time.process_time() - cpu:.1f}"))
    return Table((f"{frames:,} answers", "thresholds", "s", "s of CPU"), tuple(rows))


if __name__ == "__main__":
    main()
