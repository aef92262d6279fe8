"""`robustness explain`: why does a model answer so to one recording, on one page that one can look at and listen to."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from robustness.cli import options
from robustness.cli.printing import note, say
from robustness.cli.progress import progress_shown
from robustness.cli.repeating import repeated
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.explanations.question import ExplanationSettings
    from robustness.jobs.request import Request


@dataclass(frozen=True)
class ConditionOptions(options.OperatingOptions):
    """Where the recording lies in the window, and what is done to it."""

    placement: Annotated[str | None, typer.Option(help="start, center or end; by default the model's reference.")] = None
    offset_ms: Annotated[float | None, typer.Option("--offset-ms", help="The silence before the recording, in place of a placement.")] = (
        None
    )
    perturbation: Annotated[
        str | None, typer.Option(help="Explain it under this perturbation, such as white-noise, as a report has it; with --level.")
    ] = None
    level: Annotated[float | None, typer.Option(help="The level of that perturbation, in its unit (`robustness list`).")] = None
    draw: Annotated[int, typer.Option(min=0, help="Which draw of what is random, as in a report of the same seed.")] = 0
    fill: Annotated[Literal["zeros", "floor"], typer.Option(help="What the padding holds: silence, or the recording's own noise.")] = (
        "zeros"
    )


@dataclass(frozen=True)
class MapOptions:
    """Which maps and layers are shown."""

    panel: ClassVar[str] = "Explanation"
    methods: Annotated[
        list[str] | None, typer.Option("--method", help="An attribution method; several times for several. By default the quick ones.")
    ] = None
    targets: Annotated[
        list[str] | None, typer.Option("--target", help="`up` for a logit, `up-unknown` for a margin; several times for several.")
    ] = None
    baseline: Annotated[
        str,
        typer.Option(
            help="What a cell is compared with: silence, band-mean, floor (its background level), counterpart (where it is accepted)."
        ),
    ] = "silence"
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            help="A layer to compare with the same recording where it is accepted; several times for several. By default all with weights.",
        ),
    ] = None
    untested: Annotated[bool, typer.Option("--untested", help="Leave out the tests of the maps, which take longer than the maps.")] = False


@dataclass(frozen=True)
class WordOptions(options.LabelOptions):
    """What is said in the recording."""

    label: Annotated[
        str | None, typer.Option(help="The word that is said; by default as a table or a pattern has it, or the folder that it lies in.")
    ] = None


@dataclass(frozen=True)
class ComparedRecordings(options.RecordingOptions):
    """Other recordings, beside which this one is explained as on a card of their report."""

    recordings: Annotated[
        list[Path],
        typer.Option("--recordings", help="The recordings of a report, with which this one is compared; a card's command names them."),
    ] = field(default_factory=list)
    good_run: options.GoodRunOption = None


@dataclass(frozen=True)
class NetworkOptions:
    """The model."""

    panel: ClassVar[str] = "Model"
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None
    weights: options.WeightsOption = None
    variants: options.VariantsOption = None
    calibration: options.CalibrationOption = None
    seed: options.Seed = 0
    device: options.Device = "cpu"
    threads: options.Threads = None


def explain(
    recording: Annotated[Path, typer.Argument(help="The recording, a sound file.")],
    *,
    given: NetworkOptions,
    words: WordOptions,
    condition: ConditionOptions,
    others: ComparedRecordings,
    maps: MapOptions,
    out: Annotated[Path, typer.Option(help="The folder to write; an explanation that is there is replaced.")] = Path("reports/explained"),
    no_audio: options.NoAudio = False,
) -> None:
    """Explain one recording: which part of it speaks for which answer, on every variant, to look at and to listen to.

    Example: robustness explain --model models/digits.toml recordings/joe/synthetic_joe_piper_clean_six_1.wav --placement start
    """
    if given.model is None:
        raise UsageError("an explanation needs --model CARD")
    condition.scene_names()

    from robustness.inspector.folder import writable, write_explanation
    from robustness.jobs.explain import explain_recording
    from robustness.report.cards.restoration import restoration_says

    options.use_threads(given.threads)
    writable(out)
    with progress_shown() as progress:
        request = _request(given, words, condition, others)
        found, notices = explain_recording(request, recording, words.label, _settings(given, condition, maps), progress)
    for notice in notices:
        note(notice)
    if not found.question.wrong and found.question.truth is not None:
        note("it is recognised correctly; it is explained all the same")
    for sentence in restoration_says(found.restored, {variant: variant for variant in found.restored}):
        note(sentence)
    say(write_explanation(found, out, repeated(sys.argv[1:]), audio=not no_audio))


def _request(given: NetworkOptions, words: WordOptions, condition: ConditionOptions, others: ComparedRecordings) -> Request:
    """The report that would have this recording."""
    from robustness.jobs.request import Explaining, Request
    from robustness.sweep.plan import Settings

    return Request(
        models=() if given.model is None else (given.model,),
        recordings=tuple(others.recordings),
        weights=given.weights,
        variants=tuple(dict.fromkeys(given.variants or VARIANTS)),
        labels=words.source(required=False),
        selection=others.selection(given.seed),
        settings=Settings(given.seed, condition.trim, condition.speech_threshold_db),
        calibration=given.calibration,
        threshold=condition.threshold,
        device=given.device,
        skip_bad=others.skip_bad,
        explaining=Explaining(good_run=others.good_run),
    )


def _settings(given: NetworkOptions, condition: ConditionOptions, maps: MapOptions) -> ExplanationSettings:
    from robustness.explanations.question import ExplanationSettings

    return ExplanationSettings(
        placement=condition.placement,
        offset_ms=condition.offset_ms,
        targets=tuple(maps.targets or ()),
        methods=tuple(maps.methods or ()),
        baseline=maps.baseline,
        seed=given.seed,
        perturbation=condition.perturbation,
        level=condition.level,
        draw=condition.draw,
        inputs=condition.folders(),
        fill=condition.fill,
        trim=condition.trim,
        speech_threshold_db=condition.speech_threshold_db,
        layers=tuple(maps.layers or ()),
        tested=not maps.untested,
    )
