"""A model, recordings and rules → a run of what the rules need and no more, judged.

Only the conditions, levels, draws and variants that some rule names are evaluated; windows without a word only where a rule is about them.
Nothing is explained, for that would evaluate more: `robustness report` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from robustness.audit.evidence import write_audit
from robustness.conditions import NO_WORD, NONE, Condition
from robustness.errors import UsageError
from robustness.gates.metrics.base import METRICS, SHIFT
from robustness.gates.metrics.others import LayerSqnr
from robustness.gates.metrics.shifts import ATLAS
from robustness.gates.rule_checks import checked_rules
from robustness.gates.rules import BASELINE, Rules, RulesError
from robustness.gates.run_judgement import judge_run
from robustness.gates.verdicts import Verdict
from robustness.jobs.assess import Job, Progress, execute, prepare
from robustness.jobs.request import Request
from robustness.perturbations.background_noise import BackgroundNoise
from robustness.perturbations.base import PERTURBATIONS, Perturbation
from robustness.perturbations.time_shift import ATLAS_MS
from robustness.report.banner import write_alone
from robustness.report.page import write_page
from robustness.run.folder import Run, RunWriter
from robustness.sweep.plan import Plan, Settings, grid_of

ALL: Final = "*"


@dataclass(eq=False)
class Gate:
    """Rules to judge a model by, and what they said.

    Attributes:
        rules: the rules.
        baseline: a run to compare with, in place of the one that the rules name.
        verdicts: one a rule, once judged.
    """

    rules: Rules
    baseline: Path | None = None
    verdicts: list[Verdict] = field(default_factory=list)

    def prepare(self, request: Request) -> Job:
        """Everything that a wrong input can stop, and the plan that the rules make.

        Raises:
            RobustnessError: where an input cannot be used, or a rule makes no sense.
        """
        checked_rules(self.rules)
        job = prepare(replace(request, variants=gated_variants(self.rules, request.variants)))
        return job._replace(plan=plan_for(self.rules, request.settings, job.frame.reference, job.most_slack_ms))

    def run(self, job: Job, writer: RunWriter, progress: Progress) -> Run:
        """Sweeps, judges, and writes the run with its verdicts and page; a run to go on with that is whole already is judged as it is."""
        run = execute(job, writer, progress, self._finish)
        self.verdicts = self.verdicts or judge_run(run, self.rules, self.baseline, run.path)
        return run

    def _finish(self, job: Job, run: Run, progress: Progress) -> None:
        if any(rule.metric == LayerSqnr.name for rule in self.rules.rule.values()):
            write_audit(run.evidence, job.originals, job.classifiers, job.placed, threshold_db=job.plan.settings.speech_threshold_db)
        progress("judge: rules", 0, 1)
        self.verdicts = judge_run(run, self.rules, self.baseline, run.path)
        progress("draw: page", 0, 1)
        heard = any(condition.perturbation == NONE for condition in job.plan.conditions)
        (write_page if heard else write_alone)(run, run.path / "index.html")


def gated_variants(rules: Rules, known: tuple[str, ...]) -> tuple[str, ...]:
    """The variants that rules name, or all of those known where one is about every variant; the known ones first, in their order."""
    named: set[str] = set()
    for rule in rules.rule.values():
        named |= set(known) if rule.variant == ALL else {rule.variant}
        named |= {rule.against} if rule.against not in (None, BASELINE) else set()
    plain = {name.rpartition(" · ")[2] for name in named}
    return (*(name for name in known if name in plain), *sorted(plain - set(known)))


def plan_for(rules: Rules, settings: Settings, reference: str, most_ms: float) -> Plan:
    """The conditions that some rule needs, each once.

    Args:
        rules: the rules.
        settings: of the sweep; its perturbations are not looked at.
        reference: the reference placement.
        most_ms: how far any recording can move in the window.

    Raises:
        RulesError: where a rule needs a level that is not on its grid.
        UsageError: where one needs recordings of noise, and none were given.
    """
    perturbations: dict[str, Perturbation] = {}
    needed: list[Condition] = []
    for name, rule in rules.rule.items():
        metric = METRICS[rule.metric]
        about = rule.perturbation or metric.implied
        grids: dict[str, dict[str, Any]] = {}
        if about is not None:
            perturbations[about] = _perturbation(about, name, settings)
            leads = [lead for lead in ATLAS_MS if 0 <= lead <= most_ms] if about == SHIFT else []
            grids[about] = {**grid_of(perturbations[about], reference), ATLAS: leads}  # type: ignore[arg-type]
        try:
            found = metric.conditions(rule, grids, reference)
        except RulesError as error:
            raise RulesError(f"{rules.source}: rule {name}: {error}") from error
        needed.extend(each for condition in found for each in _draws(condition, grids))
    unique = dict.fromkeys(needed)
    conditions = sorted((c for c in unique if c.perturbation != NO_WORD), key=lambda c: c.level is not None)  # the clean one first
    return Plan(settings, perturbations, tuple(conditions), no_word=any(c.perturbation == NO_WORD for c in unique))


def _perturbation(about: str, rule: str, settings: Settings) -> Perturbation:
    kind = PERTURBATIONS[about]
    if kind is not BackgroundNoise:
        return kind()
    if settings.noises is None:
        raise UsageError(f"rule {rule} is about {about}, which needs recordings of noise: give their folder by --noises DIR")
    return BackgroundNoise(settings.noises)


def _draws(condition: Condition, grids: dict[str, dict[str, Any]]) -> Iterator[Condition]:
    """The condition with every draw of its level; nothing is drawn at a neutral one."""
    grid = grids.get(condition.perturbation)
    drawn = grid is not None and condition.level in grid["levels"]
    return (replace(condition, draw=draw) for draw in range(grid["draws"] if grid and drawn else 1))
