"""What several models reached, side by side, as the table that models/README.md shows; read from their cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from robustness.models.card import read_card

SETS: Final = {
    "speech_commands": "Speech Commands",
    "fsdd": "Free Spoken Digits",
    "synthetic": "synthetic voices",
    "joe": "joe",
    "heart": "heart",
}


def results_table(cards: Sequence[Path], variant: str = "float32") -> str:
    """Balanced accuracy as recorded, and how many answers change from center to start, for each model on each set, in Markdown."""
    header = [
        "model",
        "measured on",
        "speakers",
        "recordings",
        "balanced accuracy, %",
        "at the start, %",
        "centered, %",
        "center → start changed, %",
    ]
    rows = [row for card in cards for row in _rows(card, variant)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _rows(card: Path, variant: str) -> list[list[str]]:
    said = read_card(card)
    measured = said.about["accuracy"]
    return [[said.name, title, *_cells(measured[name], variant)] for name, title in SETS.items() if name in measured]


def _cells(facts: dict[str, Any], variant: str) -> list[str]:
    placed = facts[variant]["placed"]
    shown = (facts[variant]["as_recorded"]["balanced"], placed["start"], placed["center"], placed["changed_from_center_to_start"])
    return [str(facts["speakers"]), str(facts["recordings"]), *map(_percent, shown)]


def _percent(part: dict[str, float]) -> str:
    return f"{part['value'] * 100:.1f} ({part['low'] * 100:.0f}–{part['high'] * 100:.0f})"
