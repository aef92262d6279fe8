"""Are the recordings much softer or louder than what devices record, and does a gain bring the answers back?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from robustness.audio.levels import from_decibels
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import LOUDEST_DBFS, SOFTEST_DBFS, ModelUnderTest
from robustness.checks.paired_accuracy import PairedAccuracy, paired_accuracy
from robustness.run.checks import Finding

GAINS_DB: Final = (10.0, 20.0, 30.0, 40.0, -10.0, -20.0)


@CHECKS.register
@dataclass(frozen=True)
class RecordingLevel(Check):
    """Recordings of an unusual level."""

    name: ClassVar[str] = "recording-level"
    order: ClassVar[int] = 40
    follows: ClassVar[tuple[str, ...]] = ("front-end", "label-order")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The level, and the gain that restores most."""
        level = model.level_dbfs
        if model.usual_level:
            return
        gain, right = max(((gain, _with_gain(model, gain)) for gain in GAINS_DB), key=lambda pair: pair[1].after)
        restored = right.restores(len(GAINS_DB)) or right.helps()
        says = f"the speech of the recordings lies at {level:.0f} dBFS (median), where {SOFTEST_DBFS:.0f} to {LOUDEST_DBFS:.0f} are usual"
        if restored:
            says += f"; with a gain of {gain:+g} dB {right.after} of {right.of} commands are recognised in place of {right.before}"
        yield Finding(
            self.name,
            says,
            f"record louder or apply {gain:+g} dB before the front-end, or train with such levels"
            if restored
            else "see whether the device gives this level",
            cause=restored,
            about="the level of the recordings",
            evidence={"level_dbfs": level, "gain_db": gain, **right._asdict()},
        )


def _with_gain(model: ModelUnderTest, gain_db: float) -> PairedAccuracy:
    commands = model.sample_commands
    after = model.right_by(model.classifier.logits((model.windows * from_decibels(gain_db)).clamp(-1, 1)), model.sample_truth)
    return paired_accuracy(model.sample_right[commands], after[commands])
