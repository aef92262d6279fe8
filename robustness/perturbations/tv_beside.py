"""How is the word recognised with a television beside the device? The stages and levels stand in `scene_files/tv-beside.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.scenes import FOLDER, ComposedScene


@PERTURBATIONS.register
@dataclass(frozen=True)
class TvBeside(ComposedScene, file=FOLDER / "tv-beside.toml"):
    """With a television beside the device."""
