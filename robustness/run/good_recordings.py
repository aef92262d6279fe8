"""What was measured of the recordings of a run that are right, so that they can stand in for those of another run of the same model?

The record of `evidence/good_recordings.json`. It holds no sound. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record
from robustness.run.evidence import FiniteNumber

FILE: Final = "good_recordings.json"


@dataclass(frozen=True)
class GoodRecording:
    """What was measured of one of them.

    Attributes:
        level_dbfs: of its word.
        spectrum_db: its bands of 125 Hz against that.
        values: all else, by name.
    """

    level_dbfs: FiniteNumber
    spectrum_db: tuple[FiniteNumber, ...]
    values: Mapping[str, FiniteNumber]


@dataclass(frozen=True)
class GoodRecordingFacts:
    """Those that were measured, by id, in the order in which they are asked; a few of many."""

    recordings: Mapping[str, GoodRecording] = field(default_factory=dict)


def read_good_recordings(evidence: Path) -> GoodRecordingFacts | None:
    """What a run has measured of its good recordings; None where it was written by a version that kept none.

    Raises:
        RunError: where the file is damaged.
    """
    return read_record(evidence.parent, f"{evidence.name}/{FILE}", GoodRecordingFacts) if (evidence / FILE).exists() else None


def write_good_recordings(evidence: Path, found: GoodRecordingFacts) -> None:
    """Writes it, whole or not at all."""
    write_json(evidence / FILE, plain(GoodRecordingFacts, found))
