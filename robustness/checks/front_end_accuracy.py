"""Does another front-end restore the answers?

Where no BatchNorm says that features are far, accuracy may: a standard alternative that lifts it from under half to over twice, or that
halves the errors and raises the margins in general; on commands alone, so that an answer given to everything gains nothing. Else it is the
likelihood of the right answers. It is asked after level and rate of the recordings, which other bands may stand in for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from robustness.checks.base import CHECKS, Check
from robustness.checks.feature_statistics import Departure, departure_of
from robustness.checks.front_end_likelihood import by_likelihood_alone
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.trials import ABOUT, KIND, Candidate, Trial, best_of, candidates, change_of, likelier, numbers_of, tried_on
from robustness.run.checks import Finding

FEWEST_ERRORS: Final = 2
STILL_NEAR: Final = 1.0  # of `Departure.size`: an alternative that is believed for its accuracy is no farther from the training
SUBTLE: Final = frozenset(("reference", "mel_scale", "mel_norm"))  # that change few answers
NEARER: Final = 0.2  # of `Departure.size`
GAIN: Final = 0.06  # nats a command
RISING: Final = 0.85  # of the commands
SURE: Final = 0.01


@CHECKS.register
@dataclass(frozen=True)
class FrontEndAccuracy(Check):
    """A front-end other than that of the training, as accuracy says."""

    name: ClassVar[str] = "front-end-accuracy"
    order: ClassVar[int] = 48
    follows: ClassVar[tuple[str, ...]] = (KIND, "label-order", "training-mode", "recording-level", "recording-rate")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The alternative that restores the answers, if one does."""
        right, commands = int(model.sample_right[model.sample_commands].sum()), int(model.sample_commands.sum())
        departure = departure_of(model.classifier, model.classifier.features(model.references))
        likelier = _by_likelihood(model, departure)
        if likelier is not None:
            yield likelier
            return
        if right > commands - FEWEST_ERRORS:
            return
        few = 2 * right < commands  # where most are right, bands alone may be others: how large features are would show otherwise
        near = [one for one in candidates(model) if _believable(model, one, departure) and (few or not one.alternative.scales)]
        tried = [tried_on(model, one) for one in near]
        best = best_of([one for one in tried if one.accuracy.restores(len(tried)) or one.accuracy.raises_margins(len(tried))])
        if best is not None:
            yield _by_accuracy(best)
        elif departure is None and (alone := by_likelihood_alone(model)) is not None:
            yield alone


def _by_likelihood(model: ModelUnderTest, departure: Departure | None) -> Finding | None:
    """A convention that costs few answers, and yet shows: sounds come nearer to the training, and nearly every answer is surer."""
    if departure is None or not model.clear or not model.usual_level:
        return None
    near = [*candidates(model, SUBTLE)]
    nearer = [one for one in near if one.departure is not None and one.departure.size <= departure.size - NEARER]
    tried = [tried_on(model, one) for one in nearer]
    sure = [one for one in tried if one.gain >= GAIN and one.rising >= RISING and one.p_gain * len(near) <= SURE]
    best = max(sure, key=lambda one: one.gain, default=None)
    if best is None or best.accuracy.after < best.accuracy.before:
        return None
    return likelier(best, ", and reference sounds come nearer to what the first BatchNorm saw", p_gain=best.p_gain)


def _believable(model: ModelUnderTest, candidate: Candidate, departure: Departure | None) -> bool:
    """Whether an alternative may be the front-end of the training, apart from its accuracy."""
    if candidate.alternative.scales and not model.usual_level:
        return False  # the recordings' own level is the nearer reason
    if candidate.departure is None or departure is None:
        return True
    return candidate.departure.size <= max(STILL_NEAR, departure.size)


def _by_accuracy(trial: Trial) -> Finding:
    right = trial.accuracy
    return Finding(
        KIND,
        f"the front-end is another than in training: {trial.alternative.says} {right.after} of {right.of} commands are recognised, and "
        f"{right.before} as the card has it",
        change_of(trial),
        about=ABOUT,
        evidence={"with": trial.alternative.says} | numbers_of(trial),
    )
