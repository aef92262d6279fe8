"""How does a device's accuracy move with the level of a perturbation, beside its model's, and at which level is each recording lost?

The critical level of a recording is the mildest level of the dump at which its outcome is bad; levels below and above the neutral one are
two sides. A dump with one answer a recording says nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustness.conditions import NONE, Condition
from robustness.errors import UsageError
from robustness.perturbations.base import PERTURBATIONS
from robustness.run.perturbations import PerturbationFacts

Bools = NDArray[np.bool_]
NEVER: Final = float("inf")


class LevelParity(NamedTuple):
    """How many recordings have a good outcome at a level, by the model and by the device."""

    level: float
    recordings: int
    model: int
    device: int


class PerturbationParity(NamedTuple):
    """A perturbation, on one side of its neutral level.

    Attributes:
        perturbation: its name.
        unit: of its levels.
        levels: mild → harsh.
        recordings: with a known label and an answer at each of them.
        milder: how many have a milder critical level on the device than by the model.
        harsher: how many have a harsher one.
    """

    perturbation: str
    unit: str
    levels: tuple[LevelParity, ...]
    recordings: int
    milder: int
    harsher: int


def conditions_of(names: Sequence[str]) -> list[Condition]:
    """The recordings as they are, and at each level of these perturbations; none if no perturbation is named.

    Raises:
        UsageError: there is none of that name, or it needs a folder.
    """
    found = [Condition()] if names else []
    for name in names:
        kind = PERTURBATIONS[name]()
        if kind.inputs:
            raise UsageError(f"--perturbation {name} needs {', '.join(kind.inputs)}, which a device's vectors cannot name; take another")
        found += [Condition(name, level) for level in kind.axis.grid if level != kind.axis.neutral]
    return found


def levels_of(conditions: Sequence[Condition], ids: Sequence[str], good: tuple[Bools, Bools], known: Bools) -> list[PerturbationParity]:
    """The accuracies by level.

    Args:
        conditions: of each answer.
        ids: of the recordings, [answers].
        good: whether the outcome is good, by the model and by the device, [answers].
        known: whether the label is known, [answers].
    """
    found = []
    for name in dict.fromkeys(one.perturbation for one in conditions if one.perturbation != NONE):
        facts = PERTURBATIONS[name]().facts("center")
        for side in (-1, 1):
            rows = [
                at
                for at, one in enumerate(conditions)
                if known[at] and one.perturbation == name and one.level is not None and _side(facts, one.level) == side
            ]
            if rows:
                found.append(_of_side(facts, [(ids[at], conditions[at].level or 0.0, good[0][at], good[1][at]) for at in rows]))
    return found


def _side(facts: PerturbationFacts, level: float) -> int:
    """−1 below the neutral level, 1 above it, 0 at it."""
    return int(np.sign(level - facts.neutral)) if level != facts.neutral else 0


def _of_side(facts: PerturbationFacts, rows: Sequence[tuple[str, float, bool, bool]]) -> PerturbationParity:
    levels = sorted({level for _, level, _, _ in rows}, key=facts.distance)
    whole = [name for name in dict.fromkeys(row[0] for row in rows) if sum(row[0] == name for row in rows) >= len(levels)]
    counted = [
        LevelParity(level, len(there), sum(bool(row[2]) for row in there), sum(bool(row[3]) for row in there))
        for level in levels
        if (there := [row for row in rows if row[1] == level])
    ]
    pairs = [(_critical(facts, rows, name, 2), _critical(facts, rows, name, 3)) for name in whole]
    milder, harsher = sum(device < model for model, device in pairs), sum(device > model for model, device in pairs)
    return PerturbationParity(facts.name, facts.unit, tuple(counted), len(whole), milder, harsher)


def _critical(facts: PerturbationFacts, rows: Sequence[tuple[str, float, bool, bool]], name: str, column: int) -> float:
    """How far from the neutral level the mildest bad level of a recording is."""
    return min((facts.distance(row[1]) for row in rows if row[0] == name and not row[column]), default=NEVER)


def words_of(found: Sequence[PerturbationParity]) -> Iterator[str]:
    """A sentence a perturbation."""
    for one in found:
        counts = ", ".join(f"{level.level:g} {one.unit}: {level.model} and {level.device} of {level.recordings}" for level in one.levels)
        yield f"  {one.perturbation}, as it should be by model and device, at {counts}"
        same = one.recordings - one.milder - one.harsher
        yield (
            f"    the critical level is milder on the device for {one.milder} of {one.recordings} "
            f"{'recording' if one.recordings == 1 else 'recordings'}, harsher for {one.harsher}, the same for {same}"
        )
