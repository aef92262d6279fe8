"""`robustness compare`: what got better and what got worse from one run to another, in pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from robustness.errors import OutputError

if TYPE_CHECKING:
    from robustness.comparison import Changed

MOST: Final = 10  # conditions shown in the terminal; the page has all


def compare(
    run_a: Annotated[Path, typer.Argument(help="The run before.")],
    run_b: Annotated[Path, typer.Argument(help="The run after, of the same recordings.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("reports/compare.html"),
) -> None:
    """Compare two runs of the same recordings, pair by pair: what got better, what got worse, and on which recordings.

    Example: robustness compare reports/main reports/branch
    """
    from robustness.comparison import compare as compared
    from robustness.report.compared import lead, scope, write_comparison
    from robustness.run import Run

    found = compared(Run.open(run_a), Run.open(run_b))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_comparison(found, out)
    except OSError as error:
        raise OutputError(f"the page {out} cannot be written ({error.strerror}); give another --out") from error
    print(f"{found.names[1]} against {found.names[0]}: {scope(found)}")
    print(lead(found))
    for note in found.notes:
        print(f"note: {note}")
    for title, changes in (("worse", found.worse), ("better", found.better), ("the same accuracy, other recordings", found.mixed)):
        _say(title, changes)
    print(out)


def _say(title: str, changes: Sequence[Changed]) -> None:
    """The first few conditions of a kind, each with its recordings."""
    from robustness.gates.wording import some, where

    if changes:
        print(f"\n{title}: {len(changes)}")
    for change in changes[:MOST]:
        low, high = (100 * end for end in change.interval)
        between = f" ({low:+.1f} to {high:+.1f} points)" if not math.isnan(low) else ""
        counts = f"{100 * change.before:.1f} % → {100 * change.after:.1f} % of {change.recordings}"
        print(f"  {change.variant}, {where(change.condition)}: {counts}{between}")
        for sign, names in (("-", change.lost), ("+", change.won)):
            if names:
                print(f"    {sign} {some(names)}")
    if len(changes) > MOST:
        print(f"  and {len(changes) - MOST} more on the page")
