"""What every intervention offers: a physical edit that might restore the right answer, and its control.

A size is a number in the unit of the sizes tried, mild → strong; the two signs of a size are two directions. The control changes the window
by about as much energy as the edit of that size and leaves the factor of the intervention's kind as it was: where it restores as well, the
kind explains nothing. A control that keeps the level can change a window by four times its own energy at most; what is beyond that has it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

import torch
from torch import Tensor

from robustness.interventions.scene import Scene
from robustness.registry import Registry

EditKind = Literal["placement", "padding", "level", "noise", "band", "speed", "precision", "distortion", "output"]
DRAWS: Final = 5  # of what is random, edits and controls alike
COMPARABLE: Final = 3.0  # times the energy that an edit changes, more or less: what its control may change
UPSIDE_DOWN: Final = 4.0  # times a window's energy lies between it and its opposite
MOST_SOFTER: Final = 0.7  # of the amplitude: a control does not silence the window
NEAR: Final = (1.04, 1.08, 1.12, 1.16)  # of a size: an edit that restores an answer does so a little beyond as well


@dataclass(frozen=True)
class SizesTried:
    """Sizes, mild → strong, in a unit; a size of 0 says that the edit has no size.

    Attributes:
        name: what the size is.
        unit: of the size.
        sizes: mild → strong.
        beyond: how far beyond a size it is tried as well at most, in the unit.
        mild: the largest size that is mild, either way; what is beyond reaches farther, and counts only where nothing mild does.
    """

    name: str
    unit: str
    sizes: tuple[float, ...]
    beyond: float = math.inf
    mild: float = math.inf


class Intervention(ABC):
    """A named edit of what a model hears, or of the precision in which it computes; settings are the fields of a frozen dataclass."""

    name: ClassVar[str]
    kind: ClassVar[EditKind]
    sizes_tried: ClassVar[SizesTried]
    does: ClassVar[str]  # as the subject of a sentence: "moving the word"
    control_does: ClassVar[str]
    source: ClassVar[str]
    draws: ClassVar[int] = 1  # DRAWS where the edit is random
    control_draws: ClassVar[int] = 1
    in_float: ClassVar[bool] = False  # the edited window is answered by the float network in place of the variant
    on_output: ClassVar[bool] = False  # the window stays; the logits of the rejection labels are lower by the size

    def sizes(self, scene: Scene) -> tuple[float, ...]:
        """The usual sizes that can be done to this window, and the one that it asks for; none where the edit makes no sense for it."""
        usual = tuple(size for size in self.sizes_tried.sizes if self.possible(scene, size))
        asked = self.asked_for(scene)
        return usual if asked is None else with_target(usual, asked, self.sizes_tried.sizes[0])

    def asked_for(self, scene: Scene) -> float | None:
        """The size that what is known of this recording asks for; None where nothing does."""
        return None

    def possible(self, scene: Scene, size: float) -> bool:
        """Whether the edit can be done to this window at that size."""
        return True

    def near(self, size: float) -> tuple[float, ...]:
        """Sizes a little beyond, at which what restores an answer restores it too; none where several draws tell as much."""
        if self.draws > 1:
            return ()
        most = self.sizes_tried.beyond / (NEAR[-1] - 1)
        return tuple(size + math.copysign(min(abs(size), most), size) * (factor - 1) for factor in NEAR)

    @abstractmethod
    def edit(self, scene: Scene, size: float, draw: int) -> Tensor:
        """The edited window, [window]."""

    @abstractmethod
    def control(self, scene: Scene, size: float, draw: int) -> Tensor:
        """A window to which as much was done, with the factor as it was, [window]."""


INTERVENTIONS: Registry[Intervention] = Registry("intervention", "robustness.interventions")


def softer_alike(scene: Scene, edited: Tensor) -> Tensor:
    """The window softer, evenly over time and frequency, by as much energy as an edit changes: the control of what takes sound away."""
    whole, changed = (float(part.double().square().sum()) for part in (scene.window, edited - scene.window))
    return scene.window * (1 - min(MOST_SOFTER, (changed / whole) ** 0.5)) if whole > 0 else scene.window.clone()


def as_strong(scene: Scene, change: Tensor, edited: Tensor) -> Tensor:
    """The window with some change, scaled to the energy by which an edit changes it."""
    made, wanted = (float(part.double().square().sum()) for part in (change, edited - scene.window))
    return scene.window + change * (wanted / made) ** 0.5 if made > 0 else scene.window.clone()


def turned_alike(scene: Scene, edited: Tensor) -> Scene:
    """The recording with its phase turned, by an angle that changes the window by as much energy as an edit does.

    Every frequency stays where it is and as strong as it is: the control of what moves, scales or stretches the recording. What moves a
    sound changes it by twice its energy or so; there the recording is turned upside down, which is four times its energy.
    """
    whole, changed = (float(part.double().square().sum()) for part in (scene.window, edited - scene.window))
    ratio = changed / whole if whole > 0 else 0.0
    if ratio >= UPSIDE_DOWN / COMPARABLE:
        return replace(scene, recording=-scene.recording)
    angle = math.acos(1 - ratio / 2)
    spectrum = torch.fft.rfft(scene.recording.double())
    across = torch.fft.irfft(spectrum * -1j, n=len(scene.recording))
    return replace(scene, recording=(scene.recording * math.cos(angle) + across * math.sin(angle)).float())


def with_target(sizes: tuple[float, ...], target: float, least: float) -> tuple[float, ...]:
    """The sizes with one more behind them, where it is none of them and not smaller than the mildest: it counts where none of them does."""
    return sizes if abs(target) < least or target in sizes else (*sizes, target)
