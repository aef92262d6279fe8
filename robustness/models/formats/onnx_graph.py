"""Which layers does an ONNX graph have, and what does each give? Read from the nodes and the shapes of the file; nothing is run here.

A layer gives what stands after its bias and its clipping, and, in an int8 graph, after its scale: the last of the nodes that follow it
alone. So a float file and the int8 file that was made of it are compared where both have the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from robustness.models.formats.base import FileLayer

KINDS: Final = {  # operators with weights: what they compute (a Gemm is a MatMul with a bias), and which input the weights are
    "Conv": ("Conv", 1),
    "ConvTranspose": ("ConvTranspose", 1),
    "Gemm": ("MatMul", 1),
    "MatMul": ("MatMul", 1),
    "LSTM": ("LSTM", 1),
    "GRU": ("GRU", 1),
    "ConvInteger": ("Conv", 1),
    "MatMulInteger": ("MatMul", 1),
    "QLinearConv": ("Conv", 3),
    "QLinearMatMul": ("MatMul", 3),
    "QGemm": ("MatMul", 3),
}
GIVEN_BY: Final = {"QLinearConv": (6, 7), "QLinearMatMul": (6, 7), "QGemm": (7, 8), "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2)}
WITH_CONSTANTS: Final = frozenset({"Add", "Mul", "BatchNormalization"})
FOLLOWING: Final = frozenset({"Relu", "Clip", "Cast", "QuantizeLinear", "DequantizeLinear"}) | WITH_CONSTANTS
NO_WEIGHTS: Final = frozenset({"QuantizeLinear", "DequantizeLinear", "Mul", "Clip"})  # what these take are scales and limits
AnyArray = npt.NDArray[Any]


@dataclass(frozen=True)
class OnnxLayer:
    """A layer with weights.

    Attributes:
        file_layer: what is known of it.
        tensor: the name of what it gives, as in the graph.
        scale: what one step of that stands for, where it is integers; None for floats.
        zero_point: the integer that stands for 0.
    """

    file_layer: FileLayer
    tensor: str
    scale: float | None = None
    zero_point: int = 0

    def values(self, given: AnyArray) -> npt.NDArray[np.float32]:
        """What the tensor stands for, in float."""
        numbers = given.astype(np.float32)
        return numbers if self.scale is None else (numbers - np.float32(self.zero_point)) * np.float32(self.scale)


class Nodes:
    """The nodes of a graph, by what they give and by what they take.

    Args:
        model: as the package onnx reads it.
    """

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper, shape_inference

        graph = shape_inference.infer_shapes(model).graph
        self.all = list(graph.node)
        self.constants: dict[str, AnyArray] = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        for node in self.all:
            value = next((one for one in node.attribute if one.name == "value"), None)
            if node.op_type == "Constant" and value is not None:
                self.constants[node.output[0]] = numpy_helper.to_array(value.t)
        self.made_by = {name: node for node in self.all for name in node.output}
        self.takers: dict[str, list[Any]] = defaultdict(list)
        for node in self.all:
            for name in set(node.input):
                self.takers[name].append(node)
        self.given = {one.name for one in graph.output}
        known = (*graph.value_info, *graph.output, *graph.input)
        self.shapes = {one.name: tuple(size.dim_value or 1 for size in one.type.tensor_type.shape.dim) for one in known}

    def constant(self, name: str) -> AnyArray | None:
        """An array of the file, also one that is kept in int8 or in another shape; None for what is computed."""
        node = self.made_by.get(name)
        if name not in self.constants and node is not None and node.op_type in ("DequantizeLinear", "Reshape"):
            return self.constants.get(node.input[0])
        return self.constants.get(name)

    def last_of(self, node: Any) -> Any:
        """The last of the nodes that follow this one alone and belong to it: its bias, its clipping, its scale."""
        while True:
            takers = self.takers[node.output[0]]
            if node.output[0] in self.given or len(takers) != 1 or not self._belongs(node, takers[0]):
                return node
            node = takers[0]

    def _belongs(self, node: Any, following: Any) -> bool:
        """Whether the next node is a part of the layer: an int8 layer ends where it is float again, or with its last clipping."""
        if following.op_type not in FOLLOWING or node.op_type == "DequantizeLinear":
            return False
        others = [name for name in following.input if name and name != node.output[0]]
        if following.op_type in WITH_CONSTANTS:
            scales = following.op_type == "Mul" and node.op_type == "Cast"  # of int8 with dynamic scales
            return scales or (node.op_type not in ("Relu", "Clip") and all(self.constant(name) is not None for name in others))
        return True


def layers_of(model: Any) -> tuple[OnnxLayer, ...]:
    """The layers with weights, in the order they run.

    Args:
        model: as the package onnx reads it.
    """
    nodes = Nodes(model)
    return tuple(found for node in nodes.all if (found := _layer(nodes, node)) is not None)


def _layer(nodes: Nodes, node: Any) -> OnnxLayer | None:
    kind, place = KINDS.get(node.op_type, ("", 0))
    weights = nodes.constant(node.input[place]) if kind and len(node.input) > place else None
    if weights is None or weights.ndim < 2:
        return None
    last = nodes.last_of(node)
    tensor, turned = last.output[0], any(one.name == "transB" and one.i for one in node.attribute)
    rows = (1, weights.shape[0 if turned else -1])  # of an operator whose shape nobody infers
    shape = nodes.shapes.get(tensor) or nodes.shapes.get(node.output[0]) or rows
    scale, zero_point, low, high = None, 0, None, None
    bound = _integers(nodes, last)
    if bound is not None:
        step, zero, ends = bound
        low, high = (step * (end - zero) for end in ends)
        if last.op_type != "DequantizeLinear":
            scale, zero_point = step, zero
    parameters = sum(one.size for one in _arrays(nodes, node, last))
    quantized = weights.dtype.itemsize == 1
    name = node.output[0].removesuffix("_quantized")
    count = _multiplications(kind, weights, nodes.shapes.get(node.output[0], shape))
    return OnnxLayer(FileLayer(name, kind, shape, parameters, count, quantized, low, high), tensor, scale, zero_point)


def _integers(nodes: Nodes, last: Any) -> tuple[float, int, tuple[int, int]] | None:
    """Step, zero point and ends of the integers in which a layer ends; None where it ends in floats."""
    if last.op_type not in GIVEN_BY:
        return None
    found = [nodes.constants.get(last.input[place]) if len(last.input) > place else None for place in GIVEN_BY[last.op_type]]
    scale, zero = found
    if scale is None or scale.size != 1:
        return None
    kind = np.iinfo(zero.dtype if zero is not None else np.uint8)
    return float(scale.reshape(-1)[0]), int(zero.reshape(-1)[0]) if zero is not None else 0, (int(kind.min), int(kind.max))


def _arrays(nodes: Nodes, node: Any, last: Any) -> Iterator[AnyArray]:
    """Its weights and biases: arrays of more than one number that it or the nodes after it take, without scales by channel."""
    while True:
        held = {"QLinearConv": (3, 8), "QGemm": (3, 6), "QLinearMatMul": (3,), "BatchNormalization": (1, 2)}.get(node.op_type)
        for place, name in enumerate(node.input):
            found = None if node.op_type in NO_WEIGHTS or (held and place not in held) else nodes.constant(name)
            if found is not None and found.size > 1:
                yield found
        if node is last:
            return
        node = nodes.takers[node.output[0]][0]


def _multiplications(kind: str, weights: AnyArray, shape: tuple[int, ...]) -> int:
    """Multiply-accumulates for one clip: what each output takes of the weights; a recurrent layer's at one of its steps."""
    if kind == "Conv":  # [outputs, inputs of the group, …]
        return int(np.prod(shape)) * int(np.prod(weights.shape[1:]))
    if kind == "MatMul":  # a row of outputs takes all weights
        return int(np.prod(shape[:-1])) * int(weights.size)
    return int(weights.size)
