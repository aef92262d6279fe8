"""At how many samples of lead is each recording good? A column of the recordings' table, for runs that enumerated the leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pandas import DataFrame

from robustness.report.view import Variant, View
from robustness.report.words import number, plural, signed
from robustness.run.every_sample import Enumerated, read_every_sample


class SampleCell(NamedTuple):
    """The count of one recording and variant."""

    text: str
    sort: str
    title: str
    wrong: bool


NOT_ASKED = SampleCell("–", "", "not asked: it has no label, or loses speech as it lies", wrong=False)


@dataclass(frozen=True)
class SampleCounts:
    """What an enumeration of leads found.

    Attributes:
        within_ms: its range to both sides.
        variants: that were asked.
        found: by recording and by the variant's name on the page.
    """

    within_ms: float
    variants: tuple[Variant, ...]
    found: dict[tuple[str, str], Enumerated]

    @classmethod
    def of(cls, view: View) -> SampleCounts | None:
        """The counts of a run; None if its leads were not enumerated."""
        kept = read_every_sample(view.run.evidence)
        if kept is None or not kept.recordings:
            return None
        names = {(str(v.model["name"]), v.name.rpartition(" · ")[2]): v for v in view.variants}
        found = {(one.recording, names[one.model, one.variant].name): one for one in kept.recordings if (one.model, one.variant) in names}
        asked = {name for _, name in found}
        return cls(kept.within_ms, tuple(v for v in view.variants if v.name in asked), found)

    @property
    def title(self) -> str:
        """The head of the columns."""
        return f"every sample, ± {number(self.within_ms)} ms"

    def cells(self, recording: str) -> list[SampleCell]:
        """A cell a variant."""
        return [self._cell(self.found.get((recording, variant.name))) for variant in self.variants]

    def _cell(self, one: Enumerated | None) -> SampleCell:
        if one is None:
            return NOT_ASKED
        title = f"good at {number(one.good)} of {plural(one.leads, 'whole sample')} of lead that lose no speech; "
        title += f"the least margin is {signed(one.worst, 2)}, {signed(one.worst_step)} samples from the reference"
        text = f"all {number(one.leads)}" if one.good == one.leads else f"{number(one.good)} of {number(one.leads)}"
        return SampleCell(text, f"{one.good / one.leads:.6f}", title, one.good < one.leads)

    def beside(self, rows: DataFrame) -> DataFrame:
        """Rows of answers with two columns more: at how many samples the outcome is good, and how many were asked."""
        found = [self.found.get((str(r), str(v))) for r, v in zip(rows["recording"], rows["variant"], strict=True)]
        good = [None if one is None else one.good for one in found]
        leads = [None if one is None else one.leads for one in found]
        return rows.assign(
            good_samples=DataFrame({"n": good}, index=rows.index)["n"], samples=DataFrame({"n": leads}, index=rows.index)["n"]
        )
