"""What does a sweep of a file that ships cost, beside the calls of its runtime alone, and beside its front-end and the calls?

The int8 keyword model of MLPerf Tiny by XNNPACK and by the reference kernels, the built-in ones first as for large sets, and `digits` as
ONNX. The sweep renders the conditions, computes features, asks, decides and writes; the calls alone are given features that are there
already, on as many threads, and XNNPACK at the best batch of those tried (by `resize_tensor_input`). The front-end and the calls compute
the features too, on as many threads; nobody can answer to sound with less.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.clips import RATE_HZ, copied
from benchmarks.harness import ROOT, SHARED, Contender, Table, arguments, finish, interleaved
from robustness.audio.labels import LabelSource
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.conditions import NONE, Condition
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.conversion import convert
from robustness.models.drafts.reading import write_draft
from robustness.models.formats.onnx import OnnxNetwork
from robustness.models.formats.tflite import TfliteNetwork, interpreter_of
from robustness.perturbations.base import PERTURBATIONS
from robustness.rendering import reference_windows
from robustness.run.folder import RunWriter
from robustness.sweep.plan import Plan, Settings
from robustness.sweep.state import Tally
from robustness.sweep.sweep import Sweep, placeable
from robustness.threads import worker_threads

BATCHES: Final = (1, 8, 32)
TOGETHER: Final = 16  # windows whose features are computed at once
KEPT: Final = 256  # windows whose features are there for the calls alone
NOISES: Final = ("white-noise", "pink-noise", "brown-noise", "speech-shaped-noise")
CONDITIONS: Final = 40


def plan_of_40(classifier: Classifier) -> Plan:
    """The clean condition, and noises at their levels."""
    perturbations = {name: PERTURBATIONS[name]() for name in NOISES}
    conditions = [Condition(NONE, placement=classifier.frame.reference)]
    for perturbation in perturbations.values():
        conditions += [one for one in perturbation.conditions(classifier.frame.reference) if one.level != float("inf")]
    return Plan(Settings(), perturbations, tuple(conditions[:CONDITIONS]), no_word=False)


def swept(classifier: Classifier, recordings: Sequence[Recording], out: Path) -> Tally:
    """Recordings → a run folder of trials."""
    plan, writer = plan_of_40(classifier), RunWriter(out)
    found = Sweep([classifier], plan, writer).run(placeable(recordings, classifier.frame, plan.settings))
    writer.discard()
    return found


def on_threads(ask: Callable[[Any, Any], object], askers: Sequence[Any], inputs: Sequence[Any], times: int) -> None:
    """Every input, so many times, by as many threads as there are askers."""
    work = [inputs[at :: len(askers)] for at in range(len(askers))]

    def run(asker: Any, mine: Sequence[Any]) -> None:
        for _ in range(times):
            for one in mine:
                ask(asker, one)

    with ThreadPoolExecutor(len(askers)) as pool:
        list(pool.map(run, askers, work))


def invoking(network: TfliteNetwork, numbers: np.ndarray[Any, Any], times: int, batch: int) -> Callable[[], None]:
    """The calls of LiteRT alone."""

    def made() -> Any:
        one = interpreter_of(network.content, network.kernels)
        one.resize_tensor_input(network.graph.taken.index, [batch, *network.graph.taken.shape[1:]])
        one.allocate_tensors()
        return one

    def ask(interpreter: Any, clips: Any) -> None:
        interpreter.set_tensor(network.graph.taken.index, clips)
        interpreter.invoke()
        interpreter.get_tensor(network.graph.given.index)

    parts = [numbers[at : at + batch] for at in range(0, len(numbers) // batch * batch, batch)]
    askers = [made() for _ in range(torch.get_num_threads())]
    return lambda: on_threads(ask, askers, parts, times)


def tflite_tables(recordings: Sequence[Recording], card: Path, scratch: Path, runs: int) -> list[Table]:
    """XNNPACK beside its own calls, and the reference kernels beside XNNPACK."""
    exact = load_classifier(card)
    quick_network = exact.network.of_a_pc()
    if not isinstance(exact.network, TfliteNetwork) or not isinstance(quick_network, TfliteNetwork):
        raise TypeError("the card is of an int8 .tflite file, by the reference kernels")
    quick = replace(exact, network=quick_network)
    answers = len(recordings) * CONDITIONS
    windows = reference_windows(recordings[:KEPT], exact.frame).samples
    numbers = exact.network.graph.taken.numbers(exact.frontend.given(exact.features(windows)).numpy())
    times = max(1, round(answers / len(numbers)))
    tried = [Contender(str(batch), invoking(quick_network, numbers, 1, batch)) for batch in BATCHES]
    batch = int(min(interleaved(tried, runs=3), key=lambda one: one.spread.median).name)
    tally = swept(exact, recordings, scratch / "counted")
    found = interleaved(
        [
            Contender(f"calls of LiteRT alone, XNNPACK, batch {batch}", invoking(quick_network, numbers, times, batch)),
            Contender("front-end and calls", lambda: answered(quick, windows, times)),
            Contender("sweep by XNNPACK", lambda: swept(quick, recordings, scratch / "quick")),
            Contender("sweep by the reference kernels, built-in ones first", lambda: swept(exact, recordings, scratch / "exact")),
        ],
        runs=runs,
    )
    calls, both, first, then = found
    (counts,) = tally.kernels.values()
    note = (
        f"int8, {len(recordings)} clips × {CONDITIONS} conditions. By XNNPACK the sweep takes {both.faster_than(first)} times its "
        f"front-end and calls, and {calls.faster_than(first)} times the calls alone (wanted: at most 1.3), and by the reference kernels "
        f"{first.faster_than(then)} times the sweep by XNNPACK (at most 3); they were asked for {counts['both']:,} of "
        f"{counts['windows']:,} windows, at a bound of {counts['bound']:.2f}, of which {counts['checked']:,} are the spot check. "
        f"Of XNNPACK's answers {counts['differ']:,} differ."
    )
    return [Table.of(found, per=answers, unit="ms a clip and condition", scale=1000, notes=(note,))]


def answered(classifier: Classifier, windows: torch.Tensor, times: int) -> None:
    """The front-end and the network, a copy of it for each of torch's threads."""
    workers = torch.get_num_threads()
    made = [classifier, *(replace(classifier, network=classifier.network.copied()) for _ in range(workers - 1))]
    parts = windows.split(TOGETHER)

    def run(at: int) -> None:
        for _ in range(times):
            for part in parts[at::workers]:
                made[at].logits(part)

    with worker_threads(workers) as pool:
        list(pool.map(run, range(workers)))


