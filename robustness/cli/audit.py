"""`robustness audit`: what int8 really did to a model, layer by layer and answer by answer, and whether it is faster here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from robustness.cli import options
from robustness.cli.printing import say
from robustness.cli.report import progress_bar, repeated
from robustness.conditions import VARIANTS


def audit(
    models: options.Models = [],  # noqa: B006 - typer's way of saying "none given"
    recordings: options.Recordings = [],  # noqa: B006
    out: Annotated[Path, typer.Option(help="The run folder to write; an existing run is replaced as a whole, at the end.")] = Path(
        "reports/audit"
    ),
    variants: options.Variants = None,
    calibration: options.Calibration = None,
    weights: options.Weights = None,
    labels: options.Labels = None,
    path_column: options.PathColumn = "path",
    label_column: options.LabelColumn = "label",
    label_pattern: options.LabelPattern = None,
    perturbations: Annotated[
        list[str] | None, typer.Option("--perturbation", help="What to sweep beside the clean recordings; by default their placement.")
    ] = None,
    noises: options.Noises = None,
    inputs: options.Inputs = None,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Keep recordings without a word: no accuracy, only whether the answer changes.")
    ] = False,
    seed: options.Seed = 0,
    threads: options.Threads = None,
    batch: options.Batch = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Keep no sound: voices are personal data.")] = False,
    skip_bad: options.SkipBad = False,
) -> None:
    """Say which layers run in int8, what that changes in each of them and in the answers, which layer to blame, and how fast it is here.

    Example: robustness audit --model models/digits.toml --recordings recordings/joe --out reports/audit
    """
    options.check_inputs("an audit", models, recordings, weights)

    from robustness.audio.labels import LabelSource
    from robustness.jobs.assess import execute
    from robustness.jobs.audit import finish, prepared_audit
    from robustness.jobs.request import Request
    from robustness.run.folder import RunWriter
    from robustness.sweep.plan import Settings

    options.use_threads(threads)
    request = Request(
        models=tuple(models),
        recordings=tuple(recordings),
        weights=weights,
        variants=tuple(variants or VARIANTS),
        calibration=calibration,
        labels=LabelSource(csv=labels, column=label_column, pattern=label_pattern, required=not unlabelled, path_column=path_column),
        settings=Settings(seed=seed, perturbations=tuple(perturbations or ()), inputs=options.inputs_of(inputs, noises), batch=batch),
        skip_bad=skip_bad,
        audio=not no_audio,
        repeat=repeated(sys.argv[1:]),
    )
    with progress_bar() as progress:
        progress("read: model and recordings", 0, 1)
        job = prepared_audit(request)
        run = execute(job, RunWriter(out), progress, finish)
    options.tell(job.reading)
    from robustness.report.audit_sentences import sentences_of
    from robustness.report.view import View

    for sentence in sentences_of(View(run)):
        say(sentence)
    say(out / "index.html")
