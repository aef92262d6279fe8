"""Which addresses the page gives itself, so that no recording's row takes one."""

from __future__ import annotations

from typing import Final

SECTIONS: Final = tuple(
    "verdict summary costs groups tolerance every-sample recordings causes failures outcomes leads curves threshold confusion reference "
    "quantization method provenance".split()
)
CONTROLS: Final = tuple(
    "main script style data atlas find shown answers readout only-wrong confusion-condition confusion-matrix confusion-says".split()
)
TILES: Final = tuple("accepted-over-lead packed placements no-word repeat by-label by-speaker by-word-length clusters".split())
MEASURED: Final = ("by-level-of-the-speech", "by-room-to-move", "ce", "latency", "kernels")
COMPARED: Final = ("perturbations", "rules")  # sections of the page of two runs
STREAMED: Final = ("variants", "takes", "hop", "state", "operating", "mistakes")  # sections of the page of a stream, with its figures below
THRESHOLDS: Final = ("curve", "labels", "late")  # sections of the page of a threshold
STREAM_FIGURES: Final = ("curve-section", "hops", "phases", "take")
CUT: Final = ("picture", "words")  # sections of the page of a take, with its figure below
TITLED: Final = (*SECTIONS, *COMPARED, *STREAMED, *THRESHOLDS, *CUT)
RESERVED: Final = (  # addresses that the page gives itself
    *TITLED,
    *(f"{name}-title" for name in TITLED),
    *CONTROLS,
    *TILES,
    *MEASURED,
    *STREAM_FIGURES,
)
