"""The SNR at which a share is lost, commands found where there is no word, sizes, and what only an audit of the layers can say."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import numpy as np

from robustness.analysis.outcomes import FALSE_ACCEPT
from robustness.conditions import MADE, NO_WORD, Condition
from robustness.errors import CannotJudgeError
from robustness.gates.compound import Fact, Lost
from robustness.gates.metrics.base import METRICS, Data, Kinds, Metric, RuleCase, Use, chosen_levels, recording_scores, with_label
from robustness.gates.metrics.shifts import right_shares
from robustness.gates.rules import Rule, RulesError
from robustness.gates.samples import Floats, Rate, Sample, WindowScores
from robustness.run.audit_records import VariantAudit, read_audit
from robustness.run.perturbations import PerturbationFacts

FLOAT32_DB: Final = 20 * math.log10(2**24)  # what float32 itself resolves: stands for a layer that is exact
ENDS_DB: Final = {"exact": FLOAT32_DB, "-inf": -FLOAT32_DB}


@METRICS.register
class SnrLost(Metric):
    """From clean to noisy."""

    name = "snr_lost_db"
    unit = "dB"
    says = "mildest signal-to-noise ratio at which the {share} is lost"
    perturbation: ClassVar[Use] = "required"
    at: ClassVar[Use] = "required"
    level = False

    def suits(self, kind: PerturbationFacts) -> bool:
        """About noise."""
        return kind.family == "noise"

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """Every level, mild → harsh."""
        found = chosen_levels(rule, self.kind(rule, kinds), reference)
        harshest = min(condition.level or 0.0 for condition in found)
        if rule.max is not None and rule.max < harshest:
            raise RulesError(
                f"key `max` is {rule.max:g} dB, and the grid of {rule.perturbation} ends at {harshest:g} dB: it cannot be shown"
            )
        return sorted(found, key=lambda condition: -(condition.level or 0.0))

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        conditions = self.found(rule, data)
        for variant in data.rows.matching(rule.variant):
            values = [right_shares(with_label(data.rows.at(variant, condition), None), data.by) for condition in conditions]
            lost = Lost(tuple(c.level or 0.0 for c in conditions), tuple(recording_scores(v, data) for v in values), rule.at or 1.0)
            worst = next((i for i, value in enumerate(values) if value.mean() < lost.at), len(values) - 1)
            note = "" if lost.value in lost.levels else f"not lost down to {lost.levels[-1]:g} dB, where the grid ends"
            behind = tuple(values[worst].index[values[worst] < 1])
            yield RuleCase(variant, lost, conditions[worst], behind, None, note)


class WithoutWord(Metric):
    """Commands found where there is no word."""

    perturbation: ClassVar[Use] = "none"
    level = False
    made: ClassVar[bool]
    missing: ClassVar[str]

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """The windows without a word, whatever their kind."""
        return [Condition(NO_WORD, placement=reference)]  # type: ignore[arg-type]

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        for variant in data.rows.matching(rule.variant):
            frame = data.rows.no_word(variant)
            frame = frame[frame["recording"].isin(MADE) == self.made]
            if frame.empty:
                raise CannotJudgeError(self.missing)
            accepted = frame["outcome"] == FALSE_ACCEPT
            kinds = tuple(sorted(frame["recording"][accepted].astype(str).unique()))
            sample = self.sample(np.asarray(accepted, dtype=np.float64), float(data.rows.variants[variant]["window_ms"]))
            yield RuleCase(variant, sample, Condition(NO_WORD, placement=data.rows.reference), kinds)  # type: ignore[arg-type]

    @abstractmethod
    def sample(self, accepted: Floats, window_ms: float) -> Sample:
        """Of windows, each accepted or not, [windows]."""


@METRICS.register
class FalseAcceptsAnHour(WithoutWord):
    """In the recordings of noise that were given."""

    name = "false_accepts_an_hour"
    unit = "an hour"
    says = "commands an hour found in recorded sounds without a word, at the operating point"
    made = False
    missing = (
        "the windows without a word are made noise and silence, and those have no hours: give recordings of noise (--noises FOLDER), "
        "or judge false_accepts_in_noise"
    )

    def sample(self, accepted: Floats, window_ms: float) -> Sample:
        """Events in a time."""
        return Rate(int(accepted.sum()), len(accepted), window_ms)


@METRICS.register
class FalseAcceptsInNoise(WithoutWord):
    """In silence, white and pink noise."""

    name = "false_accepts_in_noise"
    says = "share of windows of made noise and silence accepted as a command, at the operating point"
    made = True
    missing = "the run has no window of made noise or silence; make it again with `robustness report`"

    def sample(self, accepted: Floats, window_ms: float) -> Sample:
        """A share of windows."""
        return WindowScores(accepted)


class OfTheVariant(Metric):
    """A fact about the variant, whatever was heard."""

    perturbation: ClassVar[Use] = "none"
    level = False

    def conditions(self, rule: Rule, kinds: Kinds, reference: str) -> list[Condition]:
        """Nothing needs to be heard."""
        return []


@METRICS.register
class Size(OfTheVariant):
    """Of the saved state_dict."""

    name = "size_bytes"
    unit = "bytes"
    says = "size of the saved state_dict"

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        for variant in data.rows.matching(rule.variant):
            yield RuleCase(variant, Fact(float(size(data, variant))))


@METRICS.register
class SizeRatio(OfTheVariant):
    """Against another variant."""

    name = "size_ratio"
    unit = "ratio"
    says = "size of the saved state_dict, divided by that of the variant it is compared with"
    against: ClassVar[Use] = "required"

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant."""
        for variant in data.rows.matching(rule.variant):
            other = data.rows.beside(variant, rule.against or "")
            if other != variant:
                yield RuleCase(variant, Fact(size(data, variant) / size(data, other)))


