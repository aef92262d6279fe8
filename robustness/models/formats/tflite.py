"""A network in a TensorFlow Lite file, run by LiteRT (the extra `tflite`) with the kernels of microcontrollers or those of a phone.

`kernels = "reference"` are the plain kernels that TFLite Micro shares (`OpResolverType.BUILTIN_REF`); `"xnnpack"` is what LiteRT runs on a
phone or PC, and `"builtin"` what it runs there without XNNPACK. They round otherwise: on MLPerf Tiny's int8 keyword model XNNPACK changes
a score in nearly every window, and the built-in kernels in one of twenty, by one step. A dynamic-range file is run by XNNPACK alone: TFLite
Micro refuses it. A file is data, no code is run.

An int8 softmax has steps of 1/256, and most of its values are 0 or 255/256. So scores are read before it, and outcomes after it: a score is
exp(f) normalised, moved by what is needed to lie in the interval of which the file's own probability is the multiple of the step. What
`Classifier.probabilities` makes of it is then exactly the file's, and differences of its logarithms are those before the softmax.
Each clip is asked alone, so that no answer depends on its batch-mates.

A graph with variables keeps a state from one call to the next, as streaming models do: it takes a few new frames at a step. A window is
then fed to it step by step from its first state on. Its probabilities are averaged over the last few steps, as the firmware does, and the
largest mean after a pre-roll is the window's score. A take is fed to it on and on (`started`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, ClassVar, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit, softmax
from torch import Tensor

from robustness.analysis.outcomes import NEAREST
from robustness.errors import CardError, UsageError
from robustness.frontends.base import Frontend
from robustness.models.checkpoints import first_line
from robustness.models.formats.base import FORMATS, Capabilities, FileLayer, Format, Network, Sought, from_file
from robustness.models.formats.tflite_graph import LAST, AnyArray, Graph, GraphTensor, graph_of

Kernels = Literal["reference", "builtin", "xnnpack"]
INSTALL: Final = "pip install 'speech-robustness[tflite]'"
INSIDE: Final = 1e-3  # of a step: how far inside of its interval a score is kept, far above float32's rounding
LEAST: Final = 1e-30  # float32 holds it, and an int8 softmax's inputs span less
HYBRID: Final = (
    "its weights are int8 and its activations float (dynamic range): TFLite Micro refuses such files, "
    "and no microcontroller's kernels run it"
)
CENSORED: Final = "nothing is kept before its quantized output, so margins stop at half of a step"


class Smoothing(NamedTuple):
    """How the answers of a graph with a state become a window's score.

    Attributes:
        steps: answers that are averaged; before the first there are zeros.
        preroll: frames at the window's start that only warm up the state.
        frames: of a window; more are what came before it, and warm up the state too. None takes every clip for a window.
    """

    steps: int = 1
    preroll: int = 0
    frames: int | None = None

    def score(self, answers: npt.NDArray[np.float64], step_frames: int) -> npt.NDArray[np.float64]:
        """The largest mean whose step ends in the window after the pre-roll, [steps labels] → [1 labels]."""
        before = np.concatenate([np.zeros((self.steps, answers.shape[1])), answers]).cumsum(axis=0)
        sums = before[self.steps :] - before[: -self.steps]
        earlier = 0 if self.frames is None else max(0, len(answers) - self.frames // step_frames)
        first = earlier + min(len(answers) - earlier - 1, -(-(self.preroll + 1) // step_frames) - 1)
        largest: npt.NDArray[np.float64] = sums[first:].max(axis=0, keepdims=True) / self.steps
        return largest

    @property
    def says(self) -> str:
        """In words, for the manifest."""
        mean = "probability" if self.steps == 1 else f"mean of {self.steps} probabilities"
        after = f" after a pre-roll of {self.preroll} frames" if self.preroll else ""
        return (
            f"it keeps a state: each window is fed to it step by step from its first state on, and the largest {mean}{after} is the score"
        )


@dataclass(frozen=True, eq=False)
class TfliteNetwork(Network):
    """A TensorFlow Lite graph.

    Attributes:
        content: of the file.
        kernels: which compute it.
        frontend: gives the features, and says in which order of axes.
        output: what the card says that it gives.
        graph: what the file holds.
        interpreter: runs it; one thread at a time.
        smoothing: of a graph with a state, how its answers become a score.
    """

    content: bytes
    kernels: Kernels
    frontend: Frontend
    output: str
    graph: Graph
    interpreter: Any
    smoothing: Smoothing = Smoothing()
    kind: str = "a TensorFlow Lite file"
    _turn: Lock = field(default_factory=Lock)

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """It answers, and can be copied; its layers can be read by `activations` and not replaced."""
        keeps = self.graph.keeps_state
        step = self.graph.taken.shape[1] if keeps else None
        return Capabilities(layers=not keeps, copies=True, step_frames=step, kernels=_engine(self.kernels))

    @property
    def parameters(self) -> int:
        """Weights and biases of its layers."""
        return self.graph.parameters

    @property
    def step(self) -> float | None:
        """The step of its probabilities."""
        given = self.graph.given
        return given.scale / self.smoothing.steps if given.is_integer and self.output in LAST.values() else None

    @property
    def finer(self) -> bool:
        """Whether its scores are read before the quantized softmax or sigmoid."""
        return (
            self.step is not None and not self.graph.keeps_state and self.graph.before is not None and LAST[self.graph.last] == self.output
        )

    @property
    def score_step(self) -> float | None:
        """The scale of what is before the quantized softmax."""
        return self.graph.before.scale if self.finer and self.graph.before is not None else None

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the file."""
        notes = [HYBRID] if self.graph.is_hybrid else []
        notes += [CENSORED] if self.step is not None and not self.finer else []
        notes += [self.smoothing.says] if self.graph.keeps_state else []
        return {
            "engine": _engine(self.kernels),
            "type": self.graph.type,
            "quantized_layers": self.graph.quantized,
            "float_layers": self.graph.floats,
            "quantized_share": self.graph.quantized_share,
            "bytes": len(self.content),
            "notes": notes,
        }

    def __call__(self, features: Tensor) -> Tensor:
        """What the graph gives to each clip alone, [clips 1 bands frames] → [clips labels].

        Raises:
            CardError: the features have another shape than its input.
        """
        given = self._given(features)
        if self.graph.keeps_state:
            rows = np.concatenate([self._last(clip) for clip in given])
        else:
            with self._turn:
                rows = self._answers(given[:, None], self.interpreter)
        return torch.from_numpy(rows.astype(np.float32))

    def tried(self, features: Tensor) -> TfliteNetwork:
        """The same; with a state it knows then how many frames a window has, [clips 1 bands frames]."""
        return replace(self, smoothing=self.smoothing._replace(frames=features.shape[-1])) if self.graph.keeps_state else self

    def copied(self) -> TfliteNetwork:
        """The same with an interpreter of its own."""
        made = interpreter_of(self.content, self.kernels)
        return TfliteNetwork(self.content, self.kernels, self.frontend, self.output, self.graph, made, self.smoothing)

    def quicker(self) -> TfliteNetwork | None:
        """By the built-in kernels, for the reference kernels; none for a graph with a state, whose error could grow from step to step."""
        return self._by("builtin")

    def of_a_pc(self) -> TfliteNetwork | None:
        """By XNNPACK, for the reference kernels; none for a graph with a state."""
        return self._by("xnnpack")

    def _by(self, kernels: Kernels) -> TfliteNetwork | None:
        if self.kernels != "reference" or self.graph.keeps_state:
            return None
        made = interpreter_of(self.content, kernels)
        return TfliteNetwork(self.content, kernels, self.frontend, self.output, self.graph, made)

    @property
    def for_micro(self) -> bytes:
        """The file."""
        return self.content

    def file_layers(self) -> tuple[FileLayer, ...]:
        """Its layers with weights; none of a graph with a state, whose layers give something else at each step."""
        return () if self.graph.keeps_state else tuple(layer.file_layer for layer in self.graph.layers)

    def layer_names(self) -> tuple[str, ...]:
        """Its layers with weights, in the order they run."""
        return () if self.graph.keeps_state else tuple(layer.name for layer in self.graph.layers)

    def started(self) -> Callable[[Tensor], Tensor]:
        """A run from its first state on: frames as they come, [frames bands] → [steps labels]; those of a broken step wait for the rest."""
        made, bands = interpreter_of(self.content, self.kernels), self.graph.taken.shape[2]
        step, waiting = self.graph.taken.shape[1], torch.zeros(0, bands)

        def run(frames: Tensor) -> Tensor:
            nonlocal waiting
            waiting = torch.cat([waiting, frames])
            whole, waiting = waiting.split([len(waiting) // step * step, len(waiting) % step])
            if not len(whole):
                return torch.zeros(0, self.graph.given.shape[-1])
            rows = self._answers(self._numbers(whole.numpy()).reshape(-1, 1, step, bands), made)
            return torch.from_numpy(rows.astype(np.float32))

        return run

    def activations(self, features: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """What layers give for features, on the CPU and in float, as the file has their axes; all tensors are kept for this."""
        known = {layer.name: layer.given for layer in self.graph.layers}
        missing = [name for name in layers if name not in known]
        if missing:
            raise UsageError(f"has no layer {missing[0]!r}; it has {', '.join(known)}")
        keeping = interpreter_of(self.content, self.kernels, keep=True)
        found: dict[str, list[AnyArray]] = {name: [] for name in known if name in layers}
        for clip in self._given(features):
            _run(keeping, self.graph.taken, clip[None])
            for name, parts in found.items():
                parts.append(known[name].values(keeping.get_tensor(known[name].index)))
        return {name: torch.from_numpy(np.concatenate(parts)) for name, parts in found.items()}

    def _given(self, features: Tensor) -> AnyArray:
        """Features as the numbers that its input takes, [clips …]."""
        taken = self.graph.taken
        values = self.frontend.given(features).detach().cpu().contiguous().numpy()
        if self.graph.keeps_state and values.ndim == 3 and values.shape[1] >= taken.shape[1] and values.shape[2:] == taken.shape[2:]:
            return self._numbers(values)
        if tuple(values.shape[1:]) != taken.shape[1:]:
            raise CardError(
                f"the graph takes [{_axes(taken.shape)}] {taken.kind.name} and the front-end gives [1 {_axes(values.shape[1:])}] a clip; "
                "correct [frontend] (its settings, or its layout) or window.duration_ms"
            )
        return self._numbers(values)

    def _numbers(self, values: AnyArray) -> AnyArray:
        taken = self.graph.taken
        return values.astype(taken.kind) if taken.is_integer and self.frontend.quantized else taken.numbers(values)

    def _last(self, clip: AnyArray) -> npt.NDArray[np.float64]:
        """The score of one clip by a graph with a state, [frames bands] → [1 labels]; the first frames fill no step."""
        made, step = interpreter_of(self.content, self.kernels), self.graph.taken.shape[1]
        whole = clip[len(clip) % step :].reshape(-1, 1, step, clip.shape[1])
        return self.smoothing.score(self._answers(whole, made), step)

    def _answers(self, clips: Iterable[AnyArray], interpreter: Any) -> npt.NDArray[np.float64]:
        """What is given to each clip, one after the other, [clips labels]."""
        given, before, step = self.graph.given, self.graph.before, self.step
        finer = before if self.finer and step is not None else None
        numbers, logits = [], []
        for clip in clips:
            _run(interpreter, self.graph.taken, clip)
            numbers.append(interpreter.get_tensor(given.index).reshape(1, -1))
            if finer is not None:
                logits.append(interpreter.get_tensor(finer.index).reshape(1, -1))
        counts = np.concatenate(numbers)
        if finer is None or step is None:
            return given.values(counts).astype(np.float64)
        return within_steps(finer.values(np.concatenate(logits)), counts.astype(np.int64) - given.zero_point, step, self.output)


def within_steps(logits: AnyArray, counts: npt.NDArray[np.int64], step: float, output: str) -> npt.NDArray[np.float64]:
    """Probabilities of logits, each moved as little as is needed to round to the file's own, [clips labels].

    Args:
        logits: before the softmax or sigmoid, [clips labels].
        counts: the file's probabilities as multiples of the step, [clips labels].
        step: of the probabilities.
        output: `probabilities` or `sigmoids`.
    """
    scores = np.asarray(logits, np.float64)
    p = softmax(scores, axis=1) if output == "probabilities" else expit(scores)
    low = np.where(counts <= 0, LEAST, (counts - 1 + NEAREST + INSIDE) * step)  # rounding is ceil(p / step − NEAREST)
    return np.clip(p, low, np.maximum(low, (counts + NEAREST - INSIDE) * step))


def interpreter_of(content: bytes, kernels: Kernels, *, keep: bool = False) -> Any:
    """An interpreter with its tensors allocated, on one thread.

    Args:
        content: of the file.
        kernels: which compute it.
        keep: whether every tensor can be read afterwards.

    Raises:
        CardError: LiteRT is not installed, cannot read the file, or lacks an operator.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ModuleNotFoundError as error:
        raise CardError(f"a .tflite file needs LiteRT; {INSTALL}") from error
    resolvers = {"reference": "BUILTIN_REF", "builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "xnnpack": "AUTO"}
    resolver = OpResolverType[resolvers[kernels]]
    if content[4:8] != b"TFL3":
        raise CardError("the file is no TensorFlow Lite model (they have TFL3 at their fifth byte); give the .tflite that ships")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that keeping all tensors takes memory, which is meant
            made = Interpreter(
                model_content=content,
                num_threads=1,
                experimental_op_resolver_type=resolver,
                experimental_preserve_all_tensors=keep,
            )
            made.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise CardError(_why(error)) from error
    return made


def _why(error: Exception) -> str:
    said = first_line(error)
    if "custom op" in said or "op_code" in said or "builtin opcode" in said or "Select TensorFlow op" in str(error):
        return f"the graph has an operator that LiteRT lacks ({said}); convert the model with built-in operators alone"
    return f"LiteRT cannot read the file ({said}); it is truncated or damaged: get it anew, or convert the model again"


def _run(interpreter: Any, taken: GraphTensor, clip: AnyArray) -> None:
    interpreter.set_tensor(taken.index, clip)
    interpreter.invoke()


def _engine(kernels: Kernels) -> str:
    from importlib.metadata import version

    return f"LiteRT {version('ai-edge-litert')}, {kernels} kernels"


def _axes(shape: tuple[int, ...]) -> str:
    return " ".join(map(str, shape))


@FORMATS.register
@dataclass(frozen=True)
class Tflite(Format):
    """A TensorFlow Lite file."""

    name: ClassVar[str] = "tflite"
    suffixes: ClassVar[tuple[str, ...]] = (".tflite",)
    deployed: ClassVar[bool] = True

    def load(self, sought: Sought) -> TfliteNetwork:
        """The graph, by the kernels that the card says, or those that fit the file."""
        said = sought.said
        kernels = None if said.weights is None else said.weights.kernels
        found = from_file(sought, lambda content: network_of(content, kernels, sought.frontend, said.output))
        averaged = 1 if said.streaming is None else said.streaming.averaged
        return replace(found, smoothing=Smoothing(averaged, round(said.window.preroll_ms / sought.frontend.hop_ms)))


def network_of(content: bytes, kernels: Kernels | None, frontend: Frontend, output: str) -> TfliteNetwork:
    """The network of a file's content.

    Args:
        content: of the file.
        kernels: which compute it; None takes the reference kernels for an int8 file, and XNNPACK for others.
        frontend: gives it its features.
        output: what the card says that it gives.

    Raises:
        CardError: it cannot be read or run so.
    """
    graph = graph_of(interpreter_of(content, "reference"))  # its operators stand as the file has them
    for tensor, role in ((graph.taken, "input"), (graph.given, "output")):
        if tensor.is_integer and not tensor.scale > 0:
            found = f"{tensor.kind.name} with a scale of {tensor.scale:g}"
            raise CardError(f"its {role} {tensor.name} is {found}; expected one above 0: convert it again")
    if output in ("logits", "log-probabilities") and graph.last in LAST:
        raise CardError(f'the graph ends in {graph.last}, and output = "{output}"; write output = "{LAST[graph.last]}"')
    if graph.taken.shape[:1] != (1,):
        raise CardError(f"its input is [{_axes(graph.taken.shape)}]; expected one clip at a time, [1 …]: convert it so")
    if kernels == "reference" and graph.is_hybrid:
        raise CardError(f'kernels = "reference" does not go with it: {HYBRID}; write kernels = "xnnpack"')
    chosen: Kernels = kernels or ("reference" if graph.quantized and not graph.is_hybrid else "xnnpack")
    return TfliteNetwork(content, chosen, frontend, output, graph, interpreter_of(content, chosen))
