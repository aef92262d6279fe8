"""`robustness explain`: why does a model answer so to one recording, on one page that one can look at and listen to."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.cli.report import progress_bar, repeated
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.audio.labels import LabelSource
    from robustness.audio.recordings import Recording
    from robustness.models.classifier import Classifier


def explain(
    recording: Annotated[Path, typer.Argument(help="The recording, a sound file.")],
    *,
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write; an explanation that is there is replaced.")] = Path("reports/explained"),
    placement: Annotated[str | None, typer.Option(help="start, center or end; by default the model's reference.")] = None,
    offset_ms: Annotated[
        float | None, typer.Option("--offset-ms", help="The silence before the recording, in place of a placement.")
    ] = None,
    perturbation: Annotated[
        str | None, typer.Option(help="Explain it under this perturbation, such as white-noise, as a report has it; with --level.")
    ] = None,
    level: Annotated[float | None, typer.Option(help="Of that perturbation, in its unit (`robustness list`).")] = None,
    draw: Annotated[int, typer.Option(min=0, help="Which draw of what is random, as in a report of the same seed.")] = 0,
    noises: options.Noises = None,
    inputs: options.Inputs = None,
    variants: options.Variants = None,
    methods: Annotated[
        list[str] | None, typer.Option("--method", help="An attribution method; several times for several. By default the quick ones.")
    ] = None,
    targets: Annotated[
        list[str] | None, typer.Option("--target", help="`up` for a logit, `up-unknown` for a margin; several times for several.")
    ] = None,
    baseline: Annotated[str, typer.Option(help="What a cell is compared with: silence, band-mean, floor or counterpart.")] = "silence",
    layers: Annotated[
        list[str] | None,
        typer.Option("--layer", help="A layer to compare with the counterpart; several times for several. By default all with weights."),
    ] = None,
    weights: options.Weights = None,
    label: Annotated[
        str | None, typer.Option(help="The word that is said; by default as a table or a pattern has it, or the folder that it lies in.")
    ] = None,
    labels: options.Labels = None,
    path_column: options.PathColumn = "path",
    label_column: options.LabelColumn = "label",
    label_pattern: options.LabelPattern = None,
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    untested: Annotated[bool, typer.Option("--untested", help="Leave out the tests of the maps, which take longer than the maps.")] = False,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Keep no sound: voices are personal data.")] = False,
) -> None:
    """Show and sound out which part of one recording speaks for which answer, right or wrong, on every variant.

    Example: robustness explain --model models/digits.toml recordings/joe/synthetic_joe_piper_clean_six_1.wav --placement start
    """
    if model is None:
        raise UsageError("an explanation needs --model CARD")

    from robustness.audio.labels import LabelSource
    from robustness.explanations.explanation import explain as explained
    from robustness.inspector.folder import writable, write_explanation
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of

    options.use_threads(threads)
    writable(out)
    loaded = load_classifiers(model, weights=weights, device=device)
    original = loaded[0]
    source = LabelSource(csv=labels, column=label_column, pattern=label_pattern, required=False, path_column=path_column)
    given, left_out = variants_of(loaded, list(dict.fromkeys(variants or VARIANTS)))
    for one in left_out:
        warn(f"note: {one}")
    with progress_bar() as progress:
        found = explained(
            given,
            _read(recording, original, source, label),
            placement=placement,
            offset_ms=offset_ms,
            perturbation=perturbation,
            level=level,
            draw=draw,
            inputs=options.inputs_of(inputs, noises),
            targets=tuple(targets or ()),
            methods=tuple(methods or ()),
            baseline=baseline,
            layers=tuple(layers or ()),
            seed=seed,
            tested=not untested,
            progress=progress,
        )
    if not found.question.wrong and found.question.truth is not None:
        warn("note: it is answered rightly; it is explained all the same")
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
        warn(f"note: {notice}")
    found, folder = read.recordings[0], path.resolve().parent.name
    return replace(found, label=label or found.label or (folder if folder in model.labels else None))
