"""Are the recordings much softer or louder than what devices record, and does a gain bring the answers back?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from robustness.audio.levels import from_decibels
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.paired_accuracy import PairedAccuracy, paired_accuracy
from robustness.run.checks import Finding

SOFTEST_DBFS: Final = -40.0  # speech of a usual recording lies between
LOUDEST_DBFS: Final = -6.0
GAINS_DB: Final = (10.0, 20.0, 30.0, 40.0, -10.0, -20.0)


def median_level_dbfs(model: ModelUnderTest) -> float:
    """The median level of the recordings' speech; NaN without recordings."""
    return float(np.median([one.level_dbfs for one in model.facts])) if model.facts else float("nan")


def is_usual(level_dbfs: float) -> bool:
    """Whether a recording's speech may lie there; unknown is usual."""
    return not (level_dbfs < SOFTEST_DBFS or level_dbfs > LOUDEST_DBFS)


@CHECKS.register
@dataclass(frozen=True)
class RecordingLevel(Check):
    """Recordings of an unusual level."""

    name: ClassVar[str] = "recording-level"
    order: ClassVar[int] = 40
    follows: ClassVar[tuple[str, ...]] = ("front-end", "label-order")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The level, and the gain that restores most."""
        level = median_level_dbfs(model)
        if is_usual(level):
            return
        gain, right = max(((gain, _with_gain(model, gain)) for gain in GAINS_DB), key=lambda pair: pair[1].after)
        restored = right.restores(len(GAINS_DB)) or right.helps()
        says = f"the speech of the recordings lies at {level:.0f} dBFS (median), where {SOFTEST_DBFS:.0f} to {LOUDEST_DBFS:.0f} is usual"
        if restored:
            says += f"; with a gain of {gain:+g} dB {right.after} of {right.of} commands are recognised in place of {right.before}"
        yield Finding(
            self.name,
            says,
            f"record louder or apply {gain:+g} dB before the front-end, or train with such levels" if restored else "see whether the device gives this level",
            cause=restored,
            about="the level of the recordings",
            evidence={"level_dbfs": level, "gain_db": gain, **right._asdict()},
        )


def _with_gain(model: ModelUnderTest, gain_db: float) -> PairedAccuracy:
    commands = model.sample_commands
    after = model.right_by(model.classifier.logits((model.windows * from_decibels(gain_db)).clamp(-1, 1)), model.sample_truth)
    return paired_accuracy(model.sample_right[commands], after[commands])
