"""Does a quantized variant fail sooner than float under what the sweep does? Paired over every condition, corrected for their number.

A recording counts once a condition, its draws averaged; over all conditions it counts once, its mean. Differences are the share of good
outcomes of the variant minus that of the first, with the paired interval; p is that of as many recordings changing one way as the other
(both by speakers where all are known), and q is p as Benjamini and Hochberg adjust it for all conditions. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from robustness.analysis.accuracy import speakers_of
from robustness.analysis.intervals import adjusted, change_p_value, mean_change
from robustness.analysis.outcomes import good
from robustness.conditions import Condition
from robustness.gates.samples import AT_THE_BAR
from robustness.report.figures import Table
from robustness.report.findings import distinct
from robustness.report.view import Variant, View
from robustness.report.words import condition_name, listed, number, p_value, plural, signed

KEYS: Final = ["perturbation", "placement", "fill", "level"]
SIGNIFICANT: Final = 0.05
MOST_ROWS: Final = 12


@dataclass(frozen=True)
class PairedCell:
    """One condition: accuracy of both, and the paired difference in points with its interval; q is adjusted."""

    name: str
    recordings: int
    before: float
    difference: tuple[float, float, float]
    lost: int
    won: int
    q: float


@dataclass(frozen=True)
class Sooner:
    """What all conditions say of one variant against the first."""

    variant: Variant
    cells: list[PairedCell]
    overall: PairedCell
    of: str  # the families of the conditions, in words

    @property
    def worse(self) -> list[PairedCell]:
        """Conditions in which its outcome is good less often, beyond chance."""
        return [cell for cell in self.cells if cell.q < SIGNIFICANT and cell.difference[0] < 0]

    @property
    def better(self) -> list[PairedCell]:
        """Conditions in which its outcome is good more often, beyond chance."""
        return [cell for cell in self.cells if cell.q < SIGNIFICANT and cell.difference[0] > 0]


def sooner(view: View, variant: Variant) -> Sooner | None:
    """A variant against the first, under every condition; None where the run has none, or no labels."""
    parts = [found for rows in view.trials.parts() if (found := _both(view, variant, rows)) is not None]
    if not parts:
        return None
    both = pd.concat(parts)
    if both.empty:
        return None
    cells = [_cell(view, _name(view, key), rows.droplevel([*KEYS])) for key, rows in both.groupby(level=KEYS, dropna=False, observed=True)]
    adjusted_p = adjusted([cell.q for cell in cells])
    cells = [replace(cell, q=q) for cell, q in zip(cells, adjusted_p, strict=True)]
    cells.sort(key=lambda cell: (cell.difference[0], cell.name))
    overall = both.groupby(level="recording", observed=True).mean()
    kinds = {view.kinds[str(name)].family_word for name in both.index.unique("perturbation")}
    return Sooner(variant, cells, _cell(view, "all conditions", overall), listed(sorted(kinds), len(kinds)))


def _both(view: View, variant: Variant, trials: DataFrame) -> DataFrame | None:
    """The share of draws with a good outcome before and after, by condition and recording; None where there is none."""
    trials = distinct(view, trials[trials["placement"] != "offset"])
    trials = trials[trials["perturbation"].isin(list(view.grids)) & trials["outcome"].notna()]
    if trials.empty:
        return None
    keys = [*KEYS, "recording"]
    scores = [_scores(view.of(one, trials), keys) for one in (view.first, variant)]
    return pd.concat(scores, axis=1, keys=["before", "after"]).dropna()


def _scores(rows: DataFrame, keys: list[str]) -> Series[Any]:
    found = good(rows["outcome"]).groupby([rows[key] for key in keys], dropna=False, observed=True).mean()
    names = [name for name in keys if name != "level"]  # as plain text, for the next part has other categories
    index = cast("pd.MultiIndex", found.index)
    plain: Any = [index.levels[keys.index(name)].astype(str) for name in names]
    return found.set_axis(index.set_levels(plain, level=names))


def _name(view: View, key: Any) -> str:
    facts = dict(zip(KEYS, key, strict=True))
    level = None if pd.isna(facts["level"]) else float(facts["level"])
    return condition_name(Condition(facts["perturbation"], level, facts["fill"], 0, facts["placement"]), view.kinds)


def _cell(view: View, name: str, rows: DataFrame) -> PairedCell:
    """A condition's pairs, [recordings]; `q` is not adjusted yet."""
    drop = (rows["before"] - rows["after"]).to_numpy(dtype=np.float64)
    lost, won = int((drop > AT_THE_BAR).sum()), int((drop < -AT_THE_BAR).sum())
    who = speakers_of(rows.index, view.speakers)
    found = mean_change(-drop, who)
    p = change_p_value(-np.where(np.abs(drop) > AT_THE_BAR, drop, 0.0), who)
    difference = (100 * found.value, 100 * found.low, 100 * found.high)
    return PairedCell(name, len(rows), float(rows["before"].mean()), difference, lost, won, p)


def earlier_sentence(found: Sooner, first: str) -> str:
    """The answer, with the difference over all conditions, what these recordings leave possible, and the worst condition."""
    name, low = found.variant.short, found.overall.difference[1]
    answer = (
        f"{name} fails sooner than {first}"
        if len(found.worse) > len(found.better)
        else f"Nothing shows that {name} fails sooner than {first}"
    )
    conditions = plural(len(found.cells), "condition")
    says = f"{answer}: over {conditions} of {found.of} its share of good outcomes differs by {_interval(found.overall)}; {_beyond(found)}."
    if low < 0 and not found.worse:
        says += f" {plural(found.overall.recordings, 'recording')} leave a loss of up to {number(-low, 1)} points possible."
    worst = found.cells[0]
    return f"{says} The largest loss is {_interval(worst)}, {worst.name}." if worst.difference[0] < 0 else says


def _beyond(found: Sooner) -> str:
    """In how many conditions the difference is more than chance."""
    if np.isnan(found.overall.q):
        return "all recordings are of one speaker, so that chance is not spoken of"
    if not found.worse and not found.better:
        return f"in none beyond chance (q < {SIGNIFICANT:g})"
    parts = [f"it is {word} in {len(cells)}" for word, cells in (("worse", found.worse), ("better", found.better)) if cells]
    return f"beyond chance (q < {SIGNIFICANT:g}) {' and '.join(parts)}"


def _interval(cell: PairedCell) -> str:
    value, low, high = cell.difference
    between = "" if np.isnan(low) else f" ({signed(low, 1)} to {signed(high, 1)})"
    return f"{signed(value, 1)} points{between}"


def earlier_table(found: Sooner, first: str) -> Table:
    """All conditions together, then those with the largest differences, losses first."""
    shown = sorted(found.cells, key=lambda cell: (-abs(cell.difference[0]), cell.q, cell.name))[:MOST_ROWS]
    rows = [_row(found.overall, ""), *(_row(cell, p_value(cell.q)) for cell in sorted(shown, key=lambda cell: cell.difference[0]))]
    head = ["condition", "recordings", f"good, {first}", "less often good", "more often", "difference (95 % interval)", "q"]
    return Table(f"{found.variant.short} against {first} under {found.of}", head, rows)


def _row(cell: PairedCell, q: str) -> list[object]:
    before = f"{number(100 * cell.before, 1)} %"
    return [cell.name, number(cell.recordings), before, number(cell.lost), number(cell.won), _interval(cell), q or "–"]
