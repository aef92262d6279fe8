"""Which layer costs what? Each layer quantized alone and each left in float, by the scheme's own kernels; weights and activations apart.

The last two cannot be run by a kernel: they are simulated in float (see `simulation`), and are called so wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Literal, NamedTuple

from robustness.audit.simulation import SimulatedSide, simulated
from robustness.models.classifier import Classifier
from robustness.quantization.base import QUANTIZERS, Calibration, quantized

ExperimentKind = Literal["alone", "left", "weights", "activations", "both"]
TRAINS: Final = ("qat-int8",)  # schemes whose every network is trained anew
SIDES: tuple[SimulatedSide, ...] = ("weights", "activations", "both")


class Experiment(NamedTuple):
    """One changed network: what was changed, in which layer (None is all), whether it is simulated, and how it is made."""

    kind: ExperimentKind
    layer: str | None
    simulated: bool
    make: Callable[[], Classifier]


def experiments_on(original: Classifier, variant: Classifier, calibration: Calibration | None) -> Iterator[Experiment]:
    """Every experiment on a variant; none where its scheme trains, for then each would be another network.

    Args:
        original: in float.
        variant: made of it by a scheme of the registry.
        calibration: from which the variant was made.
    """
    layers: list[str] = variant.about["quantized_layers"]
    if not layers or not repeatable(variant, calibration):
        return
    for name in layers:
        yield Experiment("alone", name, False, partial(quantized, original, variant.variant, calibration, [name]))
    if len(layers) > 1:
        for name in layers:
            others = [other for other in layers if other != name]
            yield Experiment("left", name, False, partial(quantized, original, variant.variant, calibration, others))
    for side in SIDES:
        yield Experiment(side, None, True, partial(simulated, original, variant, layers, side))
    for name in layers if len(layers) > 1 else []:
        for side in SIDES[:2]:
            yield Experiment(side, name, True, partial(simulated, original, variant, [name], side))


def repeatable(variant: Classifier, calibration: Calibration | None) -> bool:
    """Whether its scheme makes the same network again, with other layers: known by name, with its calibration at hand, and no training."""
    if variant.variant not in QUANTIZERS.names():
        return False
    scheme = QUANTIZERS[variant.variant]
    return (calibration is not None or not scheme.calibrated) and scheme.name not in TRAINS
