"""For whom do perturbations cost most: by label, by speaker, by the word's length, level and room; and what failures have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import numpy as np
import pandas as pd

from robustness.analysis.groups import FEWEST, GroupCost
from robustness.report.costs import Costs, cost_ends
from robustness.report.figures import Table
from robustness.report.findings import has_known
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import View
from robustness.report.words import condition_name, interval, number, percent

TEMPLATE = """
<p>{{ what }} by {{ variant }}: at the reference, and on average over the conditions of every
perturbation. The cost is paired, in points; the group that surely loses most comes first (by the lower end of its interval; groups of one
speaker have none, and go by their cost). Groups of fewer than {{ fewest }} recordings are left out.</p>
<div class="groups">
{% for part in parts %}<div><h3 id="{{ part.id }}">{{ part.title }}</h3>
{% if part.table %}{{ table(part.table) }}{% endif %}{% if part.note %}<p class="soft">{{ part.note }}</p>{% endif %}</div>
{% endfor %}</div>
{% if clusters %}<h3 id="clusters">Failures by perturbation and label</h3>
{{ table(clusters) }}<p class="soft">{{ cluster_note }}</p>{% endif %}
"""

MOST_SPEAKERS: Final = 8
MOST_CLUSTERS: Final = 15
BINS: Final = 4  # quarters of the recordings
MEASURES: Final = (
    ("duration_ms", "word length", "ms", 0),
    ("level_dbfs", "level of the speech", "dBFS", 0),
    ("slack_ms", "room to move", "ms", 0),
)


class Grouped(NamedTuple):
    """One way to group the recordings."""

    id: str
    title: str
    table: Table | None
    note: str


class Cluster(NamedTuple):
    """Wrong answers to one label under one perturbation."""

    perturbation: str
    label: str
    wrong: int
    asked: int
    before: float  # the share that is wrong at the reference
    answer: str  # the commonest wrong one
    answered: int
    where: str  # the condition with the largest share


@SECTIONS.register
@dataclass(frozen=True)
class Groups(Section):
    """Tables by group, and clusters of failures; of runs with more recordings than the table of answers shows."""

    name: ClassVar[str] = "groups"
    title: ClassVar[str] = "For whom"
    order: ClassVar[int] = 17

    def part(self, view: View) -> SectionPart | None:
        """Tables of the first variant."""
        if not view.many or not view.labelled:
            return None
        costs = Costs(view)
        parts = [_by_label(view, costs), _by_speaker(view, costs), *_by_measure(view, costs)]
        found = clusters(view)
        rest = len(found) - MOST_CLUSTERS
        note = f"Draws are counted each; {number(rest)} smaller groups are left out." if rest > 0 else "Draws are counted each."
        return SectionPart(
            fill(
                TEMPLATE,
                fewest=FEWEST,
                what="Commands accepted" if has_known(view) else "Other words left alone",
                variant=view.first.short,
                parts=parts,
                clusters=_cluster_table(found[:MOST_CLUSTERS]),
                cluster_note=note,
            )
        )


def _table(caption: str, head: str, groups: list[GroupCost]) -> Table:
    rows = [
        [
            group.name,
            number(group.recordings),
            percent(group.before.value),
            interval(group.before),
            percent(group.after.value),
            interval(group.after),
            f"{number(100 * group.cost.value, 1)} points{', low at the reference too' if group.low_before else ''}",
            cost_ends(group.cost),
        ]
        for group in groups
    ]
    return Table(caption, [head, "recordings", "reference", "95 %", "perturbed", "95 %", "cost", "95 %"], rows)


def _by_label(view: View, costs: Costs) -> Grouped:
    groups = costs.groups(view.sums.table["label"], view.first)
    return Grouped("by-label", "By label", _table("Good outcomes by label", "label", groups), "")


def _by_speaker(view: View, costs: Costs) -> Grouped:
    names = view.sums.table["speaker"]
    if names.isna().all():
        return Grouped("by-speaker", "By speaker", None, "The speakers are not known.")
    groups = costs.groups(names, view.first)
    if names.nunique() == 1:
        return Grouped("by-speaker", "By speaker", None, "There is one speaker.")
    if len(groups) < 2:
        return Grouped("by-speaker", "By speaker", None, f"Fewer than two speakers have {FEWEST} recordings that are counted.")
    values = np.asarray([group.after.value for group in groups])
    ends = " to ".join(percent(float(end)) for end in np.nanquantile(values, [0.1, 0.9]))
    rest = len(groups) - MOST_SPEAKERS
    note = f"The {MOST_SPEAKERS} that lose most, of {number(len(groups))}; " if rest > 0 else ""
    note += f"eight in ten speakers lie within {ends} when perturbed."
    return Grouped(
        "by-speaker", "By speaker", _table("Good outcomes by speaker, the costliest first", "speaker", groups[:MOST_SPEAKERS]), note
    )


def _by_measure(view: View, costs: Costs) -> Iterator[Grouped]:
    """Quarters of the recordings by a number of theirs; in one line where all are alike."""
    for column, title, unit, digits in MEASURES:
        values = view.sums.table[column].astype(float)
        bins = pd.qcut(values, BINS, duplicates="drop")
        address, title_ = f"by-{title.replace(' ', '-')}", f"By {title}"
        if len(bins.cat.categories) < 2:
            yield Grouped(address, title_, None, f"All recordings are alike: {number(float(values.median()), digits)} {unit}.")
            continue
        lowest = float(values.min())
        names = {b: f"{number(max(b.left, lowest), digits)} to {number(b.right, digits)}" for b in bins.cat.categories}
        groups = costs.groups(bins.map(names).astype(object), view.first)
        order = {name: i for i, name in enumerate(names.values())}
        groups.sort(key=lambda group: order[group.name])
        yield Grouped(address, title_, _table(f"Good outcomes by {title}", f"{title}, {unit}", groups), "")


def clusters(view: View) -> list[Cluster]:
    """The wrong answers of the first variant by perturbation and label, the most first."""
    sums, costs, mark = view.sums, Costs(view), view.first.mark
    clean = sums.answered[mark, sums.clean]
    found = []
    for name in view.grids:
        places = costs.conditions(name)
        if not places:
            continue
        each = sums.answered[mark, places]
        for label, word in enumerate(sums.labels):
            rows = each[:, label].astype(float)
            asked = rows.sum(axis=1)
            wrong = asked - rows[:, label]
            if wrong.sum() == 0:
                continue
            others = np.delete(rows.sum(axis=0), label)
            most = int(others.argmax())
            at = int(np.divide(wrong, asked, out=np.zeros_like(wrong), where=asked > 0).argmax())
            before = 1 - clean[label, label] / clean[label].sum() if clean[label].sum() else float("nan")
            answer = [other for other in sums.labels if other != word][most]
            where = _named(view, places[at])
            found.append(Cluster(name, word, int(wrong.sum()), int(asked.sum()), float(before), answer, int(others[most]), where))
    return sorted(found, key=lambda cluster: (-cluster.wrong, cluster.perturbation, cluster.label))


def _named(view: View, place: int) -> str:
    return condition_name(view.sums.conditions[place], view.kinds)


def _cluster_table(found: list[Cluster]) -> Table | None:
    if not found:
        return None
    head = ["perturbation", "label", "wrong answers", "share", "at the reference", "recognised most as", "worst"]
    rows = [
        [
            cluster.perturbation.replace("-", " "),
            cluster.label,
            f"{number(cluster.wrong)} of {number(cluster.asked)}",
            percent(cluster.wrong / cluster.asked),
            percent(cluster.before),
            f"{cluster.answer} ({percent(cluster.answered / cluster.wrong)} of them)",
            cluster.where,
        ]
        for cluster in found
    ]
    return Table("Wrong answers by perturbation and label, the most first", head, rows)
