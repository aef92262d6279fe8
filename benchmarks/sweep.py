"""How fast is a sweep, end to end, beside audiomentations and an eager forward one clip at a time?

Both read the same files, hear them under 40 conditions (as they are, 20 shifts, 18 levels of white noise and one that changes nothing) and
write down an answer to each. The peer does what people write today: soundfile, `audiomentations.Shift` and `AddGaussianSNR` at a fixed
level, torchaudio's log-mel and the network as it is, a clip at a time. The third contender is the forward passes of the same variants
alone, on features that are there already, as torch runs them at their best batch of those tried.
"""

from __future__ import annotations

import csv
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import soundfile
import torch
from torch import Tensor

from benchmarks.clips import FRAME, RATE_HZ, copied, tutorial
from benchmarks.harness import Contender, Table, arguments, finish, interleaved
from robustness.audio.labels import LabelSource
from robustness.audio.reading import read_recordings
from robustness.conditions import NONE, Condition
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.perturbations.base import PERTURBATIONS
from robustness.quantization.base import quantized
from robustness.run.folder import RunWriter
from robustness.sweep.plan import Plan, Settings
from robustness.sweep.sweep import Sweep, engine_of, placeable

BATCHES: Final = (16, 32, 64, 256)  # of the forward passes alone
KEPT: Final = 512  # windows whose features are there for the forward passes alone
DRAWS: Final = 3


def plan_of_40() -> Plan:
    """The clean condition, shifts, and white noise in three draws."""
    perturbations = {name: PERTURBATIONS[name]() for name in ("time-shift", "white-noise")}
    conditions = [Condition(NONE, placement=FRAME.reference)]
    for perturbation in perturbations.values():
        grid = perturbation.conditions(FRAME.reference)
        conditions += [c for c in grid if c.placement == FRAME.reference and c.draw < DRAWS and c.level != float("inf")]
    return Plan(Settings(), perturbations, tuple(conditions), no_word=False)


def ours(folder: Path, names: Sequence[str], out: Path) -> None:
    """Files → a run folder of trials."""
    found = read_recordings((folder,), rate_hz=RATE_HZ, longest_samples=FRAME.samples, labels=LabelSource(required=False), skip_bad=True)
    plan = plan_of_40()
    writer = RunWriter(out)
    placed = placeable(found.recordings, FRAME, plan.settings)
    Sweep([quantized(tutorial(), name) for name in names], plan, writer).run(placed)
    writer.discard()


def theirs(files: Sequence[Path], names: Sequence[str], out: Path) -> None:
    """Files → a CSV of answers, as a script on audiomentations does it."""
    variants = [as_torch_makes_it(name) for name in names]
    with out.open("w", encoding="utf-8") as file:
        table = csv.writer(file)
        for path in files:
            samples, _ = soundfile.read(path, dtype="float32")
            window = torch.zeros(FRAME.samples)
            lead = (FRAME.samples - len(samples)) // 2
            window[lead : lead + len(samples)] = torch.from_numpy(samples)
            for augment in augmentations():
                heard = torch.from_numpy(augment(window.numpy(), sample_rate=RATE_HZ).copy())
                with torch.inference_mode():
                    features = variants[0].frontend.features(heard[None])
                    for variant in variants:
                        logits = variant.net(features)[0]
                        table.writerow([path.name, variant.variant, int(logits.argmax()), float(logits.max())])


def as_torch_makes_it(name: str) -> Classifier:
    """A variant as its user has it, without what makes it independent of its batch."""
    variant = quantized(tutorial(), name)
    if name == "dynamic-int8":
        for layer in ("fc1", "fc2"):
            setattr(module_of(variant.network), layer, getattr(module_of(variant.network), layer).one_row)
    return variant


def augmentations() -> list[Any]:
    """The 40 conditions in audiomentations."""
    return [augmentation(condition) for condition in plan_of_40().conditions]


def augmentation(condition: Condition) -> Any:
    """A condition in audiomentations: p = 1 and a range without width."""
    from audiomentations import AddGaussianSNR, Shift

    if condition.perturbation == "time-shift":
        at = (condition.level or 0.0) / 1000
        return Shift(min_shift=at, max_shift=at, shift_unit="seconds", rollover=False, fade_duration=0.0, p=1.0)
    if condition.perturbation == "white-noise":
        return AddGaussianSNR(min_snr_db=condition.level, max_snr_db=condition.level, p=1.0)
    return lambda samples, sample_rate: samples


def forwards(nets: Sequence[Any], features: Tensor, batch: int, times: int) -> None:
    """Forward passes alone."""
    with torch.inference_mode():
        for _ in range(times):
            for chunk in features.split(batch):
                for net in nets:
                    net(chunk)


def best_batch(nets: Sequence[Any], features: Tensor) -> int:
    """Of BATCHES, the fastest for torch."""
    timings = interleaved([Contender(str(b), lambda b=b: forwards(nets, features, b, 1)) for b in BATCHES], runs=1)  # type: ignore[misc]
    return int(min(timings, key=lambda timing: timing.spread.median).name)


def compared(names: Sequence[str], files: list[Path], folder: Path, runs: int, scratch: Path) -> Table:
    """The contenders for some variants."""
    recordings = read_recordings(
        (folder,), rate_hz=RATE_HZ, longest_samples=FRAME.samples, labels=LabelSource(required=False), skip_bad=True
    ).recordings
    plan, classifiers = plan_of_40(), [quantized(tutorial(), name) for name in names]
    answers = len(recordings) * len(plan.conditions)
    features = classifiers[0].features(torch.randn(KEPT, FRAME.samples, generator=torch.Generator().manual_seed(0)) * 0.05)
    nets = [module_of(as_torch_makes_it(name).network) for name in names]
    batch, times = best_batch(nets, features), max(1, round(answers / KEPT))
    engine = engine_of(classifiers, plan, placeable(recordings[:8], FRAME, plan.settings))
    contenders = [
        Contender("audiomentations and eager forward, a clip at a time", lambda: theirs(files, names, scratch / "theirs.csv")),
        Contender("robustness, end to end", lambda: ours(folder, names, scratch / "run")),
        Contender(f"forward passes alone, torch at batch {batch}", lambda: forwards(nets, features, batch, times)),
    ]
    timings = interleaved(contenders, runs=runs)
    over = timings[2].faster_than(timings[1])
    notes = (
        f"{' and '.join(names)}, {len(recordings)} clips × {len(plan.conditions)} conditions, a network answer a variant. End to end takes "
        f"{over} times the forward passes alone. The engine: {engine.facts}.",
    )
    return Table.of(timings, per=answers, unit="ms a clip and condition", scale=1000, notes=notes)


def main() -> None:
    """Compares float alone, and float with dynamic int8."""
    asked = arguments(__doc__, clips=1000, runs=5)
    warnings.filterwarnings("ignore", module="audiomentations")
    with tempfile.TemporaryDirectory() as made:
        folder, scratch = Path(made) / "clips", Path(made)
        files = copied(asked.clips, folder)
        tables = [compared(names, files, folder, asked.runs, scratch) for names in (["float32"], ["float32", "dynamic-int8"])]
    finish(__file__, "How fast is a sweep, beside audiomentations and an eager forward?", tables, ["audiomentations"])


if __name__ == "__main__":
    main()
