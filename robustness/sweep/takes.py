"""What do classifiers answer to every window of a take? The windows follow each other every so many samples, hours long.

The take is read block by block. Frames of the front-end that several windows have in common are computed once where that gives each window
the same bits as its own front-end does; that is tried on windows of every block, and where it does not hold the front-end is asked window
by window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from math import ceil
from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.audio.takes import Take
from robustness.errors import RecordingError, UsageError
from robustness.frontends.base import Frontend
from robustness.frontends.spectral import SpectralFrontend
from robustness.models.classifier import Classifier
from robustness.streaming.scores import Scores, Values
from robustness.sweep.engine import Engine

AT_ONCE: Final = 64  # windows of a block: more are no faster and take more memory
PROBES: Final = 8
FIXED_SCALES: Final = ("full-scale", "int16")
CountProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ReadyFeatures(Frontend):
    """Stands where features are given that are there already."""

    name: ClassVar[str] = "features that are there already"
    frontend: Frontend
    rate_hz: int
    hop_samples: int

    def features(self, samples: Tensor) -> Tensor:
        """What is given."""
        return samples

    def silence(self, features: Tensor) -> Tensor:
        """That of the front-end."""
        return self.frontend.silence(features)

    @property
    def band_hz(self) -> tuple[float, ...]:
        """Those of the front-end."""
        return self.frontend.band_hz


@dataclass
class WindowFeatures:
    """The features of windows that follow each other, [time] → [windows 1 bands frames].

    Attributes:
        frontend: of the model.
        frame: the model's window.
        step: from one window to the next, in samples.
        shared: whether common frames are computed once; becomes False when that changes a bit.
    """

    frontend: Frontend
    frame: Frame
    step: int
    shared: bool = True

    def __post_init__(self) -> None:
        self.shared = self.shared and shares_frames(self.frontend, self.frame, self.step)

    def of(self, samples: Tensor) -> Tensor:
        """The features of every window of a block."""
        windows = samples.unfold(0, self.frame.samples, self.step)
        if self.shared and isinstance(self.frontend, SpectralFrontend):
            found = shared_features(self.frontend, samples, windows, self.step)
            probes = sorted({0, len(windows) // 2, len(windows) - 1})
            own = self._plain(windows[probes])
            if torch.equal(found[probes], own):
                return found
            self.shared = False
        return self._plain(windows)

    def _plain(self, windows: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.frontend.features(windows.contiguous())


def shares_frames(frontend: Frontend, frame: Frame, step: int) -> bool:
    """Whether frames of one window can be frames of another: nothing before them looks at the whole window."""
    if not isinstance(frontend, SpectralFrontend) or step % frontend.hop_samples:
        return False
    whole = frontend.samples in FIXED_SCALES and (frontend.pre_emphasis == 0.0 or frontend.pre_emphasis_per == "frame")
    return whole and frontend.partial == "drop" and frame.samples >= 6 * frontend.frame_samples


def shared_features(frontend: SpectralFrontend, samples: Tensor, windows: Tensor, step: int) -> Tensor:
    """Features of windows, the frames in their middle computed once; the first and last, which see the window's edge, are its own.

    Args:
        frontend: of which `shares_frames` holds.
        samples: of the block, [time].
        windows: of it, [windows time].
        step: from one to the next, in samples.
    """
    hop, reach, length = frontend.hop_samples, frontend.frame_samples, windows.shape[1]
    alone = frontend.log not in ("none", "log1p") and frontend.reference == "one"  # a cell's level knows nothing of other cells

    def frames(sound: Tensor) -> Tensor:  # [clips time] → [clips frames bands]
        cells = frontend.cells(frontend.used_spectrum(sound))
        return frontend.levels(cells) if alone else cells

    with torch.inference_mode():
        common = frames(samples[None])[0]
        own = frames(windows[:1].contiguous()).shape[1]  # frames of a window
        found = common.unfold(0, own, step // hop)[: len(windows)].transpose(1, 2).contiguous()  # [windows frames bands]
        if frontend.center:
            edge = ceil(reach / hop)
            first = own - 1 - edge - ceil(reach / hop)  # the frame with which the tail begins
            found[:, :edge] = frames(windows[:, : (edge + 1) * hop + reach].contiguous())[:, :edge]
            found[:, own - edge :] = frames(windows[:, first * hop : length].contiguous())[:, -edge:]
        images = found.transpose(-1, -2)[:, None]
        return frontend.from_levels(frontend.above_floor(images) if alone else frontend.logarithm(images))


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
    ready = ReadyFeatures(first.frontend, first.frontend.rate_hz, first.frontend.hop_samples)
    heard = [replace(one, frontend=ready) for one in classifiers]
    probes = torch.from_numpy(take.part(0, (first.frame.samples + PROBES * step) * 1000 / take.rate_hz))
    made = WindowFeatures(first.frontend, first.frame, step)
    features = made.of(probes[: first.frame.samples + (min(total, PROBES) - 1) * step])
    hop = None if step % first.frontend.hop_samples else step // first.frontend.hop_samples
    engine = Engine.ready(heard, features, hop=hop)
    values: list[Values] = [np.empty((total, len(one.labels)), np.float32) for one in classifiers]
    stream = engine.stream((None, made.of(block)) for block in TakeBlocks(take, first.frame.samples, step))
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
