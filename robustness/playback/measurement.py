"""How loud, how noisy, how reverberant and how clipped is a test set that was played back and captured?

Levels are in dB: of a clip against its original, in the original's speech and less the background; of the background in dBFS. The
path's own response and the clocks' drift are those of `response`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch

from robustness.audio.levels import decibels, frame_powers, speech_span
from robustness.audio.measurements import plateaus_in
from robustness.playback.response import Array, Decay, PathResponse, PlayedClip, path_response
from robustness.playback.search import FoundClip, stretch

AFTER_S: Final = 0.3  # after a clip: its echo is no background
QUIETEST: Final = 0.25  # of the frames outside of clips
SOFTEST: Final = 1e-12
NEAR_PEAK: Final = 0.98  # of the capture's: a clip that stays below was not clipped there
PLATEAUS: Final = 2


class CapturedClip(NamedTuple):
    """One clip as it was captured.

    Attributes:
        path: of the clip, relative to the folder.
        label: its word, if it is known.
        start_s: of its first sample in the capture.
        score: how like its original it is, 0 to 1, by the whitened correlation.
        level_db: of its speech, over the original's.
        snr_db: of its speech, over the capture's background.
        clipped: whether the capture stays at its peak in it.
    """

    path: str
    label: str | None
    start_s: float
    score: float
    level_db: float
    snr_db: float
    clipped: bool


@dataclass(frozen=True, eq=False)
class PlaybackMeasurement:
    """What playing and capturing did.

    Attributes:
        clips: in the order of the capture.
        response: of the path.
        background_dbfs: of the capture where no clip is.
        decay: of the room.
    """

    clips: tuple[CapturedClip, ...]
    response: PathResponse
    background_dbfs: float
    decay: Decay

    @property
    def level_db(self) -> float:
        """The median over clips."""
        return float(np.median([one.level_db for one in self.clips]))

    @property
    def snr_db(self) -> float:
        """The median over clips."""
        return float(np.median([one.snr_db for one in self.clips]))


def measured_playback(
    found: Sequence[FoundClip], clips: Mapping[str, Array], labels: Mapping[str, str | None], capture: Array, rate_hz: int
) -> PlaybackMeasurement:
    """What became of the clips that were found.

    Args:
        found: in the order of the capture.
        clips: samples of the originals, by name.
        labels: by name.
        capture: all of it.
        rate_hz: of everything.
    """
    noise = background_power(found, clips, capture, rate_hz)
    ends = [*(one.start for one in found[1:]), len(capture)]
    played = [PlayedClip(clips[one.name], one.start, max(1, end - one.start)) for one, end in zip(found, ends, strict=True)]
    response = path_response(played, capture, rate_hz, noise)
    peak = float(np.abs(capture).max())
    captured = []
    for one, start in zip(found, response.starts, strict=True):
        piece = stretch(capture, round(start), len(clips[one.name]))
        level_db, snr_db = _levels(clips[one.name], piece, noise, rate_hz)
        at = start / rate_hz
        captured.append(CapturedClip(one.name, labels.get(one.name), at, one.score, level_db, snr_db, _is_clipped(piece, peak)))
    return PlaybackMeasurement(tuple(captured), response, decibels(max(noise, SOFTEST)), response.decay)


def background_power(found: Sequence[FoundClip], clips: Mapping[str, Array], capture: Array, rate_hz: int) -> float:
    """The mean power of the quietest quarter of the frames outside of clips and their echo."""
    outside = np.ones(len(capture), dtype=bool)
    for one in found:
        outside[max(0, one.start) : one.start + len(clips[one.name]) + round(AFTER_S * rate_hz)] = False
    rest = capture[outside] if int(outside.sum()) > rate_hz // 10 else capture
    powers = np.sort(frame_powers(torch.from_numpy(rest), rate_hz).numpy()[:-1])
    return float(powers[: max(1, int(len(powers) * QUIETEST))].mean()) if len(powers) else 0.0


def _levels(original: Array, piece: Array, noise: float, rate_hz: int) -> tuple[float, float]:
    """The level over the original's and over the background, in dB, in the original's speech."""
    span = speech_span(torch.from_numpy(original), rate_hz)
    speech = max(float(np.square(piece[span.start : span.end]).mean()) - noise, SOFTEST)
    said = max(float(np.square(original[span.start : span.end]).mean()), SOFTEST)
    return decibels(speech / said), decibels(speech / max(noise, SOFTEST))


def _is_clipped(piece: Array, peak: float) -> bool:
    return float(np.abs(piece).max(initial=0.0)) >= NEAR_PEAK * peak and len(plateaus_in(torch.from_numpy(piece))) >= PLATEAUS
