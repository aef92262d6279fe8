"""Which variants does a card give: those asked for, made of its float network, or the one that it already is.

A card can hold a quantized network: one that `robustness quantize` saved, or somebody else's. It is run as it is and not quantized
again; what is said of it is counted in the network, not read from the card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import torch
from torch import fx, nn
from torch.ao.nn.intrinsic.modules.fused import _FusedModule

from robustness.conditions import VARIANTS
from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of, parameter_count
from robustness.quantization.base import QUANTIZERS, WEIGHTED, Calibration, cpu_kind, layer_names, quantized, quantized_network, saved_bytes
from robustness.quantization.dynamic import DYNAMIC
from robustness.quantization.fx import kernel_names, quantized_engine
from robustness.quantization.one_by_one import alone_in_any_batch
from robustness.quantization.surrogates import with_surrogate

UNNAMED: Final = "int8"  # a quantized network whose card does not say by which scheme
PLAIN: Final = "float32"
Calibrate = Callable[[Classifier], Calibration]


class LeftOut(NamedTuple):
    """A variant that is none, and why."""

    model: str
    variant: str
    why: str

    def __str__(self) -> str:
        return f"{self.model}: {self.variant} is left out, because {self.why}"


class Variants(NamedTuple):
    """The variants of one or several cards, and what would be none."""

    made: list[Classifier]
    left_out: list[LeftOut]


def variants(classifier: Classifier, schemes: Sequence[str], calibrate: Calibrate | None = None) -> Variants:
    """The variants of a card's classifier, in the order of the schemes; one that is quantized already is the only one.

    A scheme that quantizes nothing of this network makes no variant: what it would answer is what the float network answers.

    Args:
        classifier: as `load_classifier` gives it.
        schemes: names in the registry.
        calibrate: reads the recordings from which schemes learn that need some; asked only where one does.

    Raises:
        RobustnessError: as `quantized` does.
    """
    if classifier.deployed:
        return Variants([classifier] if is_asked(classifier, schemes) else [], [])
    if is_quantized(classifier):
        return Variants([as_given(classifier)], [])
    changed = [scheme for scheme in schemes if QUANTIZERS[scheme].changes]
    if not classifier.network.can.weights:
        why = classifier.network.without("weights")
        plain = [quantized(classifier, scheme) for scheme in schemes if scheme not in changed]
        return _some(classifier, Variants(plain, [LeftOut(classifier.name, scheme, why) for scheme in changed]))
    learned = calibrate(classifier) if calibrate and any(QUANTIZERS[scheme].calibrated for scheme in schemes) else None
    made = [quantized(classifier, scheme, learned) for scheme in schemes]
    nothing = [one for one in made if one.variant in changed and not one.about["quantized_layers"]]
    left_out = [LeftOut(classifier.name, one.variant, _why(one)) for one in nothing]
    return _some(classifier, Variants([one for one in made if one not in nothing], left_out))


def _why(variant: Classifier) -> str:
    """Why a variant quantizes nothing."""
    floats = variant.about["float_layers"]
    return f"it quantizes nothing: {variant.about['notes'][0]}" if floats else "it quantizes nothing: the network has no layer with weights"


def _some(classifier: Classifier, found: Variants) -> Variants:
    """What was found, if it holds a variant.

    Raises:
        UsageError: it holds none.
    """
    if not found.made and found.left_out:
        raise UsageError(f"{'; '.join(map(str, found.left_out))}; no variant of {classifier.name} remains: ask for {PLAIN}")
    return found


def variants_of(models: Sequence[Classifier], schemes: Sequence[str], calibrate: Calibrate | None = None) -> Variants:
    """The variants of several cards, those of one name side by side, float first.

    A variant that one card gives is not made again of another, where there are no recordings to learn it from.

    Args:
        models: as `load_classifier` gives them.
        schemes: names in the registry, or of variants that the cards give.
        calibrate: as for `variants`.
    """
    files = [model.variant for model in models if model.deployed]
    schemes = spelled(schemes, [*files, *(given_name(model) for model in models if is_quantized(model))])
    known = {*files, *QUANTIZERS.names(), *(given_name(model) for model in models if is_quantized(model))}
    unknown = [scheme for scheme in schemes if scheme not in known]
    if files and unknown:
        raise UsageError(f"there is no variant {unknown[0]!r}; the cards give {', '.join(dict.fromkeys(files))}")
    given = {given_name(model) for model in models if is_quantized(model)} | {name for name in files if name not in QUANTIZERS.names()}
    asked = [scheme for scheme in schemes if calibrate is not None or scheme not in given]
    each = [variants(model, schemes if model.deployed else asked, calibrate) for model in models]
    made = [variant for found in each for variant in found.made]
    if not made:
        raise UsageError(f"no variant of {', '.join(schemes)} is there; the cards give {', '.join(dict.fromkeys(files))}")
    order = list(dict.fromkeys(variant.name for variant in made))
    sorted_by_model = sorted(made, key=lambda variant: (order.index(variant.name), variant.variant != PLAIN))
    return Variants(sorted_by_model, [one for found in each for one in found.left_out])


def spelled(schemes: Sequence[str], given: Sequence[str]) -> list[str]:
    """The names with `int8` spelled out: the int8 variant that the cards give, and without one the variant that is made by default."""
    own = [name for name in given if UNNAMED in name]
    meant = UNNAMED if UNNAMED in own else own[0] if own else VARIANTS[1]
    return [meant if scheme == UNNAMED else scheme for scheme in schemes]


def is_asked(classifier: Classifier, schemes: Sequence[str]) -> bool:
    """Whether a deployed file is run: it is named, or nothing but the default is asked for."""
    return classifier.variant in schemes or set(VARIANTS) <= set(schemes)


def is_quantized(classifier: Classifier) -> bool:
    """Whether the network of a card is a torch variant already: its card says so, or it has quantized layers."""
    if classifier.deployed:
        return False
    return classifier.variant != PLAIN or (classifier.network.can.modules and bool(quantized_names(module_of(classifier.network))))


def quantized_names(net: nn.Module) -> list[str]:
    """The names of the layers with weights that are quantized, dynamically or statically, in the network's order."""
    found = {*kernel_names(net), *layer_names(net, DYNAMIC)}
    return [name for name, _ in net.named_modules() if name in found]


