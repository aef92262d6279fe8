"""`robustness report`: a model, its int8 version and some recordings become a page that shows what breaks them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.jobs.assess import Job, Progress
    from robustness.jobs.request import Request
    from robustness.run.folder import RunWriter


def report(
    context: typer.Context,
    models: options.Models = [],  # noqa: B006 - typer's way of saying "none given"
    recordings: options.Recordings = [],  # noqa: B006
    out: Annotated[Path, typer.Option(help="The run folder to write; an existing run is replaced as a whole, at the end.")] = Path(
        "reports/run"
    ),
    from_run: Annotated[Path | None, typer.Option("--from", help="Draw the page of this run again; computes nothing.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="A run of another model on the same recordings, to give errors against (CE, mCE); also with --from.")
    ] = None,
    weights: options.Weights = None,
    labels: options.Labels = None,
    path_column: options.PathColumn = "path",
    label_column: options.LabelColumn = "label",
    label_pattern: options.LabelPattern = None,
    split: options.Split = None,
    split_column: options.SplitColumn = "split",
    sample: options.Sample = None,
    download: Annotated[
        bool, typer.Option("--download", help="Get Speech Commands (2.4 GB) into the folder given, where it is not.")
    ] = False,
    variants: options.Variants = None,
    calibration: options.Calibration = None,
    perturbations: Annotated[list[str] | None, typer.Option("--perturbation", help="Run only this one; several times for several.")] = None,
    preset: Annotated[
        Literal["quick", "standard", "full", "dhauds"],
        typer.Option(help="Which perturbations are run where none is asked for by name (`robustness list perturbations`)."),
    ] = "quick",
    noises: options.Noises = None,
    inputs: options.Inputs = None,
    trim: Annotated[
        Literal["auto", "never", "always"], typer.Option(help="Cut recordings to their speech: where they have no slack, never, always.")
    ] = "auto",
    speech_threshold_db: Annotated[
        float, typer.Option(min=1, help="A frame this far under the loudest is not speech; it decides SNRs and what counts as lost.")
    ] = 35.0,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Keep recordings without a word: no accuracy, only whether the answer changes.")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="The operating point on the winning probability; by default the card's.")
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    batch: options.Batch = None,
    engine: options.Engine = "torch",
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Keep no sound: voices are personal data.")] = False,
    skip_bad: options.SkipBad = False,
    resume: options.Resume = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, with counts and an estimate, and stop.")] = False,
) -> None:
    """Sweep placements, shifts and noises, and write a page of what fails, where, and what restores it.

    Example: robustness report --model models/digits.toml --recordings recordings/joe --out reports/digits
    """
    if from_run is not None:
        return _draw_again(from_run, context, reference)
    options.check_inputs("a report", models, recordings, weights, ", or --from RUN")

    from robustness.audio.labels import LabelSource
    from robustness.audio.selection import Selection
    from robustness.jobs.assess import prepare
    from robustness.jobs.request import Request
    from robustness.sweep.plan import Settings

    options.use_threads(threads)
    request = Request(
        models=tuple(models),
        recordings=tuple(recordings),
        weights=weights,
        variants=tuple(variants or VARIANTS),
        calibration=calibration,
        labels=LabelSource(csv=labels, column=label_column, pattern=label_pattern, required=not unlabelled, path_column=path_column),
        selection=Selection(split, split_column, sample, seed),
        settings=Settings(
            seed, trim, speech_threshold_db, tuple(perturbations or ()), options.inputs_of(inputs, noises), batch, engine, preset
        ),
        threshold=threshold,
        reference=reference,
        device=device,
        skip_bad=skip_bad,
        audio=not no_audio,
        repeat=repeated(sys.argv[1:]),
    )
    if download:
        _download(recordings)
    return _say_plan(prepare(request)) if dry_run else _run(request, out, resume=resume)


def _download(folders: list[Path]) -> None:
    """Gets Speech Commands where it is not.

    Raises:
        UsageError: where it is not one folder that is given.
    """
    from robustness.audio.speech_commands import download

    if len(folders) > 1:
        raise UsageError("--download gets Speech Commands into one folder, and several are given; give one --recordings DIR")
    if download(folders[0]):
        warn(f"note: Speech Commands was got into {folders[0]}")


def _draw_again(path: Path, context: typer.Context, reference: Path | None) -> None:
    """Draws a stored run's page.

    Raises:
        UsageError: where an option is given that would need another run.
    """
    given = [name for name in context.params if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"]
    others = [option.opts[0] for option in context.command.params if option.name in given and option.name not in {"from_run", "reference"}]
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


def _say_plan(job: Job) -> None:
    """What would be run."""
    from robustness.jobs.assess import estimate_s

    reading = job.reading
    say(f"{len(job.placed)} recordings, {len(job.classifiers)} variants: {', '.join(f'{c.name} {c.variant}' for c in job.classifiers)}")
    for notice in reading.notices:
        say(f"  {notice}")
    say(f"{len(job.plan.conditions)} conditions: {', '.join(job.plan.perturbations)}")
    for name, why in job.plan.skipped.items():
        say(f"  without {name}: {why}")
    say(f"{job.answers} answers, about {max(1, round(estimate_s(job)))} s on this machine, and the explanation of each failure")
    say("nothing was written")


def _run(request: Request, out: Path, *, resume: bool) -> None:
    from robustness.jobs.assess import execute, prepare
    from robustness.run.folder import RunWriter

    with progress_bar() as progress:
        progress("read: model and recordings", 0, 1)
        job = prepare(request, progress)
        writer = RunWriter(out, resume=resume)
        with told_how_to_go_on(writer):
            execute(job, writer, progress)
    options.tell(job.reading, _where(job))
    say(out / "index.html")


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


def _where(job: Job) -> list[str]:
    """Which variants did not run where --device says."""
    elsewhere = [c.variant for c in job.classifiers if c.device.type != job.request.device.split(":")[0]]
    return [f"{', '.join(elsewhere)} ran on the CPU: torch's int8 kernels run nowhere else"] if elsewhere else []


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar with rate and estimate on the terminal's error stream; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(doing: str, done: int, total: int) -> None:
            phase, _, what = doing.partition(": ")
            if phase not in tasks:
                tasks[phase] = bar.add_task(doing, total=total, completed=done)
            bar.update(tasks[phase], description=f"{phase} {what}", completed=done, total=total)

        yield show


def repeated(arguments: list[str]) -> str:
    """The command that repeats a run: without --out and --resume, and absolute paths by their names alone."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument == "--out" or argument.startswith("--out="):
            skip = argument == "--out" and not skip
            continue
        if argument == "--resume":
            continue
        option, equals, value = argument.rpartition("=") if argument.startswith("--") else ("", "", argument)
        path = Path(value)
        kept.append(f"{option}{equals}{path.name if path.is_absolute() and path.exists() else value}")
    return shlex.join(["robustness", *kept])
