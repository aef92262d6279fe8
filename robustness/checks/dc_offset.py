"""Have the recordings a constant offset, as a microphone without a coupling capacitor gives?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustness.audio.doubts import LARGEST_OFFSET
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.paired_accuracy import paired_accuracy
from robustness.run.checks import Finding


@CHECKS.register
@dataclass(frozen=True)
class DcOffset(Check):
    """Samples whose mean is not 0."""

    name: ClassVar[str] = "dc-offset"
    order: ClassVar[int] = 50

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The offset, where half of the recordings have one, and what taking it away restores."""
        offsets = np.asarray([one.offset for one in model.facts])
        far = np.abs(offsets) > LARGEST_OFFSET
        if not far.any() or 2 * far.sum() < len(far):
            return
        filled = model.windows != 0  # what was padded stays silent
        means = (model.windows * filled).sum(1, keepdim=True) / filled.sum(1, keepdim=True).clamp_min(1)
        after = model.right_by(model.classifier.logits(model.windows - means * filled), model.sample_truth)
        lift = paired_accuracy(model.sample_right, after)
        gains = f"; without it {lift.after} of {lift.of} are recognised in place of {lift.before}" if lift.after > lift.before else ""
        yield Finding(
            self.name,
            f"{far.sum()} of {len(far)} recordings {'has' if far.sum() == 1 else 'have'} a constant offset, "
            f"{float(np.median(offsets[far])):+.3f} of full scale{gains}",
            "take the mean away before the front-end (a high-pass at 20 Hz in the device), in training too",
            cause=lift.restores(1) or lift.helps(),
            about="a constant offset in the recordings",
            evidence={"offset": float(np.median(offsets[far])), "recordings": int(far.sum()), "of": len(far), **lift._asdict()},
        )
