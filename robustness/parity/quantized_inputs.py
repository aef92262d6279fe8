"""What do the numbers that a quantized network took say of the features before them? They are steps of its input, rounded or cut."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.tflite import TfliteNetwork
from robustness.models.formats.tflite_graph import GraphTensor

Array = NDArray[np.float64]


class InputRange(NamedTuple):
    """Of a quantized input: the step of its numbers, and the least and the largest value that they stand for."""

    step: float
    lowest: float
    highest: float


def _taken(classifier: Classifier) -> GraphTensor:
    network = classifier.network
    if not isinstance(network, TfliteNetwork) or not network.graph.taken.is_integer:
        raise UsageError(
            f"the dump holds the numbers that a quantized network took, and {classifier.name} takes floats; give the file that ran"
        )
    return network.graph.taken


def features_of_inputs(classifier: Classifier, inputs: NDArray[np.int8]) -> Array:
    """What the numbers stand for, as the network has its axes, [clips …].

    Raises:
        UsageError: the network takes floats, or another number of them.
    """
    taken = _taken(classifier)
    if inputs.shape[1] != taken.count:
        raise UsageError(f"the dump loads {inputs.shape[1]} numbers a clip and {classifier.name} takes {taken.count}; is it of this model?")
    numbers = inputs.view(np.uint8) if taken.kind == np.uint8 else inputs
    return taken.values(numbers).astype(np.float64).reshape(len(inputs), *taken.shape[1:])


def input_range(classifier: Classifier) -> InputRange:
    """The step and the ends of what the network's input can stand for."""
    taken = _taken(classifier)
    ends = np.iinfo(taken.kind)
    low, high = (float(taken.values(np.asarray([end]))[0]) for end in (ends.min, ends.max))
    return InputRange(taken.scale, low, high)


def agrees_rounded(classifier: Classifier, given: Array, found: Array) -> bool:
    """Whether features were rounded to the nearest step, but for one in a hundred."""
    return _share(given, found, input_range(classifier).step, np.rint, _taken(classifier).zero_point) > 0.99


def agrees_cut(classifier: Classifier, given: Array, found: Array) -> bool:
    """Whether features were cut to a step, down or towards 0."""
    step, zero = input_range(classifier).step, _taken(classifier).zero_point
    return max(_share(given, found, step, how, zero) for how in (np.floor, np.trunc)) > 0.95


def _share(given: Array, found: Array, step: float, how: np.ufunc, zero: int) -> float:
    """The share of cells that are what `how` makes of ours."""
    return float((np.abs(how(found / step + zero) - (given / step + zero)) < 0.5).mean())
