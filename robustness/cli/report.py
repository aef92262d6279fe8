"""`robustness report`: a model, its int8 version and some recordings become a page that shows what breaks them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

import typer
from markupsafe import Markup

from robustness.cli import options
from robustness.cli.printing import VERDICTS, Styled, note, say, warn
from robustness.cli.progress import duration, progress_shown
from robustness.cli.repeating import repeated
from robustness.conditions import CARDS, VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.jobs.assess import Job, Progress
    from robustness.jobs.request import Explaining, Request
    from robustness.run.blocks import Shard
    from robustness.run.folder import Run, RunWriter


FROM_SHARDS: Final = {
    "from_run",
    "models",
    "weights",
    "recordings",
    "labels",
    "noises",
    "inputs",
    "threads",
    "quiet",
    "verbose",
    "cards",
    "good_run",
    "shard",
}


@dataclass(frozen=True)
class RunOptions:
    """The run to write, or to draw again."""

    panel: ClassVar[str] = "Run"
    out: Annotated[Path, typer.Option(help="The run folder to write; an existing run is replaced as a whole, at the end.")] = Path(
        "reports/run"
    )
    from_run: Annotated[
        Path | None,
        typer.Option("--from", help="Draw the page of this run again; computes nothing. With --model: explain a run merged from shards."),
    ] = None
    reference: Annotated[
        Path | None, typer.Option(help="A run of another model on the same recordings, to give errors against (CE, mCE); also with --from.")
    ] = None
    no_audio: options.NoAudio = False
    resume: options.Resume = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, with counts and an estimate, and stop.")] = False


@dataclass(frozen=True)
class ExplainingOptions:
    """How failing recordings are explained."""

    panel: ClassVar[str] = "Explanations"
    cards: Annotated[
        str,
        typer.Option(metavar="N|all", help="How many failing recordings get a card, worst first; all are explained in the table."),
    ] = str(CARDS)
    good_run: options.GoodRunOption = None
    shard: Annotated[
        str | None,
        typer.Option(
            help="With --from and --model: explain this share of those without a card, such as 3/40, keep it in the run, and stop."
        ),
    ] = None

    @property
    def share(self) -> Shard | None:
        """Which failing recordings are explained alone; None for all.

        Raises:
            UsageError: it is no shard.
        """
        from robustness.run.blocks import Shard

        return None if self.shard is None else Shard.read(self.shard)

    def explaining(self) -> Explaining:
        """The same as a request takes it.

        Raises:
            UsageError: the number of cards is none.
        """
        from robustness.jobs.request import Explaining

        return Explaining(cards_of(self.cards), self.good_run)


def cards_of(given: str) -> int | None:
    """How many cards are drawn; None for all.

    Raises:
        UsageError: it is neither a number from 1 on nor `all`.
    """
    if given == "all":
        return None
    if not (given.isascii() and given.isdigit() and int(given) > 0):
        raise UsageError(f"--cards {given} is no number of cards; give a whole number from 1 on, such as --cards {CARDS}, or --cards all")
    return int(given)


@dataclass(frozen=True)
class SweepOptions(options.OperatingOptions):
    """What is done to the recordings."""

    perturbations: options.Perturbations = None
    preset: Annotated[
        Literal["quick", "standard", "full", "dhauds"],
        typer.Option(help="Which perturbations are run if none is asked for by name (`robustness list perturbations`)."),
    ] = "quick"
    every_window: Annotated[
        bool,
        typer.Option(
            "--every-window", help="Let a .tflite's reference kernels answer every window; of many, quicker kernels answer first."
        ),
    ] = False

    every_sample: Annotated[
        float | None,
        typer.Option(metavar="MS", help="Also ask the float networks at each whole sample of lead, so many ms to both sides."),
    ] = None
    every_sample_quantized: Annotated[
        bool, typer.Option("--every-sample-quantized", help="Also the quantized variants, window by window; the time is said before.")
    ] = False

    def chosen(self) -> tuple[str, ...]:
        """The perturbations to run by name, the user's scenes among them; empty for those of the preset."""
        from robustness.sweep.plan import preset_names

        scenes, named = self.scene_names(), tuple(self.perturbations or ())
        return (*(named or preset_names(self.preset)), *scenes) if scenes else named


