"""What a device gave for known recordings, as far as it was kept: answers, and perhaps features, samples or a network's inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustness.conditions import Condition

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dump:
    """What a device gave.

    Attributes:
        ids: of the recordings; None if they are those given in their order.
        outputs: [clips labels].
        features: [clips bands frames], or with these two exchanged.
        samples: [clips time].
        inputs: what a quantized network took, [clips numbers], in its own order.
        conditions: under which the recordings were played, [clips]; None if as they are.
        resolution: of the outputs as they were printed: they are cut or rounded to it.
    """

    ids: tuple[str, ...] | None
    outputs: Array
    features: Array | None = None
    samples: Array | None = None
    inputs: NDArray[np.int8] | None = None
    resolution: float = 0.0
    conditions: tuple[Condition, ...] | None = None