def as_given(classifier: Classifier) -> Classifier:
    """A variant that a card holds, with its facts and its surrogate, and with answers that do not depend on the batch."""
    said = classifier.about
    with quantized_engine(said.get("engine", torch.backends.quantized.engine)):  # a copy of a layer is packed anew
        return _described(classifier, said)


def given_name(classifier: Classifier) -> str:
    """What the variant of a card that holds a quantized network is called."""
    return UNNAMED if classifier.variant == PLAIN else classifier.variant


def _described(classifier: Classifier, said: dict[str, Any]) -> Classifier:
    net = module_of(classifier.network)
    names = quantized_names(net)
    inside = sum(parameter_count(net.get_submodule(name)) for name in names)
    about = {
        "engine": said.get("engine", torch.backends.quantized.engine),
        "cpu": said.get("cpu", "not said by its card"),
        "type": said.get("type", "int8"),
        "quantized_layers": names,
        "float_layers": _float_names(net),
        "quantized_share": inside / max(1, parameter_count(net)),
        "bytes": saved_bytes(net),
        **{key: said[key] for key in ("quantized_functions", "results", "calibration", "made_of_sha256") if said.get(key)},
        "notes": [*said.get("notes", ()), *_elsewhere(said)],
    }
    variant = replace(
        classifier, variant=given_name(classifier), about=about, device=torch.device("cpu"), network=quantized_network(classifier, net)
    )
    alone = alone_in_any_batch(variant)
    return with_surrogate(alone, net if isinstance(net, fx.GraphModule) and kernel_names(net) else None)


def _float_names(net: nn.Module) -> list[str]:
    """The layers with weights that are in float; one that was fused with its ReLU has the name of the pair."""
    pairs = {name for name, module in net.named_modules() if isinstance(module, _FusedModule)}
    return [name.rpartition(".")[0] if name.rpartition(".")[0] in pairs else name for name in layer_names(net, WEIGHTED)]


def _elsewhere(said: dict[str, Any]) -> list[str]:
    """Where a variant was made on another kind of CPU or by another torch."""
    here = {"cpu": cpu_kind(), "torch": torch.__version__.partition("+")[0]}
    other = [f"{name} {said[name]}" for name in here if said.get(name) and said[name] != here[name]]
    if not other:
        return []
    ours = ", ".join(f"{name} {value}" for name, value in here.items() if said.get(name) != value)
    return [f"it was made with {', '.join(other)} and ran here with {ours}: int8 kernels may round differently there"]
