"""What a recording is, and how files become recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from robustness.audio.levels import Span


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording at its native length, mono, full scale ±1.

    Attributes:
        id: the path relative to the folder it was found in, with `/`.
        samples: [time], float32.
        rate_hz: sampling rate of `samples` (after resampling).
        label: the word as its source names it, before any vocabulary; None where it is not known.
        speaker: who says it; None where it is not known.
        path: the file; None where there is none.
        sha256: of the file's bytes, or of the samples where there is no file.
        speech: where the word lies, where that was found before the recording was cut; None is not looked for yet.
    """

    id: str
    samples: Tensor
    rate_hz: int
    label: str | None = None
    speaker: str | None = None
    path: Path | None = None
    sha256: str = ""
    speech: Span | None = None
