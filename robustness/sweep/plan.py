"""Which conditions a sweep runs, from what the user chose; what cannot run is named with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Trim
from robustness.conditions import NO_WORD, NONE, Condition, Placement
from robustness.perturbations.background_noise import BackgroundNoise
from robustness.perturbations.base import PERTURBATIONS, Perturbation
from robustness.perturbations.time_shift import TimeShift
from robustness.sweep.engine import Runtime


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Attributes:
        seed: of every random number, together with the recording and the perturbation.
        trim: whether recordings are cut to their speech before they are placed.
        speech_threshold_db: how far below the loudest frame speech may be.
        perturbations: the names to run; empty is all that can run.
        noises: a folder of background noises; None is none.
        batch: windows computed together; None is as many as fit the cache. No answer depends on it.
        engine: what runs float networks.
    """

    seed: int = 0
    trim: Trim = "auto"
    speech_threshold_db: float = SPEECH_THRESHOLD_DB
    perturbations: tuple[str, ...] = ()
    noises: Path | None = None
    batch: int | None = None
    engine: Runtime = "torch"


@dataclass(frozen=True)
class Plan:
    """The conditions of a sweep, in the order they run, with the perturbations they name; and whether windows without a word are heard."""

    settings: Settings
    perturbations: dict[str, Perturbation]
    conditions: tuple[Condition, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    no_word: bool = True

    def unit(self, condition: Condition) -> str | None:
        """The unit of a condition's level."""
        if condition.perturbation == NO_WORD:
            return "dBFS"
        return None if condition.perturbation == NONE else self.perturbations[condition.perturbation].axis.unit

    def is_neutral(self, condition: Condition, reference: Placement) -> bool:
        """Whether the condition changes nothing against the clean one."""
        perturbation = self.perturbations.get(condition.perturbation)
        same_place = condition.placement == reference and condition.fill == "zeros"
        return perturbation is not None and same_place and condition.level == perturbation.neutral(reference)

    def grids(self, reference: Placement) -> dict[str, Any]:
        """The grid of each perturbation, for the manifest."""
        return {name: grid_of(perturbation, reference) for name, perturbation in self.perturbations.items()}


def plan_of(settings: Settings, reference: Placement, most_slack_ms: float = 0.0) -> Plan:
    """The clean condition and the default grid of every perturbation asked for.

    Args:
        settings: what the user chose.
        reference: the placement of the clean condition.
        most_slack_ms: how far the shortest recording can move in the window; the shift atlas reaches as far.

    Raises:
        UsageError: where a perturbation does not exist.
    """
    names = settings.perturbations or tuple(PERTURBATIONS.names())
    chosen: dict[str, Perturbation] = {}
    skipped: dict[str, str] = {}
    for name in names:
        if name == BackgroundNoise.name and settings.noises is None:
            skipped[name] = "no recordings of noise were given; --noises DIR names their folder"
            continue
        made = PERTURBATIONS[name]()
        if isinstance(made, BackgroundNoise):
            made = replace(made, noises=settings.noises)
        if isinstance(made, TimeShift):
            made = replace(made, farthest_ms=most_slack_ms)
        chosen[name] = made
    conditions = [Condition(NONE, placement=reference)]
    for perturbation in chosen.values():
        conditions.extend(perturbation.conditions(reference))
    return Plan(settings, chosen, tuple(dict.fromkeys(conditions)), skipped)


def grid_of(perturbation: Perturbation, reference: Placement) -> dict[str, Any]:
    """A perturbation's grid in plain values; a neutral level of infinity is the text `inf`."""
    neutral = perturbation.neutral(reference)
    return {
        "axis": perturbation.axis.name,
        "unit": perturbation.axis.unit,
        "levels": list(perturbation.axis.grid),
        "neutral": neutral if neutral != float("inf") else "inf",
        "draws": perturbation.draws,
        "fills": list(perturbation.fills),
        "source": perturbation.source,
    }
