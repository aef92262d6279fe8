"""What does a deployed file say that a card needs: its labels, what it gives, and the shape of the features that it takes?

Read from the graph by the same doors that run it. Labels are taken where a file carries them: a text file with a label a line, packed
behind a `.tflite` as a zip archive, or an entry of an ONNX file's `metadata_props`.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from robustness.errors import CardError
from robustness.models.drafts.draft import shortened
from robustness.models.formats.exported import input_shape, program_of
from robustness.models.formats.onnx import facts_of, model_of
from robustness.models.formats.tflite import interpreter_of
from robustness.models.formats.tflite_graph import graph_of

ENDS: Final = {
    "softmax": "probabilities",
    "logistic": "sigmoids",
    "sigmoid": "sigmoids",
    "logsoftmax": "log-probabilities",
    "fullyconnected": "logits",
    "gemm": "logits",
    "linear": "logits",
    "addmm": "logits",
}
LABEL_KEYS: Final = ("labels", "classes", "class_names", "names", "id2label", "keywords", "vocabulary")
RATE_KEYS: Final = ("sample_rate", "sampling_rate", "rate_hz", "sample_rate_hz")
MOST_BYTES: Final = 1_000_000  # of a list of labels
WHOLE: Final = re.compile(r"[0-9]{1,6}")
WAKE_WORD: Final = (1, 3, 40)
NUMBERED: Final = re.compile(r"^(\d{1,6})[\s:,]+(\S.*)$")


@dataclass(frozen=True)
class GraphFacts:
    """What a file says of itself.

    Attributes:
        variant: by what name it goes in a card: `int8`, `float32` or `dynamic-range`.
        taken: its input in words.
        last: the operator by which it ends.
        count: the labels that it answers with; None if any number fits.
        labels: the labels, if it carries them.
        labels_from: where they were found.
        rate_hz: the sampling rate, if it says one.
        about: what else it says.
        hint: what its input looks like.
    """

    variant: str
    taken: str
    last: str
    count: int | None
    labels: tuple[str, ...] | None = None
    labels_from: str = ""
    rate_hz: int | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""

    @property
    def output(self) -> str | None:
        """What it gives, by its last operator; None if that does not tell."""
        return ENDS.get(self.last.replace("_", "").lower())


def tflite_facts(content: bytes) -> GraphFacts:
    """What a TensorFlow Lite file says.

    Raises:
        CardError: LiteRT is not installed or cannot read it.
    """
    graph = graph_of(interpreter_of(content, "reference"))
    taken, count = graph.taken, _count(graph.given.shape)
    scale = f", scale {taken.scale:.6g}, zero point {taken.zero_point}" if taken.is_integer else ""
    found = _packed_labels(content, count)
    looks = 'it looks like a micro-wake-word model: give `robustness init` its JSON manifest, or preset = "micro-wake-word"'
    return GraphFacts(
        variant="dynamic-range" if graph.is_hybrid else "int8" if graph.quantized else "float32",
        taken=f"[{_axes(taken.shape)}] {taken.kind.name}{scale}",
        last=graph.last,
        count=count,
        labels=found[1] if found else None,
        labels_from=f"{found[0]}, packed in the file" if found else "",
        hint=looks if graph.keeps_state and taken.shape == WAKE_WORD else "",
    )


def onnx_facts(content: bytes) -> GraphFacts:
    """What an ONNX file says.

    Raises:
        CardError: the extra is not installed, or it is no such file, or it has other than one input and output.
    """
    model = model_of(content)
    weights = {one.name for one in model.graph.initializer}
    inputs, outputs = [one for one in model.graph.input if one.name not in weights], model.graph.output
    if len(inputs) != 1 or len(outputs) != 1:
        raise CardError(f"it has {len(inputs)} inputs and {len(outputs)} outputs; expected one of each: features and scores")
    shape, given = (_onnx_shape(one) for one in (inputs[0], outputs[0]))
    props = {one.key: one.value for one in model.metadata_props}
    count = _count(given)
    key = next((key for key in props if key.lower() in LABEL_KEYS and _agrees(labels_of(props[key]), count)), None)
    rates = [int(value) for name, value in props.items() if name.lower() in RATE_KEYS and WHOLE.fullmatch(value.strip())]
    last = next((node.op_type for node in model.graph.node if outputs[0].name in node.output), "")
    return GraphFacts(
        variant=facts_of(model, content)["type"],
        taken=f"[{_axes(shape)}]",
        last=last,
        count=count,
        labels=labels_of(props[key]) if key else None,
        labels_from=f"metadata_props, {key}" if key else "",
        rate_hz=rates[0] if rates else None,
        about={shortened(name): shortened(value) for name, value in sorted(props.items()) if name != key},
    )


def exported_facts(content: bytes) -> GraphFacts:
    """What a program of torch.export says.

    Raises:
        CardError: it is no such program, or has other than one input and output.
    """
    program = program_of(content)
    given = next(node for node in program.graph.nodes if node.op == "output").args[0][0]
    if not isinstance(given, torch.fx.Node):
        raise CardError("the program gives a constant; expected scores, [clips labels]")
    name = str(given.target).split(".")  # such as aten.log_softmax.int
    return GraphFacts(
        variant="float32",
        taken=f"[{_axes(input_shape(program))}] {str(_input_type(program)).removeprefix('torch.')}",
        last=name[1] if len(name) > 1 else name[0],
        count=_count(tuple(given.meta["val"].shape)),
    )


FACTS: Final[dict[str, Callable[[bytes], GraphFacts]]] = {".tflite": tflite_facts, ".onnx": onnx_facts, ".pt2": exported_facts}


def _count(shape: tuple[Any, ...]) -> int | None:
    """The labels of an output of that shape; None if any number fits.

    Raises:
        CardError: it is a single number.
    """
    if not shape:
        raise CardError("its output is a single number without axes; expected scores, [clips labels]")
    return shape[-1] if isinstance(shape[-1], int) else None


def _input_type(program: Any) -> Any:
    return next(node.meta["val"].dtype for node in program.graph.nodes if node.name in program.graph_signature.user_inputs)


def _packed_labels(content: bytes, count: int | None) -> tuple[str, tuple[str, ...]] | None:
    """The name and the lines of a text in the archive behind a file that has one line a label."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = [one for one in archive.infolist() if one.filename.endswith(".txt") and one.file_size <= MOST_BYTES]
            found = {one.filename: labels_of(archive.read(one).decode("utf-8")) for one in texts}
    except (zipfile.BadZipFile, UnicodeDecodeError, OSError, RuntimeError, NotImplementedError):
        return None
    return next(((name, labels) for name, labels in found.items() if labels is not None and _agrees(labels, count)), None)


