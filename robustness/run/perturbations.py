"""What is known of a perturbation without its code: the facts that a run keeps of each, for page, gate and comparison.

They stand in the manifest, `plan.grids`, and are read here. A run that was made before they were kept is read with what was true of the
perturbations of that time: this is the only place outside a plug-in that names one. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from robustness.conditions import Condition, Placement

NOISE: Final = {"family": "noise", "neutral_says": "no noise"}
SHIFT: Final = {"family": "placement", "moves": True, "says": "{name} of {signed}"}
SHARES: Final = {"start": 0.0, "center": 0.5, "end": 1.0}
EARLIER: Final[Mapping[str, Mapping[str, Any]]] = {
    "padding-placement": {"family": "placement", "moves": True, "says": "{place}", "placements": SHARES},
    "time-shift": {**SHIFT, "leads": True},
    "sample-shift": SHIFT,
    "white-noise": NOISE,
    "pink-noise": NOISE,
    "background-noise": {**NOISE, "inputs": ["noises"]},
}
FAMILY_WORDS: Final = {
    "placement": "shift",
    "time": "time",
    "level": "level",
    "noise": "noise",
    "room": "reverberation",
    "microphone": "microphone",
    "channel": "channel",
    "mask": "masking",
    "history": "history",
    "scene": "scene",
}


@dataclass(frozen=True)
class PerturbationFacts:
    """What a perturbation says of itself.

    Attributes:
        name: as it is asked for.
        axis: what its levels are.
        unit: of a level.
        levels: the grid, mild → harsh.
        neutral: the level that changes nothing.
        draws: of each level.
        fills: of the padding.
        source: where it comes from.
        family: what kind of change it is; empty for a run of before, of a perturbation that is not known.
        moves: whether it moves the word, so that a recording needs room to move.
        says: a level in words: `{name}`, `{level}`, `{signed}`, `{place}`.
        neutral_says: the neutral level in words; empty says it as any other.
        placements: the level that stands for each named placement, if levels are placements.
        leads: whether a level from the placement `offset` is the recording's lead.
        atlas: those leads, rising.
        inputs: the folders that it needs.
        everyday: the lowest and the highest level of an ordinary day; empty if nobody says so.
        everyday_source: who says so.
    """

    name: str
    axis: str
    unit: str
    levels: tuple[float, ...]
    neutral: float
    draws: int = 1
    fills: tuple[str, ...] = ("zeros",)
    source: str = ""
    family: str = ""
    moves: bool = False
    says: str = "{name} at {level}"
    neutral_says: str = ""
    placements: Mapping[Placement, float] = field(default_factory=dict)
    leads: bool = False
    atlas: tuple[float, ...] = ()
    inputs: tuple[str, ...] = ()
    everyday: tuple[float, ...] = ()
    everyday_source: str = ""

    @property
    def everyday_levels(self) -> tuple[float, ...]:
        """The levels of the grid that an ordinary day brings; where no range is stated, the milder half."""
        if not self.everyday:
            return self.levels[: (len(self.levels) + 1) // 2]
        low, high = self.everyday
        return tuple(level for level in self.levels if low <= level <= high)

    @property
    def plain_name(self) -> str:
        """The name in words."""
        return self.name.replace("-", " ")

    @property
    def family_word(self) -> str:
        """The family, or else the perturbation, as a sentence names it."""
        return FAMILY_WORDS.get(self.family, self.plain_name)

    def distance(self, level: float) -> float:
        """How far a level is from the neutral one, to compare levels: the farther, the harsher."""
        return abs(level - self.neutral) if abs(self.neutral) < float("inf") else -level * (1 if self.neutral > 0 else -1)

    def draws_at(self, level: float | None) -> int:
        """How many draws a level has; nothing is drawn at one that is not on the grid, such as the neutral one."""
        return self.draws if level in self.levels else 1

    def placement_of(self, condition: Condition) -> Placement:
        """Where a recording lies under a condition: the placement that its level stands for, or its own."""
        return next((place for place, level in self.placements.items() if level == condition.level), condition.placement)

    def said(self, level: float, number: Any, place: str = "") -> str:
        """A level in words.

        Args:
            level: the level.
            number: a function of a level and whether it is signed, that writes it with its unit.
            place: where the recording lies, in words.
        """
        if level == self.neutral and self.neutral_says:
            return self.neutral_says
        return self.says.format(name=self.plain_name, level=number(level, False), signed=number(level, True), place=place)

    def plain(self) -> dict[str, Any]:
        """For the manifest: without the name, which is its key; an infinite neutral level is the text `inf`."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "name"}
        neutral = self.neutral if self.neutral != float("inf") else "inf"
        lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        return {**values, **lists, "neutral": neutral, "placements": dict(self.placements)}


def facts_of(name: str, grid: Mapping[str, Any]) -> PerturbationFacts:
    """The facts of a perturbation from its entry in the manifest; what an earlier version did not keep is filled in."""
    known = {each.name for each in fields(PerturbationFacts)} - {"name"}
    given = {"axis": name.replace("-", " "), **EARLIER.get(name, {}), **{key: value for key, value in grid.items() if key in known}}
    for key in ("levels", "fills", "atlas", "inputs", "everyday"):
        given[key] = tuple(given.get(key, ()))
    return PerturbationFacts(name, **{**given, "neutral": float(given["neutral"])})


def perturbation_facts(manifest: Mapping[str, Any]) -> dict[str, PerturbationFacts]:
    """The facts of every perturbation of a run, by name."""
    return {name: facts_of(name, grid) for name, grid in manifest["plan"]["grids"].items()}


def known_perturbations() -> dict[str, PerturbationFacts]:
    """What is known of perturbations without a run and without their code, but for their grids; a new one is not among them."""
    return {name: PerturbationFacts(name, "", "", (), 0.0, **more) for name, more in EARLIER.items()}
