"""Does the front-end compute other features than the one of the training?

Two kinds of evidence. The first BatchNorm of the network remembers the features of the training: reference sounds of known level must look
alike to it, whatever the recordings are. And where recordings are known, a standard alternative that lifts accuracy from under half to over
twice, on commands alone, so that an answer given to everything gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np

from robustness.checks.alternatives import Alternative, alternatives_to
from robustness.checks.base import CHECKS, Check
from robustness.checks.feature_statistics import Departure, departure_of
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.paired_accuracy import PairedAccuracy, paired_accuracy
from robustness.run.checks import Finding

ALIKE: Final = 0.25  # of `Departure.size`: two alternatives that are as near
HARDLY: Final = 0.1  # of the recordings
STILL_NEAR: Final = 1.0  # an alternative that is believed for its accuracy is no farther from the training


class Trial(NamedTuple):
    """One alternative that was tried.

    Attributes:
        alternative: what was done.
        departure: of reference sounds from the training, with it; None if no BatchNorm says.
        accuracy: on commands, as given and with it.
        everything: on all recordings, as given and with it.
    """

    alternative: Alternative
    departure: Departure | None
    accuracy: PairedAccuracy
    everything: PairedAccuracy


@CHECKS.register
@dataclass(frozen=True)
class FrontEnd(Check):
    """A front-end other than that of the training."""

    name: ClassVar[str] = "front-end"
    order: ClassVar[int] = 30
    follows: ClassVar[tuple[str, ...]] = ("label-order", "training-mode")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """Which alternative is nearer to the training, or restores the answers."""
        departure = departure_of(model.classifier, model.classifier.features(model.references))
        if departure is not None and departure.is_far and _recordings_too(model):
            yield _by_statistics(model, departure)
            return
        commands = model.sample_commands
        if 2 * model.sample_right[commands].sum() >= commands.sum() or not commands.any():
            return
        near = [one for one in _candidates(model) if _believable(model, one, departure)]
        best = _best([_tried(model, one) for one in near])
        if best is not None and best.accuracy.restores(len(near)):
            yield _by_accuracy(best)


class Candidate(NamedTuple):
    """An alternative that the network takes, and how far reference sounds are from the training with it."""

    alternative: Alternative
    departure: Departure | None


def _candidates(model: ModelUnderTest) -> Iterator[Candidate]:
    for alternative in alternatives_to(model.classifier.frontend):
        features = alternative.tried(model.classifier, model.references)
        if features is not None:
            yield Candidate(alternative, departure_of(model.classifier, features))


def _tried(model: ModelUnderTest, candidate: Candidate) -> Trial:
    """What is recognised with an alternative."""
    features = candidate.alternative.tried(model.classifier, model.windows) if model.sample else None
    right = np.zeros(len(model.sample), bool)
    if features is not None:
        right = model.right_by(model.classifier.logits_from(features), model.sample_truth)
    commands = model.sample_commands
    accuracy = paired_accuracy(model.sample_right[commands], right[commands])
    return Trial(candidate.alternative, candidate.departure, accuracy, paired_accuracy(model.sample_right, right))


def _best(trials: list[Trial]) -> Trial | None:
    """The one with which most is recognised, or the first that is hardly behind: settings of a card come first."""
    counts = [one.everything.after + one.accuracy.after for one in trials]  # commands count twice
    enough = max(counts, default=0) - HARDLY * sum(part.of for one in trials[:1] for part in (one.everything, one.accuracy))
    return next((one for one, count in zip(trials, counts, strict=True) if count >= enough), None)


def _recordings_too(model: ModelUnderTest) -> bool:
    """Whether the recordings are far from the training as well."""
    if not model.sample:
        return True
    found = departure_of(model.classifier, model.classifier.features(model.windows))
    return found is None or found.is_far


def _believable(model: ModelUnderTest, candidate: Candidate, departure: Departure | None) -> bool:
    """Whether an alternative may be the front-end of the training, apart from its accuracy."""
    if candidate.alternative.scales and not model.usual_level:
        return False  # the recordings' own level is the nearer reason
    if candidate.departure is None or departure is None:
        return True
    return candidate.departure.size <= max(STILL_NEAR, departure.size)


def _by_statistics(model: ModelUnderTest, departure: Departure) -> Finding:
    nearer = [one for one in _candidates(model) if one.departure is not None and one.departure.size < departure.size / 2]
    least = min((one.departure.size for one in nearer if one.departure), default=0.0)
    near = [one for one in nearer if one.departure is not None and one.departure.size <= least + ALIKE and not one.departure.is_far]
    best = _best([_tried(model, one) for one in near])
    how = f"off by {departure.offset:.1f} of its standard deviations, with {_ratio(departure)}"
    says = f"the features are far from those of the training: reference sounds come to {departure.layer}, the first BatchNorm, {how}"
    evidence = {"layer": departure.layer, "offset": departure.offset, "ratio": departure.ratio}
    about = "another front-end than in training"
    if best is None or best.departure is None:
        change = "compare [frontend] with the training: `[golden] features` in the card, or `robustness frontend fit`, finds the setting"
        return Finding("front-end", says, change, cause=False, about=about, evidence=evidence)  # nothing shows that it matters
    says += f"; {best.alternative.says} they are off by {best.departure.offset:.1f}, with {_ratio(best.departure)}{_counts(best)}"
    evidence |= {"with": best.alternative.says, "offset_with": best.departure.offset, "ratio_with": best.departure.ratio}
    return Finding("front-end", says, _change(best), about=about, evidence=evidence | _numbers(best))


def _by_accuracy(trial: Trial) -> Finding:
    right = trial.accuracy
    return Finding(
        "front-end",
        f"the front-end is another than in training: {trial.alternative.says} {right.after} of {right.of} commands are recognised, and "
        f"{right.before} as the card has it",
        _change(trial),
        about="another front-end than in training",
        evidence={"with": trial.alternative.says} | _numbers(trial),
    )


def _change(trial: Trial) -> str:
    return f"{trial.alternative.change}, if the training had it so; `[golden] features` in the card would settle it"


def _ratio(departure: Departure) -> str:
    """How large the spread is."""
    return f"{departure.ratio:.2f} of its spread" if departure.ratio < 1 else f"{departure.ratio:.1f} times its spread"


def _counts(trial: Trial) -> str:
    both = trial.everything
    return f", and {both.after} of {both.of} recordings are recognised in place of {both.before}" if both.of else ""


def _numbers(trial: Trial) -> dict[str, object]:
    return {"right": trial.everything.before, "right_with": trial.everything.after, "of": trial.everything.of, "p": trial.accuracy.p}
