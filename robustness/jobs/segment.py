"""A take cut into words, with the page that shows where they were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from robustness.audio.cutting import pieces
from robustness.audio.segment_advice import standing_out
from robustness.audio.segmentation import Segmentation
from robustness.report.sounds import flac_of
from robustness.report.take_page import CutTake, CutWord, take_page

BIN_MS: Final = 10.0
MOST_BINS: Final = 20_000  # of a picture; a longer take has wider ones


def segmented_page(found: Segmentation, names: Sequence[str]) -> str:
    """The page of a take.

    Args:
        found: the take with its words.
        names: of their files, in order.
    """
    hearing, settings = found.hearing, found.detector
    bins = max(1, min(MOST_BINS, round(hearing.duration_ms / BIN_MS)))
    starts = np.linspace(0, len(found.samples), bins, endpoint=False).astype(int)
    levels = hearing.levels_dbfs
    each = -(-len(levels) // MOST_BINS)
    odd, sounds = standing_out(found.words), (flac_of(sound, found.rate_hz) for sound in pieces(found))
    words = [
        CutWord(label, word.start_ms, word.end_ms, cut.start_ms, cut.end_ms, word.level_dbfs, *rest)
        for label, word, cut, *rest in zip(found.labels, found.words, found.cuts, names, odd, sounds, strict=True)
    ]
    return take_page(
        CutTake(
            found.name,
            hearing.duration_ms,
            np.minimum.reduceat(found.samples, starts),
            np.maximum.reduceat(found.samples, starts),
            np.maximum.reduceat(levels, np.arange(0, len(levels), each)),
            hearing.pause_dbfs,
            hearing.peak_dbfs,
            hearing.word_dbfs(settings),
            hearing.edge_dbfs(settings),
            settings.min_word_ms,
            settings.min_pause_ms,
            words,
        )
    )
