"""Does the model pass? Rules and a run → a verdict each, and the exit status of all.

A rule holds if it holds in each of its cases. That a rule is kept depends on no other; how surely one is broken is corrected for how many
are about a population. What cannot be judged is an error, never a pass.
Loads no torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from robustness.analysis.intervals import FEWEST_SPEAKERS, whom
from robustness.analysis.power import Effort
from robustness.errors import CANNOT_JUDGE, DONE, RULE_FAILED, USER_ERROR, CannotJudgeError, RobustnessError
from robustness.gates.families import each_perturbation
from robustness.gates.judgement import WORSE, Judgement, Outcome, corrected, judgement
from robustness.gates.metrics.base import METRICS, Data, Kinds, RuleCase
from robustness.gates.rule_checks import checked_rules
from robustness.gates.rules import BASELINE, Rule, Rules
from robustness.gates.samples import AT_THE_BAR, Differences, Sample, ScoreSample
from robustness.gates.wording import amount, bar, condition_text, counted, some
from robustness.run.folder import Run

QUIET: Final = ("pass", "skipped")
PRECEDENCE: Final = (DONE, RULE_FAILED, CANNOT_JUDGE, USER_ERROR)  # of several, the last counts


@dataclass(frozen=True, eq=False)
class Judged:
    """A case and what it says about the rule's bars."""

    case: RuleCase
    judgement: Judgement

    @property
    def rank(self) -> tuple[int, float]:
        """Worse is more: the outcome first, then how far on the wrong side."""
        return WORSE.index(self.judgement.outcome), self.judgement.badness


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a rule says of a run.

    Attributes:
        name: the rule's.
        rule: as written, with defaults.
        outcome: pass, inconclusive, fail, error where it could not be judged, or skipped where it is about a variant that is none.
        sentence: why, in words.
        status: the exit status that it asks for.
        judged: every case, worst first; empty with an error.
        untestable: recordings without room to move, that the rule is about.
        warnings: what to know beside it.
        kinds: what the run knows of its perturbations, by name.
        seconds: how long it took to judge.
    """

    name: str
    rule: Rule
    outcome: Outcome
    sentence: str
    status: int
    judged: tuple[Judged, ...] = ()
    untestable: int = 0
    warnings: tuple[str, ...] = ()
    kinds: Kinds = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def worst(self) -> Judged | None:
        """The case that decided."""
        return self.judged[0] if self.judged else None

    @property
    def counts(self) -> bool:
        """Whether it keeps the gate from passing."""
        return self.status != DONE

    @property
    def word(self) -> str:
        """The outcome for a reader: a broken rule that only warns is a warning."""
        if self.outcome == "error":
            return "could not be judged"
        softly = " (warning only)" if self.outcome in ("fail", "inconclusive") and not self.counts else ""
        return {"pass": "pass", "fail": "FAIL", "inconclusive": "inconclusive", "skipped": "skipped"}[self.outcome] + softly


def status_of(verdicts: Sequence[Verdict]) -> int:
    """The exit status of all: 2 before 3 before 1.

    Raises:
        CannotJudgeError: where no rule was judged.
    """
    if all(verdict.outcome == "skipped" for verdict in verdicts):
        raise CannotJudgeError("no rule was judged, and a gate that judges nothing does not pass")
    return max((verdict.status for verdict in verdicts), key=PRECEDENCE.index)


def failing_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What could not be judged, then what fails, then warnings, then passes, then what was skipped; each in the file's order."""
    order = {"error": 0, "fail": 1, "inconclusive": 2, "pass": 4, "skipped": 5}
    return sorted(verdicts, key=lambda verdict: order[verdict.outcome] if verdict.counts or verdict.outcome in QUIET else 3)


Judging = Callable[[int, int], None]  # told how many rules are judged, of how many


