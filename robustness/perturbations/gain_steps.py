"""How much may the gain jump within a word? A gain control that goes up or down by a step every tenth of a second.

A level is the size of a step in dB; the gain is one step up or one down of where the recording is, at random, but the same at every level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from robustness.audio.placement import Windows
from robustness.conditions import Axis, Family
from robustness.perturbations.base import PERTURBATIONS, Changed, WindowPerturbation
from robustness.perturbations.filtering import FLOOR

STRETCH_S: Final = 0.1


@PERTURBATIONS.register
@dataclass(frozen=True)
class GainSteps(WindowPerturbation):
    """The gain jumps between a step up and a step down."""

    name: ClassVar[str] = "gain-steps"
    family: ClassVar[Family] = "level"
    axis: ClassVar[Axis] = Axis("step of the gain", "dB", (1.0, 3.0, 6.0, 10.0), neutral=0.0, neutral_says="no steps")
    source: ClassVar[str] = "torch: a gain that jumps, as an unsmoothed stepped control gives it"

    draws: ClassVar[int] = 3

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor:
        """Up (1) or down (−1), for every sample, [count]."""
        stretch = round(STRETCH_S * rate_hz)
        signs = 2 * torch.randint(2, (-(-count // stretch),), generator=rng) - 1
        return signs.repeat_interleave(stretch)[:count].double()

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows under gains of ± that many dB."""
        if random is None:
            raise TypeError("gain steps have a course")
        before = clean.samples.double()
        after = before * 10 ** (random * level / 20)
        pieces = [some.unfold(1, stretch, stretch) for stretch in (round(STRETCH_S * clean.rate_hz),) for some in (before, after)]
        gains = 10 * (pieces[1].square().sum(2).clamp_min(FLOOR) / pieces[0].square().sum(2).clamp_min(FLOOR)).log10()
        return Changed(after.float(), gains.abs().amax(1))