@dataclass(frozen=True)
class ReportedRecordings(options.RecordingOptions):
    """Recordings that may have no word, or are not there yet."""

    unlabelled: options.Unlabelled = False
    download: Annotated[
        bool, typer.Option("--download", help="Download Speech Commands (2.4 GB) into the folder given, if it is not there.")
    ] = False


def report(
    context: typer.Context,
    run: RunOptions,
    model: options.ModelOptions,
    data: ReportedRecordings,
    words: options.LabelOptions,
    sweep: SweepOptions,
    explaining: ExplainingOptions,
    computing: options.ComputingOptions,
) -> None:
    """Sweep placements, shifts and noises, and write a page of what fails, where, and what restores it.

    Example: robustness report --model models/digits.toml --recordings recordings/joe --out reports/digits
    """
    if run.from_run is not None:
        if model.models:
            return _explain(run.from_run, context, model, data, words, sweep, explaining, computing)
        return _draw_again(run.from_run, context, run.reference)
    if explaining.shard is not None:
        raise UsageError("--shard divides the explanations of a merged run; give that by --from RUN --model CARD, or leave --shard out")
    options.check_inputs("a report", model, data.recordings, ", or --from RUN")

    from robustness.jobs.assess import prepare

    options.use_threads(computing.threads)
    request = replace(
        request_of(model, data, words, sweep, computing),
        reference=run.reference,
        audio=not run.no_audio,
        explaining=explaining.explaining(),
    )
    if data.download:
        _download(data.recordings)
    return say_plan(prepare(request)) if run.dry_run else _run(request, run.out, resume=run.resume)


def request_of(
    model: options.ModelOptions,
    data: ReportedRecordings,
    words: options.LabelOptions,
    sweep: SweepOptions,
    computing: options.ComputingOptions,
) -> Request:
    """What is to be swept, as the options of a report say."""
    from robustness.jobs.request import EveryLead, Request
    from robustness.sweep.plan import Settings

    return Request(
        models=tuple(model.models),
        recordings=tuple(data.recordings),
        weights=model.weights,
        variants=tuple(model.variants or VARIANTS),
        calibration=model.calibration,
        labels=words.source(required=not data.unlabelled),
        selection=data.selection(computing.seed),
        settings=Settings(
            computing.seed,
            sweep.trim,
            sweep.speech_threshold_db,
            sweep.chosen(),
            sweep.folders(),
            computing.batch,
            computing.engine,
            sweep.preset,
            sweep.every_window,
        ),
        threshold=sweep.threshold,
        every_sample=EveryLead(sweep.every_sample, sweep.every_sample_quantized),
        device=computing.device,
        skip_bad=data.skip_bad,
        repeat=repeated(sys.argv[1:]),
    )


def _download(folders: list[Path]) -> None:
    """Gets Speech Commands where it is not.

    Raises:
        UsageError: where it is not one folder that is given.
    """
    from robustness.audio.speech_commands import download

    if len(folders) > 1:
        raise UsageError("--download gets Speech Commands into one folder, and several are given; give one --recordings DIR")
    if download(folders[0]):
        note(f"Speech Commands was downloaded to {folders[0]}")


def _draw_again(path: Path, context: typer.Context, reference: Path | None) -> None:
    """Draws a stored run's page.

    Raises:
        UsageError: where an option is given that would need another run.
    """
    others = _given_beside(context, {"from_run", "reference"})
    if others:
        raise UsageError(f"--from draws a run as it is, and {', '.join(others)} would need another run; leave it out, or leave out --from")
    from robustness.analysis.corruption import write_reference
    from robustness.report.page import write_page
    from robustness.run.integrity import checked_run

    run = checked_run(path)
    if reference is not None:
        write_reference(run, checked_run(reference))
    write_page(run, path / "index.html")
    say(path / "index.html")


