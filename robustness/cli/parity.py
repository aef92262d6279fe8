"""`robustness parity`: does a device compute what its model computes, and if not, where does it depart first?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from robustness.cli import options
from robustness.cli.grouping import gives_json
from robustness.cli.printing import Styled, answer, detail, note, say
from robustness.errors import DONE, RULE_FAILED, UsageError

if TYPE_CHECKING:
    from robustness.analysis.intervals import Estimate
    from robustness.audio.recordings import Recording
    from robustness.models.classifier import Classifier
    from robustness.parity.decisions import DecisionParity
    from robustness.parity.stages import StageParity

SHOWN: Final = 5


@dataclass(frozen=True)
class ParityOptions:
    """What is compared, or written for a device."""

    panel: ClassVar[str] = "Device"
    dump: Annotated[
        Path | None,
        typer.Option(
            help="What the device gave: a CSV with path and a column a label, an NPZ (outputs, ids, features, samples), or "
            "the .log of MLPerf Tiny's runner."
        ),
    ] = None
    write_vectors: Annotated[
        Path | None, typer.Option(help="A folder for test vectors: samples, features, outputs, a table, a C header.")
    ] = None
    perturbation: Annotated[
        list[str] | None,
        typer.Option(help="With --write-vectors: also each recording at the levels of this one; several times for several."),
    ] = None


@dataclass(frozen=True)
class ParityModelOptions:
    """Which model."""

    panel: ClassVar[str] = "Model"
    model: Annotated[Path, typer.Option("--model", help="The model card (TOML).")]
    variant: Annotated[str | None, typer.Option(help="Which of the card's [variants]; by default the first.")] = None
    weights: options.WeightsOption = None


@gives_json
def parity(
    model: ParityModelOptions,
    device: ParityOptions,
    data: options.RecordingOptions,
    words: options.LabelOptions,
) -> int:
    """Compare what a device gave for known recordings with the model: status 0 where it agrees, 1 where a stage departs.

    Samples, features and outputs are compared as far as the dump has them; the first that departs is named, with what explains it, how many
    decisions differ and how near a tie they were.

    Example: robustness parity --model models/digits.toml --recordings recordings/joe --write-vectors vectors
    """
    from robustness.audio.reading import Wish, open_recordings
    from robustness.checks.model_under_test import truth_of
    from robustness.models.card import load_classifier
    from robustness.parity.computed import computed
    from robustness.parity.decisions import decisions_of
    from robustness.parity.dumps import read_dump
    from robustness.parity.stages import in_order, stages_of

    if (device.dump is None) == (device.write_vectors is None) or not data.recordings:
        raise UsageError("parity needs --recordings DIR, and either --dump FILE or --write-vectors DIR")
    classifier = load_classifier(model.model, weights=model.weights, variant=model.variant)
    wish = Wish(classifier.frame.rate_hz, classifier.frame.samples)
    read = open_recordings(data.recordings, wish, labels=words.source(required=False), selection=data.selection(0), skip_bad=data.skip_bad)
    options.tell(read)
    if device.write_vectors is not None:
        return _write_vectors(classifier, read.recordings, device.perturbation or (), device.write_vectors)
    dump = read_dump(device.dump or Path(), classifier.labels)
    chosen = in_order(dump, read.recordings)
    ours = computed(classifier, chosen, dump.conditions or ())
    stages = stages_of(classifier, dump, ours)
    decided = decisions_of(classifier, ours, dump.outputs, truth_of(classifier, [one.label for one in chosen]))
    status = DONE if all(stage.agrees for stage in stages) else RULE_FAILED
    _say_verdict(stages, decided)
    answer({"status": status, "stages": stages, "decisions": decided})
    return status


def _write_vectors(classifier: Classifier, recordings: Sequence[Recording], perturbations: Sequence[str], out: Path) -> int:
    """Test vectors of the recordings, under each perturbation where some are given."""
    from robustness.parity.computed import computed
    from robustness.parity.levels import conditions_of
    from robustness.parity.stages import output_tolerance
    from robustness.parity.vectors import write_vectors
    from robustness.report.words import plural

    conditions = conditions_of(perturbations)
    repeated = [one for _ in conditions or ("once",) for one in recordings]
    ours = computed(classifier, repeated, [condition for condition in conditions for _ in recordings])
    write_vectors(ours, classifier.labels, output_tolerance(classifier, ours), out)
    say(f"vectors of {plural(len(ours.ids), 'window')} are in {out}: three .npy, outputs.csv and vectors.h")
    answer({"status": DONE, "recordings": len(recordings), "windows": len(ours.ids)})
    return DONE


def _say_verdict(stages: Sequence[StageParity], decided: DecisionParity) -> None:
    first = next((stage for stage in stages if not stage.agrees), None)
    if first is None:
        say(Styled(f"PARITY: {', '.join(stage.name for stage in stages)} agree over {decided.clips} recordings", "bold"))
    else:
        say(Styled(f"NO PARITY: the {first.name} are the first to depart", "bold"))
    for stage in stages:
        say(f"  {stage.name} {'agree' if stage.agrees else 'DIFFER'}: {stage.says}")
    _say_decisions(decided)


def _say_decisions(decided: DecisionParity) -> None:
    changed = decided.changed
    margins = sorted(one.margin for one in changed)
    near = f"; the model's margin there is {margins[len(margins) // 2]:.3g} logits (median)" if changed else ""
    say(f"  {len(changed)} of {decided.clips} answers differ{near}")
    for one in changed[:SHOWN]:
        say(f"    {one.recording}: {one.model} by the model (margin {one.margin:.3g}), {one.device} by the device")
    if decided.good.total:
        say(f"  as it should be: model {_share(decided.good)}, device {_share(decided.good_on_device)}")
        if decided.recognised.total:
            say(f"  recognised: model {_share(decided.recognised)}, device {_share(decided.recognised_on_device)}")
        if decided.false_alarms.total:
            say(f"  false alarms: model {_share(decided.false_alarms)}, device {_share(decided.false_alarms_on_device)}")
        _say_levels(decided)
    else:
        note("the recordings have no words: accuracies are not compared")
    same = 1 - len(changed) / max(decided.clips, 1)
    figures = f"RMSE {decided.rmse:.3g}, MAE {decided.mae:.3g}, L2r {decided.relative_l2:.3g}, COS {decided.cosine:.6f}"
    detail(f"  X-cross: ACC {same:.1%}, {figures}")


def _say_levels(decided: DecisionParity) -> None:
    from robustness.parity.levels import words_of

    for line in words_of(decided.levels):
        say(line)
    if not decided.levels:
        note(
            "with one answer a recording the dump cannot say how far a critical level moves; "
            "--write-vectors DIR --perturbation white-noise makes vectors at several levels"
        )


def _share(found: Estimate) -> str:
    return f"{round(found.value * found.total)} of {found.total} ({found.low:.1%} to {found.high:.1%})"
