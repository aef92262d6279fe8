"""What is doubtful about recordings that can be used: an offset, clicks, clipping, little level, one sound under two names.

Nothing is changed for it; each kind is one notice with a count and the first names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from robustness.audio.files import counted, some
from robustness.audio.levels import QUIET_DBFS, click_count, decibels, speech_span, without_rumble
from robustness.audio.recordings import Recording
from robustness.audio.streaming import Clip
from robustness.run.looks import Doubt

LARGEST_OFFSET: Final = 0.01  # of full scale: −40 dBFS
SOFT_DBFS: Final = -45.0  # a microphone's own noise is near


def doubts_of(recording: Recording, *, clipped: bool = False) -> tuple[Doubt, ...]:
    """What is doubtful about one recording by itself; whether it was clipped is known before it is resampled."""
    samples, rate_hz, name = recording.samples, recording.rate_hz, recording.id
    start, end = speech_span(samples, rate_hz)
    level = decibels(float(without_rumble(samples, rate_hz)[start:end].square().mean()))
    offset = float(samples.mean())
    quiet = f"with speech under {QUIET_DBFS:.0f} dBFS, where an SNR says little"
    found = (
        (level < QUIET_DBFS, quiet, f"{name} at {level:.0f} dBFS"),
        (QUIET_DBFS <= level < SOFT_DBFS, f"with soft speech, under {SOFT_DBFS:.0f} dBFS", name),
        (abs(offset) > LARGEST_OFFSET, "with a constant offset, left out of levels and spans", f"{name} ({offset:+.3f})"),
        (click_count(samples, rate_hz) > 0, "with clicks, taken for no speech", name),
        (clipped, "clipped", name),
    )
    return tuple(Doubt(kind, said) for doubtful, kind, said in found if doubtful)


@dataclass
class Doubts:
    """What is doubtful about the recordings looked at so far."""

    names: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, Clip] = field(default_factory=dict)  # with these bytes

    def take(self, clip: Clip, doubts: Sequence[Doubt]) -> None:
        """Counts what is doubtful about one recording, by itself and beside those before it."""
        twin = self.first.setdefault(clip.sha256, clip)
        same = "with the same bytes as another" if twin.label == clip.label else "with the same bytes as one of another word"
        alike = [Doubt(same, f"{clip.id} as {twin.id}")] if clip.sha256 and twin.id != clip.id else []
        for kind, name in (*doubts, *alike):
            self.names.setdefault(kind, []).append(name)

    @property
    def notices(self) -> list[str]:
        """One a kind."""
        return [f"{counted(len(names), 'recording')} {what}: {some(names)}" for what, names in self.names.items()]
