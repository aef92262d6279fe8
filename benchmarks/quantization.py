"""What does an audit cost beside the forward passes it needs, and a variant beside the eager float network?

    python -m benchmarks.quantization [--clips 1000] [--runs 5]

The clips are those of `../shared/speech_commands`, the network is the tutorial's. An audit needs a forward pass of the float network and
of each variant for its layers, one of the float network for each dozen of experiments, and one of each experiment's network; these same
passes, with their features, are timed bare beside it. Rounds are interleaved; a cell is the median with the smallest and the largest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Contender, Table, arguments, finish, interleaved, shared
from robustness.audio.reading import read_recordings
from robustness.audit.experiments import experiments_on
from robustness.audit.latency import latencies
from robustness.audit.measurement import AT_ONCE, Listening, audited
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.quantization.base import quantized

ROOT = Path(__file__).resolve().parent.parent


def passes_of(original: Classifier, variant: Classifier) -> list[Classifier]:
    """Every network whose forward pass over the clips an audit needs, as often as it needs it."""
    experiments = [experiment.make() for experiment in experiments_on(original, variant, None)]
    return [original, variant, *[original] * (-(-len(experiments) // AT_ONCE)), *experiments]


def bare(networks: Sequence[Classifier], heard: Listening) -> None:
    """The forward passes alone, and the features that they need: one pass over the clips computes them, as does the audit's first."""
    for batch in heard:
        for network in networks:
            network.logits_from(batch.features)


def main() -> None:
    """Prints both tables."""
    given = arguments(__doc__, clips=1000, runs=5)
    weights = shared("tutorial") / "speech_commands_model.pt"
    original = load_classifier(ROOT / "models" / "tutorial.toml", weights=weights)
    read = read_recordings([shared("speech_commands")], rate_hz=16_000, longest_samples=16_000, skip_bad=True).recordings
    chosen = read[:: max(1, len(read) // given.clips)][: given.clips]
    variant = quantized(original, "dynamic-int8")
    heard = Listening(original, chosen, 35.0)
    networks = passes_of(original, variant)
    contenders = [
        Contender("the forward passes alone", partial(bare, networks, heard)),
        Contender("the whole audit", partial(audited, original, [variant], heard, thorough=True)),
    ]
    alone, audit = interleaved(contenders, runs=given.runs)
    audits = ((alone.name, str(alone.spread), "1"), (audit.name, str(audit.spread), str(alone.faster_than(audit))))
    beside = tuple(_row(row) for row in latencies(original, [variant], next(iter(heard)).features))
    tables = [
        Table((f"what, {len(chosen)} clips, {len(networks)} passes", "s", "ratio"), audits),
        Table(("dynamic int8 against eager float", "float, ms a clip", "int8, ms a clip", "ratio [95 % interval]"), beside),
    ]
    finish(__file__, "What does an audit cost beside its forward passes, and dynamic int8 beside the eager float network?", tables)


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    ends = f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['clips']} at once, {row['rounds']} rounds", f"{row['float_ms']:.2f}", f"{row['variant_ms']:.2f}", ends


if __name__ == "__main__":
    main()
