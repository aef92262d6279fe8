"""How does a network become one with int8 kernels: traced, its ranges learned from clips, converted; or a sentence why not.

torch.ao's FX mode, whose converted networks run integer kernels without a compiler. What follows a layer and can be folded into it is:
BatchNorm into the weights, ReLU into the kernel. Layers have the names that they have in the float network.
Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference (2018), arXiv:1712.05877.
"""

from __future__ import annotations

import copy
import re
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.ao.quantization import QConfigMapping, get_default_qat_qconfig_mapping, get_default_qconfig_mapping
from torch.ao.quantization.fx.tracer import QuantizationTracer
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx, prepare_qat_fx
from torch.nn import functional

from robustness.errors import CardError, RobustnessError, UsageError
from robustness.quantization.base import torch_deprecations_filtered
from robustness.quantization.tracing import NORMALIZING, PLAIN, methods, plainly_traced, with_affine_norms, with_float_front

KernelEngine = Literal["x86", "onednn", "fbgemm", "qnnpack"]
BATCH: Final = 32  # clips from which ranges are learned at once; the histograms depend on it a little
KERNELS: Final = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized")
OURS: Final = str(Path(__file__).resolve().parent.parent)
LIBRARY: Final = str(Path(torch.__file__).parent)
WITHOUT_NAMES: Final = (
    functional.linear,
    functional.conv1d,
    functional.conv2d,
)  # weights without a layer's name: left in float
FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)[^\n]*\n\s*(?P<code>[^\n]*)')
NO_TRACE_NEEDED: Final = "dynamic-int8 or dynamic-float16, which need no trace"


class SourceLine(NamedTuple):
    """A line of somebody's code."""

    file: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}, line {self.line} (`{self.code.strip()}`)"


@contextmanager
def quantized_engine(name: KernelEngine) -> Iterator[None]:
    """While weights are packed: the library whose kernels run.

    Raises:
        UsageError: where this machine's torch lacks it; those it has are named.
    """
    there = [engine for engine in torch.backends.quantized.supported_engines if engine != "none"]
    if name not in there:
        raise UsageError(f"this CPU's torch has no int8 engine {name!r}; it has {', '.join(there)}: quantize the model for one of those")
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def prepared_graph(
    net: nn.Module,
    example: Tensor,
    only: Collection[str] | None,
    engine: KernelEngine,
    *,
    training: bool = False,
    plain: bool = True,
) -> fx.GraphModule:
    """A traced copy with an observer at every activation that becomes int8, or with fake quantization where it is for training.

    Args:
        net: in float, in evaluation mode.
        example: features, [clips 1 bands frames].
        only: names of the layers to quantize; None = all that can be.
        engine: whose ranges to learn.
        training: fake quantization, with gradients, in place of observers.
        plain: whether methods are taken as functions and what lies before the first layer with weights stays in float; variants that were
            saved before this have neither.

    Raises:
        CardError: where torch cannot trace it, the sentence names the line; or BatchNorm in it depends on the batch.
    """
    with torch_deprecations_filtered(), torch.random.fork_rng(devices=[]):  # layers are made with random weights, then filled
        made = (get_default_qat_qconfig_mapping if training else get_default_qconfig_mapping)(engine)
        mapping = _confined(made, net, only)
        original: nn.Module = copy.deepcopy(net).cpu().train(training)
        try:
            lines: dict[str, str | None] = {}
            if plain:
                original = plainly_traced(original)
                mapping = with_float_front(mapping, original)
                lines = {node.name: node.stack_trace for node in original.graph.nodes}
            original = with_affine_norms(original)
            traced: fx.GraphModule = (prepare_qat_fx if training else prepare_fx)(original, mapping, (example[:1],))
        except RobustnessError:
            raise
        except Exception as error:  # the user's own code runs, and may raise anything
            raise CardError(_untraceable(error)) from error
    for node in traced.graph.nodes:  # torch traces once more, and then the lines are those of its own code
        node.stack_trace = lines.get(node.name, node.stack_trace)
    return traced.eval()


def observed(observing: fx.GraphModule, features: Tensor) -> fx.GraphModule:
    """The same, after it has seen these features, [clips 1 bands frames]."""
    with torch.no_grad(), torch_deprecations_filtered():
        for part in features.split(BATCH):
            observing(part)
    return observing


def converted(observing: fx.GraphModule, example: Tensor | None) -> fx.GraphModule:
    """The network with int8 kernels.

    Args:
        observing: as `prepared` gives it, after it has seen features.
        example: features to try it on; None does not try.

    Raises:
        CardError: where it does not run once its activations are int8; the sentence names the line.
    """
    with torch_deprecations_filtered(), torch.random.fork_rng(devices=[]):
        net: fx.GraphModule = convert_fx(observing)
    if example is not None:
        _tried(net, example[:1])
    return net


