"""Which recordings can a figure about placement speak of? Only those with room to move: the others hold their place because they must.

A recording without slack is untestable; it is in no denominator of a perturbation that moves recordings, at any level, so that a curve has
one cohort. Whatever leaves it out says how many it left out. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping

from pandas import DataFrame, Series

from robustness.run.perturbations import PerturbationFacts, known_perturbations


def moves(perturbation: str | None, kinds: Mapping[str, PerturbationFacts] | None = None) -> bool:
    """Whether a perturbation moves recordings, by the run's own word where it has one.

    Args:
        perturbation: its name; None moves nothing.
        kinds: what the run knows of its perturbations.
    """
    found = (kinds or {}).get(perturbation or "") or known_perturbations().get(perturbation or "")
    return found is not None and found.moves


def untestable(recordings: DataFrame) -> frozenset[str]:
    """The ids of the recordings that cannot be moved, from a run's table of recordings."""
    return frozenset(recordings["id"][recordings["untestable"].astype(bool)].astype(str))


def countable(trials: DataFrame, stuck: frozenset[str], kinds: Mapping[str, PerturbationFacts] | None = None) -> Series[bool]:
    """Whether a figure may count each of these trials: not where an untestable recording would have to move, [trials]."""
    names = trials["perturbation"].astype("category")
    moving = {name: moves(str(name), kinds) for name in names.cat.categories}
    return ~(trials["recording"].isin(stuck) & names.map(moving).astype(bool))
