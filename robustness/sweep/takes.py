"""What do classifiers answer to every window of a take? The windows follow each other every so many samples, hours long.

The take is read block by block. Frames that several windows have in common are computed once (`inference.frames`), and so are the columns
of a network's first layers (`inference.overlapping`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.audio.takes import Take
from robustness.errors import RecordingError, UsageError
from robustness.models.classifier import Classifier
from robustness.streaming.scores import Scores, Values
from robustness.sweep.engine import Engine
from robustness.sweep.inference.frames import ReadyFeatures, WindowFeatures

AT_ONCE: Final = 64  # windows of a block: more are no faster and take more memory
PROBES: Final = 8
CountProgress = Callable[[int, int], None]


@dataclass
class TakeBlocks:
    """A take as blocks of whole windows.

    Attributes:
        take: what is read.
        length: of a window, in samples.
        step: from one window to the next, in samples.
        most: windows of a block.
    """

    take: Take
    length: int
    step: int
    most: int = AT_ONCE
    _rest: Tensor = field(default_factory=lambda: torch.zeros(0))

    def __iter__(self) -> Iterator[Tensor]:
        """The samples of so many windows each, [time]."""
        whole = (self.most - 1) * self.step + self.length
        for block in self.take.blocks():
            self._rest = torch.cat([self._rest, torch.from_numpy(block)])
            while len(self._rest) >= whole:
                yield self._rest[:whole]
                self._rest = self._rest[self.most * self.step :].clone()
        if len(self._rest) >= self.length:
            count = (len(self._rest) - self.length) // self.step + 1
            yield self._rest[: (count - 1) * self.step + self.length]


def refuse_hop(hop_ms: float, frame: Frame) -> None:
    """Refuses answers so rare that some of the sound is in no window, or so frequent that two have the same.

    Raises:
        UsageError: it is less than a sample, or longer than the window.
    """
    window_ms = frame.samples * 1000 / frame.rate_hz
    if round(hop_ms * frame.rate_hz / 1000) < 1 or hop_ms > window_ms:
        raise UsageError(f"--hop-ms is {hop_ms:g}; expected more than 0 and at most the model's window, {window_ms:g} ms")


def refuse_steps(take: Take, frame: Frame, step_ms: float) -> int:
    """From one window to the next in samples.

    Raises:
        UsageError: it is 0, or longer than the window.
        RecordingError: the take is shorter than one window.
    """
    step = round(step_ms * frame.rate_hz / 1000)
    refuse_hop(step_ms, frame)
    if take.samples < frame.samples:
        window_ms = frame.samples * 1000 / frame.rate_hz
        raise RecordingError(f"{take.path} lasts {take.duration_ms:.0f} ms and the model's window {window_ms:g} ms; give a longer take")
    return step


def scores_of(
    take: Take, classifiers: Sequence[Classifier], step_ms: float, progress: CountProgress = lambda done, total: None
) -> tuple[list[Scores], bool]:
    """The scores of each classifier for a take, and whether frames were shared throughout.

    Args:
        take: at the rate of the classifiers.
        classifiers: of one window and one front-end, such as the variants of a card.
        step_ms: from one window to the next.
        progress: told how many windows of how many are done.

    Raises:
        RecordingError: the take is too short or cannot be read.
        UsageError: the step is none.
    """
    first = classifiers[0]
    step = refuse_steps(take, first.frame, step_ms)
    total = (take.samples - first.frame.samples) // step + 1
    heard = [replace(one, frontend=ReadyFeatures.of(first.frontend)) for one in classifiers]
    probes = torch.from_numpy(take.part(0, (first.frame.samples + PROBES * step) * 1000 / take.rate_hz))
    made = WindowFeatures(first.frontend, first.frame, shared=step % first.frontend.hop_samples == 0)
    features = made.of(probes, torch.arange(min(total, PROBES)) * step)
    hops = () if step % first.frontend.hop_samples else (step // first.frontend.hop_samples,)
    engine = Engine.ready(heard, features, hops=hops)
    values: list[Values] = [np.empty((total, len(one.labels)), np.float32) for one in classifiers]
    stream = engine.stream(
        (None, made.of(block, torch.arange(0, len(block) - first.frame.samples + 1, step)))
        for block in TakeBlocks(take, first.frame.samples, step)
    )
    done = 0
    with closing(stream):
        for _, logits in stream:
            for kept, one, answers in zip(values, classifiers, logits, strict=True):
                kept[done : done + len(answers)] = one.probabilities(answers)
            done += len(logits[0])
            progress(done, total)
    return [_scores(take, one, step, kept[:done]) for one, kept in zip(classifiers, values, strict=True)], made.shared


def _scores(take: Take, classifier: Classifier, step: int, values: Values) -> Scores:
    ends = (np.arange(len(values), dtype=np.float64) * step + classifier.frame.samples) * 1000 / take.rate_hz
    return Scores(
        take.name,
        classifier.labels,
        ends,
        values,
        take.duration_ms,
        classifier.frame.samples * 1000 / classifier.frame.rate_hz,
        classifier.point,
        classifier.silence,
        f"{classifier.name}, {classifier.variant}",
    )
