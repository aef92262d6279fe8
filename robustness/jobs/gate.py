"""A model, recordings and rules → a run of what the rules need and no more, judged.

Only the conditions, levels, draws and variants that some rule names are evaluated; windows without a word only where a rule is about them.
Nothing is explained, for that would evaluate more: `robustness report` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from robustness.audit.evidence import write_audit
from robustness.conditions import NO_WORD, NONE, Condition, Placement
from robustness.gates.families import each_perturbation
from robustness.gates.metrics.base import METRICS
from robustness.gates.metrics.others import LayerSqnr
from robustness.gates.rule_checks import checked_rules
from robustness.gates.rules import BASELINE, Rules, RulesError
from robustness.gates.run_judgement import JudgedBeside, judge_run
from robustness.gates.verdicts import Verdict
from robustness.jobs.assess import Job, Progress, execute, prepare
from robustness.jobs.every_lead import write_every_lead
from robustness.jobs.request import EveryLead, Request
from robustness.perturbations.base import PERTURBATIONS, Inputs
from robustness.report.banner import write_alone
from robustness.report.page import write_page
from robustness.run.folder import Run, RunWriter
from robustness.sweep.plan import Plan, Runnable

ALL: Final = "*"


@dataclass(eq=False)
class Gate:
    """Rules to judge a model by, and what they said.

    Attributes:
        rules: the rules.
        beside: a run to compare with, in place of the one that the rules name, and a folder of `robustness stream`.
        verdicts: one a rule, once judged.
    """

    rules: Rules
    beside: JudgedBeside = JudgedBeside()
    verdicts: list[Verdict] = field(default_factory=list)

    def prepare(self, request: Request) -> Job:
        """Everything that a wrong input can stop, and the plan that the rules make.

        Raises:
            RobustnessError: where an input cannot be used, or a rule makes no sense.
        """
        checked_rules(self.rules)
        found = gated_perturbations(self.rules, request.settings.inputs)
        settings = replace(request.settings, perturbations=tuple(found.perturbations))
        variants = gated_variants(self.rules, request.variants)
        job = prepare(replace(request, variants=variants, settings=settings, every_sample=gated_leads(self.rules, variants)))
        plan = plan_for(self.rules, job.plan, job.frame.reference)
        return job._replace(plan=replace(plan, skipped={**plan.skipped, **found.skipped}))

    def run(self, job: Job, writer: RunWriter, progress: Progress) -> Run:
        """Sweeps, judges, and writes the run with its verdicts and page; a run to go on with that is whole already is judged as it is."""
        run = execute(job, writer, progress, self._finish)
        self.verdicts = self.verdicts or judge_run(run, self.rules, self.beside, run.path)
        return run

    def _finish(self, job: Job, run: Run, progress: Progress) -> None:
        if any(rule.metric == LayerSqnr.name for rule in self.rules.rule.values()):
            write_audit(run.evidence, job.originals, job.classifiers, job.placed, threshold_db=job.plan.settings.speech_threshold_db)
        write_every_lead(job, run, progress)
        self.verdicts = judge_run(run, self.rules, self.beside, run.path, partial(progress, "judge: rules"))
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


def gated_leads(rules: Rules, known: tuple[str, ...]) -> EveryLead:
    """The widest range of leads that a rule needs sample by sample, and the variants that such rules are about."""
    about = [rule for rule in rules.rule.values() if rule.within_ms is not None]
    if not about:
        return EveryLead()
    named = {name for rule in about for name in (known if rule.variant == ALL else (rule.variant.rpartition(" · ")[2],))}
    return EveryLead(max(rule.within_ms or 0.0 for rule in about), quantized=True, variants=tuple(sorted(named)))


def gated_perturbations(rules: Rules, inputs: Inputs) -> Runnable:
    """The perturbations that rules are about, and of the families that they name those that can be run; why others cannot, by name.

    Args:
        rules: the rules.
        inputs: the folders that are given.
    """
    about = [METRICS[rule.metric].about(rule, {}) for rule in rules.rule.values()]
    named = {name: PERTURBATIONS[name].made(inputs) for name in about if name is not None}
    families = {rule.family for rule in rules.rule.values()} - {None}
    members = {name: kind.made(inputs) for name, kind in PERTURBATIONS.all().items() if kind.family in families} if families else {}
    reasons = {name: one.unavailable(inputs) for name, one in members.items() if name not in named}
    skipped = {name: why for name, why in reasons.items() if why is not None}
    return Runnable({**named, **{name: one for name, one in members.items() if name not in skipped}}, skipped)


def plan_for(rules: Rules, plan: Plan, reference: Placement) -> Plan:
    """The conditions of a plan that some rule needs.

    Args:
        rules: the rules.
        plan: all that can be run.
        reference: the reference placement.

    Raises:
        RulesError: a rule needs a level that is not on its grid, or a perturbation that its metric is not about.
    """
    kinds = plan.kinds(reference)
    needed: list[Condition] = []
    for name, rule in rules.rule.items():
        metric = METRICS[rule.metric]
        try:
            needed.extend(c for one in each_perturbation(rule, kinds) for c in metric.conditions(one, kinds, reference))
        except RulesError as error:
            raise RulesError(f"{rules.source}: rule {name}: {error}") from error
    heard = [condition for condition in needed if condition.perturbation != NO_WORD]
    return plan.only(heard, no_word=len(heard) < len(needed))
