"""How is the word recognised from 3 m in a kitchen? The stages and levels stand in `scene_files/kitchen-3m.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.scenes import FOLDER, ComposedScene


@PERTURBATIONS.register
@dataclass(frozen=True)
class Kitchen3m(ComposedScene, file=FOLDER / "kitchen-3m.toml"):
    """From 3 m in a kitchen."""
