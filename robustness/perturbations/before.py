"""What sounds before the window: what perturbations of the family history share. Only models with a memory hear it.

The window stays as it is. The model goes first through the pre-roll that its card states, then through what is made here, then through the
window, in one piece. The neutral level has the pre-roll alone. [clips earlier] ends where the window begins.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple, final

import torch
from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, speech_power
from robustness.audio.placement import Frame, RecordingBatch, Windows
from robustness.conditions import BEFORE, Axis, Family
from robustness.perturbations.base import Inputs, Perturbation
from robustness.seeds import generator_of

FORGETFUL: Final = "the model has no memory: what sounded before its window changes no answer"
GAP: Final = Axis(
    "pause after the word before the window",
    "s",
    (2.0, 1.0, 0.5, 0.2, 0.1),
    neutral=float("inf"),
    says="{name} the window by {level}",
    neutral_says="no word before",
)


class SaidWord(NamedTuple):
    """The word of a recording, without what is around it.

    Attributes:
        samples: [time].
        rate_hz: sampling rate.
        power: of its speech, mean square.
        window: samples of the model's window.
    """

    samples: Tensor
    rate_hz: int
    power: float
    window: int


class HistoryPerturbation(Perturbation):
    """Sound before the window; a plug-in says which."""

    family: ClassVar[Family] = BEFORE

    @final
    def __call__(self, placed: Windows, batch: RecordingBatch, level: float, *, draw: int = 0) -> Windows:
        """The windows with what sounded before them; the neutral level gives them back.

        Args:
            placed: the windows; not changed.
            batch: the recordings in them, with the run's seed.
            level: in the unit of the axis.
            draw: which of several random draws.

        Raises:
            ValueError: the plug-in gives what is no number, or sounds of several lengths.
        """
        if level == self.axis.neutral:
            return placed
        sounds, measured = [], []
        for name, samples, (start, end) in zip(batch.ids, batch.samples, batch.speech.tolist(), strict=True):
            word = samples[start:end]
            power = float(speech_power(word[None], torch.tensor([[0, end - start]]), batch.rate_hz))
            said = SaidWord(word, batch.rate_hz, power, placed.samples.shape[1])
            sound = self.sound(said, level, generator_of(batch.seed, name, self.name, draw)).float().clamp(-1, 1)
            if not sound.isfinite().all():
                raise ValueError(f"{self.name} at {level:g} {self.axis.unit} gives samples that are not a number")
            sounds.append(sound)
            measured.append(self.measure(said, sound))
        if len(set(map(len, sounds))) > 1:  # a shorter one would be filled up by what it depends on: the other recordings
            raise ValueError(f"{self.name} at {level:g} {self.axis.unit} gives sounds of several lengths")
        return replace(placed, before=torch.stack(sounds), measured=torch.tensor(measured, dtype=torch.float64))

    @abstractmethod
    def sound(self, said: SaidWord, level: float, rng: torch.Generator) -> Tensor:
        """What sounds before the window of one recording, as long for each, [time]; it ends where the window begins.

        The level is never the neutral one.
        """

    @abstractmethod
    def measure(self, said: SaidWord, sound: Tensor) -> float:
        """The level that was reached, by an instrument of its own, in the unit of the axis."""

    def unavailable(self, inputs: Inputs, frame: Frame | None = None) -> str | None:
        """Why it cannot be run: a folder is missing, or the model has no memory."""
        return FORGETFUL if frame is not None and not frame.memory else super().unavailable(inputs, frame)


class WordBefore(HistoryPerturbation):
    """A word once before the window, and a pause after it; a plug-in says which word."""

    axis: ClassVar[Axis] = GAP

    @final
    def sound(self, said: SaidWord, level: float, rng: torch.Generator) -> Tensor:
        """The word at the end of a stretch as long as the window, and the pause, [time]; a longer word loses its beginning."""
        word = self.word(said, rng)[-said.window :]
        return torch.nn.functional.pad(word, (said.window - len(word), round(level * said.rate_hz)))

    @abstractmethod
    def word(self, said: SaidWord, rng: torch.Generator) -> Tensor:
        """The word, [time]."""

    @final
    def measure(self, said: SaidWord, sound: Tensor) -> float:
        """The pause in s."""
        return pause_s(sound, said.rate_hz)


def pause_s(sound: Tensor, rate_hz: int) -> float:
    """How long it has been silent at the end, in s, [time]."""
    sounding = (sound.square() > SMALLEST_POWER).nonzero()
    return (len(sound) - 1 - int(sounding[-1])) / rate_hz if len(sounding) else float("inf")
