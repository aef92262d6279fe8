"""Quantization-aware training: static int8, after the weights were fine-tuned with the rounding in place.

The network learns to answer what its float version answers (distillation), on the windows from which the ranges are learned; no label is
looked at. BatchNorm keeps its statistics and nothing is dropped out, so no random number is drawn but the order of the clips.
Sources: Jacob et al. (2018), arXiv:1712.05877; Hinton et al., Distilling the Knowledge in a Neural Network (2015), arXiv:1503.02531.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self

import torch
from torch import Tensor, fx, nn
from torch.ao.quantization import disable_observer
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from robustness.models.classifier import SMALLEST_PROBABILITY, Classifier, Output
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import QUANTIZERS, Calibration, Quantizer, required
from robustness.quantization.fx import BATCH, KernelEngine, converted, observed, prepared_graph, quantized_engine
from robustness.quantization.static import VariantOrigin, naming, variant_of
from robustness.seeds import generator_of
from robustness.training.batches import Batch
from robustness.training.trainer import fit, schedule

WARM_UP: Final = 0.1  # of the steps


@dataclass(frozen=True)
class Learning:
    """What the training loop asks of a plan: its targets are taken as they are, in full precision."""

    label_smoothing: float = 0.0
    precision: Literal["float32"] = "float32"


class LogProbabilities(nn.Module):
    """A network's answers as log-probabilities, whatever it gives; it stays in evaluation mode also while its weights learn."""

    def __init__(self, net: nn.Module, output: Output) -> None:
        super().__init__()
        self.net = net
        self.output = output

    def forward(self, features: Tensor) -> Tensor:
        """[clips 1 bands frames] → [clips labels]."""
        outputs = self.net(features.contiguous())
        return functional.log_softmax(outputs.clamp_min(SMALLEST_PROBABILITY).log() if self.output == "probabilities" else outputs, dim=1)

    def train(self, mode: bool = True) -> Self:
        """Nothing changes."""
        return self


@QUANTIZERS.register
@dataclass(frozen=True)
class QatInt8(Quantizer):
    """Static int8 whose weights were fine-tuned to answer as in float, with fake quantization, before they were converted."""

    name: ClassVar[str] = "qat-int8"
    source: ClassVar[str] = "torch.ao.quantization.quantize_fx.prepare_qat_fx; Jacob et al. (2018), arXiv:1712.05877"
    calibrated: ClassVar[bool] = True
    engine: KernelEngine = "x86"
    epochs: int = 8
    settling: int = 4  # of the epochs, the first, in which the ranges follow the clips; then they stay as they are
    learning_rate: float = 1e-5  # of AdamW at its peak; it falls to 0, for what int8 costs is little and a coarse step costs more
    seed: int = 0

    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The fine-tuned int8 variant; it runs on the CPU whatever the classifier's device."""
        features = classifier.features(required(calibration, self.name).samples).cpu().clone()
        answers = classifier.logits_from(features).softmax(1).clone()
        with quantized_engine(self.engine), naming(classifier, self.name):
            faking = observed(prepared_graph(module_of(classifier.network), features, only, self.engine, training=True), features)
            self._tune(faking, classifier.output, Batch(features, answers))
            return variant_of(classifier, converted(faking.eval(), features), VariantOrigin(self.name, self.engine, calibration, only))

    def _tune(self, faking: fx.GraphModule, output: Output, clips: Batch) -> None:
        """A few epochs, in the later ones with ranges that stay as they are."""
        net = LogProbabilities(faking, output)
        optimizer = torch.optim.AdamW(net.parameters(), lr=self.learning_rate, weight_decay=0.0)
        steps = self.epochs * math.ceil(len(clips.features) / BATCH)
        rates = LambdaLR(optimizer, lambda step: schedule(step / steps, WARM_UP))
        for epoch in range(self.epochs):
            if epoch == self.settling:
                faking.apply(disable_observer)
            fit(net, self._batches(clips, epoch), optimizer, Learning(), rates.step)

    def _batches(self, clips: Batch, epoch: int) -> Iterator[Batch]:
        order = torch.randperm(len(clips.features), generator=generator_of(self.seed, "qat", epoch))
        for rows in order.split(BATCH):
            yield Batch(clips.features[rows], clips.truth[rows])
