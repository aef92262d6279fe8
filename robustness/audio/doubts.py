"""What is doubtful about recordings that can be used: an offset, clicks, clipping, little level, one sound under two names.

Nothing is changed for it; each kind is one notice with a count and the first names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from robustness.audio.files import counted, some
from robustness.audio.levels import QUIET_DBFS, click_count, decibels, speech_span, without_rumble
from robustness.audio.recordings import Recording

LARGEST_OFFSET: Final = 0.01  # of full scale: −40 dBFS
SOFT_DBFS: Final = -45.0  # a microphone's own noise is near


@dataclass
class Doubts:
    """What is doubtful about the recordings looked at so far."""

    names: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # id and word of the first file with these bytes

    def take(self, recording: Recording, *, clipped: bool = False) -> None:
        """Looks at one recording; whether it was clipped is known before it is resampled."""
        samples, rate_hz = recording.samples, recording.rate_hz
        start, end = speech_span(samples, rate_hz)
        level = decibels(float(without_rumble(samples, rate_hz)[start:end].square().mean()))
        quiet = f"with speech under {QUIET_DBFS:.0f} dBFS, where an SNR says little"
        self._note(level < QUIET_DBFS, quiet, f"{recording.id} at {level:.0f} dBFS")
        self._note(QUIET_DBFS <= level < SOFT_DBFS, f"with soft speech, under {SOFT_DBFS:.0f} dBFS", recording.id)
        offset = float(samples.mean())
        self._note(abs(offset) > LARGEST_OFFSET, "with a constant offset, left out of levels and spans", f"{recording.id} ({offset:+.3f})")
        self._note(click_count(samples, rate_hz) > 0, "with clicks, taken for no speech", recording.id)
        self._note(clipped, "clipped", recording.id)
        self._same(recording)

    def _note(self, doubtful: bool, what: str, name: str) -> None:
        if doubtful:
            self.names.setdefault(what, []).append(name)

    def _same(self, recording: Recording) -> None:
        twin, word = self.first.setdefault(recording.sha256, (recording.id, recording.label))
        if twin == recording.id or not recording.sha256:
            return
        self._note(word == recording.label, "with the same bytes as another", f"{recording.id} as {twin}")
        self._note(word != recording.label, "with the same bytes as one of another word", f"{recording.id} as {twin}")

    @property
    def notices(self) -> list[str]:
        """One a kind."""
        return [f"{counted(len(names), 'recording')} {what}: {some(names)}" for what, names in self.names.items()]