def kernel_names(net: nn.Module) -> list[str]:
    """The names of the modules that run an int8 kernel with weights."""
    return [name for name, module in net.named_modules() if type(module).__module__.startswith(KERNELS) and hasattr(module, "weight")]


def _confined(mapping: QConfigMapping, net: nn.Module, only: Collection[str] | None) -> QConfigMapping:
    """The configuration of these layers alone."""
    for function in WITHOUT_NAMES:
        mapping.set_object_type(function, None)
    if only is None:
        return mapping
    confined = QConfigMapping().set_global(None)
    for name in only:
        kind = type(net.get_submodule(name))
        confined.set_module_name(name, mapping.object_type_qconfigs.get(kind, mapping.global_qconfig))
    return confined


def _tried(net: fx.GraphModule, example: Tensor) -> None:
    walk = _Walk(net)
    try:
        with torch.inference_mode():
            walk.run(example)
    except Exception as error:
        raise CardError(_broken(walk.at, error)) from error


class _Walk(fx.Interpreter):
    """Runs a graph and remembers how far it came."""

    at: fx.Node | None = None

    def run_node(self, n: fx.Node) -> object:
        self.at = n
        return super().run_node(n)


def _untraceable(error: Exception) -> str:
    frames = [SourceLine(f.filename, f.lineno or 0, f.line or "") for f in traceback.extract_tb(error.__traceback__)]
    place = _theirs(frames)
    what = f"{place} cannot be" if place else "its code cannot be"
    return (
        f"its computation has to be traced before activations can be int8, and {what}: {_first(error)}; write it without decisions in "
        f"Python on values or sizes of tensors, or take {NO_TRACE_NEEDED}"
    )


def _broken(node: fx.Node | None, error: Exception) -> str:
    place = _theirs(_places(node))
    where = f" in {place}" if place else f" at {node.target}" if node else ""
    if node is not None and node.target == "view":
        return (
            f"`view` fails{where} once activations are int8, for those are stored with channels last; write `flatten(1)` or `reshape` "
            f"there, which give the same numbers, or take {NO_TRACE_NEEDED}"
        )
    return f"it does not run{where} once its activations are int8: {_first(error)}; leave that layer in float, or take {NO_TRACE_NEEDED}"


def _theirs(frames: list[SourceLine]) -> SourceLine | None:
    """The innermost line that is not torch's or ours."""
    outside = [frame for frame in frames if not frame.file.startswith((LIBRARY, "<")) and frame.file != __file__]
    return outside[-1] if outside else None


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def results(net: nn.Module, kernels: nn.Module) -> dict[str, str]:
    """For each layer with an int8 kernel, the module of the float network whose output the kernel gives, with all that is folded into it.

    A layer into which a ReLU is folded that is a function and no module has no such module, and is left out.
    """
    with torch_deprecations_filtered():
        graph = fx.symbolic_trace(net).graph
    modules, names = dict(net.named_modules()), kernel_names(kernels)
    last = {str(node.target): _folded(node, modules) for node in graph.nodes if node.op == "call_module" and node.target in names}
    relu = {name for name in names if "ReLU" in type(kernels.get_submodule(name)).__name__}
    return {name: found for name, found in last.items() if isinstance(modules[found], nn.ReLU) == (name in relu)}


def spelt_otherwise(net: nn.Module) -> list[str]:
    """A sentence for each method in the user's own code that was taken as the function of its name."""
    tracer = QuantizationTracer([], [])
    with torch_deprecations_filtered():
        found = methods(tracer.trace(copy.deepcopy(net)))
    lines = [(str(node.target), _theirs(_places(node))) for node in found]
    how = "for as a method FX takes it to float and back: write it so before you convert the network yourself"
    return [
        f"`.{name}(…)`{f' in {place}' if place else ''} was taken as `torch.{PLAIN[name].__name__}(x, …)`, {how}"
        for name, place in dict.fromkeys(lines)
        if place is None or not place.file.startswith(OURS)
    ]


def _places(node: fx.Node | None) -> list[SourceLine]:
    return [SourceLine(m["file"], int(m["line"]), m["code"]) for m in FRAME.finditer((node.stack_trace if node else None) or "")]


def _folded(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """The last module of the only path from a layer: itself, then BatchNorm, then ReLU."""
    at = node
    for kinds in (NORMALIZING, (nn.ReLU,)):
        users = list(at.users)
        if len(users) == 1 and users[0].op == "call_module" and isinstance(modules[str(users[0].target)], kinds):
            at = users[0]
    return str(at.target)
