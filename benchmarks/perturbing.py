"""How fast is a batch of clips moved and made noisy, beside audiomentations and torch-audiomentations?

The same windows of real clips, already in memory, under 20 shifts and under white noise at 6 signal-to-noise ratios in 3 draws.
audiomentations does a clip at a time (`Shift`, `AddGaussianSNR`), torch-audiomentations the whole batch at once (`Shift` without rollover,
`AddColoredNoise` without decay, which is white), each at a fixed level with p = 1. What is measured here includes finding the speech, for
here a ratio is that to the speech and there to the whole window; so noisy windows are not compared sample by sample. Shifted ones are,
and are equal.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from benchmarks.clips import FRAME, RATE_HZ, copied
from benchmarks.harness import Contender, Table, arguments, finish, interleaved
from benchmarks.sweep import augmentation, plan_of_40
from robustness.audio.labels import LabelSource
from robustness.audio.placement import Windows
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.conditions import NONE, Condition
from robustness.sweep.sweep import placeable, renderer_of

Made = TypeVar("Made")
KINDS = {"time-shift": "Moved by up to 100 ms", "white-noise": "White noise at −5 to 30 dB"}


def last(made: Iterable[Made]) -> list[Made]:
    """The last of what is made; what was made before is let go, as a sweep does, so that no new memory is asked for each time."""
    return list(deque(made, maxlen=1))


def ours(recordings: Sequence[Recording], conditions: Sequence[Condition]) -> list[Windows]:
    """Recordings → windows under each condition; only the last is kept."""
    renderer = renderer_of(recordings, plan_of_40(), FRAME)
    return last(renderer.render(condition) for condition in conditions)


def clip_by_clip(windows: Tensor, augments: Sequence[Any]) -> list[Any]:
    """By audiomentations."""
    return last([augment(window, sample_rate=RATE_HZ) for window in windows.numpy()] for augment in augments)


def batched(windows: Tensor, augments: Sequence[Any]) -> list[Tensor]:
    """By torch-audiomentations, [clips channels time]."""
    with torch.inference_mode():
        return last(augment(windows[:, None], sample_rate=RATE_HZ)[:, 0] for augment in augments)


def in_torch(condition: Condition) -> Callable[..., Tensor]:
    """A condition in torch-audiomentations."""
    from torch_audiomentations import AddColoredNoise, Shift

    level, always = condition.level or 0.0, {"p": 1.0, "output_type": "tensor"}
    made: Callable[..., Tensor]
    if condition.perturbation == "time-shift":
        made = Shift(min_shift=level / 1000, max_shift=level / 1000, shift_unit="seconds", rollover=False, **always)
    else:
        made = AddColoredNoise(min_snr_in_db=level, max_snr_in_db=level, min_f_decay=0.0, max_f_decay=0.0, **always)
    return made


def compared(recordings: Sequence[Recording], windows: Tensor, name: str, runs: int) -> Table:
    """The three ways under the conditions of one perturbation."""
    conditions = [condition for condition in plan_of_40().conditions if condition.perturbation == name]
    one_by_one, at_once = [augmentation(c) for c in conditions], [in_torch(c) for c in conditions]
    if name == "time-shift":
        torch.testing.assert_close(batched(windows, at_once)[0], ours(recordings, conditions)[0].samples, rtol=0, atol=0)
    contenders = [
        Contender("audiomentations, a clip at a time", partial(clip_by_clip, windows, one_by_one)),
        Contender("torch-audiomentations, a batch at a time", partial(batched, windows, at_once)),
        Contender("robustness, a batch at a time", partial(ours, recordings, conditions)),
    ]
    note = f"{KINDS[name]}: {len(windows)} clips × {len(conditions)} conditions."
    return Table.of(interleaved(contenders, runs=runs), per=len(windows) * len(conditions), unit="ms a clip", scale=1000, notes=(note,))


def main() -> None:
    """A table for each perturbation."""
    asked = arguments(__doc__, clips=256, runs=5)
    warnings.filterwarnings("ignore", module="audiomentations")
    warnings.filterwarnings("ignore", module="torch_audiomentations")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        copied(asked.clips, folder)
        labels = LabelSource(required=False)
        found = read_recordings((folder,), rate_hz=RATE_HZ, longest_samples=FRAME.samples, labels=labels, skip_bad=True).recordings
    plan = plan_of_40()
    placed = list(placeable(found, FRAME, plan.settings))
    windows = renderer_of(placed, plan, FRAME).render(Condition(NONE, placement=FRAME.reference)).samples.clone()
    tables = [compared(placed, windows, name, asked.runs) for name in KINDS]
    libraries = ["audiomentations", "torch-audiomentations"]
    finish(__file__, "How fast is a batch of clips moved and made noisy?", tables, libraries)


if __name__ == "__main__":
    main()
