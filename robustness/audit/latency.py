"""Is a variant faster than the float network here? Paired runs, interleaved, on the same features and threads.

A round times every network once, beginning with another each time; what counts is the ratio within a round, variant over float. Its
median has a distribution-free interval. Nothing of this is the same twice, so it is kept apart from all that is compared byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from robustness.analysis.intervals import median
from robustness.models.classifier import Classifier
from robustness.run.audit_records import VariantTime

ROUNDS: Final = 25
LEAST_ROUNDS: Final = 9  # the median of fewer has hardly an interval
BUDGET_S: Final = 5.0  # after which no further round begins, once there are so many
LEAST_S: Final = 0.004  # a timed run lasts at least so long: one clip is heard several times
CLIPS: Final = (1, 32)


def latencies(original: Classifier, variants: Sequence[Classifier], features: Tensor, rounds: int = ROUNDS) -> list[VariantTime]:
    """The time of the network alone, a variant against float, at one clip and at a batch.

    Args:
        original: in float.
        variants: made of it.
        features: [clips 1 bands frames]; of fewer than a batch, they are repeated.
        rounds: how often each is timed; fewer where that takes long.
    """
    many = features.repeat(-(-max(CLIPS) // len(features)), 1, 1, 1)
    return [row for clips in CLIPS for row in _timed(original, variants, many[:clips], rounds)]


def _timed(original: Classifier, variants: Sequence[Classifier], features: Tensor, rounds: int) -> list[VariantTime]:
    networks = [original, *variants]
    repeats = [max(1, round(LEAST_S / max(1e-6, _seconds(network, features, 1)))) for network in networks]  # also warms up
    taken: list[list[float]] = [[] for _ in networks]
    began = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - began > BUDGET_S:
            break
        for offset in range(len(networks)):
            i = (number + offset) % len(networks)
            taken[i].append(_seconds(networks[i], features, repeats[i]))
    return [_row(variant, len(features), taken[0], times) for variant, times in zip(variants, taken[1:], strict=True)]


def _seconds(classifier: Classifier, features: Tensor, repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        classifier.logits_from(features)
    return (time.perf_counter() - began) / repeats


def _row(variant: Classifier, clips: int, before: Sequence[float], after: Sequence[float]) -> VariantTime:
    ratio = median([b / a for a, b in zip(before, after, strict=True)])
    ms = 1000 / clips
    return VariantTime(
        model=variant.name,
        variant=variant.variant,
        clips=clips,
        rounds=len(before),
        threads=torch.get_num_threads(),
        float_ms=median(before).value * ms,
        variant_ms=median(after).value * ms,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
    )
