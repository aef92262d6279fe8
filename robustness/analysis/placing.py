"""Which recordings can a figure about placement speak of? Only those with room to move: the others hold their place because they must.

A recording without slack is untestable; it is in no denominator of a perturbation that moves recordings, at any level, so that a curve has
one cohort. Whatever leaves it out says how many it left out. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pandas import DataFrame, Series

from robustness.run.perturbations import known_perturbations


def moves(perturbation: str | None, grids: Mapping[str, Any] | None = None) -> bool:
    """Whether a perturbation moves recordings, by the run's own word where it has one.

    Args:
        perturbation: its name; None moves nothing.
        grids: of the run's plan.
    """
    said = (grids or {}).get(perturbation or "", {}).get("moves")
    known = known_perturbations()
    return perturbation in known and known[perturbation].moves if said is None else bool(said)


def untestable(recordings: DataFrame) -> frozenset[str]:
    """The ids of the recordings that cannot be moved, from a run's table of recordings."""
    return frozenset(recordings["id"][recordings["untestable"].astype(bool)].astype(str))


def countable(trials: DataFrame, stuck: frozenset[str], grids: Mapping[str, Any] | None = None) -> Series[bool]:
    """Whether a figure may count each of these trials: not where an untestable recording would have to move, [trials]."""
    kinds = trials["perturbation"].astype("category")
    moving = {name: moves(str(name), grids) for name in kinds.cat.categories}
    return ~(trials["recording"].isin(stuck) & kinds.map(moving).astype(bool))
