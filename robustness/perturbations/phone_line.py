"""How is the word recognised over a telephone line that loses packets? The stages and levels stand in `scene_files/phone-line.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.scenes import FOLDER, ComposedScene


@PERTURBATIONS.register
@dataclass(frozen=True)
class PhoneLine(ComposedScene, file=FOLDER / "phone-line.toml"):
    """Over a telephone line that loses packets."""
