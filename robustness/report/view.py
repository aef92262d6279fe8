"""What the page knows of a run: its variants, its recordings in the page's order, and the trials each part needs.

Everything is read from the run folder once. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pandas import DataFrame, Series

from robustness.analysis.accuracy import known_speakers
from robustness.analysis.answers import answers_of
from robustness.analysis.outcomes import OperatingPoint
from robustness.analysis.sums import Sums
from robustness.conditions import NO_WORD, NONE, PLACEMENTS, Condition
from robustness.errors import RunError
from robustness.report.addresses import RESERVED
from robustness.report.trials import COLUMNS, Trials
from robustness.report.words import slug, unique
from robustness.run.evidence import FailedRecordings, read_failures
from robustness.run.folder import Run
from robustness.run.perturbations import PerturbationFacts, perturbation_facts

MOST_ROWS: Final = 60  # recordings in the table and the atlas; the rest are in the CSV


def rows_of(table: DataFrame) -> Iterator[Any]:
    """The rows of a table, with their columns as attributes."""
    return iter(table.itertuples())


@dataclass(frozen=True)
class Variant:
    """One variant as the page names and draws it.

    Attributes:
        name: as in the trials.
        short: what columns call it.
        slug: its part of an address.
        model: the model's entry in the manifest.
        about: the variant's own facts.
        mark: its place in the order of colours, dashes and markers.
    """

    name: str
    short: str
    slug: str
    model: Mapping[str, Any]
    about: Mapping[str, Any]
    mark: int

    @property
    def point(self) -> OperatingPoint:
        """When a device acts on its answers."""
        return OperatingPoint.of(self.model)


@dataclass(frozen=True, eq=False)
class View:
    """A run, as the sections of the page ask for it."""

    run: Run

    @property
    def manifest(self) -> dict[str, Any]:
        """The run's manifest."""
        return self.run.manifest

    @property
    def plan(self) -> dict[str, Any]:
        """Settings and grids."""
        plan: dict[str, Any] = self.manifest["plan"]
        return plan

    @property
    def grids(self) -> dict[str, Any]:
        """The grid of each perturbation."""
        grids: dict[str, Any] = self.plan["grids"]
        return grids

    @cached_property
    def kinds(self) -> dict[str, PerturbationFacts]:
        """What is known of each perturbation, by name."""
        return perturbation_facts(self.manifest)

    @cached_property
    def placing(self) -> str:
        """The perturbation whose levels are placements; empty if none was run."""
        return next((name for name, kind in self.kinds.items() if kind.placements), "")

    @cached_property
    def shifting(self) -> str:
        """The perturbation that makes the shift atlas, a lead a level; empty if none was run."""
        return next((name for name, kind in self.kinds.items() if kind.leads), "")

    def at_a_place(self, condition: Condition) -> bool:
        """Whether a card's condition says only at which named placement the recording lies."""
        return condition.perturbation in {NONE, self.placing}

    def is_noisy(self, condition: Condition) -> bool:
        """Whether a card's condition changes the sound, and does not only say where the recording lies."""
        return not self.at_a_place(condition) and not self.kinds[condition.perturbation].moves

    def change(self, condition: Condition) -> str:
        """What a card's condition changes of the sound, in a word: `noise`, `reverberation`; empty where nothing."""
        return self.kinds[condition.perturbation].family_word if self.is_noisy(condition) else ""

    @property
    def model(self) -> dict[str, Any]:
        """The first model; all of a run agree in labels, rate, window and reference."""
        model: dict[str, Any] = self.manifest["models"][0]
        return model

    @property
    def reference(self) -> str:
        """The reference placement."""
        return str(self.model["reference"])

    @cached_property
    def variants(self) -> list[Variant]:
        """Every variant, the first first."""
        models = self.manifest["models"]
        found = [(model, variant) for model in models for variant in model["variants"]]
        several = len(models) > 1
        names = [f"{m['name']} · {v['name']}" if several else v["name"] for m, v in found]
        shorts = [name.rsplit("-", 1)[-1] for name in names]
        shorts = shorts if len(set(shorts)) == len(shorts) and not several else names
        slugs = unique([slug(short) for short in shorts])
        rows = enumerate(zip(names, shorts, slugs, found, strict=True))
        return [Variant(name, short, address, model, variant.get("about") or {}, i) for i, (name, short, address, (model, variant)) in rows]

    @property
    def first(self) -> Variant:
        """The variant that the others are compared with."""
        return self.variants[0]

    @cached_property
    def trials(self) -> Trials:
        """Every trial but the windows without a word, part by part."""
        return Trials(self.run)

    @cached_property
    def clean(self) -> DataFrame:
        """The recordings at the reference placement."""
        rows = self.trials.under(perturbation=NONE)
        if rows.empty:
            raise RunError(f"{self.run.path} holds no answers at the reference placement, so there is nothing to draw; run it again")
        return rows

    @cached_property
    def padding(self) -> DataFrame:
        """The recordings at the start, in the center and at the end, with each fill."""
        return self.trials.under(perturbation=self.placing)

    @cached_property
    def placed(self) -> DataFrame:
        """The answers of the recordings' table: each placement filled with zeros, or the reference where no other was run."""
        zeros = self.padding[self.padding["fill"] == "zeros"]
        return self.clean if zeros.empty else zeros

    @cached_property
    def placements(self) -> list[str]:
        """The placements of the recordings' table, early to late."""
        there = set(self.placed["placement"].astype(str))
        return [place for place in PLACEMENTS if place in there]

    @cached_property
    def atlas(self) -> DataFrame:
        """The answers at each lead from the window's start, of the recordings that the page shows or explains."""
        drawn = {*self.shown.index, *(card.recording for card in self.failures.failures)}
        return self.trials.gathered(lambda rows: rows[rows["recording"].isin(drawn)], perturbation=self.shifting, placement="offset")

    @cached_property
    def recordings(self) -> DataFrame:
        """The recordings by id, worst outcome margin first, with `address` and `name`."""
        there = self.clean["recording"].unique()
        table = self.run.recordings()
        table = table.set_axis(table["id"].astype(str).to_numpy(), axis=0)
        table = table[table.index.isin(there)]
        placed = self.placed.assign(worst=self.placed["outcome_margin"].fillna(self.placed["margin"]))
        least = placed.groupby("recording", observed=True)[["worst", "p_predicted"]].min()
        least = least.set_axis(least.index.astype(str)).reindex(table.index)
        table = table.assign(worst=least["worst"], least=least["p_predicted"])
        table = table.sort_values(["worst", "least", "id"], na_position="last", kind="stable")
        words = table["word"].where(table["word"].notna(), table["id"])
        repeated = words.duplicated(keep=False)
        table["name"] = words.astype(str)
        table["detail"] = table["id"].where(repeated & table["word"].notna(), "")
        return table.assign(address=self._addresses(list(table["name"])))

    def _addresses(self, names: list[str]) -> list[str]:
        """An address for each row that no section and no card has: `up`, or `up-2` for the second `up`."""
        own = [
            "latency",
            *(f"curve-{name}" for name in self.grids),
            *(f"{kind}-{variant.slug}" for kind in ("change", "leads") for variant in self.variants),
        ]
        taken = [*RESERVED, *own, *(card.id for card in self.failures.failures)]
        return unique([*taken, *(slug(name) for name in names)])[len(taken) :]

    @cached_property
    def _cards(self) -> dict[tuple[str, str], str]:
        cards = [card for card in self.failures.failures if self.at_a_place(card.condition)]
        return {(card.recording, place): card.id for card in cards for place in (card.condition.placement, *card.also_wrong)}

    def card(self, recording: str, placement: str) -> str | None:
        """The address of the card that explains why this recording fails there; None where there is none."""
        return self._cards.get((recording, placement))

    @cached_property
    def speakers(self) -> dict[str, str] | None:
        """Recording → speaker, where all are known."""
        return known_speakers(self.recordings["speaker"])

    @property
    def many(self) -> bool:
        """Whether a whole run has more recordings than the table shows, so that the page also speaks of groups of them."""
        return self.swept and len(self.recordings) > MOST_ROWS

    @property
    def swept(self) -> bool:
        """Whether the run is whole, and not an audit."""
        return bool(self.manifest["complete"]) and self.manifest.get("purpose") != "audit"

    @cached_property
    def sums(self) -> Sums:
        """How often each recording is right under each condition."""
        return Sums.of(self.run)

    @cached_property
    def labelled(self) -> int:
        """How many recordings have a label."""
        return int(self.recordings["label"].notna().sum())

    @cached_property
    def shown(self) -> DataFrame:
        """The recordings that the table and the atlas show."""
        return self.recordings.head(MOST_ROWS)

    @cached_property
    def no_word(self) -> DataFrame:
        """Windows without a word."""
        return answers_of(self.run, COLUMNS, perturbation=NO_WORD)

    @property
    def failures(self) -> FailedRecordings:
        """The failures' evidence; of none where it was not written."""
        return self._failures or FailedRecordings(total=0, shown=0)

    @property
    def explained(self) -> bool:
        """Whether the failures' evidence was written."""
        return self._failures is not None

    @cached_property
    def _failures(self) -> FailedRecordings | None:
        return read_failures(self.run.evidence)

    def outcome(self, trials: DataFrame) -> Series[str]:
        """What the device does in each of these trials."""
        return trials["outcome"]

    def unit(self, perturbation: str) -> str | None:
        """The unit of a perturbation's levels."""
        kind = self.kinds.get(perturbation)
        return kind.unit if kind else None

    @cached_property
    def stuck(self) -> frozenset[str]:
        """The recordings that cannot be moved: no figure that speaks of placement counts them."""
        return frozenset(self.recordings.index[self.recordings["untestable"].astype(bool)].astype(str))

    def movable(self, trials: DataFrame) -> DataFrame:
        """The trials of the recordings that can be moved."""
        return trials[~trials["recording"].astype(str).isin(self.stuck)] if self.stuck else trials

    def of(self, variant: Variant, trials: DataFrame) -> DataFrame:
        """The trials of one variant."""
        return trials[trials["variant"] == variant.name]
