"""Are the network's outputs what the card says: logits, log-probabilities, probabilities, or a yes or no a label?

What contradicts itself (`probabilities` that do not sum to 1) is refused when a card is loaded; here are those that would go unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.run.checks import Finding

FEW: Final = 16  # windows
SUM: Final = 1e-3
SURE: Final = 0.5  # of windows of speech some are answered with this much


@CHECKS.register
@dataclass(frozen=True)
class OutputKind(Check):
    """Outputs of another kind than the card says."""

    name: ClassVar[str] = "output-kind"
    order: ClassVar[int] = 20

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """What the outputs look like, where that is another kind."""
        said, outputs = model.classifier.output, _outputs(model)
        low, high, total = float(outputs.min()), float(outputs.max()), outputs.double().sum(1)
        sums_to_one = bool(((total - 1).abs() <= SUM).all())
        evidence = {"said": said, "lowest": low, "highest": high, "least_sum": float(total.min()), "largest_sum": float(total.max())}
        about = "outputs of another kind"
        if said == "logits" and low >= 0 and high <= 1 and high >= SURE and not sums_to_one:
            yield Finding(
                self.name,
                f"the outputs all lie between {low:.2g} and {high:.2g} and sum to {float(total.min()):.2g} to {float(total.max()):.2g}: "
                f"they are sigmoids, one yes or no a label, and the card takes them for logits, whose probabilities would hardly differ",
                'write output = "sigmoids", with a threshold for the commands',
                about=about,
                evidence=evidence,
            )
        elif said == "sigmoids" and sums_to_one and len(model.classifier.labels) > 1:
            yield Finding(
                self.name,
                "the outputs sum to 1 in every window: they are probabilities of one softmax, and the card takes them for sigmoids",
                'write output = "probabilities"',
                about=about,
                evidence=evidence,
            )
        elif said == "logits" and high <= SUM and bool(((outputs.double().exp().sum(1) - 1).abs() <= SUM).all()):
            yield Finding(
                self.name,
                "the exponentials of the outputs sum to 1 in every window: they are log-probabilities, and the card takes them for logits; "
                "no answer differs by it",
                'write output = "log-probabilities", so that a check can hold them to it',
                cause=False,
                evidence=evidence,
            )


def _outputs(model: ModelUnderTest) -> Tensor:
    """What the network itself gives for some of the sample and the reference sounds, [clips labels]."""
    features = model.classifier.features(torch.cat([model.windows[:FEW], model.references]))
    with model.classifier.network.evaluating(), torch.inference_mode():
        return model.classifier.outputs(features).float().cpu()
