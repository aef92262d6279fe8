"""What does one recording sound like under the perturbations of a run? A few levels of each, as a run keeps them: `evidence/sounds.json`.

A sound is an MP3 of 16 or 24 kbit/s in base64, small enough for the page. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record
from robustness.run.evidence import FiniteNumber

FILE: Final = "sounds.json"


@dataclass(frozen=True)
class ConditionSound:
    """The recording at one level.

    Attributes:
        perturbation: which.
        level: in its unit.
        sound: as MP3, in base64.
    """

    perturbation: str
    level: FiniteNumber
    sound: str


@dataclass(frozen=True)
class ConditionSounds:
    """The sounds of a run.

    Attributes:
        recording: whose they are.
        sounds: by perturbation, from mild to harsh.
    """

    recording: str
    sounds: tuple[ConditionSound, ...]

    def of(self, perturbation: str) -> list[ConditionSound]:
        """Those of one perturbation."""
        return [one for one in self.sounds if one.perturbation == perturbation]


def read_sounds(evidence: Path) -> ConditionSounds | None:
    """The sounds of a run; None if none are kept.

    Raises:
        RunError: they are damaged.
    """
    return read_record(evidence.parent, f"{evidence.name}/{FILE}", ConditionSounds) if (evidence / FILE).exists() else None


def write_sounds(evidence: Path, found: ConditionSounds) -> None:
    """Writes the sounds of a run, whole or not at all."""
    write_json(evidence / FILE, plain(ConditionSounds, found))
