"""`robustness gate`: a model passes its rules, fails them, or is told that the recordings cannot decide."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from robustness.cli import options
from robustness.cli.grouping import gives_json
from robustness.cli.printing import answer, note, say
from robustness.cli.progress import progress_shown
from robustness.cli.repeating import repeated
from robustness.cli.report import told_how_to_go_on
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.gates.rules import Rules
    from robustness.gates.run_judgement import JudgedBeside
    from robustness.gates.subject import JudgedRun
    from robustness.gates.verdicts import Verdict
    from robustness.jobs.gate import Gate
    from robustness.jobs.request import Request

OUT: Final = Path("reports/gate")


@dataclass(frozen=True)
class JudgeOptions:
    """By what is judged, and where the verdicts go."""

    panel: ClassVar[str] = "Gate"
    rules: Annotated[Path | None, typer.Option(help="The rules, a TOML file; or avs-like, rules for streams to start from.")] = None
    explain_rules: Annotated[bool, typer.Option("--explain-rules", help="Say what each rule means, and stop.")] = False
    from_run: Annotated[Path | None, typer.Option("--from", help="Judge this run as it is; computes nothing.")] = None
    stream: Annotated[
        Path | None, typer.Option(help="A folder of `robustness stream`, for rules about streams: alone, or beside --from or --model.")
    ] = None
    baseline: Annotated[Path | None, typer.Option(help="A run to compare with, in place of the one that the rules name.")] = None
    out: Annotated[
        Path | None,
        typer.Option(help=f"The run folder to write, by default {OUT}; with --from, what gets the folder gate, by default the run."),
    ] = None
    resume: options.Resume = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the rules need to be run, and stop.")] = False


@dataclass(frozen=True)
class GateConditions(options.SceneOptions):
    """How the recordings are prepared, and when a command counts."""

    trim: options.TrimOption = "auto"
    threshold: options.ThresholdOption = None


@gives_json
def gate(
    judge: JudgeOptions,
    model: options.ModelOptions,
    data: options.RecordingOptions,
    words: options.LabelOptions,
    conditions: GateConditions,
    computing: options.ComputingOptions,
) -> int:
    """Judge a model by rules: exit status 0 where all hold, 1 where one is broken, 3 where one cannot be judged.

    Example: robustness gate --model models/digits.toml --recordings recordings/joe --rules gates.toml
    """
    conditions.scene_names()
    read = _rules(judge.rules)
    if judge.explain_rules:
        return _explain(read)
    from robustness.gates.run_judgement import JudgedBeside

    beside = JudgedBeside(judge.baseline, judge.stream)
    if judge.from_run is not None:
        if model.models or data.recordings:
            raise UsageError("--from judges a run as it is; leave out --model and --recordings, or leave out --from")
        return _judge(judge.from_run, read, beside, judge.out)
    if judge.stream is not None and not (model.models or data.recordings):
        return _judge_stream(judge.stream, read, judge.out)
    options.check_inputs("a gate", model, data.recordings, ", or --from RUN")

    from robustness.jobs.gate import Gate

    options.use_threads(computing.threads)
    request = _request(model, data, words, conditions, computing)
    return _say_plan(request, read) if judge.dry_run else _sweep(request, Gate(read, beside), judge.out or OUT, resume=judge.resume)


def _request(
    model: options.ModelOptions,
    data: options.RecordingOptions,
    words: options.LabelOptions,
    conditions: GateConditions,
    computing: options.ComputingOptions,
) -> Request:
    """What is to be swept; the rules say under which conditions."""
    from robustness.jobs.request import Request
    from robustness.sweep.plan import Settings

    return Request(
        models=tuple(model.models),
        recordings=tuple(data.recordings),
        weights=model.weights,
        variants=tuple(model.variants or VARIANTS),
        calibration=model.calibration,
        labels=words.source(),
        selection=data.selection(computing.seed),
        settings=Settings(
            seed=computing.seed, trim=conditions.trim, inputs=conditions.folders(), batch=computing.batch, engine=computing.engine
        ),
        threshold=conditions.threshold,
        device=computing.device,
        skip_bad=data.skip_bad,
        repeat=repeated(sys.argv[1:]),
    )


def _rules(path: Path | None) -> Rules:
    """The rules, each checked by itself.

    Raises:
        UsageError: where none are given, or they cannot be read.
    """
    if path is None:
        raise UsageError("a gate needs --rules FILE, a TOML file of rules")
    from robustness.gates.rule_checks import checked_rules
    from robustness.gates.rules import named_rules, read_rules

    return checked_rules(read_rules(named_rules(path)))


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
    meanings = {name: meaning(name, rule, rules.version) for name, rule in rules.rule.items()}
    answer({"status": 0, "version": rules.version, "rules": meanings, "changes": changes})
    return 0


def _notice(rules: Rules) -> None:
    """Says by what rules without a version judge, where that makes a difference."""
    from robustness.gates.rule_checks import rewritten

    if rewritten(rules):
        note(
            f"{rules.source} has no version, so some of its rules go by the winning label, and not by what the device does; "
            f"`robustness gate --explain-rules --rules {rules.source}` says what to change",
        )


def _judge(path: Path, rules: Rules, beside: JudgedBeside, out: Path | None) -> int:
    """Judges a stored run, without torch."""
    from robustness.gates.run_judgement import judge_run
    from robustness.gates.subject import subject_of
    from robustness.report.banner import insert
    from robustness.run.integrity import checked_run

    run = checked_run(path)
    _notice(rules)
    with progress_shown() as progress:
        verdicts = judge_run(run, rules, beside, out or path, partial(progress, "judge: rules"))
    page = path / "index.html"
    if out is None and page.exists():
        insert(run, page)
    return _say(subject_of(run), rules, verdicts, out or path)


def _judge_stream(path: Path, rules: Rules, out: Path | None) -> int:
    """Judges a folder of `robustness stream`, without torch."""
    from robustness.gates.run_judgement import judge_stream

    found = judge_stream(path, rules, out or path)
    return _say(found.subject, rules, found.verdicts, out or path)


def _sweep(request: Request, gate_of: Gate, out: Path, *, resume: bool) -> int:
    """Runs what the rules need, and judges it."""
    from robustness.gates.subject import subject_of
    from robustness.jobs.every_lead import every_sample_notices
    from robustness.run.folder import RunWriter

    _notice(gate_of.rules)

    with progress_shown() as progress:
        progress("read: model and recordings", 0, 1)
        job = gate_of.prepare(request)
        for notice in every_sample_notices(job):
            note(notice)
        writer = RunWriter(out, resume=resume)
        with told_how_to_go_on(writer):
            run = gate_of.run(job, writer, progress)
    options.tell(job.reading)
    return _say(subject_of(run), gate_of.rules, gate_of.verdicts, out)


def _say_plan(request: Request, rules: Rules) -> int:
    from robustness.gates.wording import counted
    from robustness.jobs.gate import Gate

    job = Gate(rules).prepare(request)
    variants = [f"{one.name} {one.variant}" for one in job.classifiers]
    say(f"{counted(len(job.placed), 'recording')}, {counted(len(variants), 'variant')}: {', '.join(variants)}")
    windows = ", and windows without a word" if job.plan.no_word else ""
    say(f"{counted(len(job.plan.conditions), 'condition')}, {counted(job.answers, 'answer')}{windows}")
    say("nothing was written")
    counts = {"recordings": len(job.placed), "conditions": len(job.plan.conditions), "answers": job.answers}
    answer({"status": 0, "variants": variants, **counts, "no_word": job.plan.no_word})
    return 0


def _say(subject: JudgedRun, rules: Rules, verdicts: Sequence[Verdict], out: Path) -> int:
    """The verdicts to the user, to whoever reads JSON, and to GitHub where it runs there."""
    from robustness.cli.verdict_lines import say_verdicts
    from robustness.gates.actions import append_summary, links, remarks
    from robustness.gates.outputs import FOLDER, facts, markdown

    status = say_verdicts(verdicts, out / FOLDER)
    answer({**facts(rules, verdicts, subject), "folder": out / FOLDER})
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in remarks(rules, verdicts):
            say(line)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        append_summary(Path(summary), f"{markdown(verdicts, subject)}\n{links(rules, os.environ)}".rstrip("\n") + "\n\n")
    return status
