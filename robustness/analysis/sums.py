"""How often is the outcome good for each recording under each condition? Sums, from which a page over many recordings is made.

They are added up from a run's parts as these come, so that memory holds the sums and one part, never all trials. Draws of one condition
are summed within a recording. Untestable recordings are in no sum of a perturbation that moves them. Arrays are [variants conditions
recordings]. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

from robustness.analysis.answers import answer_parts, operating_points
from robustness.analysis.outcomes import good
from robustness.analysis.placing import countable, untestable
from robustness.conditions import NO_WORD, NONE, Condition
from robustness.run.folder import Run
from robustness.run.perturbations import perturbation_facts

RowCounts = NDArray[np.int64]
Floats = NDArray[np.float64]
COLUMNS: Final = ("variant", "recording", "label", "placement", "fill", "perturbation", "level", "predicted", "correct", "outcome")
_KEYS: Final = ("perturbation", "placement", "fill")


@dataclass(frozen=True, eq=False)
class Sums:
    """What the trials of a run add up to.

    Attributes:
        variants: their names in the trials.
        conditions: in which recordings were heard, draws together; the clean one first, the others by name and level.
        table: the run's table of recordings, in its order.
        labels: of the models, in their order.
        truth: place of each recording's label among `labels`, [recordings]; −1 where it has none.
        asked: rows, [variants conditions recordings].
        good: of these, with a good outcome: a command accepted right, or another word left alone.
        right: of these, whose winning label is right.
        untestable: recordings that are left out where they would have to move.
        answered: rows by true label and answer, [variants conditions labels labels].
    """

    variants: tuple[str, ...]
    conditions: tuple[Condition, ...]
    table: DataFrame
    labels: tuple[str, ...]
    truth: RowCounts
    asked: NDArray[np.int32]
    right: NDArray[np.int32]
    good: NDArray[np.int32]
    answered: RowCounts
    untestable: int = 0

    @classmethod
    def of(cls, run: Run) -> Sums:
        """The sums of a run, read part by part; windows without a word and recordings without a label are left out."""
        table, kinds = run.recordings(), perturbation_facts(run.manifest)
        ids, stuck = pd.Index(table["id"].astype(str)), untestable(table)
        adding = _Adding(tuple(operating_points(run.manifest)), ids, tuple(run.manifest["models"][0]["labels"]))
        for part in answer_parts(run, COLUMNS):
            adding.add(part[(part["perturbation"] != NO_WORD) & part["outcome"].notna() & countable(part, stuck, kinds)])
        return replace(adding.done(table.reset_index(drop=True)), untestable=len(stuck))

    @cached_property
    def place(self) -> dict[Condition, int]:
        """Where each condition stands."""
        return {condition: i for i, condition in enumerate(self.conditions)}

    @cached_property
    def speakers(self) -> list[str] | None:
        """Who says each recording; None where one is not known."""
        column = self.table["speaker"]
        return None if column.isna().any() else list(column.astype(str))

    @property
    def clean(self) -> int | None:
        """Where the recordings at the reference placement stand; None where they were not run."""
        return next((i for i, condition in enumerate(self.conditions) if condition.perturbation == NONE), None)

    def share(self, counts: NDArray[np.int32], variant: int, condition: int) -> Floats:
        """Of a recording's draws under a condition, the share that counts, [recordings]; NaN where it was not asked."""
        asked = self.asked[variant, condition]
        shares: Floats = np.divide(counts[variant, condition], asked, out=np.full(len(asked), np.nan), where=asked > 0)
        return shares

    def among(self, perturbation: str, *, offsets: bool = False) -> list[int]:
        """Where the conditions of a perturbation stand: those from a named placement, or those at a lead from the window's start."""
        return [i for i, c in enumerate(self.conditions) if c.perturbation == perturbation and (c.placement == "offset") is offsets]


class _Adding:
    """Sums that grow by one part of a run after another."""

    def __init__(self, variants: tuple[str, ...], ids: pd.Index[Any], labels: tuple[str, ...]) -> None:
        self.variants, self.ids, self.labels = variants, ids, labels
        self.sums: dict[Condition, dict[str, Any]] = {}

    def add(self, part: DataFrame) -> None:
        """Adds the rows of one part."""
        variant, recording = _codes(part["variant"], pd.Index(self.variants)), _codes(part["recording"], self.ids)
        said, truth = (_codes(part[name], pd.Index(self.labels)) for name in ("predicted", "label"))
        which = {"right": part["correct"].fillna(value=False).to_numpy(dtype=bool), "good": good(part["outcome"]).to_numpy() > 0}
        groups = part.groupby([*_KEYS, "level"], observed=True, dropna=False, sort=False).indices
        for key, at in groups.items():
            perturbation, placement, fill, level = cast("tuple[Any, Any, Any, Any]", key)
            condition = Condition(str(perturbation), None if pd.isna(level) else float(level), fill, 0, placement)
            self._add(condition, variant[at], recording[at], {name: rows[at] for name, rows in which.items()}, (truth[at], said[at]))

    def _add(
        self, condition: Condition, variant: RowCounts, recording: RowCounts, which: dict[str, Any], pair: tuple[RowCounts, RowCounts]
    ) -> None:
        cells, labels = (len(self.variants), len(self.ids)), len(self.labels)
        sums = self.sums.setdefault(condition, {})
        flat = variant * cells[1] + recording
        counted = {"asked": flat, **{name: flat[rows] for name, rows in which.items()}}
        for name, at in counted.items():
            found = np.bincount(at, minlength=cells[0] * cells[1]).reshape(cells).astype(np.int32)
            sums[name] = sums.get(name, 0) + found
        named = pair[0] >= 0  # a word that the model has no label for is in no row of the matrix
        matrix = ((variant * labels + pair[0]) * labels + pair[1])[named]
        sums["answered"] = sums.get("answered", 0) + np.bincount(matrix, minlength=cells[0] * labels**2).reshape(-1, labels, labels)

    def done(self, table: DataFrame) -> Sums:
        """The sums of all parts."""
        order = sorted(self.sums, key=lambda c: (c.perturbation != NONE, c.perturbation, c.placement, c.fill, c.level or 0.0))
        names = ("asked", "right", "good")
        if order:
            arrays = {name: np.stack([self.sums[c][name] for c in order], axis=1) for name in names}
            answered = np.stack([self.sums[c]["answered"] for c in order], axis=1)
        else:
            arrays = {name: np.zeros((len(self.variants), 0, len(self.ids)), np.int32) for name in names}
            answered = np.zeros((len(self.variants), 0, len(self.labels), len(self.labels)), np.int64)
        truth = pd.Index(self.labels).get_indexer(pd.Index(table["label"].astype(object)))
        asked, right, good_ = (arrays[name] for name in names)
        return Sums(self.variants, tuple(order), table, self.labels, truth.astype(np.int64), asked, right, good_, answered)


def _codes(column: pd.Series[Any], names: pd.Index[Any]) -> RowCounts:
    """The place of each of a column's words among names, [rows]."""
    words = column.astype("category")
    codes = names.get_indexer(pd.Index(words.cat.categories.astype(str)))
    return codes[words.cat.codes.to_numpy()].astype(np.int64)
