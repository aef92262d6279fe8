"""The handle on a model: windows in, logits out, in two steps that can be asked.

A variant is a Classifier; nothing else branches on quantization. Logits are natural-log scores: where the network gives
log-probabilities they are used as they are, where it gives probabilities their logarithm is, where it gives sigmoids their log-odds are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import torch
from torch import Tensor

from robustness.analysis.outcomes import SIGMOIDS, SMALLEST, Decisions, Floats, OperatingPoint, decide, probabilities_of
from robustness.audio.placement import Frame
from robustness.audio.spelling import same_word
from robustness.conditions import OTHER_WORD
from robustness.errors import RecordingError, UsageError
from robustness.frontends.base import Frontend
from robustness.models.formats.base import Network

Output = Literal["logits", "log-probabilities", "probabilities", "sigmoids"]
ThresholdSetting = float | Mapping[str, float]
SMALLEST_PROBABILITY: Final = 1e-12  # its logarithm stands for the logit of a probability of 0
SMALLEST_SCORE: Final = 1e-30  # the same for what was read before a quantized softmax


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with its front-end, its labels and its window.

    Attributes:
        name: of the model, from its card.
        variant: of the network, such as `float32` or `dynamic-int8`.
        labels: the classes, in the order of the network's outputs.
        frontend: samples → features.
        network: features → outputs, [clips labels]; what it can beyond that it says.
        output: what the network's outputs are.
        frame: the window it hears.
        unknown: the label of words outside the vocabulary, if there is one.
        silence: the label of windows without a word, if there is one.
        threshold: the probability from which a command is carried out, one for all or by label; None is argmax.
        probability_step: of a network whose probabilities are quantized, such as 1 / 256; None is a float.
        device: where the network runs.
        about: facts about the variant: which layers are quantized, its size, its engine.
        deployed: whether the network is a file or program that ships, run as it is; nothing is quantized of it.
        surrogate: where the network has no gradients: one that has, and stands in for it for gradients only.
    """

    name: str
    variant: str
    labels: tuple[str, ...]
    frontend: Frontend
    network: Network
    output: Output
    frame: Frame
    unknown: str | None = None
    silence: str | None = None
    threshold: ThresholdSetting | None = None
    probability_step: float | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    about: dict[str, Any] = field(default_factory=dict)
    deployed: bool = False
    surrogate: Classifier | None = None

    def features(self, samples: Tensor) -> Tensor:
        """Features of windows, [clips time] → [clips 1 bands frames], on the classifier's device.

        What is longer than the window is what sounded before it: the front-end goes through it, and a network with a state is given its
        frames as well.
        """
        earlier = samples.shape[-1] - self.frame.samples
        with torch.inference_mode():
            if earlier > 0 and self.frame.memory:
                return self.frontend.continued(samples.to(self.device), earlier, every_frame=self.network.can.step_frames is not None)
            return self.frontend.features(samples.to(self.device))

    def forward(self, features: Tensor) -> Tensor:
        """Logits of features, [clips 1 bands frames] → [clips labels]; differentiable where declared."""
        return self.logits_of(self.outputs(features))

    def logits_of(self, outputs: Tensor) -> Tensor:
        """Logits of what the network gives, [clips labels]; differentiable where declared."""
        step = self.probability_step
        if self.output == SIGMOIDS:
            return outputs.logit(SMALLEST if step is None or self.network.finer else step / 4)
        if self.output == "probabilities":
            least = SMALLEST_SCORE if self.network.finer else SMALLEST_PROBABILITY if step is None else step / 2
            return outputs.clamp_min(least).log()
        return outputs

    def outputs(self, features: Tensor) -> Tensor:
        """What the network itself gives, before any conversion; as many clips at once as it takes."""
        placed, most = features.to(self.device), self.network.can.batch
        return self.network(placed) if most is None else torch.cat([self.network(part) for part in placed.split(most)])

    def behind_first(self, hidden: Tensor) -> Tensor:
        """Logits where the network's first layer gives this, [clips …] → [clips labels]; differentiable where declared."""
        return self.logits_of(self.network.behind_first(hidden))

    def masked(self, clip: Tensor, baseline: Tensor, masks: Tensor, batch: int) -> Tensor:
        """Logits of a clip [1 1 bands frames] in which the cells of each mask [masks bands frames] are the baseline's, [masks labels]."""
        return self.logits_of(self.network.masked(clip.to(self.device), baseline.to(self.device), masks.to(self.device), batch))

    def logits_from(self, features: Tensor) -> Tensor:
        """Logits of features without gradient, on the CPU: [clips 1 bands frames] → [clips labels]."""
        with self.network.evaluating(), torch.inference_mode():
            return self.forward(features).float().cpu()

    def logits(self, samples: Tensor) -> Tensor:
        """Logits of windows, [clips time] → [clips labels]."""
        return self.logits_from(self.features(samples))

    def activations(self, features: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """What layers give for features, on the CPU and in float: [clips 1 bands frames] → [clips …] by the layer's name.

        Args:
            features: of the windows.
            layers: names as in torch's `named_modules()`; a recurrent layer gives its outputs, without its last state.

        Returns:
            In the order in which the layers first run; one that does not run is left out.

        Raises:
            UsageError: where the network has no such layer, the message lists those with weights; or no layers that can be read.
        """
        try:
            return self.network.activations(features.to(self.device), layers)
        except UsageError as error:
            raise UsageError(f"{self.name} ({self.variant}) {error}") from error

    @property
    def differentiable(self) -> bool:
        """Whether a gradient through the network is one."""
        return self.network.can.gradients

    @property
    def point(self) -> OperatingPoint:
        """When a device acts on its answers."""
        said = {"labels": self.labels, "unknown": self.unknown, "silence": self.silence, "output": self.output}
        return OperatingPoint.of({**said, "threshold": self.threshold})

    def probabilities(self, logits: Tensor) -> Floats:
        """The probabilities that the device compares, [clips labels], from logits of that shape."""
        return probabilities_of(logits.numpy(), self.output, self.probability_step)

    def decide(self, logits: Tensor, truth: Tensor) -> Decisions:
        """What the device does.

        Args:
            logits: [clips labels].
            truth: the place of the label, or `NO_LABEL` or `NO_COMMAND` of `analysis.outcomes`, [clips].
        """
        probabilities = self.probabilities(logits)
        return decide(logits.numpy(), probabilities, truth.numpy(), labels=self.labels, point=self.point, step=self.probability_step)

    @property
    def rejections(self) -> tuple[str, ...]:
        """The labels that carry out no command."""
        return tuple(label for label in (self.unknown, self.silence) if label is not None)

    def truth(self, word: str | None) -> str | None:
        """The label that a word has in this vocabulary; `OTHER_WORD` where a command need not win and there is none for other words.

        Raises:
            RecordingError: where the word is outside and the model has no label for unknown words.
        """
        if word is None or word in self.labels:
            return word
        same = same_word(word, self.labels) or {"_silence_": self.silence, "_unknown_": self.unknown}.get(word)
        if same is not None:
            return same
        if self.unknown is None and not self.point.contest:
            return OTHER_WORD
        if self.unknown is None:
            raise RecordingError(
                f"the word {word!r} is not among the labels of {self.name} ({', '.join(self.labels)}) and its card names no "
                f"`unknown` label; leave those recordings out, or name that label in the card"
            )
        return self.unknown
