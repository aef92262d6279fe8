"""What every quantization scheme offers: a float classifier in, a variant of it out."""

from __future__ import annotations

import io
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from robustness.audio.files import some
from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of, parameter_count, with_module
from robustness.registry import Registry

# The kinds of layer that hold nearly all of a model.
WEIGHTED: Final = (
    *(nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear),
    *(nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell),
)
# What torch announces of its own quantization, by the beginning of each message; nothing measured here depends on it.
TORCH_SAYS: Final = (
    r"torch\.ao\.quantization is deprecated",  # "will be removed in 2.10": still there, and exact, in 2.14
    r"torch\.quantize_per_tensor, torch\.quantize_per_channel and other quantized tensor creation",  # pytorch/pytorch#184982
    r"Please use quant_min and quant_max to specify the range for observers",  # its own default configuration for x86 does not
    r"Default qconfig of oneDNN backend with reduce_range of false",  # said on the page, where the engine is named
    r"must run observer before calling calculate_qparams",  # where a saved variant is built, whose ranges are then loaded
)
DIGITS: Final = 16  # of a recording's SHA-256: enough to know it among any number


@dataclass(frozen=True, eq=False)
class Calibration:
    """The windows from which a static scheme learns the ranges of activations; never among those that are tested.

    Attributes:
        source: where they come from, for messages and the page.
        samples: [clips time], as the model hears them at its reference placement.
        ids: of the recordings.
        labels: of the recordings, in the model's vocabulary.
        sha256: a digest of ids and samples.
        clips: the SHA-256 of each recording's file, by which one that is also tested is known.
        notices: what is doubtful about them, such as a label of which there is none.
    """

    source: str
    samples: Tensor
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    sha256: str
    clips: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def about(self) -> dict[str, Any]:
        """What a variant keeps of it: source, digest, count, how many of each label, and the beginning of each recording's SHA-256."""
        labels = dict(sorted(Counter(self.labels).items()))
        hashes = sorted(clip[:DIGITS] for clip in self.clips)
        return {"source": self.source, "sha256": self.sha256, "clips": len(self.ids), "labels": labels, "recordings": hashes}


class Quantizer(ABC):
    """A named way of making a variant."""

    name: ClassVar[str]
    source: ClassVar[str]
    calibrated: ClassVar[bool] = False  # whether it needs calibration windows
    changes: ClassVar[bool] = True  # whether it needs weights that can be changed

    @abstractmethod
    def quantize(self, classifier: Classifier, calibration: Calibration | None = None, only: Collection[str] | None = None) -> Classifier:
        """The variant of a float classifier; the classifier itself stays as it was.

        Args:
            classifier: in float.
            calibration: for schemes that are `calibrated`.
            only: names of the layers to quantize, the others stay in float; None = all for which the scheme has a kernel.
        """


QUANTIZERS: Registry[Quantizer] = Registry("variant", "robustness.quantization.schemes")


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
        UsageError: where there is no such scheme, the message lists those that exist; where it learns from data and none is given; where
            `only` names no layer of the network.
        CardError: where the network cannot be quantized so.
    """
    quantizer = QUANTIZERS[scheme]
    if quantizer.changes and not classifier.network.can.weights:
        raise UsageError(f"{classifier.name} cannot be quantized as {scheme}: {classifier.network.without('weights')}")
    return quantizer().quantize(classifier, calibration, checked_layers(classifier, only))


def checked_layers(classifier: Classifier, only: Collection[str] | None) -> Collection[str] | None:
    """The names given, all of layers with weights.

    Raises:
        UsageError: where one is not.
    """
    if only is None:
        return None
    if not classifier.network.can.weights:
        raise UsageError(f"{classifier.name} has no layer {', '.join(only)} to quantize: {classifier.network.without('weights')}")
    layers = layer_names(module_of(classifier.network), WEIGHTED)
    absent = [name for name in only if name not in layers]
    if absent:
        raise UsageError(f"{classifier.name} has no layer {', '.join(absent)} to quantize; it has {', '.join(layers)}")
    return only


def required(calibration: Calibration | None, scheme: str) -> Calibration:
    """The calibration, where it is given.

    Raises:
        UsageError: where it is not.
    """
    if calibration is None:
        raise UsageError(
            f"{scheme} learns from recordings which values the layers give, and none were given for that; name a folder of some hundred "
            "that are not among the tested ones with --calibration DIR, or take dynamic-int8, which needs none"
        )
    return calibration


def quantized_network(classifier: Classifier, module: nn.Module) -> TorchNetwork:
    """A network with quantized layers in place of a float classifier's: behind them no gradient is one."""
    network = with_module(classifier.network, module)
    return replace(network, can=replace(network.can, gradients=False))


def saved_bytes(net: nn.Module) -> int:
    """The size of the saved state_dict, in bytes."""
    buffer = io.BytesIO()
    with torch_deprecations_filtered():
        torch.save(net.state_dict(), buffer)
    return buffer.tell()


def layer_names(net: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[str]:
    """The names of the modules of these kinds."""
    return [name for name, module in net.named_modules() if isinstance(module, kinds)]


def layers_about(original: nn.Module, kinds: tuple[type[nn.Module], ...], names: list[str], folded: Collection[str] = ()) -> dict[str, Any]:
    """Which layers with weights became int8 and which stayed float, and the share of the parameters in int8.

    Args:
        original: the float network.
        kinds: of layers that have weights.
        names: of those that became int8.
        folded: modules whose parameters are gone, for they were folded into a layer's.
    """
    inside = {name: parameter_count(original.get_submodule(name)) for name in names}
    whole = parameter_count(original) - sum(parameter_count(original.get_submodule(name)) for name in folded)
    return {
        "quantized_layers": names,
        "float_layers": [name for name in layer_names(original, kinds) if name not in inside],
        "quantized_share": sum(inside.values()) / max(1, whole),
    }


def cpu_kind() -> str:
    """The instructions that decide how this CPU's int8 kernels round, such as `AVX2` or `AVX512 with VNNI`."""
    has_vnni = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return f"{torch.backends.cpu.get_cpu_capability()}{' with VNNI' if has_vnni() else ''}"


def without_kernel(about: dict[str, Any], net: nn.Module, only: Collection[str] | None) -> list[str]:
    """A sentence for the layers that were asked for and stayed in float, by their kind; none where there are none."""
    left: dict[str, list[str]] = {}
    for name in about["float_layers"]:
        if only is None or name in only:
            left.setdefault(type(net.get_submodule(name)).__name__, []).append(name)
    if not left:
        return []
    named = ", ".join(f"{some(names)} ({kind})" for kind, names in left.items())
    return [f"no kernel for {named}: {'it stays' if sum(map(len, left.values())) == 1 else 'they stay'} in float"]


@contextmanager
def torch_deprecations_filtered() -> Iterator[None]:
    """Quiet for what torch announces of its own quantization; anything else is heard."""
    with warnings.catch_warnings():
        for message in TORCH_SAYS:
            warnings.filterwarnings("ignore", message=message)
        yield
