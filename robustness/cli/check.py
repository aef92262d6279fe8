"""`robustness check`: what was understood of a model card, before anything is measured with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NamedTuple

import typer

from robustness.cli import options
from robustness.cli.grouping import gives_json
from robustness.cli.printing import Styled, answer, say
from robustness.conditions import VARIANTS
from robustness.errors import CardError
from robustness.files import printable

if TYPE_CHECKING:
    from robustness.analysis.intervals import Estimate
    from robustness.audio.labels import LabelSource
    from robustness.audio.recordings import Recording
    from robustness.checks.answer_counts import AnswerCounts
    from robustness.models.card import Card, Golden
    from robustness.models.classifier import Classifier
    from robustness.models.golden import Stage
    from robustness.models.inspection import InspectedAnswer, InspectedVariant, Inspection, WordCount
    from robustness.run.checks import Finding

CHECKED: Final = 200  # recordings that a card's further files are asked about
FRONTEND_DIFFERS: Final = (
    "the front-end computes other features than the one of the training (its settings in [frontend] are the usual reason), or weights and "
    "golden vector are of two trainings"
)


class CheckLine(NamedTuple):
    """One fact."""

    key: str
    value: str


@dataclass(frozen=True)
class VariantOptions:
    """What of the model is looked at."""

    panel: ClassVar[str] = "Model"
    weights: options.WeightsOption = None
    variants: options.VariantsOption = None
    calibration: options.CalibrationOption = None
    device: options.Device = "cpu"


@dataclass(frozen=True)
class AnswerOptions:
    """The recordings that it answers."""

    panel: ClassVar[str] = "Recordings"
    recordings: options.RecordingsOption = field(default_factory=list)
    answers: Annotated[int, typer.Option(min=1, help="How many of the recordings to answer, evenly from first to last.")] = 8
    skip_bad: options.SkipBad = False


@dataclass(frozen=True)
class GoldenOptions:
    """What is written for another program to compare with."""

    panel: ClassVar[str] = "Golden vector"
    print_golden: Annotated[Path | None, typer.Option(help="A clip: print and write what each stage gives for it.")] = None
    golden_dir: Annotated[Path, typer.Option(help="Where --print-golden writes samples, features, outputs and a card's section.")] = Path(
        "golden"
    )


@gives_json
def check(
    card: Annotated[Path, typer.Argument(help="The model card, a TOML file. Its network's code is run.")],
    *,
    model: VariantOptions,
    data: AnswerOptions,
    words: options.LabelOptions,
    golden: GoldenOptions,
) -> None:
    """Load a model and say what was understood, what it answers, and what may be wrong with it: labels, outputs, front-end, recordings.

    With recordings of known words the findings say why a model that was right in training is wrong here, and what to change in the card.
    If the card names golden samples, their features and logits are compared with the card's, stage by stage; a difference is status 2.

    Example: robustness check models/digits.toml --recordings recordings/joe
    """
    from robustness.models.card import load_classifiers, read_card
    from robustness.models.golden import golden_stages
    from robustness.models.inspection import inspect, logit_spread

    said = read_card(card)
    given = load_classifiers(card, weights=model.weights, device=model.device)
    original = given[0]
    if golden.print_golden is not None:
        _print_golden(original, golden)
        return
    source = words.source(required=False)
    recordings, notices = _read(original, data, source)
    made, left_out = _variants(given, model, source)
    notices += left_out
    found = inspect(made, logit_spread(recordings, data.answers))
    checked = _checked(given, model.variants, recordings)
    stages = golden_stages(original, said.golden, card) if said.golden else []
    _say(
        {
            said.name: _understood(said, original, found, card),
            "variants": [line for variant in found.variants for line in _variant(variant, checked)],
            "notices": [CheckLine("", notice) for notice in notices],
            f"answers at the {original.frame.reference}": [*_answers(found.answered), *_counts(checked)],
            "findings": _findings(checked),
            "golden vector": _golden(stages),
        }
    )
    if said.golden:
        _refuse_departure(stages, said.golden, original, card)
    understood = {line.key: line.value for line in _understood(said, original, found, card)}
    rest = {"golden": stages, "notices": notices, "counts": checked.counts, "findings": checked.findings}
    answer({"status": 0, "name": said.name, "understood": understood, **_plain(found), **rest})


def _refuse_departure(stages: Sequence[Stage], golden: Golden, original: Classifier, card: Path) -> None:
    """Refuses a card that does not give its golden features, or logits."""
    from robustness.models.golden import likely_change

    departs = next((stage for stage in stages if not stage.agrees), None)
    if departs is not None:
        change = likely_change(original, golden, card) if departs.name in ("features", "logits") else None
        raise CardError(f"{card}: {_departure(departs, golden.tolerance)}" + (f"; {change}" if change else ""))


def _variants(given: Sequence[Classifier], model: VariantOptions, source: LabelSource) -> tuple[list[Classifier], list[str]]:
    """The variants of a card's files that are asked for, and what was left out."""
    from robustness.quantization.calibration import read_calibration
    from robustness.quantization.variants import variants_of

    names = dict.fromkeys([*([] if given[0].deployed else ["float32"]), *(model.variants or VARIANTS)])
    folder = model.calibration
    calibrate = None if folder is None else (lambda classifier: read_calibration(folder, classifier, labels=source))
    made, left_out = variants_of(given, list(names), calibrate)
    return made, list(map(str, left_out))