def size(data: Data, variant: str) -> int:
    """Bytes of the variant's state_dict.

    Raises:
        CannotJudgeError: where the run does not hold it.
    """
    about: Mapping[str, Any] = next(
        v["about"] for v in data.rows.variants[variant]["variants"] if v["name"] == variant.rpartition(" · ")[2]
    )
    if not about.get("bytes"):
        raise CannotJudgeError(f"the run does not hold the size of {variant}; make it again with this version")
    return int(about["bytes"])


@METRICS.register
class LayerSqnr(OfTheVariant):
    """What quantization does to each layer."""

    name = "layer_sqnr_db"
    unit = "dB"
    says = "signal-to-quantization-noise ratio of each quantized layer, the worst judged"

    def cases(self, rule: Rule, data: Data) -> Iterator[RuleCase]:
        """A case a variant that has quantized layers.

        Raises:
            CannotJudgeError: where the run has no audit of layers, or none of these variants has a quantized layer in it.
        """
        found = audit_of(data)
        cases = [layers_case(name, found[name]) for name in data.rows.matching(rule.variant) if any_quantized(found.get(name))]
        if not cases:
            raise CannotJudgeError(f"no variant that the rule means ({rule.variant}) has a quantized layer in the run's audit of layers")
        yield from cases


def audit_of(data: Data) -> dict[str, VariantAudit]:
    """The audit of each variant, by its name in the trials.

    Raises:
        CannotJudgeError: where the run has none.
    """
    found = read_audit(data.rows.run.evidence)
    if found is None:
        raise CannotJudgeError(
            "layer_sqnr_db needs the activations of each layer beside those in float, and there is no audit of layers in it: "
            "make it again with `robustness audit`, `robustness report` or `robustness gate --model CARD`, with a quantized variant"
        )
    several = len(data.rows.run.manifest["models"]) > 1
    return {f"{one.model} · {one.variant}" if several else one.variant: one for one in found.variants}


def any_quantized(audit: VariantAudit | None) -> bool:
    """Whether a variant is in the audit, with a quantized layer."""
    return audit is not None and any(layer.quantized for layer in audit.layers)


def layers_case(variant: str, audit: VariantAudit) -> RuleCase:
    """The worst of a variant's quantized layers.

    Raises:
        CannotJudgeError: where one of them could not be compared; what was not measured never passes.
    """
    quantized = [layer for layer in audit.layers if layer.quantized]
    unknown = [layer.name for layer in quantized if layer.activations is None]
    if unknown:
        raise CannotJudgeError(
            f"the audit could not compare {', '.join(unknown)} of {variant} with float: no single module gives its output there"
        )
    compared = {layer.name: layer.activations.sqnr_db for layer in quantized if layer.activations is not None}
    measured = {name: sqnr_db for name, sqnr_db in compared.items() if sqnr_db != "undefined"}
    if not measured:
        raise CannotJudgeError(f"every quantized layer of {variant} gives zeros alone, in float too: no layer has a SQNR")
    decibels = {name: ENDS_DB[value] if isinstance(value, str) else float(value) for name, value in measured.items()}
    worst = min(decibels, key=lambda name: decibels[name])
    return RuleCase(variant, Fact(decibels[worst]), note=f"the worst layer is {worst}")
