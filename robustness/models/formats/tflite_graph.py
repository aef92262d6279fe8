"""What does a TensorFlow Lite file say of itself: operators, tensors with their scales, and which of its weights run in int8?

Read through the interpreter, from the same bytes that it runs. A layer is an operator with weights, and is known by the first part of
the name of the tensor that it gives. A file is dynamic-range ("hybrid") if int8 weights meet float inputs: LiteRT then quantizes each
input as it comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from robustness.errors import CardError
from robustness.models.formats.base import FileLayer

AnyArray = npt.NDArray[Any]
POINTWISE: Final = frozenset("CONV_2D CONV_3D FULLY_CONNECTED".split())  # weights: output channels first
WEIGHTED: Final = frozenset(
    "CONV_2D DEPTHWISE_CONV_2D CONV_3D TRANSPOSE_CONV FULLY_CONNECTED SVDF LSTM UNIDIRECTIONAL_SEQUENCE_LSTM BATCH_MATMUL".split()
)
STATEFUL: Final = frozenset("VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE CALL_ONCE".split())
LAST: Final = {"SOFTMAX": "probabilities", "LOGISTIC": "sigmoids"}  # an operator by which a graph ends → the card's `output`


@dataclass(frozen=True)
class GraphTensor:
    """One tensor of a graph.

    Attributes:
        index: in the graph.
        name: as the file has it.
        shape: its axes.
        kind: the type of its numbers.
        scale: of a quantized one, else 0; value = scale × (number − zero point).
        zero_point: of a quantized one.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    kind: np.dtype[Any]
    scale: float
    zero_point: int

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> GraphTensor:
        """From the interpreter's details of a tensor."""
        scale, zero_point = said["quantization"]
        shape = tuple(int(size) for size in said["shape"])
        return cls(int(said["index"]), str(said["name"]), shape, np.dtype(said["dtype"]), float(scale), int(zero_point))

    @property
    def is_integer(self) -> bool:
        """Whether its numbers stand for others by a scale."""
        return bool(self.kind.kind in "iu")

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=np.int64))

    def values(self, numbers: AnyArray) -> npt.NDArray[np.float32]:
        """What its numbers stand for."""
        if not self.is_integer:
            return numbers.astype(np.float32)
        return ((numbers.astype(np.float64) - self.zero_point) * (self.scale or 1.0)).astype(np.float32)

    def numbers(self, values: AnyArray) -> AnyArray:
        """The numbers that stand for values, rounded and clipped to what the type holds."""
        if not self.is_integer:
            return values.astype(self.kind)
        held = np.iinfo(self.kind)
        return np.clip(np.round(values / self.scale) + self.zero_point, held.min, held.max).astype(self.kind)


