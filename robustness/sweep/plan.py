"""Which conditions a sweep runs, from what the user chose; what cannot run is named with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, Trim
from robustness.conditions import NO_WORD, NONE, PRESETS, Condition, Placement, Preset
from robustness.errors import UsageError
from robustness.perturbations.base import PERTURBATIONS, Inputs, Perturbation
from robustness.run.perturbations import PerturbationFacts
from robustness.sweep.engine import Runtime

NOISES: Final = "noises"  # the input that is also heard as windows without a word


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Attributes:
        seed: of every random number, together with the recording and the perturbation.
        trim: whether recordings are cut to their speech before they are placed.
        speech_threshold_db: how far below the loudest frame speech may be.
        perturbations: the names to run; empty is those of the preset that can run.
        inputs: folders by name, for perturbations that need some; those of `noises` are also heard as windows without a word.
        batch: windows computed together; None is as many as fit the cache. No answer depends on it.
        engine: what runs float networks.
        preset: which perturbations are run if none is asked for by name.
        every_window: whether the kernels that a card names answer every window of a large set, and not only those near a boundary.
    """

    seed: int = 0
    trim: Trim = "auto"
    speech_threshold_db: float = SPEECH_THRESHOLD_DB
    perturbations: tuple[str, ...] = ()
    inputs: Inputs = field(default_factory=dict)
    batch: int | None = None
    engine: Runtime = "torch"
    preset: Preset = "quick"
    every_window: bool = False


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

    def kinds(self, reference: Placement) -> dict[str, PerturbationFacts]:
        """What is known of each perturbation, by name."""
        return {name: perturbation.facts(reference) for name, perturbation in self.perturbations.items()}

    def only(self, needed: Collection[Condition], *, no_word: bool) -> Plan:
        """The part of the plan that is needed, every draw of it.

        Args:
            needed: conditions of this plan; of several draws the first stands for all.
            no_word: whether windows without a word are needed.

        Raises:
            ValueError: a condition is none of this plan.
        """
        wanted = set(needed)
        kept = tuple(condition for condition in self.conditions if replace(condition, draw=0) in wanted)
        strange = wanted - {replace(condition, draw=0) for condition in kept}
        if strange:
            raise ValueError(f"{len(strange)} conditions are not in the plan, such as {next(iter(strange))}")
        names = {condition.perturbation for condition in kept}
        return replace(self, perturbations={n: p for n, p in self.perturbations.items() if n in names}, conditions=kept, no_word=no_word)


def plan_of(settings: Settings, frame: Frame, most_slack_ms: float = 0.0) -> Plan:
    """The clean condition and the default grid of every perturbation asked for; the only place where a grid becomes conditions.

    Args:
        settings: what the user chose.
        frame: the model's window; its reference placement is that of the clean condition.
        most_slack_ms: how far the shortest recording can move in the window.

    Raises:
        UsageError: as `runnable`.
        RecordingError: as `runnable`.
    """
    found = runnable(settings, frame)
    chosen = {name: perturbation.fitted(frame, most_slack_ms) for name, perturbation in found.perturbations.items()}
    conditions = [Condition(NONE, placement=frame.reference)]
    for perturbation in chosen.values():
        conditions.extend(perturbation.conditions(frame.reference))
    return Plan(settings, chosen, tuple(dict.fromkeys(conditions)), found.skipped)


class Runnable(NamedTuple):
    """The perturbations that can be run, and why others cannot, by name."""

    perturbations: dict[str, Perturbation]
    skipped: dict[str, str]


def runnable(settings: Settings, frame: Frame) -> Runnable:
    """The perturbations that the settings mean, with their folders; needs no recording.

    Raises:
        UsageError: a perturbation does not exist, one that is asked for cannot be run, or no perturbation takes a folder that was given.
        RecordingError: a folder that was given cannot be used.
    """
    kinds = {name: PERTURBATIONS[name] for name in settings.perturbations or preset_names(settings.preset)}
    _refuse_unknown_inputs(settings.inputs)
    made = {name: kind.made(settings.inputs) for name, kind in kinds.items()}
    if settings.preset == "dhauds" and not settings.perturbations:
        made = {name: one.drawn(settings.seed) for name, one in made.items()}
    reasons = {name: one.unavailable(settings.inputs, frame) for name, one in made.items()}
    skipped = {name: reason for name, reason in reasons.items() if reason is not None}
    if settings.perturbations and skipped:
        raise UsageError("; ".join(f"{name} cannot be run: {reason}" for name, reason in skipped.items()))
    return Runnable({name: one for name, one in made.items() if name not in skipped}, skipped)


def preset_names(preset: Preset) -> tuple[str, ...]:
    """The perturbations that are run if nothing is asked for by name: those whose own preset is this one or a smaller one.

    Raises:
        UsageError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UsageError(f"there is no preset {preset!r}; give one of {', '.join(PRESETS)}")
    kinds = PERTURBATIONS.all()
    if preset == "dhauds":
        return tuple(name for name, kind in kinds.items() if kind.dhauds is not None)
    return tuple(name for name, kind in kinds.items() if PRESETS.index(kind.preset) <= PRESETS.index(preset))


def _refuse_unknown_inputs(inputs: Inputs) -> None:
    """Raises UsageError if a folder has a name that nothing takes; without a folder no plug-in need be imported for it."""
    if not inputs:
        return
    taken = sorted({NOISES, *(name for kind in PERTURBATIONS.all().values() for name in kind.inputs)})
    strange = sorted(set(inputs) - set(taken))
    if strange:
        raise UsageError(f"no perturbation takes --input {strange[0]}=DIR; names that are taken: {', '.join(taken)}")
