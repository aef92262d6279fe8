"""Do the kernels of a PC and the reference kernels give a file's answers alike? From the plan of a run; loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robustness.report.figures import Table
from robustness.report.view import View
from robustness.report.words import number, plural


def kernels_table(view: View) -> Table | None:
    """A row a variant of which both XNNPACK and the reference kernels were asked; None if there is none."""
    found: Mapping[str, Mapping[str, Any]] = view.plan.get("kernels", {})
    rows = [[name, differing(one), _asked(one), "–" if one["everywhere"] else _bound(one)] for name, one in found.items()]
    head = ["variant", "answers", "reference kernels", "windows that other kernels answered alone"]
    return Table("XNNPACK and reference kernels", head, rows) if rows else None


def differing(one: Mapping[str, Any]) -> str:
    """How many answers are others; of all windows, or in an earlier run of those that both were asked."""
    differ, compared = one["differ"], one["windows" if "beside" in one else "both"]
    return f"XNNPACK and reference kernels: {number(differ)} of {plural(compared, 'answer')} {'differs' if differ == 1 else 'differ'}"


def _asked(one: Mapping[str, Any]) -> str:
    return f"asked for {number(one['both'])} of {plural(one['windows'], 'window')}"


def _bound(one: Mapping[str, Any]) -> str:
    """How the windows were chosen that the reference kernels did not answer, and how that was checked."""
    checked = one["checked"]
    also = f"{plural(checked, 'more window')} like these {'was' if checked == 1 else 'were'} asked of both, and none differs"
    return (
        f"{number(one['windows'] - one['both'])} by {one['first']}, their margins above {number(one['bound'], 2)}, twice the largest "
        f"difference on probe windows; {also}"
    )
