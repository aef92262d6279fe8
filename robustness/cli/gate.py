"""`robustness gate`: a model passes its rules, fails them, or is told that the recordings cannot decide."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.cli.report import progress_bar, repeated, told_how_to_go_on
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.gates.rules import Rules
    from robustness.gates.verdicts import Verdict
    from robustness.jobs.gate import Gate
    from robustness.jobs.request import Request

OUT: Final = Path("reports/gate")
WIDEST: Final = 27  # "inconclusive (warning only)"


def gate(
    rules: Annotated[Path | None, typer.Option(help="The rules, a TOML file.")] = None,
    explain_rules: Annotated[bool, typer.Option("--explain-rules", help="Say what each rule means, and stop.")] = False,
    models: options.Models = [],  # noqa: B006 - typer's way of saying "none given"
    recordings: options.Recordings = [],  # noqa: B006
    from_run: Annotated[Path | None, typer.Option("--from", help="Judge this run as it is; computes nothing.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="A run to compare with, in place of the one that the rules name.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help=f"The run folder to write, by default {OUT}; with --from, what gets the folder gate, by default the run."),
    ] = None,
    weights: options.Weights = None,
    labels: options.Labels = None,
    path_column: options.PathColumn = "path",
    label_column: options.LabelColumn = "label",
    label_pattern: options.LabelPattern = None,
    split: options.Split = None,
    split_column: options.SplitColumn = "split",
    sample: options.Sample = None,
    variants: options.Variants = None,
    calibration: options.Calibration = None,
    noises: options.Noises = None,
    inputs: options.Inputs = None,
    trim: Annotated[
        Literal["auto", "never", "always"], typer.Option(help="Cut recordings to their speech: where they have no slack, never, always.")
    ] = "auto",
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="The operating point on the winning probability; by default the card's.")
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    batch: options.Batch = None,
    engine: options.Engine = "torch",
    skip_bad: options.SkipBad = False,
    resume: options.Resume = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the rules need to be run, and stop.")] = False,
) -> int:
    """Judge a model by rules: exit status 0 where all hold, 1 where one is broken, 3 where one cannot be judged.

    Example: robustness gate --model models/digits.toml --recordings recordings/joe --rules gates.toml
    """
    read = _rules(rules)
    if explain_rules:
        return _explain(read)
    if from_run is not None:
        if models or recordings:
            raise UsageError("--from judges a run as it is; leave out --model and --recordings, or leave out --from")
        return _judge(from_run, read, baseline, out)
    options.check_inputs("a gate", models, recordings, weights, ", or --from RUN")

    from robustness.audio.labels import LabelSource
    from robustness.audio.selection import Selection
    from robustness.jobs.gate import Gate
    from robustness.jobs.request import Request
    from robustness.sweep.plan import Settings

    options.use_threads(threads)
    request = Request(
        models=tuple(models),
        recordings=tuple(recordings),
        weights=weights,
        variants=tuple(variants or VARIANTS),
        calibration=calibration,
        labels=LabelSource(csv=labels, column=label_column, pattern=label_pattern, path_column=path_column),
        selection=Selection(split, split_column, sample, seed),
        settings=Settings(seed=seed, trim=trim, inputs=options.inputs_of(inputs, noises), batch=batch, engine=engine),
        threshold=threshold,
        device=device,
        skip_bad=skip_bad,
        repeat=repeated(sys.argv[1:]),
    )
    return _say_plan(request, read) if dry_run else _sweep(request, Gate(read, baseline), out or OUT, resume=resume)


def _rules(path: Path | None) -> Rules:
    """The rules, each checked by itself.

    Raises:
        UsageError: where none are given, or they cannot be read.
    """
    if path is None:
        raise UsageError("a gate needs --rules FILE, a TOML file of rules")
    from robustness.gates.rule_checks import checked_rules
    from robustness.gates.rules import read_rules

    return checked_rules(read_rules(path))


def _explain(rules: Rules) -> int:
    from robustness.gates.rule_checks import rewritten
    from robustness.gates.wording import meaning

    for name, rule in rules.rule.items():
        say(meaning(name, rule, rules.version))
    changes = rewritten(rules)
    if rules.version == 1:
        say()
        say(f"{rules.source} has no version, so it speaks by the winning label. To judge what the device does, write above its rules:")
        say("version = 2")
    for line in changes:
        say(line)
    return 0


def _notice(rules: Rules) -> None:
    """Says by what rules without a version judge, where that makes a difference."""
    from robustness.gates.rule_checks import rewritten

    if rewritten(rules):
        warn(
            f"note: {rules.source} has no version, so some of its rules go by the winning label, and not by what the device does; "
            f"`robustness gate --explain-rules --rules {rules.source}` says what to change",
        )


def _judge(path: Path, rules: Rules, baseline: Path | None, out: Path | None) -> int:
    """Judges a stored run, without torch."""
    from robustness.gates.run_judgement import judge_run
    from robustness.report.banner import insert
    from robustness.run.integrity import checked_run

    run = checked_run(path)
    _notice(rules)
    verdicts = judge_run(run, rules, baseline, out or path)
    page = path / "index.html"
    if out is None and page.exists():
        insert(run, page)
    return _say(verdicts, out or path)


def _sweep(request: Request, gate_of: Gate, out: Path, *, resume: bool) -> int:
    """Runs what the rules need, and judges it."""
    from robustness.run.folder import RunWriter

    _notice(gate_of.rules)

    with progress_bar() as progress:
        progress("read: model and recordings", 0, 1)
        job = gate_of.prepare(request)
        writer = RunWriter(out, resume=resume)
        with told_how_to_go_on(writer):
            gate_of.run(job, writer, progress)
    options.tell(job.reading)
    return _say(gate_of.verdicts, out)


def _say_plan(request: Request, rules: Rules) -> int:
    from robustness.jobs.gate import Gate

    job = Gate(rules).prepare(request)
    say(f"{len(job.placed)} recordings, {len(job.classifiers)} variants: {', '.join(f'{c.name} {c.variant}' for c in job.classifiers)}")
    say(f"{len(job.plan.conditions)} conditions, {job.answers} answers{', and windows without a word' if job.plan.no_word else ''}")
    say("nothing was written")
    return 0


def _say(verdicts: Sequence[Verdict], out: Path) -> int:
    """Every verdict, failing rules first, and where the files are."""
    from robustness.gates.outputs import FOLDER, headline
    from robustness.gates.verdicts import failing_first, status_of

    for verdict in failing_first(verdicts):
        say(f"{verdict.word:<{WIDEST}} {verdict.sentence}")
        for warning in verdict.warnings:
            say(f"{'':<{WIDEST}} note: {warning}")
    status = status_of(verdicts)
    say(f"{headline(status)} {sum(v.outcome == 'pass' for v in verdicts)} of {len(verdicts)} rules pass; see {out / FOLDER}")
    return status
