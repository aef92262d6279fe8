"""Is the right answer likelier by another convention of the front-end, where no BatchNorm remembers the training?

A file that ships has no BatchNorm left. A network trained with one convention gives clear recordings of its own kind a lower likelihood by
any other: on 60 real commands with MLPerf Tiny's int8 file every other convention costs 0.005 nats a command or more. So one by which
nearly every command gains is named, if most commands are then right. What a gain on the recordings would do as well is their level.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy  # its `stats` at their first use: to import them takes half a second
import torch

from robustness.analysis.outcomes import Floats
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.trials import Trial, candidates, likelier, tried_on
from robustness.run.checks import Finding

CONVENTIONS: Final = frozenset(("samples", "reference", "mel_scale", "mel_norm", "dct_norm"))
FEWEST: Final = 40  # commands
GAIN: Final = 0.01  # nats a command
RISING: Final = 0.75  # of the commands
SURE: Final = 1e-3
MOST_RIGHT: Final = 0.8  # of the commands, with the convention of the training: the recordings are of its kind
LOST: Final = 1  # command, by chance
GAINS_DB: Final = tuple(range(-30, 31, 3))
BETTER: Final = 0.01  # the level of the test against a gain on the recordings


def by_likelihood_alone(model: ModelUnderTest) -> Finding | None:
    """The convention by which nearly every command is likelier; None if there is none, or the recordings may be the reason.

    Args:
        model: without a BatchNorm.
    """
    if not model.clear or not model.usual_level or model.sample_commands.sum() < FEWEST:
        return None
    near = [*candidates(model, CONVENTIONS)]
    sure = [one for one in (tried_on(model, each) for each in near) if _is_sure(one, len(near))]
    best = max(sure, key=lambda one: one.gain, default=None)
    if best is None:
        return None
    level = best.alternative.scales and _is_level(model, best)
    or_level = "; a gain on the recordings does as much, so they may be too soft or too loud for it instead" if level else ""
    return likelier(best, f", by {best.gain:.2g} nats in the mean", or_level, p_margins=best.accuracy.p_margins)


def _is_sure(one: Trial, tried: int) -> bool:
    right = one.accuracy
    good = right.after >= max(right.before - LOST, MOST_RIGHT * right.of)
    return good and one.gain >= GAIN and one.rising >= RISING and right.p_margins * tried <= SURE


def _is_level(model: ModelUnderTest, trial: Trial) -> bool:
    """Whether a gain on all recordings does as much."""
    features = trial.alternative.tried(model.classifier, model.windows)
    if features is None:
        return True
    by_gain = [_likelihoods(model, model.classifier.features(model.windows * 10 ** (db / 20))) for db in GAINS_DB]
    more = _likelihoods(model, features) - max(by_gain, key=lambda found: float(found.mean()))
    return not (more.mean() > 0 and more.any() and float(scipy.stats.wilcoxon(more, alternative="greater").pvalue) <= BETTER)


def _likelihoods(model: ModelUnderTest, features: torch.Tensor) -> Floats:
    found: Floats = np.asarray(model.log_likelihoods(model.classifier.logits_from(features))[model.sample_commands])
    return found
