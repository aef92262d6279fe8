"""A run and, where a rule needs it, a baseline or a stream; judged, with the verdicts on disk. Loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from robustness.errors import RunError
from robustness.gates.metrics.base import Data
from robustness.gates.outputs import FOLDER, write_outputs
from robustness.gates.rows import Rows
from robustness.gates.rules import BASELINE, Rules
from robustness.gates.subject import JudgedRun, stream_subject, subject_of
from robustness.gates.verdicts import Judging, Verdict, judge
from robustness.run.folder import Run
from robustness.run.integrity import checked_run
from robustness.streaming.kept import read_streams


class JudgedBeside(NamedTuple):
    """What is judged beside a run: another to compare with, and a folder of `robustness stream`."""

    baseline: Path | None = None
    stream: Path | None = None


def needs_baseline(rules: Rules) -> bool:
    """Whether any rule compares with a baseline."""
    return any(rule.against == BASELINE for rule in rules.rule.values())


def data_of(run: Run, rules: Rules, baseline: Path | None = None, stream: Path | None = None) -> Data:
    """What the rules are judged on.

    Args:
        run: the run.
        rules: what is to be judged.
        baseline: in place of the one that the rules file names.
        stream: a folder of `robustness stream`.

    Raises:
        RunError: where the baseline is needed and is no run.
    """
    rows, streams = Rows(run), () if stream is None else read_streams(stream).variants
    path = baseline or rules.baseline
    if not needs_baseline(rules) or path is None:
        return Data(rows, given_streams=streams)
    try:
        return Data(rows, Rows(checked_run(path), "the baseline"), given_streams=streams)
    except RunError as error:
        raise RunError(f"the baseline of {rules.source} cannot be used: {error}") from error


def judge_run(run: Run, rules: Rules, beside: JudgedBeside, out: Path, progress: Judging = lambda done, total: None) -> list[Verdict]:
    """Judges a run and writes the verdicts into the folder `gate` of `out`."""
    verdicts = judge(rules, data_of(run, rules, beside.baseline, beside.stream), progress)
    write_outputs(out / FOLDER, rules, verdicts, subject_of(run))
    return verdicts


class Streamed(NamedTuple):
    """A stream that was judged."""

    verdicts: list[Verdict]
    subject: JudgedRun


def judge_stream(folder: Path, rules: Rules, out: Path) -> Streamed:
    """Judges a folder of `robustness stream` and writes the verdicts into the folder `gate` of `out`.

    Raises:
        RunError: it is no such folder, or damaged.
    """
    kept = read_streams(folder)
    judged = Streamed(judge(rules, Data(None, given_streams=kept.variants)), stream_subject(kept))
    write_outputs(out / FOLDER, rules, judged.verdicts, judged.subject)
    return judged
