"""A run and, where a rule needs it, a baseline; judged, with the verdicts on disk. Loads no torch."""

from __future__ import annotations

from pathlib import Path

from robustness.errors import RunError
from robustness.gates.metrics.base import Data
from robustness.gates.outputs import FOLDER, write_outputs
from robustness.gates.rows import Rows
from robustness.gates.rules import BASELINE, Rules
from robustness.gates.subject import subject_of
from robustness.gates.verdicts import Judging, Verdict, judge
from robustness.run.folder import Run
from robustness.run.integrity import checked_run


def needs_baseline(rules: Rules) -> bool:
    """Whether any rule compares with a baseline."""
    return any(rule.against == BASELINE for rule in rules.rule.values())


def data_of(run: Run, rules: Rules, baseline: Path | None = None) -> Data:
    """What the rules are judged on.

    Args:
        run: the run.
        rules: what is to be judged.
        baseline: in place of the one that the rules file names.

    Raises:
        RunError: where the baseline is needed and is no run.
    """
    rows = Rows(run)
    path = baseline or rules.baseline
    if not needs_baseline(rules) or path is None:
        return Data(rows)
    try:
        return Data(rows, Rows(checked_run(path), "the baseline"))
    except RunError as error:
        raise RunError(f"the baseline of {rules.source} cannot be used: {error}") from error


def judge_run(run: Run, rules: Rules, baseline: Path | None, out: Path, progress: Judging = lambda done, total: None) -> list[Verdict]:
    """Judges a run and writes the verdicts into the folder `gate` of `out`."""
    verdicts = judge(rules, data_of(run, rules, baseline), progress)
    write_outputs(out / FOLDER, rules, verdicts, subject_of(run))
    return verdicts
