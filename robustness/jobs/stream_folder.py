"""What is left of a stream on disk: the page, the figures, and the scores, from which another rule is tried without the model.

Files of a folder: `index.html`, `stream.json` and `scores-N.parquet`, one a variant and take.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from robustness.audio.takes import Samples, Take
from robustness.errors import OutputError
from robustness.jobs.stream import StreamRequest, StreamResult, said_of
from robustness.report.sounds import flac_of
from robustness.report.stream_page import RunNotes, TakeCut, stream_page
from robustness.report.stream_timeline import TakeSound
from robustness.run.atomic import write_json, write_text
from robustness.streaming.kept import FIGURES, SCORES
from robustness.streaming.scores import write_scores

PAGE: Final = "index.html"
STRETCH_MS: Final = 10.0  # in which the waveform is kept
MOST_STRETCHES: Final = 1_200_000  # of all takes
SHORT_MS: Final = 120_000.0  # a take up to this long can be heard as a whole


def write_stream(result: StreamResult, request: StreamRequest, out: Path, repeat: str, *, audio: bool) -> Path:
    """Writes the folder; files of an earlier stream are replaced.

    Args:
        result: what came out.
        request: what was asked.
        out: the folder.
        repeat: the command that makes it again.
        audio: whether sounds are on the page; voices are personal data.

    Raises:
        OutputError: the place cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}); give another --out") from error
    kept = [scores for variant in result.variants for scores in variant.scores]
    for place, scores in enumerate(kept):
        write_scores(out / SCORES.format(place), scores)
    write_json(out / FIGURES, said_of(result, request))
    length_ms = max(STRETCH_MS, sum(take.duration_ms for take in result.takes) / MOST_STRETCHES)
    sounds = [take_sound(take, length_ms, audio=audio) for take in result.takes]
    page = stream_page(
        result.variants, sounds, _cutter(result) if audio and result.takes else None, RunNotes(result.notices, repeat, result.pairs)
    )
    write_text(out / PAGE, page)
    return out / PAGE


def take_sound(take: Take, length_ms: float, *, audio: bool) -> TakeSound:
    """A take as the page shows it, read block by block, in stretches of so many ms."""
    length = max(1, round(length_ms * take.rate_hz / 1000))
    count = -(-take.samples // length)
    low, high = np.zeros(count), np.zeros(count)
    for at, stretches in _stretches(take, length):
        low[at : at + len(stretches)] = np.minimum(0.0, stretches.min(1))
        high[at : at + len(stretches)] = np.maximum(0.0, stretches.max(1))
    whole = audio and take.duration_ms <= SHORT_MS
    return TakeSound(take.name, take.duration_ms, low, high, flac_of(take.part(0, take.duration_ms), take.rate_hz) if whole else "")


def _stretches(take: Take, length: int) -> Iterator[tuple[int, Samples]]:
    """A take in stretches of so many samples, [stretches length], with the number of the first; zeros fill the last."""
    at, rest = 0, np.zeros(0, np.float32)
    for block in take.blocks():
        rest = np.concatenate([rest, block])
        whole = len(rest) // length
        if whole:
            yield at, rest[: whole * length].reshape(whole, length)
        at, rest = at + whole, rest[whole * length :]
    if len(rest):
        yield at, np.pad(rest, (0, length - len(rest)))[None]


def _cutter(result: StreamResult) -> TakeCut:
    """Stretches of the takes, as the page asks for them."""

    def cut(at: int, start_ms: float, end_ms: float) -> str:
        take = result.takes[at]
        return flac_of(take.part(max(0.0, start_ms), min(end_ms, take.duration_ms)), take.rate_hz)

    return cut
