"""Does memory grow with the number of clips? The whole process of `robustness report`, its start included, at two sizes."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from benchmarks.clips import LABELS, copied
from benchmarks.harness import Spread, Table, arguments, finish, process, shared

CARD = """
name = "tutorial"
labels = {labels}
unknown = "unknown"
output = "log-probabilities"
[weights]
file = "{weights}"
sha256 = "{sha256}"
[network]
factory = "robustness.models.architectures:TutorialNet"
[frontend]
kind = "log-mel"
rate_hz = 16000
[window]
duration_ms = 1000
"""


def main() -> None:
    """Sweeps a few and many clips under one perturbation, and compares the most memory that was resident."""
    asked = arguments(__doc__, few=1000, many=10_000, perturbation="padding-placement")
    rows = []
    with tempfile.TemporaryDirectory() as made:
        weights = shared("tutorial") / "speech_commands_model.pt"
        card = Path(made) / "card.toml"
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        card.write_text(CARD.format(labels=list(LABELS), weights=weights.resolve(), sha256=digest), encoding="utf-8")
        for count in (asked.few, asked.many):
            folder = Path(made) / str(count)
            copied(count, folder)
            command = [sys.executable, "-m", "robustness", "report", "--model", card, "--recordings", folder, "--skip-bad", "--no-audio"]
            took = process([*command, "--perturbation", asked.perturbation, "--out", Path(made) / f"run{count}"])
            rows.append((count, took))
    base = rows[0][1].memory_gb
    cells = [(f"{n:,} clips", f"{t.seconds:.0f}", f"{t.memory_gb:.2f}", str(Spread.of([t.memory_gb / base]).median)[:5]) for n, t in rows]
    finish(__file__, "Does memory grow with the number of clips?", [Table(("what", "s", "GB at most", "times the first"), tuple(cells))])


if __name__ == "__main__":
    main()
