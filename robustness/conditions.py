"""What is done to a recording, in words and numbers; sweep, gates, diagnosis and report speak in it.

Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Placement = Literal["start", "center", "end", "offset"]
Fill = Literal["zeros", "floor"]
Family = Literal["placement", "time", "level", "noise", "room", "microphone", "channel", "mask", "history", "scene"]
Preset = Literal["quick", "standard", "full", "dhauds"]

PLACEMENTS: Final[tuple[str, ...]] = get_args(Placement)
FILLS: Final[tuple[str, ...]] = get_args(Fill)
FAMILIES: Final[tuple[str, ...]] = get_args(Family)
PRESETS: Final[tuple[str, ...]] = get_args(Preset)  # each of the first three has all of the one before
VARIANTS: Final = ("float32", "dynamic-int8")  # what is run where nothing else is asked for
BEFORE: Final[Family] = "history"  # what sounds before the window, and not in it
CARDS: Final = 24  # failing recordings that get a card, if no other number is asked for; the rest are counted
NONE: Final = "none"  # the perturbation of a clean row
NO_WORD: Final = "no-word"  # the perturbation of a window without a word; its level is in dBFS
OTHER_WORD: Final = "(another word)"  # the label of a word that the model has no label for
SILENCE, WHITE, PINK = MADE = ("silence", "white noise", "pink noise")  # what is made to fill such a window; other kinds are recordings


@dataclass(frozen=True)
class Axis:
    """How hard a perturbation is: a named grid in a physical unit, mild → harsh, and the level that changes nothing.

    Attributes:
        name: of the axis.
        unit: of its levels.
        grid: the levels.
        neutral: the level that changes nothing.
        says: a level in words, with the fields `{name}` (of the perturbation), `{level}` and `{signed}` (with the unit) and `{place}`
            (where the recording lies).
        neutral_says: the neutral level in words; empty says it as any other.
    """

    name: str
    unit: str
    grid: tuple[float, ...]
    neutral: float
    says: str = "{name} at {level}"
    neutral_says: str = ""


@dataclass(frozen=True)
class Everyday:
    """The levels that a device meets on an ordinary day, both ends among them, and who says so.

    Attributes:
        low: the lowest level.
        high: the highest level.
        source: where the range comes from.
    """

    low: float
    high: float
    source: str


@dataclass(frozen=True)
class Condition:
    """One thing done to every recording.

    Attributes:
        perturbation: a registered name, or `none` (the clean placement), or `no-word`.
        level: in the unit of the perturbation's axis; None for `none`.
        fill: what the padding holds, `zeros` or the recording's own noise `floor`.
        draw: which of several random draws.
        placement: where the recording lies before the perturbation acts; `offset` counts a time shift from the window's start.
    """

    perturbation: str = NONE
    level: float | None = None
    fill: Fill = "zeros"
    draw: int = 0
    placement: Placement = "center"
