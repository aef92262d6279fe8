"""How often is each recording right under each condition? Sums a recording, from which a page over many recordings is made.

They are added up from a run's parts as these come, so that memory holds the sums and one part, never all trials. Draws of one condition
are summed within a recording. Arrays are [variants conditions recordings]. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

from robustness.analysis.outcomes import OperatingPoint
from robustness.conditions import NO_WORD, NONE, Condition
from robustness.run.folder import Run

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
COLUMNS: Final = ("variant", "recording", "label", "placement", "fill", "perturbation", "level", "predicted", "correct", "p_predicted")
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
        right: of these, whose winning label is right.
        good: of these, in which a user of the device gets what is right: a command accepted right, or an unknown word rejected.
        answered: rows by true label and answer, [variants conditions labels labels].
    """

    variants: tuple[str, ...]
    conditions: tuple[Condition, ...]
    table: DataFrame
    labels: tuple[str, ...]
    truth: Counts
    asked: NDArray[np.int32]
    right: NDArray[np.int32]
    good: NDArray[np.int32]
    answered: Counts

    @classmethod
    def of(cls, run: Run, points: Mapping[str, OperatingPoint]) -> Sums:
        """The sums of a run, read part by part; windows without a word and recordings without a label are left out.

        Args:
            run: where the trials are.
            points: each variant's operating point, by its name in the trials.
        """
        table = run.recordings()
        ids = pd.Index(table["id"].astype(str))
        adding = _Adding(tuple(points), ids, tuple(run.manifest["models"][0]["labels"]), points)
        for part in run.batches(columns=COLUMNS):
            adding.add(part[(part["perturbation"] != NO_WORD) & part["correct"].notna()])
        return adding.done(table.reset_index(drop=True))

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

    def __init__(
        self, variants: tuple[str, ...], ids: pd.Index[Any], labels: tuple[str, ...], points: Mapping[str, OperatingPoint]
    ) -> None:
        self.variants, self.ids, self.labels, self.points = variants, ids, labels, points
        self.sums: dict[Condition, dict[str, Any]] = {}

    def add(self, part: DataFrame) -> None:
        """Adds the rows of one part."""
        variant, recording = _codes(part["variant"], pd.Index(self.variants)), _codes(part["recording"], self.ids)
        said, truth = (_codes(part[name], pd.Index(self.labels)) for name in ("predicted", "label"))
        right = part["correct"].to_numpy(dtype=bool)
        good = self._good(part, variant, said, truth)
        groups = part.groupby([*_KEYS, "level"], observed=True, dropna=False, sort=False).indices
        for key, at in groups.items():
            perturbation, placement, fill, level = cast("tuple[Any, Any, Any, Any]", key)
            condition = Condition(str(perturbation), None if pd.isna(level) else float(level), fill, 0, placement)
            self._add(condition, variant[at], recording[at], {"right": right[at], "good": good[at]}, (truth[at], said[at]))

    def _good(self, part: DataFrame, variant: Counts, said: Counts, truth: Counts) -> NDArray[np.bool_]:
        """Which answers are what a user of the device should meet, each variant at its own operating point; [rows]."""
        good = np.zeros(len(part), bool)
        sure = part["p_predicted"].to_numpy()
        for mark, name in enumerate(self.variants):
            point = self.points[name]
            silent = np.asarray([label in point.rejections for label in self.labels])
            accepted = ~silent[said] & (True if point.threshold is None else sure >= point.threshold)
            good |= (variant == mark) & np.where(silent[truth], ~accepted, accepted & (said == truth))
        return good

    def _add(self, condition: Condition, variant: Counts, recording: Counts, which: dict[str, Any], pair: tuple[Counts, Counts]) -> None:
        cells, labels = (len(self.variants), len(self.ids)), len(self.labels)
        sums = self.sums.setdefault(condition, {})
        flat = variant * cells[1] + recording
        counted = {"asked": flat, **{name: flat[rows] for name, rows in which.items()}}
        for name, at in counted.items():
            found = np.bincount(at, minlength=cells[0] * cells[1]).reshape(cells).astype(np.int32)
            sums[name] = sums.get(name, 0) + found
        matrix = (variant * labels + pair[0]) * labels + pair[1]
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
        return Sums(self.variants, tuple(order), table, self.labels, truth.astype(np.int64), **arrays, answered=answered)


def _codes(column: pd.Series[Any], names: pd.Index[Any]) -> Counts:
    """The place of each of a column's words among names, [rows]."""
    words = column.astype("category")
    codes = names.get_indexer(pd.Index(words.cat.categories.astype(str)))
    return codes[words.cat.codes.to_numpy()].astype(np.int64)
