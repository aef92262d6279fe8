"""Which rows of a run does a rule mean, and are they all there?

Rows are read once a perturbation and found by variant and condition. Before any is used: every recording has every draw once, and every
number is one. What is missing cannot be judged, and is never a pass. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

from robustness.analysis.accuracy import known_speakers
from robustness.analysis.answers import answers_of
from robustness.analysis.placing import untestable
from robustness.conditions import NO_WORD, NONE, OTHER_WORD, Condition
from robustness.errors import CannotJudgeError
from robustness.run.folder import Run
from robustness.run.perturbations import PerturbationFacts, perturbation_facts

KEYS: Final = ["variant", "placement", "fill", "level"]
COLUMNS: Final = (
    *(*KEYS, "recording", "label", "perturbation", "draw", "predicted", "correct", "p_predicted", "p_label", "margin"),
    "outcome",
)
RowPlaces = dict[tuple[str, str, str, float | None], NDArray[np.int64]]


@dataclass(frozen=True)
class Block:
    """The rows of one perturbation, and where those of each variant and condition are."""

    frame: DataFrame
    places: RowPlaces


@dataclass(frozen=True, eq=False)
class Rows:
    """A run, as rules ask for it.

    Attributes:
        run: the run folder.
        name: what messages call it.
    """

    run: Run
    name: str = "the run"
    _blocks: dict[str, Block] = field(default_factory=dict)

    @cached_property
    def recordings(self) -> DataFrame:
        """The recordings by id.

        Raises:
            CannotJudgeError: where there is none, or one twice.
        """
        table = self.run.recordings()
        if table.empty:
            raise CannotJudgeError(f"{self.name} ({self.run.path}) holds no recording: there is nothing to judge")
        if table["id"].duplicated().any():
            raise CannotJudgeError(
                f"{self.name} ({self.run.path}) holds the recording {table['id'][table['id'].duplicated()].iloc[0]} twice"
            )
        return table.set_index(table["id"].astype(str))

    @cached_property
    def untestable(self) -> frozenset[str]:
        """Recordings that cannot be moved in the window."""
        return untestable(self.recordings)

    @cached_property
    def speakers(self) -> Mapping[str, str] | None:
        """Recording → speaker, where all are known."""
        return known_speakers(self.recordings["speaker"])

    @cached_property
    def variants(self) -> dict[str, Mapping[str, Any]]:
        """Each variant's name in the trials → its model's entry in the manifest."""
        models = self.run.manifest["models"]
        several = len(models) > 1
        return {f"{m['name']} · {v['name']}" if several else v["name"]: m for m in models for v in m["variants"]}

    def left_out(self, pattern: str) -> str | None:
        """Why there is no such variant, where the run has left it out of every model; None where it is there, or nothing is known of it."""
        reasons = [model.get("left_out", {}) for model in self.run.manifest["models"]]
        plain = pattern.rpartition(" · ")[2]
        if any(pattern in (name, name.rpartition(" · ")[2]) for name in self.variants):
            return None
        return next((found[plain] for found in reasons if plain in found), None)

    @property
    def reference(self) -> str:
        """The reference placement."""
        return str(self.run.manifest["models"][0]["reference"])

    def matching(self, pattern: str) -> list[str]:
        """The variants that a rule means: all, one, or that of every model.

        Raises:
            CannotJudgeError: where there is none.
        """
        found = [name for name in self.variants if pattern in ("*", name, name.rpartition(" · ")[2])]
        if not found:
            raise CannotJudgeError(f"{self.name} has no variant {pattern!r}{self._why(pattern)}; it has {', '.join(self.variants)}")
        return found

    def _why(self, pattern: str) -> str:
        why = self.left_out(pattern)
        return "" if why is None else f', for {why}; with if_variant = "present" the rule would be skipped'

    def beside(self, variant: str, other: str) -> str:
        """The other variant of the same model.

        Raises:
            CannotJudgeError: where there is none.
        """
        model, several, _ = variant.rpartition(" · ")
        name = other if other in self.variants else f"{model}{several}{other}"
        if name not in self.variants:
            raise CannotJudgeError(
                f"{self.name} has no variant {other!r} to compare {variant} with{self._why(other)}; it has {', '.join(self.variants)}"
            )
        return name

    @cached_property
    def kinds(self) -> Mapping[str, PerturbationFacts]:
        """What is known of each perturbation that was run, by name."""
        return perturbation_facts(self.run.manifest)

    def kind(self, perturbation: str) -> PerturbationFacts:
        """What is known of a perturbation that was run.

        Raises:
            CannotJudgeError: where the perturbation was not.
        """
        if perturbation not in self.kinds:
            why = self.run.manifest["plan"]["skipped"].get(perturbation)
            there = ", ".join(self.kinds) or "none"
            raise CannotJudgeError(f"{self.name} has no rows of {perturbation}{f': {why}' if why else ''}; perturbations in it: {there}")
        return self.kinds[perturbation]

    def at(self, variant: str, condition: Condition) -> DataFrame:
        """The rows of one variant under one condition, every recording with every draw; untestable ones left out where they would move.

        Raises:
            CannotJudgeError: where a row is missing or there twice, a number is none, or nothing can be moved.
        """
        frame = self._found(variant, condition)
        if condition.perturbation != NO_WORD:
            self._refuse_gaps(frame, variant, condition)
        self._refuse_nan(frame, variant, condition)
        if not self.moves(condition.perturbation) or not self.untestable:
            return frame
        return self._movable(frame, condition)

    def moves(self, perturbation: str | None) -> bool:
        """Whether a perturbation moves the recording, which needs room for it."""
        return perturbation is not None and perturbation in self.kinds and self.kinds[perturbation].moves

    def leads(self, variant: str, perturbation: str) -> list[float]:
        """The leads from the window's start that were run of a perturbation, rising."""
        places = self._block(perturbation).places
        return sorted(
            level for name, placement, _, level in places if name == variant and placement == "offset" and level is not None and level >= 0
        )

    def no_word(self, variant: str) -> DataFrame:
        """The windows without a word."""
        block = self._block(NO_WORD)
        frame = block.frame[block.frame["variant"] == variant]
        if frame.empty:
            raise CannotJudgeError(f"{self.name} has no windows without a word for {variant}; `robustness report` makes some")
        self._refuse_nan(frame, variant, Condition(NO_WORD))
        return frame

    def _movable(self, frame: DataFrame, condition: Condition) -> DataFrame:
        kept = frame[~frame["recording"].isin(self.untestable)]
        if kept.empty:
            raise CannotJudgeError(
                f"none of the {len(self.untestable)} recordings has room to move in the window, so {condition.perturbation} tests nothing; "
                f"give recordings that are shorter than the window, or --trim auto"
            )
        return kept

    def _block(self, perturbation: str) -> Block:
        if perturbation not in self._blocks:
            frame = answers_of(self.run, COLUMNS, perturbation=perturbation)
            groups: Mapping[Any, Any] = frame.groupby(KEYS, observed=True, dropna=False).indices
            places: RowPlaces = {(v, p, f, None if pd.isna(level) else float(level)): at for (v, p, f, level), at in groups.items()}
            self._blocks[perturbation] = Block(frame, places)
        return self._blocks[perturbation]

    def _found(self, variant: str, condition: Condition) -> DataFrame:
        block = self._block(condition.perturbation)
        places = block.places.get((variant, condition.placement, condition.fill, condition.level))
        if places is None or len(places) == 0:
            raise CannotJudgeError(f"{self.name} has no row of {variant} under {named(condition)}; what matches nothing never passes")
        return block.frame.take(places)

    def _refuse_gaps(self, frame: DataFrame, variant: str, condition: Condition) -> None:
        draws = self._draws(condition)
        known = frame["recording"].isin(self.recordings.index)
        twice = frame.duplicated(["recording", "draw"]).any()
        if twice or not known.all():
            raise CannotJudgeError(f"{self.name} holds rows of {variant} under {named(condition)} twice, or of unlisted recordings")
        if len(frame) != draws * len(self.recordings):
            raise CannotJudgeError(
                f"{self.name} holds {len(frame)} rows of {variant} under {named(condition)}, and {len(self.recordings)} recordings "
                f"in {draws} draws make {draws * len(self.recordings)}; the run is incomplete: make it again"
            )

    def _draws(self, condition: Condition) -> int:
        if condition.perturbation == NONE:
            return 1
        return self.kind(condition.perturbation).draws_at(condition.level)

    def _refuse_nan(self, frame: DataFrame, variant: str, condition: Condition) -> None:
        labelled = frame["label"].notna()
        bad = ~np.isfinite(frame["p_predicted"]) | frame["predicted"].isna()
        bad |= (labelled | (frame["perturbation"] == NO_WORD)) & frame["outcome"].isna()
        own = labelled & (frame["label"] != OTHER_WORD)  # the right label is one of the model's
        bad |= own & (~np.isfinite(frame["p_label"]) | frame["correct"].isna())
        if len(self.variants[variant]["labels"]) > 1:
            bad |= own & ~np.isfinite(frame["margin"])
        if bad.any():
            raise CannotJudgeError(
                f"{int(bad.sum())} answers of {variant} under {named(condition)} are not a number, "
                f"such as that to {frame['recording'][bad].iloc[0]}; a number that is none is never a pass"
            )


def named(condition: Condition) -> str:
    """A condition in words."""
    if condition.perturbation == NONE:
        return f"no perturbation (placement {condition.placement})"
    if condition.perturbation == NO_WORD:
        return "no word"
    level = "" if condition.level is None else f" at {condition.level:g}"
    return f"{condition.perturbation}{level} (placement {condition.placement}, filled with {condition.fill})"