def onnx_table(recordings: Sequence[Recording], scratch: Path, runs: int) -> Table:
    """`digits` as ONNX, beside the calls of ONNX Runtime alone."""
    convert(ROOT / "models" / "digits.toml", "onnx", scratch / "digits.onnx", force=True)
    classifier = load_classifier(scratch / "digits.toml")
    if not isinstance(classifier.network, OnnxNetwork):
        raise TypeError("the card is of an .onnx file")
    session, answers = classifier.network.session, len(recordings) * CONDITIONS
    windows = reference_windows(recordings[:KEPT], classifier.frame).samples
    clips = list(classifier.frontend.given(classifier.features(windows)).numpy())
    name, times = session.get_inputs()[0].name, max(1, round(answers / len(clips)))
    alone = lambda: on_threads(  # noqa: E731
        lambda one, clip: one.run(None, {name: clip[None]}), [session] * torch.get_num_threads(), clips, times
    )
    found = interleaved(
        [
            Contender("calls of ONNX Runtime alone", alone),
            Contender("front-end and calls", lambda: answered(classifier, windows, times)),
            Contender("sweep", lambda: swept(classifier, recordings, scratch / "onnx")),
        ],
        runs,
    )
    calls, both, sweep = found
    note = (
        f"`digits` as ONNX in float. The sweep takes {both.faster_than(sweep)} times its front-end and calls, and "
        f"{calls.faster_than(sweep)} times the calls alone (wanted: at most 1.2)."
    )
    return Table.of(found, per=answers, unit="ms a clip and condition", scale=1000, notes=(note,))


def main() -> None:
    """Compares each runtime's sweep with its calls alone."""
    asked = arguments(__doc__, clips=1000, runs=5)
    vars(importlib.import_module("robustness.sweep.sweep"))["LARGE"] = 1  # a set of any size is swept as a large one
    with tempfile.TemporaryDirectory() as made:
        scratch = Path(made)
        copied(asked.clips, scratch / "clips")
        kws = scratch / "kws.tflite"
        kws.write_bytes((SHARED / "mlperf_tiny" / "kws_ref_model.tflite").read_bytes())
        write_draft(kws, scratch / "kws.toml")
        found = read_recordings(
            (scratch / "clips",), rate_hz=RATE_HZ, longest_samples=RATE_HZ, labels=LabelSource(required=False), skip_bad=True
        )
        recordings = [replace(one, label=None) for one in found.recordings]
        tables = [*tflite_tables(recordings, scratch / "kws.toml", scratch, asked.runs), onnx_table(recordings, scratch, asked.runs)]
    finish(__file__, "What does a sweep of a file that ships cost?", tables, ["ai-edge-litert", "onnxruntime"])


if __name__ == "__main__":
    main()
