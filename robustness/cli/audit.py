"""`robustness audit`: what int8 really did to a model, layer by layer and answer by answer, and whether it is faster here."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from robustness.cli import options
from robustness.cli.printing import VERDICTS, Styled, detail, say
from robustness.cli.progress import progress_shown
from robustness.cli.repeating import repeated
from robustness.conditions import VARIANTS

if TYPE_CHECKING:
    from robustness.report.view import View


@dataclass(frozen=True)
class AuditOptions(options.InputOptions):
    """What is swept beside the clean recordings."""

    perturbations: Annotated[
        list[str] | None, typer.Option("--perturbation", help="What to sweep beside the clean recordings; by default their placement.")
    ] = None
    unlabelled: options.Unlabelled = False


@dataclass(frozen=True)
class AuditComputing:
    """How it is computed; int8 runs on the CPU, and so does what it is compared with."""

    panel: ClassVar[str] = "Computing"
    seed: options.Seed = 0
    threads: options.Threads = None
    batch: options.BatchOption = None


def audit(
    model: options.ModelOptions,
    data: options.RecordingOptions,
    words: options.LabelOptions,
    sweep: AuditOptions,
    computing: AuditComputing,
    out: Annotated[Path, typer.Option(help="The run folder to write; an existing run is replaced as a whole, at the end.")] = Path(
        "reports/audit"
    ),
    no_audio: options.NoAudio = False,
) -> None:
    """Say which layers run in int8, what that changes in each of them and in the answers, which layer to blame, and how fast it is here.

    Example: robustness audit --model models/digits.toml --recordings recordings/joe --out reports/audit
    """
    options.check_inputs("an audit", model, data.recordings)

    from robustness.jobs.assess import execute
    from robustness.jobs.audit import finish, prepared_audit
    from robustness.jobs.request import Request
    from robustness.report.view import View
    from robustness.run.folder import RunWriter
    from robustness.sweep.plan import Settings

    options.use_threads(computing.threads)
    request = Request(
        models=tuple(model.models),
        recordings=tuple(data.recordings),
        weights=model.weights,
        variants=tuple(model.variants or VARIANTS),
        calibration=model.calibration,
        labels=words.source(required=not sweep.unlabelled),
        selection=data.selection(computing.seed),
        settings=Settings(
            seed=computing.seed, perturbations=tuple(sweep.perturbations or ()), inputs=sweep.folders(), batch=computing.batch
        ),
        skip_bad=data.skip_bad,
        audio=not no_audio,
        repeat=repeated(sys.argv[1:]),
    )
    with progress_shown() as progress:
        progress("read: model and recordings", 0, 1)
        job = prepared_audit(request)
        run = execute(job, RunWriter(out), progress, finish)
    options.tell(job.reading)
    _say_findings(View(run))
    say(out / "index.html")


def _say_findings(view: View) -> None:
    """The page's first line, and what stands behind it."""
    from robustness.report.audit_opening import audit_opening
    from robustness.report.audit_sentences import sentences_of

    found = audit_opening(view)
    if found is not None:
        say(Styled(found.heading, VERDICTS[found.kind]), f": {found.finding}")
    for sentence in sentences_of(view):
        detail(sentence)