def labels_of(text: str) -> tuple[str, ...] | None:
    """Labels in a text, in their order: a list or a table by number in JSON or Python, a label a line, or with commas between them."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _literal(text)
    if isinstance(value, Mapping):
        numbered = {int(key): one for key, one in value.items() if WHOLE.fullmatch(str(key))}
        value = [numbered[key] for key in sorted(numbered)] if sorted(numbered) == list(range(len(value))) else None
    elif not isinstance(value, list):
        lines = [line.strip() for line in (text.splitlines() if "\n" in text.strip() else text.split(",")) if line.strip()]
        parts = [NUMBERED.match(line) for line in lines]
        ordered = [part[2] for index, part in enumerate(parts) if part and int(part[1]) == index]
        value = ordered if len(ordered) == len(lines) else lines
    labels = tuple(str(one).strip() for one in value or [])
    return labels if labels and all(labels) and len(set(labels)) == len(labels) else None


def _literal(text: str) -> Any:
    """What a text is in Python's notation, as some trainers write tables; it is read as data."""
    try:
        return ast.literal_eval(text[:MOST_BYTES])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _agrees(labels: tuple[str, ...] | None, count: int | None) -> bool:
    return labels is not None and (count is None or len(labels) == count)


def _onnx_shape(value: Any) -> tuple[int | str, ...]:
    kind = value.type.tensor_type
    return tuple(one.dim_value or one.dim_param or "any" for one in kind.shape.dim) if kind.HasField("shape") else ("any",)


def _axes(shape: tuple[int | str, ...]) -> str:
    return " ".join(map(str, shape))
