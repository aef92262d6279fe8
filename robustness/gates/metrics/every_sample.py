"""Does the outcome stay good at every whole sample of lead within a range? By enumeration, and not on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pandas as pd

from robustness.conditions import NONE, Condition
from robustness.errors import CannotJudgeError
from robustness.gates.metrics.base import METRICS, Data, Kinds, Metric, RuleCase, Use, recording_scores
from robustness.gates.rules import Rule
from robustness.run.every_sample import EverySample, read_every_sample


@METRICS.register
class HoldsAtEverySample(Metric):
    """Good wherever the word lies within a range of the reference placement, sample by sample."""

    name = "holds_at_every_sample"
    says = "share of recordings with a good outcome at every sample of lead within the range, of those with that much room"
    perturbation: ClassVar[Use] = "none"
    level = False
    within = True

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """The reference placement, around which the range lies; the leads are asked apart."""
        return [Condition(NONE, placement=reference)]  # type: ignore[arg-type]

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        found, within_ms = self._enumerated(rule, data), rule.within_ms or 0.0
        steps = found.steps(within_ms)
        for variant in data.rows.matching(rule.variant):
            model, plain = str(data.rows.variants[variant]["name"]), variant.rpartition(" · ")[2]
            if not any((one.model, one.variant) == (model, plain) for one in found.recordings):
                raise CannotJudgeError(
                    f"{variant} was not enumerated sample by sample; quantized variants are only with `--every-sample-quantized`"
                )
            some = found.of(model, plain, within_ms)
            if not some:
                raise CannotJudgeError(f"no recording has room for {within_ms:g} ms to both sides, so {self.name} has nothing to judge")
            held = pd.Series({one.recording: float(one.holds(steps)) for one in some})
            note = f"{2 * steps + 1:,} leads of each recording, ± {within_ms:g} ms"
            condition = Condition(NONE, placement=data.rows.reference)  # type: ignore[arg-type]
            yield RuleCase(variant, recording_scores(held, data), condition, tuple(held.index[held < 1]), None, note)

    def _enumerated(self, rule: Rule, data: Data) -> EverySample:
        """The enumeration of the run, if it is as wide as the rule.

        Raises:
            CannotJudgeError: there is none, or it is narrower.
        """
        found, within_ms = read_every_sample(data.rows.run.evidence), rule.within_ms or 0.0
        if found is None or found.within_ms < within_ms:
            there = "no lead was" if found is None else f"only ± {found.within_ms:g} ms were"
            raise CannotJudgeError(
                f"{there} enumerated sample by sample in {data.rows.name}; make it with `robustness report --every-sample {within_ms:g}`"
            )
        return found
