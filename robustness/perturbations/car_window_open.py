"""How is the word recognised beside an open window of a car? The stages and levels stand in `scene_files/car-window-open.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.scenes import FOLDER, ComposedScene


@PERTURBATIONS.register
@dataclass(frozen=True)
class CarWindowOpen(ComposedScene, file=FOLDER / "car-window-open.toml"):
    """Beside an open window of a car."""
