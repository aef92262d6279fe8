"""How is the word recognised while the device itself plays? The stages and levels stand in `scene_files/own-playback.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.scenes import FOLDER, ComposedScene


@PERTURBATIONS.register
@dataclass(frozen=True)
class OwnPlayback(ComposedScene, file=FOLDER / "own-playback.toml"):
    """While the device itself plays."""
