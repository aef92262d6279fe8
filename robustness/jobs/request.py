"""What is to be assessed, on what, and how: everything that a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from robustness.audio.labels import LabelSource
from robustness.audio.selection import Selection
from robustness.conditions import CARDS, VARIANTS
from robustness.sweep.plan import Settings


@dataclass(frozen=True)
class EveryLead:
    """Whether the outcome at each whole sample of lead is asked.

    Attributes:
        within_ms: how far to both sides of the reference placement; None asks nothing.
        quantized: whether quantized variants and model files are asked too, which compute each window by itself.
        variants: their names, if not all are asked.
    """

    within_ms: float | None = None
    quantized: bool = False
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explaining:
    """How failing recordings are explained.

    Attributes:
        cards: how many of them are drawn as cards, worst first; None draws all.
        good_run: a run of the same model, whose good recordings serve where too few are good here.
    """

    cards: int | None = CARDS
    good_run: Path | None = None


@dataclass(frozen=True)
class Request:
    """What to assess, on what, and how.

    Attributes:
        models: cards.
        recordings: folders or files.
        weights: of the one model, where they are not beside its card.
        variants: names of quantization schemes.
        labels: where the words come from.
        selection: which of the recordings are heard.
        settings: of the sweep.
        calibration: a folder of recordings from which schemes learn that need some; none of them may be tested.
        threshold: the operating point, in place of the card's.
        device: where float networks run.
        skip_bad: go on without the recordings that cannot be used.
        audio: whether the run keeps what was heard; voices are personal data.
        repeat: the command that repeats this, for the page.
        reference: a run of another model on the same recordings, to give errors against.
        every_sample: whether each whole sample of lead is asked, in which range.
        explaining: how failing recordings are explained.
    """

    models: tuple[Path, ...]
    recordings: tuple[Path, ...]
    weights: Path | None = None
    variants: tuple[str, ...] = VARIANTS
    labels: LabelSource = field(default_factory=LabelSource)
    selection: Selection = field(default_factory=Selection)
    settings: Settings = field(default_factory=Settings)
    calibration: Path | None = None
    threshold: float | None = None
    device: str = "cpu"
    skip_bad: bool = False
    audio: bool = True
    repeat: str = ""
    reference: Path | None = None
    every_sample: EveryLead = field(default_factory=EveryLead)
    explaining: Explaining = field(default_factory=Explaining)
