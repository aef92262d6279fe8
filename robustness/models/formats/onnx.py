"""A network in an ONNX file, float or int8, run by ONNX Runtime on the CPU (the extra `onnx`).

A file is data, no code is run: operators that ONNX Runtime lacks and weights outside of the file are refused. Each clip is asked alone, so
that no answer depends on its batch-mates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.errors import CardError, UsageError
from robustness.frontends.base import Frontend
from robustness.models.checkpoints import first_line
from robustness.models.formats.base import FORMATS, Capabilities, FileLayer, Format, Sought, from_file, no_kernels
from robustness.models.formats.graph_file import GraphFile
from robustness.models.formats.onnx_graph import OnnxLayer, layers_of

INSTALL: Final = "pip install 'speech-robustness[onnx]'"
TYPES: Final = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
INTEGERS: Final = {"tensor(int8)": np.int8, "tensor(uint8)": np.uint8}
QUANTIZED: Final = ("QLinear", "QGemm", "DynamicQuantize", "MatMulInteger", "ConvInteger", "DequantizeLinear")


@dataclass(frozen=True, eq=False)
class OnnxNetwork(GraphFile):
    """An ONNX graph.

    Attributes:
        content: of the file.
        session: runs it; several threads may ask it at once.
        layers: those with weights.
    """

    content: bytes
    session: Any
    layers: tuple[OnnxLayer, ...] = ()
    kind: str = "an ONNX file"

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """It answers, to several threads at once; its layers can be read by `activations` and not replaced."""
        return replace(super().can, layers=bool(self.layers))

    def file_layers(self) -> tuple[FileLayer, ...]:
        """Its layers with weights."""
        return tuple(layer.file_layer for layer in self.layers)

    def layer_names(self) -> tuple[str, ...]:
        """Its layers with weights, in the order they run."""
        return tuple(layer.file_layer.name for layer in self.layers)

    def __call__(self, features: Tensor) -> Tensor:
        """What the graph gives to each clip alone, [clips 1 bands frames] → [clips labels].

        Raises:
            CardError: the features have another shape or type than its input.
        """
        name, numbers = self._numbers(features)
        rows = [self.session.run(None, {name: clip[None]})[0].reshape(1, -1) for clip in numbers]
        return torch.from_numpy(np.concatenate(rows).astype(np.float32))

    def activations(self, features: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """What layers give for features, in float, as the file has their axes: a second session gives it beside the scores.

        Raises:
            UsageError: it has no layer of that name.
        """
        known = {layer.file_layer.name: layer for layer in self.layers}
        missing = [name for name in layers if name not in known]
        if missing:
            raise UsageError(f"has no layer {missing[0]!r}; it has {', '.join(known) or 'none'}")
        wanted = [known[name] for name in layers]
        if not wanted:
            return {}
        session, (name, numbers) = self._showing, self._numbers(features)
        rows = [session.run([layer.tensor for layer in wanted], {name: clip[None]}) for clip in numbers]
        return {
            layer.file_layer.name: torch.from_numpy(np.concatenate([layer.values(row[place]) for row in rows]))
            for place, layer in enumerate(wanted)
        }

    def _numbers(self, features: Tensor) -> tuple[str, npt.NDArray[Any]]:
        """The input's name, and features as it takes them."""
        taken = self.session.get_inputs()[0]
        return taken.name, self.given(features, taken.shape).detach().numpy().astype((TYPES | INTEGERS)[taken.type])

    @cached_property
    def _showing(self) -> Any:
        """A session that gives what every layer gives."""
        import onnx

        model = model_of(self.content)
        scores = {one.name for one in model.graph.output}
        shown = dict.fromkeys(layer.tensor for layer in self.layers if layer.tensor not in scores)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in shown)
        return _session(model.SerializeToString())


@FORMATS.register
@dataclass(frozen=True)
class Onnx(Format):
    """An ONNX file."""

    name: ClassVar[str] = "onnx"
    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)
    deployed: ClassVar[bool] = True

    def load(self, sought: Sought) -> OnnxNetwork:
        """The graph, on one thread."""
        no_kernels(sought)
        return from_file(sought, lambda content: network_of(content, sought.frontend))


def network_of(content: bytes, frontend: Frontend) -> OnnxNetwork:
    """The network of a file's content.

    Raises:
        CardError: ONNX Runtime is not installed or cannot run it, its weights lie outside of it, or it has other than one input and output.
    """
    model = model_of(content)
    session = _session(content)
    taken, given = session.get_inputs(), session.get_outputs()
    if len(taken) != 1 or len(given) != 1:
        raise CardError(f"it has {len(taken)} inputs and {len(given)} outputs; expected one of each: features and scores")
    known = TYPES if not frontend.quantized else TYPES | INTEGERS
    if taken[0].type not in known:
        raise CardError(f"its input is {taken[0].type}; expected {', '.join(known)}: convert it with a float input")
    count = sum(int(np.prod(one.dims)) for one in model.graph.initializer)
    return OnnxNetwork(frontend, facts_of(model, content), count, content, session, layers_of(model))


def model_of(content: bytes) -> Any:
    """What an ONNX file holds, as the package onnx reads it.

    Raises:
        CardError: the extra is not installed, it is no such file, or its weights lie outside of it.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise CardError(f"a .onnx file needs ONNX Runtime; {INSTALL}") from error
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's own error, which has no public name
        raise CardError(f"it is no ONNX file, or is truncated ({first_line(error)}); export it again") from error
    if not model.graph.node:
        raise CardError("it is no ONNX file, or is empty: it holds no graph; export it again")
    outside = [one.name for one in model.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise CardError(f"its weights lie in another file ({outside[0]}); export it as one file, with external_data=False")
    return model


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise CardError(f"a .onnx file needs ONNX Runtime; {INSTALL}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it says of an error is in the error
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no public base
        raise CardError(f"ONNX Runtime cannot run it ({first_line(error)}); export it with operators of ONNX alone") from error


def facts_of(model: Any, content: bytes) -> dict[str, Any]:
    """What is known of the file: a node that computes with int8, or is given what was made of int8, is quantized."""
    counts = Counter(node.op_type for node in model.graph.node)
    made_of_int8 = {name for node in model.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    weighted = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul") or _is_integer(node.op_type)]
    inside = [node for node in weighted if _is_integer(node.op_type) or len(made_of_int8.intersection(node.input)) > 1]
    sizes = {one.name: int(np.prod(one.dims)) for one in model.graph.initializer}
    integer = sum(int(np.prod(one.dims)) for one in model.graph.initializer if one.data_type in (2, 3))  # UINT8, INT8
    return {
        "engine": f"ONNX Runtime {version('onnxruntime')}",
        "type": "int8" if inside else "float32",
        "quantized_layers": [node.name or node.output[0] for node in inside],
        "float_layers": [node.name or node.output[0] for node in weighted if node not in inside],
        "quantized_share": integer / max(1, sum(sizes.values())),
        "bytes": len(content),
        "notes": [f"operators: {', '.join(f'{name} × {count}' for name, count in sorted(counts.items()))}"],
    }


def _is_integer(operator: str) -> bool:
    return operator.startswith(QUANTIZED[:-1])
