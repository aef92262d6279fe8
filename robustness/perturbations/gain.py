"""How quiet or loud may a word be? A gain at the microphone; what goes above full scale is cut off there, as a converter does.

A level is dB. What is measured is the power of the window over that of the clean one: less than was asked where samples were cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from torch import Tensor

from robustness.audio.levels import SMALLEST_POWER, from_decibels
from robustness.audio.placement import Windows
from robustness.conditions import Axis, Everyday, Family, Preset
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation

GRID_DB: Final = (-6.0, 6.0, -12.0, 12.0, -20.0, 20.0, -30.0, 30.0, -40.0, 40.0)
EVERYDAY: Final = Everyday(
    -12.0, 12.0, "our choice: speech of 55 to 66 dBA (Olsen 1998, doi:10.1044/1059-0889(1998/012)), heard at half to twice the distance"
)


@PERTURBATIONS.register
@dataclass(frozen=True)
class Gain(WindowPerturbation):
    """The word quieter or louder."""

    name: ClassVar[str] = "gain"
    family: ClassVar[Family] = "level"
    axis: ClassVar[Axis] = Axis("gain", "dB", GRID_DB, neutral=0.0, says="{name} of {signed}")
    source: ClassVar[str] = "Olsen (1998), doi:10.1044/1059-0889(1998/012): levels of speech from casual to shouted voices"
    preset: ClassVar[Preset] = "quick"
    everyday: ClassVar[Everyday | None] = EVERYDAY

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows with that gain in dB, within full scale."""
        samples = (clean.samples * from_decibels(level)).clamp(-1, 1)
        powers = [some.double().square().mean(1).clamp_min(SMALLEST_POWER) for some in (samples, clean.samples)]
        return Changed(samples, 10 * (powers[0] / powers[1]).log10())
