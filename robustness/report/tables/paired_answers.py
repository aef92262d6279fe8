"""Are the answers the same, and not only their score: a variant against the first at the reference placement, paired. Loads no torch.

Good and bad are outcomes, what the device does.
"""

from __future__ import annotations

from typing import Final

from pandas import DataFrame, Series

from robustness.analysis.accuracy import compared, rightness, speakers_of
from robustness.analysis.intervals import Estimate, mean_score, median
from robustness.report.audit_sentences import Audit
from robustness.report.figures import Table
from robustness.report.view import Variant, View, rows_of
from robustness.report.words import bracketed, difference, number, p_value, percent, plural, signed

MOST_FLIPS: Final = 100


def paired_table(view: View, variant: Variant, audit: Audit | None) -> Table:
    """What differs at the reference: good outcomes, flips each way, negative flips, margins, KL."""
    rows: list[list[object]] = []
    pairs = _pairs(view, variant)
    labelled = pairs[pairs["good_first"].notna() & pairs["good"].notna()]
    if len(labelled):
        rows += _of_labels(view, variant, labelled)
    if audit is not None:
        found = audit.facts.answers
        name = view.recordings["name"].get(found.kl_largest_of, found.kl_largest_of)
        rows.append(
            [
                f"KL({view.first.short} ‖ {variant.short}), nats",
                f"mean {found.kl_mean:.2g}",
                f"largest {found.kl_largest:.2g}, {name}",
            ]
        )
    return Table(f"{variant.short} against {view.first.short} at the reference", ["measure", "value", "how sure"], rows)


def _of_labels(view: View, variant: Variant, labelled: DataFrame) -> list[list[object]]:
    change = compared(view.clean, view.first.name, variant.name, view.speakers)
    before, after = (labelled[column] > 0 for column in ("good_first", "good"))
    moved = (labelled["margin"] - labelled["margin_first"]).astype(float)

    def share(turned: Series[bool], of: Series[bool]) -> str:
        return _share(mean_score(turned[of].astype(float), speakers_of(list(labelled["recording"][of]), view.speakers)))

    return [
        ["good outcomes", difference(change.difference), f"McNemar: p {p_value(change.p_value)}"],
        ["good → bad", share(~after, before), "of those that are good in float"],
        ["bad → good", share(after, ~before), "of those that are bad in float"],
        ["negative flip rate", share(before & ~after, before | True), "of all with a label"],
        ["margin, median change", _median(median(moved, speakers_of(list(labelled["recording"]), view.speakers))), "of all with a label"],
    ]


def _share(found: Estimate) -> str:
    if not found.total:
        return "none there"
    return f"{number(found.value * found.total)} of {number(found.total)}, {percent(found.value, 1)}{bracketed(found)}"


def _median(found: Estimate) -> str:
    ends = "" if found.low != found.low else f" ({signed(found.low, 3)} to {signed(found.high, 3)})"
    return f"{signed(found.value, 3)} logits{ends}"


def _pairs(view: View, variant: Variant) -> DataFrame:
    """A row a recording of the clean trials, the first variant's columns as `…_first`."""
    columns = ["recording", "label", "predicted", "good", "p_predicted", "margin"]
    clean = view.clean.assign(good=rightness(view.clean))
    first, other = (view.of(one, clean)[columns].astype({"recording": str, "predicted": str}) for one in (view.first, variant))
    return first.drop(columns="label").merge(other, on="recording", suffixes=("_first", ""), validate="one_to_one")


def flips_text(view: View, variant: Variant) -> Table | None:
    """The recordings whose answer changes at the reference, the surest in float first; None where none does."""
    pairs = _pairs(view, variant)
    changed = pairs[pairs["predicted_first"] != pairs["predicted"]]
    if changed.empty:
        return None
    changed = changed.assign(size=changed["margin_first"].abs()).sort_values(["size", "p_predicted_first"], ascending=False, kind="stable")
    names = view.recordings["name"]
    rows = [
        [
            names[row.recording],
            "–" if row.label is None or row.label != row.label else str(row.label),
            signed(row.margin_first, 2),
            f"{row.predicted_first}, {percent(row.p_predicted_first)}",
            f"{row.predicted}, {percent(row.p_predicted)}",
            signed(row.margin, 2),
        ]
        for row in rows_of(changed.head(MOST_FLIPS))
    ]
    caption = f"{plural(len(changed), 'answer')} that change at the reference, by float margin"
    return Table(caption, ["recording", "label", "margin in float", "answer in float", f"answer in {variant.short}", "margin"], rows)