class Checked(NamedTuple):
    """What is answered to all recordings, and what was found to be wrong.

    Attributes:
        counts: of the card's first file; None without words.
        findings: of all its files, each once; of one that not all have, `evidence` says whose it is.
    """

    counts: AnswerCounts | None
    findings: tuple[Finding, ...]


def _read(classifier: Classifier, data: AnswerOptions, source: LabelSource) -> tuple[Sequence[Recording], list[str]]:
    """The recordings, and what was noticed while reading them."""
    from robustness.audio.reading import Wish, open_recordings

    if not data.recordings:
        return (), []
    wish = Wish(classifier.frame.rate_hz, classifier.frame.samples)
    read = open_recordings(data.recordings, wish, labels=source, skip_bad=data.skip_bad)
    return read.recordings, [*read.notices, *(f"{bad.id} {bad.reason}" for bad in read.bad)]


def _checked(given: Sequence[Classifier], wanted: Sequence[str] | None, recordings: Sequence[Recording]) -> Checked:
    """The card's files, or those of them that --variant names; all recordings of the first, a sample of the others."""
    from robustness.checks.answer_counts import AnswerCounts
    from robustness.checks.base import findings_of
    from robustness.checks.model_under_test import ModelUnderTest

    files = [one for one in given if one.variant in (wanted or ())] or list(given)
    models = [ModelUnderTest.of(one, recordings, most=CHECKED if place else None) for place, one in enumerate(files)]
    found = {model.classifier.variant: findings_of(model) for model in models}
    return Checked(AnswerCounts.of(models[0]) if models[0].known.any() else None, of_all_files(found))


def of_all_files(found: Mapping[str, Sequence[Finding]]) -> tuple[Finding, ...]:
    """The findings of all files of a card: one that each of them has once, and one of some with their names."""
    whose: dict[str, list[str]] = {}
    for variant, findings in found.items():
        for one in findings:
            whose.setdefault(one.kind, []).append(variant)
    merged: dict[str, Finding] = {}
    for variant, findings in found.items():
        for one in findings:
            names = list(dict.fromkeys(whose[one.kind]))
            if names[0] != variant:
                continue  # said of the first that has it
            only = len(names) < len(found)
            says = f"{', '.join(names)} alone: {one.says}" if only else one.says
            merged[f"{one.kind} {one.says}"] = replace(
                one, says=says, evidence={**one.evidence, "variants": names} if only else one.evidence
            )
    return tuple(sorted(merged.values(), key=lambda one: not one.cause))


def _print_golden(classifier: Classifier, golden: GoldenOptions) -> None:
    """What each stage gives for a clip, in words and as files."""
    from robustness.checks.golden_export import golden_export, write_golden

    if golden.print_golden is None:
        return
    stages = golden_export(classifier, golden.print_golden)
    write_golden(stages, golden.golden_dir)
    bands, frames = stages.features.shape
    numbers = {"outputs": stages.outputs, "logits": stages.logits, "probabilities": stages.probabilities}
    _say(
        {
            f"{classifier.name}, {golden.print_golden.name}": [
                CheckLine("samples", f"{len(stages.samples)}, peak {abs(stages.samples).max():.4f}"),
                CheckLine("features", f"[{bands} {frames}], {stages.features.min():.4f} to {stages.features.max():.4f}"),
                *(CheckLine(name, " ".join(f"{value:.6g}" for value in values.tolist())) for name, values in numbers.items()),
                CheckLine("label", stages.label),
                CheckLine("written", f"samples.npy, features.npy, outputs.npy and golden.toml, in {golden.golden_dir}"),
            ]
        }
    )
    answer({"status": 0, **{name: value.tolist() if hasattr(value, "tolist") else value for name, value in stages._asdict().items()}})


