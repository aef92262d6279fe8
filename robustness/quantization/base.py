"""What every quantization scheme offers: a float classifier in, a variant of it out."""

from __future__ import annotations

import io
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from robustness.classifiers.classifier import Classifier
from robustness.registry import Registry

WEIGHTED: Final = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.LSTM, nn.GRU)  # the kinds of layer that hold nearly all of a model
# What torch announces of its own quantization, by the beginning of each message; nothing measured here depends on it.
TORCH_SAYS: Final = (
    r"torch\.ao\.quantization is deprecated",  # "will be removed in 2.10": still there, and exact, in 2.14
    r"torch\.quantize_per_tensor, torch\.quantize_per_channel and other quantized tensor creation",  # pytorch/pytorch#184982
)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The windows from which a static scheme learns the ranges of activations; never among those that are tested.

    Attributes:
        source: where they come from, for messages and the page.
        samples: [clips time], as the model hears them at its reference placement.
        ids: of the recordings.
        labels: of the recordings, in the model's vocabulary.
        sha256: a digest of ids and samples.
    """

    source: str
    samples: Tensor
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    sha256: str


class Quantizer(ABC):
    """A named way of making a variant."""

    name: ClassVar[str]
    source: ClassVar[str]
    calibrated: ClassVar[bool] = False  # whether it needs calibration windows

    @abstractmethod
    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The variant of a float classifier; the classifier itself stays as it was.

        Args:
            classifier: in float.
            calibration: for schemes that are `calibrated`.
            only: names of the layers to quantize, the others stay in float; None = all for which the scheme has a kernel.
        """


QUANTIZERS: Registry[Quantizer] = Registry("variant", "robustness.quantization")


def quantized(
    classifier: Classifier, scheme: str, calibration: Calibration | None = None, only: Collection[str] | None = None
) -> Classifier:
    """The variant of a float classifier by the name of its scheme.

    Args:
        classifier: in float.
        scheme: a name in the registry.
        calibration: for schemes that learn the ranges of activations from data.
        only: names of the layers to quantize; None = all for which the scheme has a kernel.

    Raises:
        UsageError: where there is no such scheme; the message lists those that exist.
    """
    return QUANTIZERS[scheme]().quantize(classifier, calibration, only)


def saved_bytes(net: nn.Module) -> int:
    """The size of the saved state_dict, in bytes."""
    buffer = io.BytesIO()
    with torch_deprecations_filtered():
        torch.save(net.state_dict(), buffer)
    return buffer.tell()


def parameter_count(net: nn.Module) -> int:
    """Weights and biases of a float network."""
    return sum(parameter.numel() for parameter in net.parameters())


def layer_names(net: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[str]:
    """The names of the modules of these kinds."""
    return [name for name, module in net.named_modules() if isinstance(module, kinds)]


def layers_about(original: nn.Module, kinds: tuple[type[nn.Module], ...], names: list[str]) -> dict[str, Any]:
    """Which layers with weights became int8 and which stayed float, and the share of the parameters in int8."""
    inside = {name: parameter_count(original.get_submodule(name)) for name in names}
    return {
        "quantized_layers": names,
        "float_layers": [name for name in layer_names(original, kinds) if name not in inside],
        "quantized_share": sum(inside.values()) / max(1, parameter_count(original)),
    }


@contextmanager
def torch_deprecations_filtered() -> Iterator[None]:
    """Quiet for what torch announces of its own quantization; anything else is heard."""
    with warnings.catch_warnings():
        for message in TORCH_SAYS:
            warnings.filterwarnings("ignore", message=message)
        yield