def judge(rules: Rules, data: Data, progress: Judging = lambda done, total: None) -> list[Verdict]:
    """A verdict for every rule.

    Args:
        rules: what is asked.
        data: of the run, and of a baseline.
        progress: told how many rules of how many are judged.

    Raises:
        RulesError: where a rule makes no sense by itself.
        CannotJudgeError: where the run is incomplete.
    """
    checked_rules(rules)
    if data.run_rows is not None:
        _refuse_half(data.run_rows.run)
    data = replace(data, by="label" if rules.version == 1 else "outcome")
    found: dict[str, list[Judged] | Verdict] = {}
    spent: dict[str, float] = {}
    for done, (name, rule) in enumerate(rules.rule.items()):
        progress(done, len(rules.rule))
        began = time.monotonic()
        found[name] = _cases(name, rule, data)
        spent[name] = time.monotonic() - began
    surely = _surely([cases for cases in found.values() if not isinstance(cases, Verdict)])
    verdicts = [one if isinstance(one, Verdict) else _verdict(name, rules.rule[name], data, surely(one)) for name, one in found.items()]
    return [replace(verdict, seconds=spent[verdict.name]) for verdict in verdicts]


def _refuse_half(run: Run) -> None:
    if not run.manifest.get("complete"):
        raise CannotJudgeError(f"the run {run.path} was interrupted, and half a run is never a pass; make it again")
    flips = (run.manifest.get("self_check") or {}).get("flips")
    if flips:
        raise CannotJudgeError(f"in the run {run.path} levels that change nothing changed {flips} answers; none can be trusted")


def _cases(name: str, rule: Rule, data: Data) -> list[Judged] | Verdict:
    """Every case judged by itself, or the verdict that says why none can be."""
    skipped = _skipped(rule, data)
    if skipped:
        return Verdict(name, rule, "skipped", f"{name}: {skipped}", DONE)
    try:
        rules = [rule] if rule.family is None else each_perturbation(rule, data.rows.kinds)
        cases = [case for one in rules for case in METRICS[rule.metric].cases(one, data)]
        if not cases:
            names = [one.name for one in data.streams] if METRICS[rule.metric].stream else data.rows.variants
            raise CannotJudgeError(f"no variant of {rule.variant!r} is there to be compared; the run has {', '.join(names)}")
        return [Judged(case, _judgement(case, rule)) for case in cases]
    except RobustnessError as error:
        return Verdict(name, rule, "error", f"{name}: {error}", error.exit_status)


def _surely(groups: Sequence[Sequence[Judged]]) -> Callable[[Sequence[Judged]], list[Judged]]:
    """What replaces cases by themselves as corrected among all."""
    every = [one for group in groups for one in group]
    among = sum(one.judgement.interval is not None for one in every)
    found = {id(one): replace(one, judgement=new) for one, new in zip(every, corrected([o.judgement for o in every], among), strict=True)}
    return lambda cases: [found[id(one)] for one in cases]


def _verdict(name: str, rule: Rule, data: Data, judged: Sequence[Judged]) -> Verdict:
    """The verdict of one rule from its cases."""
    ordered = tuple(sorted(judged, key=lambda one: one.rank, reverse=True))
    outcome = ordered[0].judgement.outcome
    blocks = outcome == "fail" or (outcome == "inconclusive" and rule.on_inconclusive == "fail")
    status = RULE_FAILED if blocks and rule.severity == "fail" else DONE
    if METRICS[rule.metric].stream:
        return Verdict(name, rule, outcome, _sentence(name, rule, ordered, 0, {}), status, ordered)
    untestable = len(data.rows.untestable) if data.rows.moves(METRICS[rule.metric].about(rule, data.rows.kinds)) else 0
    says, warnings = _sentence(name, rule, ordered, untestable, data.rows.kinds), _warnings(rule, data, ordered)
    return Verdict(name, rule, outcome, says, status, ordered, untestable, warnings, data.rows.kinds)


def _skipped(rule: Rule, data: Data) -> str:
    """Why a rule is not judged, where it says that it is about a variant only if that is there; empty where it is judged."""
    if rule.if_variant is None or METRICS[rule.metric].stream:
        return ""
    named = [name for name in (rule.variant, rule.against) if name is not None]
    reasons = ((name, data.rows.left_out(name)) for name in named)
    return next((f"there is no {name}, because {why}" for name, why in reasons if why is not None), "")


