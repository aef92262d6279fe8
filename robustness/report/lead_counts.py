"""How many commands are accepted at each lead, and how many other words are acted on? One lead for all recordings, as one device has it.

A lead is the time from the window's start to the recording's, in ms. Recordings that cannot be moved are left out. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from robustness.analysis.outcomes import ACCEPTED, FALSE_ACCEPT, LEFT_ALONE, MISSED, SUBSTITUTED
from robustness.report.view import Variant, View

LEAST_MS: Final = 0.5  # less of a word than this outside the window is nothing of it
MOST_CUT: Final = 0.05  # of the commands may reach out of the window at a lead that is advised
MOST_EXCEPTIONS: Final = 2  # leads inside a range at which fewer are accepted
KNOWN: Final = (ACCEPTED, MISSED, SUBSTITUTED)


class LeadRange(NamedTuple):
    """Leads over which most commands are accepted.

    Attributes:
        low, high: the first and the last of them, in ms.
        accepted: how many commands are accepted there.
        exceptions: leads between them at which fewer are, with how many.
        cut: how many commands reach out of the window, at most.
    """

    low: float
    high: float
    accepted: int
    exceptions: tuple[tuple[float, int], ...]
    cut: int = 0


@dataclass(frozen=True, eq=False)
class LeadCounts:
    """Counts by lead, of one variant.

    Attributes:
        variant: whose.
        leads: in ms, ascending.
        accepted: commands accepted right at each lead, [leads].
        acted: other words acted on at each lead, [leads].
        cut: at how many commands some speech lies outside of the window, [leads].
        commands: how many recordings of commands there are.
        others: how many recordings of other words there are.
        left_out: recordings that cannot be moved.
    """

    variant: Variant
    leads: tuple[float, ...]
    accepted: NDArray[np.int64]
    acted: NDArray[np.int64]
    cut: NDArray[np.int64]
    commands: int
    others: int
    left_out: int

    @classmethod
    def of(cls, view: View, variant: Variant) -> LeadCounts | None:
        """From a run; None where leads were not swept or no command has a label."""

        def reduced(rows: DataFrame) -> DataFrame:
            mine = view.movable(view.of(variant, rows))
            mine = mine[mine["outcome"].notna()]
            lost = mine["lost_start_ms"].fillna(0) + mine["lost_end_ms"].fillna(0)
            facts = DataFrame(
                {
                    "level": mine["level"],
                    "commands": mine["outcome"].isin(KNOWN),
                    "others": mine["outcome"].isin([LEFT_ALONE, FALSE_ACCEPT]),
                    "accepted": mine["outcome"] == ACCEPTED,
                    "acted": mine["outcome"] == FALSE_ACCEPT,
                    "cut": mine["outcome"].isin(KNOWN) & (lost >= LEAST_MS),
                }
            )
            return facts.groupby("level").sum()

        found = view.trials.gathered(reduced, perturbation=view.shifting, placement="offset")
        table = found.groupby(level=0).sum().sort_index().astype(int)
        if table.empty or not table["commands"].max():
            return None
        accepted, acted, cut = (table[name].to_numpy(dtype=np.int64) for name in ("accepted", "acted", "cut"))
        commands, others = (int(table[name].max()) for name in ("commands", "others"))
        return cls(variant, tuple(map(float, table.index)), accepted, acted, cut, commands, others, len(view.stuck))

    def at(self, lead_ms: float) -> int:
        """How many commands are accepted at the nearest lead."""
        return int(self.accepted[self.index(lead_ms)])

    def index(self, lead_ms: float) -> int:
        """The place of the nearest lead."""
        return int(np.abs(np.asarray(self.leads) - lead_ms).argmin())

    def best(self) -> LeadRange | None:
        """The longest stretch of leads that cut hardly any command, at which the most are accepted; None where every lead cuts more."""
        whole = self.cut <= MOST_CUT * self.commands
        if not whole.any():
            return None
        most = int(self.accepted[whole].max())
        good = whole & (self.accepted == most)
        start, end = max(_stretches(good, whole), key=lambda ends: (int(good[ends[0] : ends[1] + 1].sum()), -ends[0]))
        inside = [(self.leads[i], int(self.accepted[i])) for i in range(start, end + 1) if not good[i]]
        return LeadRange(self.leads[start], self.leads[end], most, tuple(inside), int(self.cut[start : end + 1].max()))


def _stretches(good: NDArray[np.bool_], whole: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches that begin and end with a good lead and hold a few others at most, all of them allowed: first and last place of each."""
    places = np.flatnonzero(good)
    found = []
    for start in places:
        end = start
        for place in places[places > start]:
            if not whole[start : place + 1].all() or int((~good[start : place + 1]).sum()) > MOST_EXCEPTIONS:
                break
            end = place
        found.append((int(start), int(end)))
    return found
