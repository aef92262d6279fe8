"""How is the word recognised from across an office? The stages and levels stand in `scene_files/far-field-office.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.scenes import FOLDER, ComposedScene


@PERTURBATIONS.register
@dataclass(frozen=True)
class FarFieldOffice(ComposedScene, file=FOLDER / "far-field-office.toml"):
    """From across an office."""