def _judgement(case: RuleCase, rule: Rule) -> Judgement:
    if case.sample.value != case.sample.value:
        raise CannotJudgeError(f"{rule.metric} of {case.variant} is not a number")
    return judgement(case.sample, rule.min, rule.max, rule.scope or "files", rule.confidence or 0.95)


def _sentence(name: str, rule: Rule, judged: Sequence[Judged], untestable: int, kinds: Kinds) -> str:
    case, found = judged[0].case, judged[0].judgement
    unit = METRICS[rule.metric].unit
    about = ", ".join(part for part in (case.variant, case.label or "", condition_text(case.condition, kinds)) if part)
    tally = f" ({case.sample.tally})" if case.sample.tally else ""
    parts = [f"{name}: {about}: {rule.metric} is {amount(case.sample.value, unit)}{tally}; {bar(rule)} is asked"]
    if found.interval is not None and not math.isnan(found.interval.low):
        low, high = (amount(end, unit) for end in found.interval)
        parts.append(f"its {amount(rule.confidence or 0.95, 'share')} interval is {low} to {high}")
    if found.outcome == "inconclusive":
        parts.append(_deciding(rule, found, unit))
    if rule.scope == "files" and (close := one_recording_decides(case.sample, rule)):
        parts.append(close)
    if case.note:
        parts.append(case.note)
    broken = [one for one in judged if one.judgement.outcome == found.outcome]
    if len(judged) > 1 and found.outcome != "pass":
        parts.append(f"so in {len(broken)} of {len(judged)} cases")
    if found.outcome != "pass" and case.behind:
        parts.append(f"{'words' if METRICS[rule.metric].stream else 'recordings'}: {some(case.behind)}")
    if untestable:
        parts.append(f"without {counted(untestable, 'untestable recording')}, which cannot be moved")
    return "; ".join(parts)


def one_recording_decides(sample: Sample, rule: Rule) -> str:
    """A sentence where one recording more or less would turn the verdict on these files; empty where it would not."""
    if not isinstance(sample, ScoreSample | Differences):
        return ""
    step, value = 1 / sample.count, sample.value
    for end, sign in ((rule.min, 1), (rule.max, -1)):
        if end is None:
            continue
        room = sign * (value - end)  # positive or zero where the bar holds
        if -step - AT_THE_BAR <= room < -AT_THE_BAR or -AT_THE_BAR <= room < step - AT_THE_BAR:
            return f"one {sample.counted} more or less decides: each of the {sample.count} is {100 * step:.3g} points"
    return ""


def _deciding(rule: Rule, found: Judgement, unit: str) -> str:
    if found.among is not None:
        return f"alone it breaks the bar, but one of {found.among} cases judged together may do so by chance (Holm): it is not sure"
    if found.interval is not None and math.isnan(found.interval.low):
        return "the recordings are of one speaker, who is no sample of a population: no number of them would decide"
    straddled = f"it straddles {amount(found.straddled or 0.0, unit)}"
    if not found.needed:
        return f"{straddled}; no number would decide, because the bar leaves no room"
    return f"{straddled}; {_enough(found.needed, 'share' if rule.at is not None else unit)}"


def _enough(needed: Sequence[Effort], unit: str) -> str:
    """How many would show it: `230 recordings in all would pass in 4 of 5 samples if the truth were 95 %, 70 if it were 98 %`."""
    first, *rest = needed
    more = "".join(f", {one.count:,} if it were {amount(one.truth, unit)}" for one in rest)
    return f"{counted(first.count, first.counted)} in all would pass in 4 of 5 samples if the truth were {amount(first.truth, unit)}{more}"


def _warnings(rule: Rule, data: Data, judged: Sequence[Judged]) -> tuple[str, ...]:
    sample = judged[0].case.sample
    found = list(data.baseline_notes) if rule.against == BASELINE else []
    if rule.scope != "population" or not sample.sampled or sample.counted != "recording":
        return tuple(found)
    known = data.rows.speakers
    count = None if known is None else len(set(known.values()))
    return tuple(found) if count is not None and count >= FEWEST_SPEAKERS else (*found, whom(count))
