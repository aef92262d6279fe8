"""The shift atlas as numbers: what the device does with each recording at each lead, by variant, in the order of the recordings' table.

A cell has one of five codes, by the outcome: two good ones, an error that the device keeps to itself, and two that a user notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from robustness.analysis.accuracy import consistency, worst_case
from robustness.analysis.outcomes import ACCEPTED, LEFT_ALONE, MISSED
from robustness.report.figures import Figure, Table, packed
from robustness.report.trials import of_recording
from robustness.report.view import Variant, View
from robustness.report.words import PLACES, listed, number, percent, plural, share_of, surely

TABLE_STEP_MS: Final = 50.0  # of the table behind the atlas
COLOURS: Final = ("var(--accepted)", "var(--alone)", "var(--silent)", "var(--missed)", "var(--harm)")
FIRST_BAD: Final = 3  # codes from here on are noticed by a user


def codes_of(outcome: NDArray[Any], predicted: NDArray[Any], label: NDArray[Any]) -> NDArray[np.int64]:
    """What each answer is to a user: the place among COLOURS, the same shape.

    Args:
        outcome: what the device does; missing without a label.
        predicted: the winning label.
        label: the true one.
    """
    alone, right = outcome == LEFT_ALONE, predicted == label
    return np.select([outcome == ACCEPTED, alone & right, alone, outcome == MISSED], [0, 1, 2, 3], default=4).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Atlas:
    """The atlas of the recordings that the table shows.

    Attributes:
        view: the run.
        leads: in ms, ascending.
    """

    view: View
    leads: tuple[float, ...]

    @classmethod
    def of(cls, view: View) -> Atlas | None:
        """The atlas of a run, or None where shifts were not run."""
        leads = tuple(sorted(set(view.atlas["level"])))
        return cls(view, leads) if leads else None

    def grid(self, variant: Variant, column: str) -> NDArray[Any]:
        """One column of the trials, [recordings leads]."""
        rows = self.view.of(variant, self._rows).set_index(["recording", "level"])[column]
        return rows.unstack().reindex(index=list(self.view.shown.index), columns=list(self.leads)).to_numpy()

    @cached_property
    def _rows(self) -> DataFrame:
        """The atlas of the recordings shown."""
        rows = self.view.atlas
        return rows[rows["recording"].isin(self.view.shown.index)].astype({"recording": str, "predicted": str})

    def margin(self, variant: Variant) -> NDArray[np.float64]:
        """Outcome margins, [recordings leads]; NaN where there is none."""
        return self.grid(variant, "outcome_margin").astype(float)

    def codes(self, variant: Variant) -> NDArray[np.int64]:
        """What each answer is to a user, [recordings leads]; without a label, whether it is that at the reference."""
        answers, outcome = self.answer(variant).astype(object), self.grid(variant, "outcome").astype(object)
        labels = self.view.shown["label"].astype(object).to_numpy()[:, None]
        found = codes_of(outcome, answers, labels)
        clean = self.view.of(variant, self.view.clean)
        usual = dict(zip(clean["recording"].astype(str), clean["predicted"].astype(str), strict=True))
        for i, name in enumerate(self.view.shown.index):
            if not self.labelled[i]:
                found[i] = np.where(answers[i] == usual[str(name)], 0, FIRST_BAD)
        return found

    def answer(self, variant: Variant) -> NDArray[Any]:
        """Answers, [recordings leads]."""
        return self.grid(variant, "predicted")

    @cached_property
    def labelled(self) -> list[bool]:
        """Which recordings have a label, [recordings]."""
        return [bool(known) for known in self.view.shown["label"].notna()]

    def data(self) -> dict[str, Any]:
        """What the script needs."""
        view = self.view
        offsets = view.of(view.first, view.clean).astype({"recording": str}).set_index("recording")["offset_ms"]
        names = [f"{row['name']} ({row['detail']})" if row["detail"] else str(row["name"]) for _, row in view.shown.iterrows()]
        return {
            "leads": list(self.leads),
            "step": min(np.diff(self.leads), default=10.0),
            "names": names,
            "addresses": list(view.shown["address"]),
            "labelled": self.labelled,
            "slack": [round(float(ms), 3) for ms in view.shown["slack_ms"]],
            "reference": [round(float(offsets[str(name)]), 3) for name in view.shown.index],
            "labels": view.model["labels"],
            "colours": list(COLOURS),
            "bad": FIRST_BAD,
            "outcomes": ["accepted", "left alone", "the model errs, the device stays silent", "missed", "acted on wrongly"],
            "variants": [self._variant(variant) for variant in view.variants],
        }

    def _variant(self, variant: Variant) -> dict[str, Any]:
        place = {name: i for i, name in enumerate(self.view.model["labels"])}
        answers = np.vectorize(place.__getitem__, otypes=[float])(self.answer(variant))
        percent_of = self.grid(variant, "p_predicted").astype(float) * 100
        margin = np.nan_to_num(self.margin(variant), nan=0.0)
        return {
            "name": variant.short,
            "code": packed(self.codes(variant).astype(float), low=0.0, step=1.0),
            "margin": packed(margin, low=0.0, step=0.01, kind="i2"),
            "answer": packed(answers, low=0.0, step=1.0),
            "percent": packed(percent_of, low=0.0, step=0.1, kind="i2"),
        }

    def inside(self, variant: Variant) -> DataFrame:
        """The answers where the whole recording lies inside the window, of every recording of the run that can move."""
        recordings = self.view.recordings
        slack = recordings["slack_ms"][~recordings["untestable"].astype(bool)]

        def reduced(rows: DataFrame) -> DataFrame:
            mine = self.view.of(variant, rows)
            return mine[(mine["level"] >= 0) & (mine["level"] <= of_recording(mine, slack))][["recording", "predicted", "outcome"]]

        return self.view.trials.gathered(reduced, perturbation=self.view.shifting, placement="offset")

    @cached_property
    def says(self) -> list[str]:
        """What the atlas shows, a sentence for all variants of which the same is true."""
        said: dict[str, list[str]] = {}
        for variant in self.view.variants:
            if text := self._says(variant):
                said.setdefault(text, []).append(variant.short)
        return [f"{listed(names, 6)}: {text}" for text, names in said.items()]

    def _says(self, variant: Variant) -> str:
        inside = self.inside(variant)
        same, one = (consistency(inside), "outcome") if self.view.labelled else (consistency(inside, "predicted"), "answer")
        if inside.empty or np.isnan(same):
            return ""
        agree = f"two such leads drawn at random give one {one} with a chance of {percent(same, 1)}."
        if not self.view.labelled:
            return f"of the leads that keep a recording whole inside the window, {agree}"
        worst, stuck = worst_case(inside, self.view.speakers), len(self.view.stuck)
        have = "has" if round(worst.value * worst.total) == 1 else "have"
        noun = "recording" if worst.total == 1 else "recordings"
        good = f"{share_of(worst)} {noun} {have} a good outcome at every lead that keeps them whole inside the window"
        good += f", {number(stuck)} that cannot be moved left out" if stuck else ""
        return f"{good} ({surely(worst)}); {agree}"

    @cached_property
    def figure(self) -> Figure:
        """The figure; its traces are made by the script, for they follow the table."""
        first, last = self.leads[0], self.leads[-1]
        rows = plural(len(self.view.shown), "recording")
        sentence = (
            f"Heat map of {rows} by leads from {number(first)} to {number(last)} ms: blue where the device does "
            f"what it should, grey where only the model errs, orange and dotted where a user notices. " + " ".join(self.says)
        )
        return Figure("atlas", "", sentence, [], table=self._table(), height=560, role="application")

    def _table(self) -> Table:
        columns = [i for i, lead in enumerate(self.leads) if lead % TABLE_STEP_MS == 0]
        rows = []
        for variant in self.view.variants:
            answers, codes = self.answer(variant), self.codes(variant)
            for i, name in enumerate(self.view.shown["name"]):
                cells = [f"{'✗ ' if codes[i, c] >= FIRST_BAD else ''}{answers[i, c]}" for c in columns]
                rows.append([name, variant.short, *cells])
        head = ["recording", "variant", *(f"{number(self.leads[c])} ms" for c in columns)]
        caption = (
            f"Answers by lead, every {number(TABLE_STEP_MS)} ms; ✗ is a wrong outcome. The reference is {PLACES[self.view.reference]}."
        )
        return Table(caption, head, rows)
