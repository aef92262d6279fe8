"""Where a recording lies in the model's window, and what is lost or filled there.

Samples are mono, full scale ±1. A lead is the number of samples between the window's start and the recording's; it may be
negative (the start is lost), or so large that the end is lost. Spans are [start, end) in samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

import torch
from torch import Tensor

from robustness.audio.levels import SPEECH_THRESHOLD_DB, Span, floor_noise, speech_power, speech_span
from robustness.audio.recordings import Recording
from robustness.conditions import Fill, Placement
from robustness.seeds import generator_of

LEAST_SLACK_MS: Final = 40.0  # twice the first step of the default grid of shifts: less, and it can hardly be moved
Trim = Literal["auto", "never", "always"]


@dataclass(frozen=True)
class Frame:
    """The window of a model: its length, its rate, and where a recording normally lies in it.

    Attributes:
        samples: its length.
        rate_hz: its sampling rate.
        reference: where a recording normally lies in it.
        memory: whether what sounded before the window can change the answer to it.
    """

    samples: int
    rate_hz: int
    reference: Placement = "center"
    memory: bool = False

    def ms(self, samples: Tensor) -> Tensor:
        """Samples as milliseconds."""
        return samples.double() * 1000.0 / self.rate_hz


@dataclass(frozen=True, eq=False)
class Windows:
    """A batch at the model's length.

    Attributes:
        samples: [clips time].
        rate_hz: sampling rate.
        lead: where each recording begins in its window, [clips], in samples.
        speech: [start, end) of each word in its window, [clips 2], in samples; it may reach beyond the window.
        ids: of the recordings.
        measured: the level that was reached, in the unit of the perturbation's axis, [clips]; None if nothing was measured.
        clipped: which clips went above full scale and were scaled back, [clips]; None if nothing was changed.
        scale: what each clip was multiplied by to stay within full scale, [clips]; None if nothing was changed.
        added: what was added to the whole window, before scaling, [clips time]; None if nothing was added.
        before: what sounded just before each window, [clips earlier], for models with a memory; None is what the model's card states.
    """

    samples: Tensor
    rate_hz: int
    lead: Tensor
    speech: Tensor
    ids: tuple[str, ...]
    measured: Tensor | None = None
    clipped: Tensor | None = None
    scale: Tensor | None = None
    added: Tensor | None = None
    before: Tensor | None = None

    @property
    def heard(self) -> Tensor:
        """All that the model is given: what sounded before each window, and the window, [clips earlier + time]."""
        return self.samples if self.before is None else torch.cat([self.before, self.samples], 1)

    @cached_property
    def speech_power(self) -> Tensor:
        """Mean power of the word in each window, without its mean and its rumble, [clips]; found once for all noises and levels."""
        return speech_power(self.samples, self.speech, self.rate_hz)

    @property
    def lost(self) -> Tensor:
        """Samples of speech that fell out at the start and at the end, [clips 2]."""
        start, end = self.speech.unbind(1)
        length = end - start
        before = torch.minimum((-start).clamp_min(0), length)
        after = torch.minimum((end - self.samples.shape[1]).clamp_min(0), length)
        return torch.stack([before, after], 1)


@dataclass(frozen=True, eq=False)
class RecordingBatch:
    """Recordings of one rate as one tensor, before placement: samples [clips longest], lengths [clips], speech [clips 2]."""

    samples: Tensor
    lengths: Tensor
    speech: Tensor
    ids: tuple[str, ...]
    rate_hz: int
    seed: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def one(self, clip: int) -> RecordingBatch:
        """One of the recordings."""
        some = slice(clip, clip + 1)
        return replace(self, samples=self.samples[some], lengths=self.lengths[some], speech=self.speech[some], ids=self.ids[some])

    def repeated(self, count: int) -> RecordingBatch:
        """One recording, so many times; its floor is the same in each."""
        lengths, speech = self.lengths.expand(count), self.speech.expand(count, -1)
        return replace(self, samples=self.samples.expand(count, -1), lengths=lengths, speech=speech, ids=self.ids * count)

    @cached_property
    def _floors(self) -> dict[int, Tensor]:
        return {}

    def floor(self, count: int) -> Tensor:
        """Noise at each recording's own floor, [clips count]; drawn once."""
        if count not in self._floors:
            made: dict[str, Tensor] = {}
            for name, clip, length in zip(self.ids, self.samples, self.lengths.tolist(), strict=True):
                if name not in made:
                    made[name] = floor_noise(clip[:length], self.rate_hz, count, generator_of(self.seed, name, "floor"))
            self._floors[count] = torch.stack([made[name] for name in self.ids])
        return self._floors[count]


def batch_of(recordings: Sequence[Recording], seed: int = 0, threshold_db: float = SPEECH_THRESHOLD_DB) -> RecordingBatch:
    """One tensor of all these recordings, with their speech spans."""
    read = list(recordings)  # once: some are read from their files whenever they are asked for
    return RecordingBatch(
        samples=torch.nn.utils.rnn.pad_sequence([r.samples for r in read], batch_first=True),
        lengths=torch.tensor([len(r.samples) for r in read]),
        speech=torch.tensor([span_of(r, threshold_db) for r in read]),
        ids=tuple(r.id for r in read),
        rate_hz=read[0].rate_hz,
        seed=seed,
    )


def trimmed(recording: Recording, frame: Frame, trim: Trim = "auto", threshold_db: float = SPEECH_THRESHOLD_DB) -> Recording:
    """The recording cut to its speech span where it has less slack than that (`auto`), `always`, or `never`."""
    if trim == "never" or (trim == "auto" and slack_ms(len(recording.samples), frame) >= LEAST_SLACK_MS):
        return recording
    start, end = span_of(recording, threshold_db)
    return replace(recording, samples=recording.samples[start:end], speech=Span(0, end - start))


def span_of(recording: Recording, threshold_db: float = SPEECH_THRESHOLD_DB) -> Span:
    """Where the word lies: found once, on the clean take; a recording cut to its word keeps that."""
    return recording.speech or speech_span(recording.samples, recording.rate_hz, threshold_db)


def slack_ms(length: int, frame: Frame) -> float:
    """How far a recording of `length` samples can move in the window, in ms."""
    return (frame.samples - length) * 1000.0 / frame.rate_hz


def lead_of(placement: Placement, padding: Tensor) -> Tensor:
    """The lead of a placement, [clips] padding → [clips]: none, floor(padding / 2), or all of it; `offset` counts from none."""
    if placement == "center":
        return padding.div(2, rounding_mode="floor")
    return padding if placement == "end" else torch.zeros_like(padding)


def place(batch: RecordingBatch, lead: Tensor, frame: Frame, fill: Fill = "zeros") -> Windows:
    """Each recording at its lead: what leaves the window is lost, what enters is fill; never circular.

    Args:
        batch: the recordings.
        lead: [clips], in samples.
        frame: the model's window.
        fill: `zeros`, or noise at the recording's own `floor`.
    """
    silent = fill == "zeros"
    samples = torch.empty(len(batch), frame.samples) if silent else batch.floor(frame.samples).clone()
    # slices of numpy's are a fraction of torch's for pieces as short as a window
    for window, recording, length, first in zip(samples.numpy(), batch.samples.numpy(), batch.lengths.tolist(), lead.tolist(), strict=True):
        start = min(max(0, first), frame.samples)
        end = max(start, min(frame.samples, first + length))
        window[start:end] = recording[start - first : end - first]
        if silent:
            window[:start] = 0
            window[end:] = 0
    return Windows(samples, batch.rate_hz, lead, batch.speech + lead[:, None], batch.ids)
