"""`robustness explain`: why does a model answer so to one recording, on one page that one can look at and listen to."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from robustness.cli import options
from robustness.cli.printing import note, say
from robustness.cli.progress import progress_shown
from robustness.cli.report import repeated
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.audio.labels import LabelSource
    from robustness.audio.recordings import Recording
    from robustness.models.classifier import Classifier


@dataclass(frozen=True)
class ConditionOptions(options.SceneOptions):
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
class NetworkOptions:
    """The model."""

    panel: ClassVar[str] = "Model"
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None
    weights: options.Weights = None
    variants: options.Variants = None
    seed: options.Seed = 0
    device: options.Device = "cpu"
    threads: options.Threads = None


def explain(
    recording: Annotated[Path, typer.Argument(help="The recording, a sound file.")],
    *,
    given: NetworkOptions,
    words: WordOptions,
    condition: ConditionOptions,
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

    from robustness.explanations.explanation import explain as explained
    from robustness.inspector.folder import writable, write_explanation
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of
    from robustness.report.cards.restoration import restoration_says

    options.use_threads(given.threads)
    writable(out)
    loaded = load_classifiers(given.model, weights=given.weights, device=given.device)
    original = loaded[0]
    made, left_out = variants_of(loaded, list(dict.fromkeys(given.variants or VARIANTS)))
    for one in left_out:
        note(str(one))
    with progress_shown() as progress:
        found = explained(
            made,
            _read(recording, original, words.source(required=False), words.label),
            placement=condition.placement,
            offset_ms=condition.offset_ms,
            perturbation=condition.perturbation,
            level=condition.level,
            draw=condition.draw,
            inputs=condition.folders(),
            targets=tuple(maps.targets or ()),
            methods=tuple(maps.methods or ()),
            baseline=maps.baseline,
            layers=tuple(maps.layers or ()),
            seed=given.seed,
            tested=not maps.untested,
            progress=progress,
        )
    if not found.question.wrong and found.question.truth is not None:
        note("it is recognised correctly; it is explained all the same")
    for sentence in restoration_says(found.restored, {variant: variant for variant in found.restored}):
        note(sentence)
    say(write_explanation(found, out, repeated(sys.argv[1:]), audio=not no_audio))


def _read(path: Path, model: Classifier, source: LabelSource, label: str | None) -> Recording:
    """The one recording, with its word: as given, as its source has it, or its folder's name where that is a label of the model.

    Raises:
        UsageError: the path is a folder.
    """
    from robustness.audio.reading import read_recordings

    if path.is_dir():
        raise UsageError(f"{path} is a folder, and one recording is explained at a time; give one file of it")
    read = read_recordings([path], rate_hz=model.frame.rate_hz, longest_samples=model.frame.samples, labels=source, skip_bad=True)
    for notice in read.notices:
        note(notice)
    found, folder = read.recordings[0], path.resolve().parent.name
    return replace(found, label=label or found.label or (folder if folder in model.labels else None))