def _given_beside(context: typer.Context, allowed: set[str]) -> list[str]:
    """The options that were given beside those that are allowed."""
    given = [name for name in context.params if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"]
    return [option.opts[0] for option in context.command.params if option.name in given and option.name not in allowed]


def _explain(
    path: Path,
    context: typer.Context,
    model: options.ModelOptions,
    data: ReportedRecordings,
    words: options.LabelOptions,
    sweep: SweepOptions,
    explaining: ExplainingOptions,
    computing: options.ComputingOptions,
) -> None:
    """Explains and draws a run that was merged from shards, by what its shards were asked for.

    Raises:
        UsageError: where an option is given that would need another sweep.
    """
    from robustness.jobs.shards import explain_run
    from robustness.run.folder import Run

    others = _given_beside(context, FROM_SHARDS)
    if others:
        raise UsageError(
            f"--from with --model explains a run as it was swept, and {', '.join(others)} would need another sweep; leave it out"
        )
    options.use_threads(computing.threads)

    def with_given(asked: Request) -> Request:
        changed = replace(asked, models=tuple(model.models), weights=model.weights or asked.weights)
        changed = replace(changed, recordings=tuple(data.recordings) or asked.recordings)
        changed = replace(changed, labels=replace(asked.labels, csv=words.labels or asked.labels.csv))
        settings = replace(asked.settings, inputs={**asked.settings.inputs, **sweep.folders()})
        return replace(changed, settings=settings, explaining=explaining.explaining())

    with progress_shown() as progress:
        progress("read: model and recordings", 0, 1)
        job = explain_run(path, with_given, progress, explaining.share)
    options.tell(job.reading, where_run(job))
    if explaining.share is not None:
        say(f"share {explaining.share} is explained; when all are, the same command without --shard draws the page of {path}")
        return
    _say_verdict(Run.open(path))
    say(path / "index.html")


def say_plan(job: Job) -> None:
    """What would be run."""
    from robustness.jobs.assess import estimate_s
    from robustness.jobs.every_lead import every_sample_notices
    from robustness.report.words import grid_said, plural

    reading = job.reading
    variants = ", ".join(f"{one.name} {one.variant}" for one in job.classifiers)
    say(f"{plural(len(job.placed), 'recording')}, {plural(len(job.classifiers), 'variant')}: {variants}")
    for notice in reading.notices:
        say(f"  {notice}")
    say(f"{plural(len(job.plan.conditions), 'condition')}: {', '.join(job.plan.perturbations)}")
    for name, kind in job.plan.kinds(job.frame.reference).items():
        say(f"  {name}: {grid_said(kind)}")
    for name, why in job.plan.skipped.items():
        say(f"  without {name}: {why}")
    for notice in every_sample_notices(job):
        say(notice)
    say(f"{plural(job.answers, 'answer')}, about {duration(estimate_s(job))} on this machine, and the explanation of each failure")
    say("nothing was written")


def _run(request: Request, out: Path, *, resume: bool) -> None:
    from robustness.jobs.assess import execute, prepare
    from robustness.jobs.every_lead import every_sample_notices
    from robustness.run.folder import RunWriter

    with progress_shown() as progress:
        progress("read: model and recordings", 0, 1)
        job = prepare(request, progress)
        for notice in every_sample_notices(job):
            note(notice)
        writer = RunWriter(out, resume=resume)
        with told_how_to_go_on(writer):
            run = execute(job, writer, progress, _first_page_first)
    options.tell(job.reading, where_run(job))
    _say_verdict(run)
    say(out / "index.html")


def _first_page_first(job: Job, run: Run, progress: Progress) -> None:
    """Draws what the sweep alone gives before the explanations, which take longer, and draws the page again with them."""
    from robustness.jobs.assess import explain_and_draw
    from robustness.report.page import write_page

    progress("draw: first page", 0, 1)
    write_page(run, run.path / "index.html")
    note(f"the first page, still without explanations: {run.path / 'index.html'}")
    explain_and_draw(job, run, progress)


def _say_verdict(run: Run) -> None:
    """The page's first line, and the first sentence of what was found."""
    from robustness.report.sections.summary import headline
    from robustness.report.view import View

    found = headline(View(run))
    if found is not None:
        say(Styled(found.heading, VERDICTS[found.kind]), f": {found.about}" if found.about else "")
        say(Markup(found.finding).striptags())


@contextmanager
def told_how_to_go_on(writer: RunWriter) -> Iterator[None]:
    """Who interrupts a sweep is told what is kept of it."""
    try:
        yield
    except KeyboardInterrupt:
        warn(
            f"robustness: what is done is kept; the same command with --resume goes on from there, and "
            f"`robustness report --from {writer.path}` draws it",
        )
        raise


def where_run(job: Job) -> list[str]:
    """Which variants did not run where --device says."""
    elsewhere = [c.variant for c in job.classifiers if c.device.type != job.request.device.split(":")[0]]
    return [f"{', '.join(elsewhere)} ran on the CPU: torch's int8 kernels run nowhere else"] if elsewhere else []
