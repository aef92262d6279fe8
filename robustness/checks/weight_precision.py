"""Are the weights only as fine as half precision?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import torch

from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.models.formats.torch_module import module_of
from robustness.run.checks import Finding

ENOUGH: Final = 64  # weights, of which some would need more digits
HALVES: Final = ((torch.float16, "float16"), (torch.bfloat16, "bfloat16"))


@CHECKS.register
@dataclass(frozen=True)
class WeightPrecision(Check):
    """Weights that were stored in half precision."""

    name: ClassVar[str] = "weight-precision"
    order: ClassVar[int] = 80

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The type that holds every weight exactly."""
        network = model.classifier.network
        if not network.can.modules:
            return
        weights = [one.detach() for one in module_of(network).parameters() if one.is_floating_point()]
        values = torch.cat([one.flatten().float().cpu() for one in weights]) if weights else torch.zeros(0)
        if len(values.unique()) < ENOUGH:
            return
        for kind, name in HALVES:
            if bool((values == values.to(kind).float()).all()):
                yield Finding(
                    self.name,
                    f"every one of the {len(values):,} weights is a {name} number: they were saved in half precision, and logits differ "
                    f"from those of the training by its rounding",
                    "save the state_dict before the network is made half, or give [golden] a tolerance that allows the rounding",
                    cause=False,
                    evidence={"type": name, "weights": len(values)},
                )
                return