class GraphLayer(NamedTuple):
    """An operator with weights, by a name of its own; the tensors that it takes and gives."""

    name: str
    operator: str
    taken: GraphTensor
    weights: GraphTensor
    given: GraphTensor
    parameters: int

    @property
    def multiplications(self) -> int:
        """Multiply-accumulates for one clip: what each output takes of the weights; a recurrent layer's weights at each of its steps."""
        shape = self.weights.shape
        if self.operator == "DEPTHWISE_CONV_2D":
            return self.given.count * int(np.prod(shape[1:3]))
        if self.operator in POINTWISE:
            return self.given.count * int(np.prod(shape[1:]))
        if self.operator == "TRANSPOSE_CONV":  # [outputs height width inputs], each input meets all but the last axis
            return self.taken.count * int(np.prod(shape[:-1]))
        if self.operator == "BATCH_MATMUL":
            return self.given.count * self.taken.shape[-1]
        return self.parameters * max(1, self.given.count // max(1, self.given.shape[-1]))

    @property
    def file_layer(self) -> FileLayer:
        """The same for those who know no TensorFlow Lite."""
        held = np.iinfo(self.given.kind) if self.given.is_integer else None
        ends = (None, None) if held is None else tuple((end - self.given.zero_point) * self.given.scale for end in (held.min, held.max))
        shape, quantized = self.given.shape, self.weights.is_integer
        return FileLayer(self.name, self.operator, shape, self.parameters, self.multiplications, quantized, *ends)


@dataclass(frozen=True)
class Graph:
    """What a file holds.

    Attributes:
        taken: the one input.
        given: the one output.
        layers: operators with weights, in their order.
        operators: the names of all operators, in their order.
        before: the int8 or int16 input of the softmax or sigmoid by which it ends; None where there is none.
        last: the operator by which it ends.
        keeps_state: whether an answer depends on the calls before it, as of streaming models.
    """

    taken: GraphTensor
    given: GraphTensor
    layers: tuple[GraphLayer, ...]
    operators: tuple[str, ...]
    before: GraphTensor | None
    last: str
    keeps_state: bool = False

    @property
    def parameters(self) -> int:
        """Weights and biases of its layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def quantized(self) -> list[str]:
        """The names of the layers that have integer weights."""
        return [layer.name for layer in self.layers if layer.weights.is_integer]

    @property
    def floats(self) -> list[str]:
        """The names of the layers that have float weights."""
        return [layer.name for layer in self.layers if not layer.weights.is_integer]

    @property
    def is_hybrid(self) -> bool:
        """Whether integer weights meet float inputs."""
        return any(layer.weights.is_integer and not layer.taken.is_integer for layer in self.layers)

    @property
    def quantized_share(self) -> float:
        """How much of the weights and biases belongs to layers with integer weights."""
        inside = sum(layer.parameters for layer in self.layers if layer.weights.is_integer)
        return inside / max(1, self.parameters)

    @property
    def type(self) -> str:
        """What it is, in words."""
        if self.is_hybrid:
            return "dynamic-range int8"
        return f"{self.taken.kind.name}" if not self.quantized else f"int8 with {self.taken.kind.name} activations at its input"


def graph_of(interpreter: Any) -> Graph:
    """The graph of an interpreter that has its tensors allocated and whose operators are not merged by a delegate.

    Raises:
        CardError: it has several inputs or outputs.
    """
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise CardError(f"the graph has {len(inputs)} inputs and {len(outputs)} outputs; expected one of each: features and scores")
    tensors = {one.index: one for one in map(GraphTensor.of, interpreter.get_tensor_details())}
    steps = interpreter._get_ops_details()  # LiteRT gives the operators nowhere else
    names = tuple(str(step["op_name"]) for step in steps)
    given = tensors[int(outputs[0]["index"])]
    last = next((step for step in steps if given.index in step["outputs"]), None)
    ends = "" if last is None else str(last["op_name"])
    before = tensors[int(last["inputs"][0])] if last is not None and ends in LAST else None
    return Graph(
        taken=tensors[int(inputs[0]["index"])],
        given=given,
        layers=_layers([step for step in steps if step["op_name"] in WEIGHTED], tensors),
        operators=names,
        before=before if before is not None and before.is_integer and given.is_integer else None,
        last=ends,
        keeps_state=bool(STATEFUL.intersection(names)),
    )


def _layers(steps: Sequence[Mapping[str, Any]], tensors: Mapping[int, GraphTensor]) -> tuple[GraphLayer, ...]:
    """Layers by the first part of their tensor's name, which a converter makes of all that it merged; by all of it if two would be one."""
    found = []
    names = [tensors[int(step["outputs"][0])].name for step in steps]
    short = [name.partition(";")[0] for name in names]
    for step, name, own in zip(steps, short, names, strict=True):
        held = [tensors[int(index)] for index in step["inputs"] if int(index) in tensors]
        given, parameters = tensors[int(step["outputs"][0])], sum(one.count for one in held[1:])
        called = name if short.count(name) == 1 else own
        taken = held[2] if step["op_name"] == "TRANSPOSE_CONV" else held[0]  # whose first input is the shape of its output
        found.append(GraphLayer(called, str(step["op_name"]), taken, held[1], given, parameters))
    return tuple(found)