def _counts(checked: Checked) -> list[CheckLine]:
    """How many of all recordings are right, what is never answered, what is confused most."""
    if checked.counts is None:
        return []
    right, carried, never, confused = checked.counts[1:]
    lines = [CheckLine("recognised", f"{_share(right)}: the most probable label is the right one")]
    lines.append(CheckLine("by the device", f"{_share(carried)}: a command is carried out, or nothing is, as it should be"))
    if never:
        lines.append(CheckLine("never answered", " ".join(never)))
    if confused:
        pairs = (f"{one.said} as {one.answered} {one.times} of {one.of}" for one in confused)
        lines.append(CheckLine("most confused", ", ".join(pairs)))
    return lines


def _share(found: Estimate) -> str:
    return f"{round(found.value * found.total)} of {found.total} ({found.low:.1%} to {found.high:.1%}, 95 % interval)"


def _findings(checked: Checked) -> list[CheckLine]:
    """Each finding with what to change; those that make answers wrong first."""
    if not checked.findings:
        reach = "" if checked.counts else "; recordings of known words (--recordings) show more"
        return [CheckLine("none", f"nothing that was looked for is wrong with card, front-end, network or recordings{reach}")]
    lines = []
    for one in checked.findings:
        lines += [CheckLine(one.kind if one.cause else f"{one.kind} (note)", one.says), CheckLine("", f"→ {one.change}")]
    return lines


def _plain(found: Inspection) -> dict[str, Any]:
    """What was found out, by its fields."""
    return {one.name: getattr(found, one.name) for one in fields(found)}


def _departure(stage: Stage, tolerance: float) -> str:
    """What it means that a stage is the first to depart."""
    if stage.name == "samples":
        return f"the golden samples are no full-scale sound: {stage.says}"
    if stage.name == "label":
        return (
            f"the golden samples are answered {stage.says}: labels are in another order, or weights and golden vector are of two trainings"
        )
    if stage.name == "features":
        return f"the features of the golden samples differ {stage.says}: the front-end computes other features than the one of the training"
    return f"the logits of the golden samples differ {stage.says.partition(' of ')[0]} (tolerance {tolerance:g}): {FRONTEND_DIFFERS}"


def _understood(said: Card, classifier: Classifier, found: Inspection, card: Path) -> list[CheckLine]:
    frame, features, output = classifier.frame, found.features, found.output
    point, whose = classifier.point, "winning" if classifier.point.contest else "command's own"
    threshold = f"{point.words} on the {whose} probability" if point.words else "none, the most probable label is the answer"
    rejections = [f"{role}: {label}" for role, label in (("other words", said.unknown), ("no word", said.silence)) if label is not None]
    sums = "" if said.output in ("logits", "sigmoids") else f"; probabilities sum to 1 within {output.sum_gap:.0e}"
    which = ("kind", "preset", "factory")
    settings = {key: value for key, value in said.frontend.settings.items() if key not in which}
    named = ", ".join(value for key in which if (value := getattr(said.frontend, key)) is not None)
    return [
        CheckLine("labels", f"{len(said.labels)}: {' '.join(said.labels)}"),
        CheckLine("rejections", ", ".join(rejections) or "none: every window carries out a command"),
        CheckLine("threshold", threshold),
        CheckLine("network", _network(said, found)),
        *(CheckLine("code", line) for line in _code(said, card)),
        CheckLine("weights", _weights(said)),
        CheckLine(
            "window", f"{frame.samples} samples at {frame.rate_hz} Hz, {said.window.duration_ms:g} ms, recordings at its {frame.reference}"
        ),
        CheckLine("front-end", f"{named}: {', '.join(f'{key} {value}' for key, value in settings.items())}"),
        CheckLine(
            "features",
            f"[clips 1 {features.bands} {features.frames}], {features.lowest:.1f} to {features.highest:.1f} on {found.measured_on}, "
            f"{features.silence:.1f} for digital silence",
        ),
        CheckLine("output", f"{said.output}, {output.lowest:.3g} to {output.highest:.3g}{sums}"),
    ]


