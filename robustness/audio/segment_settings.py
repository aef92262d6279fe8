"""How a long take is listened to and cut; each setting is an option of `robustness segment`.

Thresholds are percent of the way from the take's floor (0) to its peak (100), in dB. This module loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from robustness.errors import UsageError


@dataclass(frozen=True)
class DetectorSettings:
    """How the detector hears.

    Attributes:
        word_percent: what a word must reach, in percent of the way from floor to peak.
        edge_percent: where a word begins and ends, in percent of the way from floor to peak.
        noise_spreads: and at least this many times as far above the floor as the noise itself wanders.
        min_word_ms: anything shorter is a click.
        min_pause_ms: a shorter gap is inside a word, such as the closure in "eight".
        frame_ms: how much sound one level is measured over.
        hop_ms: how often the level is measured.
        highpass_hz: what lies under it (rumble, hum, an offset) is not heard.
    """

    word_percent: float = 50.0
    edge_percent: float = 15.0
    noise_spreads: float = 4.0
    min_word_ms: float = 80.0
    min_pause_ms: float = 180.0
    frame_ms: float = 20.0
    hop_ms: float = 10.0
    highpass_hz: float = 100.0

    def __post_init__(self) -> None:
        """Refuses what no detector can work with."""
        if not 0 < self.edge_percent <= self.word_percent < 100:
            raise UsageError(
                f"--edge-percent is {self.edge_percent:g} and --word-percent {self.word_percent:g}; "
                "both lie between 0 and 100, and the edge is at most the word's"
            )
        if not 0 <= self.noise_spreads < float("inf"):
            raise UsageError(f"--noise-spreads is {self.noise_spreads:g}; it must be 0 or more")
        for name in ("min_word_ms", "min_pause_ms", "frame_ms", "hop_ms", "highpass_hz"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"--{name.replace('_', '-')} is {getattr(self, name):g}; it must be a number above 0")


@dataclass(frozen=True)
class CutSettings:
    """How much of the take goes with a word.

    Attributes:
        before_ms: kept before a word, where the pause has it: a weak beginning (f, s, th) may lie under the threshold.
        after_ms: kept after it, for a word's end dies away slower than it begins.
        longest_ms: no cut is longer, so that it can still be moved in a window of 1 s; the margins give way.
    """

    before_ms: float = 50.0
    after_ms: float = 300.0
    longest_ms: float = 950.0

    def __post_init__(self) -> None:
        """Refuses negative margins, and NaN."""
        if not (self.before_ms >= 0 and self.after_ms >= 0 and self.longest_ms > 0):
            raise UsageError(
                f"--before-ms is {self.before_ms:g}, --after-ms {self.after_ms:g} and --longest-ms {self.longest_ms:g}; "
                "margins are 0 or more, and the longest cut above 0"
            )
