"""What is recognised with another front-end, and how far are reference sounds from the training with it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import scipy  # its `stats` at their first use: to import them takes half a second

from robustness.checks.alternatives import Alternative, alternatives_to
from robustness.checks.feature_statistics import Departure, departure_of
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.paired_accuracy import PairedAccuracy, paired_accuracy
from robustness.run.checks import Finding

ABOUT: Final = "another front-end than in training"
HARDLY: Final = 0.1  # of the recordings
KIND: Final = "front-end"  # of the findings
LIKELIER: Final = 0.08  # nats a command


class Candidate(NamedTuple):
    """An alternative that the network takes, and how far reference sounds are from the training with it."""

    alternative: Alternative
    departure: Departure | None


class Trial(NamedTuple):
    """One alternative that was tried.

    Attributes:
        alternative: what was done.
        departure: of reference sounds from the training, with it; None if no BatchNorm says.
        accuracy: on commands, as given and with it.
        everything: on all recordings, as given and with it.
        gain: of the log-likelihood of the true label, the mean over commands, in nats.
        rising: the share of commands on which it rises.
        p_gain: of Wilcoxon's signed-rank test, one-sided: that it rises so by chance.
    """

    alternative: Alternative
    departure: Departure | None
    accuracy: PairedAccuracy
    everything: PairedAccuracy
    gain: float = 0.0
    rising: float = 0.0
    p_gain: float = 1.0


def candidates(model: ModelUnderTest, among: frozenset[str] | None = None) -> Iterator[Candidate]:
    """The alternatives that the network takes; with `among` those that change one of these settings."""
    for alternative in alternatives_to(model.classifier.frontend):
        if among is not None and not alternative.settings & among:
            continue
        features = alternative.tried(model.classifier, model.references)
        if features is not None:
            yield Candidate(alternative, departure_of(model.classifier, features))


def tried_on(model: ModelUnderTest, candidate: Candidate) -> Trial:
    """What is recognised with an alternative, on the sample."""
    features = candidate.alternative.tried(model.classifier, model.windows) if model.sample else None
    commands, right, margins = model.sample_commands, np.zeros(len(model.sample), bool), model.sample_margins
    gains = np.zeros(0)
    if features is not None:
        logits = model.classifier.logits_from(features)
        right, margins = model.right_by(logits, model.sample_truth), model.margins(logits)
        gains = (model.log_likelihoods(logits) - model.log_likelihoods(model.logits[list(model.places)]))[commands]
    accuracy = paired_accuracy(model.sample_right[commands], right[commands], (model.sample_margins[commands], margins[commands]))
    everything = paired_accuracy(model.sample_right, right)
    if not len(gains) or not gains.any():
        return Trial(candidate.alternative, candidate.departure, accuracy, everything)
    p_gain = float(scipy.stats.wilcoxon(gains, alternative="greater").pvalue)
    return Trial(candidate.alternative, candidate.departure, accuracy, everything, float(gains.mean()), float((gains > 0).mean()), p_gain)


def best_of(trials: list[Trial]) -> Trial | None:
    """The one with which most is recognised, or the first that is hardly behind: settings of a card come first.

    Of those that are hardly behind, one under which the true labels are likelier by far goes before.
    """
    counts = [one.everything.after + one.accuracy.after for one in trials]  # commands count twice
    enough = max(counts, default=0) - HARDLY * sum(part.of for one in trials[:1] for part in (one.everything, one.accuracy))
    near = [one for one, count in zip(trials, counts, strict=True) if count >= enough]
    if not near:
        return None
    likeliest = max(near, key=lambda one: one.gain if one.alternative.is_setting else -np.inf)
    return likeliest if likeliest.alternative.is_setting and likeliest.gain > near[0].gain + LIKELIER else near[0]


def change_of(trial: Trial) -> str:
    """What to write, and what would settle it."""
    return f"{trial.alternative.change}, if the training had it so; `[golden] features` in the card would settle it"


def likelier(trial: Trial, beside: str, doubt: str = "", **measured: float) -> Finding:
    """The finding that nearly every command is surer with a convention.

    Args:
        trial: of the convention.
        beside: what else speaks for it, a part of a sentence with its comma.
        doubt: what else may be the reason, likewise.
        measured: more numbers behind it, by name.
    """
    right = trial.accuracy
    return Finding(
        KIND,
        f"the front-end is another than in training: {trial.alternative.says} the right answer is likelier in {trial.rising:.0%} of "
        f"{right.of} commands{beside}; {right.after} are recognised, and {right.before} as the card has it{doubt}",
        change_of(trial),
        about=ABOUT,
        evidence={"with": trial.alternative.says, "gain": trial.gain, "rising": trial.rising} | measured | numbers_of(trial),
    )


def numbers_of(trial: Trial) -> dict[str, object]:
    """The numbers behind a finding."""
    return {"right": trial.everything.before, "right_with": trial.everything.after, "of": trial.everything.of, "p": trial.accuracy.p}
