"""What does an audit cost beside the forward passes it needs, and a variant beside the eager float network?

    python -m benchmarks.quantization [--clips 1000] [--rounds 5]

The clips are those of `../shared/speech_commands`, the network is the tutorial's. An audit needs a forward pass of the float network and
of each variant for its layers, one of the float network for each dozen of experiments, and one of each experiment's network; these same
passes, with their features, are timed bare beside it. Rounds are interleaved; a cell is the median with the smallest and the largest.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Table, arguments, finish
from robustness.audio.reading import read_recordings
from robustness.audit.experiments import experiments_on
from robustness.audit.latency import latencies
from robustness.audit.measuring import AT_ONCE, Listening, audited
from robustness.classifiers.card import load_classifier
from robustness.classifiers.classifier import Classifier
from robustness.quantization.base import quantized

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def passes_of(original: Classifier, variant: Classifier) -> list[Classifier]:
    """Every network whose forward pass over the clips an audit needs, as often as it needs it."""
    experiments = [experiment.make() for experiment in experiments_on(original, variant, None)]
    return [original, variant, *[original] * (-(-len(experiments) // AT_ONCE)), *experiments]


def bare(networks: Sequence[Classifier], heard: Listening) -> None:
    """The forward passes alone, and the features that they need: one pass over the clips computes them, as does the audit's first."""
    for batch in heard:
        for network in networks:
            network.logits_from(batch.features)


def spread(values: Sequence[float]) -> str:
    """Median, smallest, largest."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} – {max(values):.3g})"


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Prints both tables."""
    given = arguments(__doc__, clips=1000, rounds=5)
    weights = SHARED / "tutorial" / "speech_commands_model.pt"
    original = load_classifier(ROOT / "models" / "tutorial.toml", weights=weights)
    read = read_recordings([SHARED / "speech_commands"], rate_hz=16_000, longest_samples=16_000, skip_bad=True).recordings
    chosen = read[:: max(1, len(read) // given.clips)][: given.clips]
    variant = quantized(original, "dynamic-int8")
    heard = Listening(original, chosen, 35.0)
    networks = passes_of(original, variant)
    jobs: dict[str, Callable[[], object]] = {
        "the forward passes alone": lambda: bare(networks, heard),
        "the whole audit": lambda: audited(original, [variant], heard, thorough=True),
    }
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(given.rounds):
        for name in [*jobs][number % 2 :] + [*jobs][: number % 2]:
            taken[name].append(timed(jobs[name]))
    bare_s, audit_s = taken.values()
    ratio = spread([a / b for a, b in zip(audit_s, bare_s, strict=True)])
    audits = (("the forward passes alone", spread(bare_s), "1"), ("the whole audit", spread(audit_s), ratio))
    timed_rows = tuple(_row(row) for row in latencies(original, [variant], next(iter(heard)).features))
    tables = [
        Table((f"what, {len(chosen)} clips, {len(networks)} passes", "s", "ratio"), audits),
        Table(("dynamic int8 against eager float", "float, ms a clip", "int8, ms a clip", "ratio [95 % interval]"), timed_rows),
    ]
    finish(__file__, "What does an audit cost beside its forward passes, and dynamic int8 beside the eager float network?", tables)


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    ends = f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['clips']} at once, {row['rounds']} rounds", f"{row['float_ms']:.2f}", f"{row['variant_ms']:.2f}", ends


if __name__ == "__main__":
    main()
