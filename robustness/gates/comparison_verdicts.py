"""What does a gate say of two runs, rule by rule? The second is also judged by rules against a baseline: the first is that baseline.

Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from robustness.gates.rules import BASELINE, Rules
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import Verdict, judge, status_of
from robustness.gates.wording import counted
from robustness.run.folder import Run

NOT_JUDGED: Final = "not judged: it compares with a baseline"


class RuleRow(NamedTuple):
    """One rule and what it says of both runs."""

    name: str
    before: str
    after: str
    why: str  # of the second, where it does not pass


@dataclass(frozen=True)
class RuleVerdicts:
    """What rules say of two runs.

    Attributes:
        rows: a rule each, in the file's order.
        status: exit statuses of the gate for both runs.
        passed: how many rules pass, in both runs.
        judged: how many were judged, in both runs.
    """

    rows: tuple[RuleRow, ...]
    status: tuple[int, int]
    passed: tuple[int, int]
    judged: tuple[int, int]


def judge_both(first: Run, second: Run, rules: Rules) -> RuleVerdicts:
    """The verdicts of both.

    Raises:
        RulesError: where a rule makes no sense.
        CannotJudgeError: where a run is incomplete.
    """
    alone = {name: rule for name, rule in rules.rule.items() if rule.against != BASELINE}
    own = rules.model_copy(update={"rule": alone, "baseline": None})
    before = {verdict.name: verdict for verdict in (judge(own, data_of(first, own)) if alone else [])}
    after = {verdict.name: verdict for verdict in judge(rules, data_of(second, rules, first.path))}
    rows = [RuleRow(name, _word(before.get(name)), after[name].word, _why(after[name])) for name in rules.rule]
    sides = (list(before.values()), list(after.values()))
    status = tuple(status_of(side) if side else 0 for side in sides)
    passed = tuple(sum(verdict.outcome == "pass" for verdict in side) for side in sides)
    return RuleVerdicts(tuple(rows), (status[0], status[1]), (passed[0], passed[1]), (len(sides[0]), len(sides[1])))


def verdicts_sentence(found: RuleVerdicts, names: tuple[str, str]) -> str:
    """What the gate says of both, such as "The gate fails digits (6 of 9 rules pass) and passes digits-hardened (9 of 9)."."""
    words = ["passes" if status == 0 else "fails" if status == 1 else "cannot judge" for status in found.status]
    pairs = zip(found.passed, found.judged, strict=True)
    counts = [f"{passed} of {counted(judged, 'rule')} {'passes' if passed == 1 else 'pass'}" for passed, judged in pairs]
    return f"The gate {words[0]} {names[0]} ({counts[0]}) and {words[1]} {names[1]} ({counts[1]})."


def _word(verdict: Verdict | None) -> str:
    return NOT_JUDGED if verdict is None else verdict.word


def _why(verdict: Verdict) -> str:
    return "" if verdict.outcome == "pass" else verdict.sentence.removeprefix(f"{verdict.name}: ")
