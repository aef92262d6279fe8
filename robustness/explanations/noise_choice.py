"""In which noise a recording is explained: the kind, level and draw that a user names, as a report has them."""

from __future__ import annotations

import math
from pathlib import Path

from robustness.errors import UsageError
from robustness.explanations.movable import Added
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise


def named_noise(perturbation: str | None, level: float | None, draw: int = 0, noises: Path | None = None) -> Added | None:
    """The noise that the options of a command name; None where none is named.

    Raises:
        UsageError: where only some of it is named, or it is none.
    """
    if perturbation is not None and level is not None:
        return noise(perturbation, level, draw, noises)
    if perturbation is None and level is None and not draw and noises is None:
        return None
    raise UsageError("noise needs a kind and a level: give both --perturbation white-noise and --level 10, an SNR in dB, or neither")


def noise(perturbation: str, level: float, draw: int = 0, noises: Path | None = None) -> Added:
    """Noise as a report of the same seed has it.

    Args:
        perturbation: one that adds noise, such as white-noise.
        level: its SNR in dB inside the word.
        draw: which of its draws.
        noises: a folder of recordings of noise, for background-noise.

    Raises:
        UsageError: where it adds no noise, or the level is not a number.
    """
    if not math.isfinite(level):
        raise UsageError(f"--level {level:g} is no SNR in dB; give a number such as 10")
    made = PERTURBATIONS[perturbation].made({} if noises is None else {"noises": noises})
    if not isinstance(made, AdditiveNoise):
        kinds = [name for name, kind in PERTURBATIONS.all().items() if issubclass(kind, AdditiveNoise)]
        raise UsageError(f"{perturbation} adds no noise; those that do: {', '.join(kinds)}; --placement and --offset-ms move the recording")
    return Added(made, level, draw)
