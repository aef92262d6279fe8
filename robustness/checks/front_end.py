"""Does the front-end compute other features than the one of the training?

The first BatchNorm of the network remembers the features of the training: reference sounds of known level must look alike to it, whatever
the recordings are. Where they are far, the standard alternative that brings them near is the setting of the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from robustness.checks.base import CHECKS, Check
from robustness.checks.feature_statistics import Departure, departure_of
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.trials import ABOUT, KIND, Trial, best_of, candidates, change_of, numbers_of, tried_on
from robustness.run.checks import Finding

ALIKE: Final = 0.25  # of `Departure.size`: two alternatives that are as near


@CHECKS.register
@dataclass(frozen=True)
class FrontEnd(Check):
    """A front-end other than that of the training, as the first BatchNorm says."""

    name: ClassVar[str] = "front-end"
    order: ClassVar[int] = 30
    follows: ClassVar[tuple[str, ...]] = ("label-order", "training-mode")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """How far the features are from the training, and which alternative is nearer."""
        departure = departure_of(model.classifier, model.classifier.features(model.references))
        if departure is not None and departure.is_far and _recordings_too(model):
            yield _by_statistics(model, departure)


def _recordings_too(model: ModelUnderTest) -> bool:
    """Whether the recordings are far from the training as well."""
    if not model.sample:
        return True
    found = departure_of(model.classifier, model.classifier.features(model.windows))
    return found is None or found.is_far


def _by_statistics(model: ModelUnderTest, departure: Departure) -> Finding:
    nearer = [one for one in candidates(model) if one.departure is not None and one.departure.size < departure.size / 2]
    least = min((one.departure.size for one in nearer if one.departure), default=0.0)
    near = [one for one in nearer if one.departure is not None and one.departure.size <= least + ALIKE and not one.departure.is_far]
    best = best_of([tried_on(model, one) for one in near])
    how = f"off by {departure.offset:.1f} of its standard deviations, with {_ratio(departure)}"
    says = f"the features are far from those of the training: reference sounds come to {departure.layer}, the first BatchNorm, {how}"
    evidence = {"layer": departure.layer, "offset": departure.offset, "ratio": departure.ratio}
    if best is None or best.departure is None:
        change = "compare [frontend] with the training: `[golden] features` in the card, or `robustness frontend fit`, finds the setting"
        return Finding(KIND, says, change, cause=False, about=ABOUT, evidence=evidence)  # nothing shows that it matters
    says += f"; {best.alternative.says} they are off by {best.departure.offset:.1f}, with {_ratio(best.departure)}{_counts(best)}"
    evidence |= {"with": best.alternative.says, "offset_with": best.departure.offset, "ratio_with": best.departure.ratio}
    return Finding(KIND, says, change_of(best), about=ABOUT, evidence=evidence | numbers_of(best))


def _ratio(departure: Departure) -> str:
    """How large the spread is."""
    return f"{departure.ratio:.2f} of its spread" if departure.ratio < 1 else f"{departure.ratio:.1f} times its spread"


def _counts(trial: Trial) -> str:
    both = trial.everything
    return f", and {both.after} of {both.of} recordings are recognised in place of {both.before}" if both.of else ""
