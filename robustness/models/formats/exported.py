"""A network in a program that `torch.export.save` wrote (`.pt2`): a graph of torch's own operators, run by torch.

A file is data, no factory is run; TorchScript, which is code, is refused. Each clip is asked alone, for most programs are exported for one.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from robustness.errors import CardError
from robustness.frontends.base import Frontend
from robustness.models.checkpoints import first_line
from robustness.models.formats.base import FORMATS, Capabilities, Format, Sought, from_file, no_kernels
from robustness.models.formats.graph_file import GraphFile
from robustness.models.formats.torch_module import gives_gradients


@dataclass(frozen=True, eq=False)
class ExportedNetwork(GraphFile):
    """An exported program.

    Attributes:
        module: the program, as a module.
        expected: the shape of its input.
        gradients: whether a gradient through it is one, as far as that was tried.
    """

    module: torch.nn.Module
    expected: tuple[int | str, ...]
    gradients: bool = False
    kind: str = "an exported program"

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """It answers, to several threads at once; its operators are torch's own, so most give gradients."""
        return replace(super().can, gradients=self.gradients)

    def tried(self, features: Tensor) -> ExportedNetwork:
        """The same, with whether a gradient arrives at these features."""
        return replace(self, gradients=gives_gradients(self, features))

    def __call__(self, features: Tensor) -> Tensor:
        """What the program gives to each clip alone, [clips 1 bands frames] → [clips labels].

        Raises:
            CardError: the features have another shape than its input.
        """
        return torch.cat([self.module(clip) for clip in self.given(features, self.expected).split(1)])


@FORMATS.register
@dataclass(frozen=True)
class Exported(Format):
    """A program that torch.export wrote."""

    name: ClassVar[str] = "exported"
    suffixes: ClassVar[tuple[str, ...]] = (".pt2",)
    deployed: ClassVar[bool] = True

    def load(self, sought: Sought) -> ExportedNetwork:
        """The program, on the CPU."""
        no_kernels(sought)
        return from_file(sought, lambda content: network_of(content, sought.frontend))


def network_of(content: bytes, frontend: Frontend) -> ExportedNetwork:
    """The network of a file's content.

    Raises:
        CardError: it is no exported program, or takes or gives other than one tensor.
    """
    program = program_of(content)
    shape = input_shape(program)
    if isinstance(shape[0], int) and shape[0] != 1:
        raise CardError(f"the program takes {list(shape)}; expected one clip at a time, [1 …]: export it so, or with a batch of any size")
    count = sum(weight.numel() for weight in program.parameters())
    about = {
        "engine": f"torch {torch.__version__.partition('+')[0]}, exported program",
        "type": "float32",
        "quantized_layers": [],
        "float_layers": sorted({name.rpartition(".")[0] for name in program.state_dict if name.endswith(".weight")}),
        "quantized_share": 0.0,
        "bytes": len(content),
        "notes": [],
    }
    return ExportedNetwork(frontend, about, count, program.module(), shape)


def program_of(content: bytes) -> torch.export.ExportedProgram:
    """The program in a file's content, of one input and one output.

    Raises:
        CardError: as `network_of` does.
    """
    _refuse_other(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.load(io.BytesIO(content))
    except Exception as error:  # torch raises anything for a damaged archive
        raise CardError(
            f"torch cannot read the program ({first_line(error)}); export it again by this torch, {torch.__version__}"
        ) from error
    inputs = [one for one in program.graph_signature.user_inputs if isinstance(one, str)]
    if len(inputs) != 1 or len(program.graph_signature.user_outputs) != 1:
        raise CardError(
            f"the program has {len(inputs)} inputs and {len(program.graph_signature.user_outputs)} outputs; expected one of each"
        )
    return program


def input_shape(program: torch.export.ExportedProgram) -> tuple[int | str, ...]:
    """The axes of a program's one input; a text is an axis of any size."""
    (name,) = [one for one in program.graph_signature.user_inputs if isinstance(one, str)]
    places = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    return tuple(size if isinstance(size, int) else str(size) for size in places[name].meta["val"].shape)


def _refuse_other(content: bytes) -> None:
    """Raises CardError for what is no archive of torch.export, by its entries."""
    try:
        names = {name.partition("/")[2] for name in zipfile.ZipFile(io.BytesIO(content)).namelist()}
    except zipfile.BadZipFile as error:
        raise CardError("it is no program that torch.export.save wrote, or is truncated; export it again") from error
    if any(name.startswith("code/") for name in names):
        raise CardError("it is a TorchScript program, which is code; export it by torch.export, or give a state_dict and a factory")
    if not any(name.startswith("models/") or name == "archive_format" for name in names):
        raise CardError("it is no program that torch.export.save wrote; export it again")
