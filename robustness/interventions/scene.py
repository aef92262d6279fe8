"""What a model heard, taken apart: the recording, where it lies, what the padding holds, what was added.

Samples are mono, [time], full scale ±1. An intervention changes one of these parts, and leaves the others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from robustness.audio.levels import Span, floor_noise, span_power
from robustness.audio.placement import Windows
from robustness.interventions.typical import Typical, missing_bands
from robustness.seeds import generator_of


@dataclass(frozen=True, eq=False)
class Scene:
    """One window and its parts: the recording at its lead over the fill, plus what was added to the whole window.

    Attributes:
        recording: at its native length, [time].
        rate_hz: sampling rate.
        lead: where the recording begins in the window, in samples.
        speech: where the word lies in the recording.
        fill: what the padding holds, [window].
        added: what was added, [window]; zeros where nothing.
        band_hz: the centers of the front-end's bands.
        id: of the recording; with the seed, it decides all random numbers.
        seed: of the run.
        typical: what the recordings have that are right; None where none is known.
        known_ms: the nearest lead at which this recording is known to be right; None where none is.
    """

    recording: Tensor
    rate_hz: int
    lead: int
    speech: Span
    fill: Tensor
    added: Tensor
    band_hz: tuple[float, ...]
    id: str
    seed: int = 0
    typical: Typical | None = None
    known_ms: float | None = None

    @classmethod
    def of(cls, windows: Windows, recording: Tensor, fill: Tensor, *, band_hz: tuple[float, ...], seed: int) -> Scene:
        """The first of some windows, taken apart, where nothing was added to it."""
        lead = int(windows.lead[0])
        start, end = (int(edge) - lead for edge in windows.speech[0])
        added = torch.zeros_like(fill)
        return cls(recording, windows.rate_hz, lead, Span(start, end), fill, added, band_hz, windows.ids[0], seed)

    @property
    def samples(self) -> int:
        """The length of the window."""
        return len(self.fill)

    @cached_property
    def inside(self) -> Span:
        """Which part of the window the recording covers."""
        return Span(min(max(0, self.lead), self.samples), max(0, min(self.samples, self.lead + len(self.recording))))

    @cached_property
    def word(self) -> Span:
        """Which part of the window the word covers."""
        return Span(*(min(max(0, edge + self.lead), self.samples) for edge in self.speech))

    @cached_property
    def window(self) -> Tensor:
        """What the model heard, [window]."""
        window = self.fill.clone()
        start, end = self.inside
        window[start:end] = self.recording[start - self.lead : end - self.lead]
        return window + self.added

    @cached_property
    def padding(self) -> Tensor:
        """Which samples of the window are padding, [window]."""
        outside = torch.ones(self.samples, dtype=torch.bool)
        outside[slice(*self.inside)] = False
        return outside

    @property
    def nyquist_hz(self) -> float:
        """Half the sampling rate."""
        return self.rate_hz / 2

    @cached_property
    def power(self) -> float:
        """The mean power of the window inside the word."""
        return float(span_power(self.window[None], torch.tensor([self.word]))[0])

    @cached_property
    def missing(self) -> Tensor:
        """Which bands of 125 Hz hold no energy here and some in the recordings that are right, [bands]."""
        return missing_bands(self.typical, self.recording, self.rate_hz, self.speech)

    def count(self, ms: float) -> int:
        """Milliseconds as samples."""
        return round(ms * self.rate_hz / 1000)

    def moved(self, count: int) -> Scene:
        """The recording so many samples later; padding and what was added stay."""
        return replace(self, lead=self.lead + count)

    def keeps_word(self, count: int) -> bool:
        """Whether the word stays whole where the recording is moved by so many samples; what is lost already does not count."""
        start, end = (edge + self.lead for edge in self.speech)
        return (count >= 0 or start + count >= 0) and (count <= 0 or end + count <= self.samples)

    def resounding(self, recording: Tensor) -> Scene:
        """Another sound in the place of the recording, as long as it is."""
        return replace(self, recording=recording)

    def retaken(self, window: Tensor) -> Scene:
        """A changed window taken apart again: the recording is what now lies where it lay, [window]."""
        start, end = self.inside
        shift = self.lead - start
        speech = Span(*(min(max(0, edge + shift), end - start) for edge in self.speech))
        fill = torch.where(self.padding, window, torch.zeros_like(window))
        return replace(self, recording=window[start:end], lead=start, speech=speech, fill=fill, added=torch.zeros_like(window))

    def rng(self, *parts: object) -> torch.Generator:
        """Random numbers that depend on the recording and these parts alone."""
        return generator_of(self.seed, self.id, *parts)

    def floor(self, *parts: object) -> Tensor:
        """Noise at the recording's own floor, [window]; another for other parts, made once for each; nobody changes it in place."""
        if parts not in self._floors:
            self._floors[parts] = floor_noise(self.recording, self.rate_hz, self.samples, self.rng("floor", *parts))
        return self._floors[parts]

    @cached_property
    def _floors(self) -> dict[tuple[object, ...], Tensor]:
        return {}