def _network(said: Card, found: Inspection) -> str:
    count = "parameters that nobody can count" if found.parameters is None else f"{found.parameters:,} parameters"
    if said.network is None:
        return f"{'a program' if said.model else 'as it ships, no code is run'}, {count}"
    return f"{said.network.factory or said.network.callable}, {count}"


def _code(said: Card, card: Path) -> list[str]:
    """Whose code was run, once for each callable of the card."""
    from robustness.models.foreign import code_of

    rebuild = said.variant.rebuild if said.variant else None
    network = (said.network.factory, said.network.callable) if said.network else ()
    named = dict.fromkeys(filter(None, (*network, said.frontend.factory, rebuild)))
    return [f"{text} was run, from {code_of(card, text)}; a card runs what it names, with your rights" for text in named]


def _weights(said: Card) -> str:
    if said.variants:
        return ", ".join(f"{name}: {one.file}, SHA-256 {one.sha256[:12]}…" for name, one in said.variants.items()) + " as the card says"
    if said.weights is None:
        return "none: the network is a program" if said.model else "none: the network is a callable"
    return f"{said.weights.file}, SHA-256 {said.weights.sha256[:12]}… as the card says"


def _variant(variant: InspectedVariant, checked: Checked) -> list[CheckLine]:
    about, independence = variant.about, variant.independence
    allowed = "must be exactly 0" if independence.allowed == 0 else f"up to {independence.allowed:g} is rounding"
    depends = "DIFFERS WHEN ASKED TWICE" if _random(checked) else "DEPENDS ON ITS BATCH, give --batch 1"
    verdict = "independent of its batch" if independence.holds else depends
    return [
        CheckLine(variant.name, f"{_size(about['bytes'])}, engine {about['engine']}, on {variant.device}"),
        CheckLine(
            "", f"{about.get('type', 'int8')}: {_layers(about['quantized_layers'])}, {about['quantized_share']:.1%} of the parameters"
        ),
        *(CheckLine("", f"functions in int8: {_layers(names)}") for names in [about.get("quantized_functions")] if names),
        CheckLine("", f"float: {_layers(about['float_layers'])}"),
        CheckLine("", f"{verdict}: a loud batch-mate moves its logits by {independence.gap:.2g} ({allowed})"),
        *(CheckLine("", f"note: {note}") for note in about.get("notes", ())),
    ]


def _random(checked: Checked) -> bool:
    """Whether no batch helps, for the same window is answered in two ways."""
    return any("twice" in one.evidence for one in checked.findings)


def _size(size: int | None) -> str:
    return "of unknown size" if size is None else f"{size:,} bytes"


def _layers(names: Any) -> str:
    return " ".join(names) or "none"


def _answers(answered: Sequence[WordCount]) -> list[CheckLine]:
    lines = []
    for one in answered:
        cells = (f"{a.variant} {a.predicted} {a.probability:.3f}{_verdict(a)}" for a in one.answers)
        lines.append(CheckLine(one.recording, f"{one.word or 'no word known'}: {', '.join(cells)}"))
    return lines


def _verdict(answer: InspectedAnswer) -> str:
    """Whether the device does what it should, and what it does if not."""
    return "" if answer.right is None else " right" if answer.right else f" WRONG ({answer.outcome})"


def _golden(stages: Sequence[Stage]) -> list[CheckLine]:
    """A line a stage: the first that departs is where the fault is."""
    if not stages:
        return [CheckLine("none", "nothing shows that this front-end is the one of the training; [golden] in the card would")]
    return [
        CheckLine(f"{stage.name} {'agree' if stage.name != 'label' else 'agrees'}" if stage.agrees else f"{stage.name} DIFFER", stage.says)
        for stage in stages
    ]


def _say(blocks: Mapping[str, Sequence[CheckLine]]) -> None:
    """A block of facts each; nothing of one that is empty. On a terminal titles are bold and keys dim, elsewhere it is plain text."""
    for title, lines in blocks.items():
        if not lines:
            continue
        width = max(len(printable(line.key)) for line in lines)
        say(Styled(title, "bold"))
        for key, value in lines:
            say("  ", Styled(printable(key).ljust(width), "dim"), "  ", value)
