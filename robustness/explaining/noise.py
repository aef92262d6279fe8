"""In which noise a recording is explained: the kind, level and draw that a user names, as a report has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from robustness.diagnosis.moving import Added
from robustness.errors import UsageError
from robustness.perturbations.background_noise import BackgroundNoise
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.noise import AdditiveNoise


def added(perturbation: str | None, level: float | None, draw: int = 0, noises: Path | None = None) -> Added | None:
    """The noise that these options name; None where none is named.

    Args:
        perturbation: one that adds noise.
        level: its SNR in dB inside the word.
        draw: which of its draws.
        noises: a folder of recordings of noise.

    Raises:
        UsageError: where one of the two is missing, or it adds no noise.
    """
    if perturbation is None and level is None:
        return None
    if perturbation is None or level is None:
        raise UsageError("noise needs a kind and a level: give both --perturbation white-noise and --level 10, an SNR in dB, or neither")
    made = PERTURBATIONS[perturbation]()
    if not isinstance(made, AdditiveNoise):
        kinds = [name for name, kind in PERTURBATIONS.all().items() if issubclass(kind, AdditiveNoise)]
        raise UsageError(f"{perturbation} adds no noise; those that do: {', '.join(kinds)}; --placement and --offset-ms move the recording")
    if isinstance(made, BackgroundNoise):
        made = replace(made, folder=noises)
    return Added(made, level, draw)
