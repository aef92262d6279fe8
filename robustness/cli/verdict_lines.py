"""How does a terminal show a gate's verdicts? A short line a rule, the answer, and below it what stands behind each that does not pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from robustness.cli.printing import Styled, detail, say, verbose

if TYPE_CHECKING:
    from robustness.gates.verdicts import Verdict

STYLES: Final = {"pass": "green", "fail": "red", "error": "red", "inconclusive": "yellow", "skipped": "dim"}
BETWEEN: Final = "  "


def say_verdicts(verdicts: Sequence[Verdict], folder: Path) -> int:
    """Every verdict, failing rules first, the answer, the details, and where the files are; the exit status."""
    from robustness.gates.outputs import answered
    from robustness.gates.verdicts import failing_first, status_of

    ordered = failing_first(verdicts)
    cells = [_cells(verdict) for verdict in ordered]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    for verdict, row in zip(ordered, cells, strict=True):
        word, *rest = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        said = BETWEEN.join(rest).rstrip()
        say(Styled(word if said else word.rstrip(), _style(verdict)), f"{BETWEEN}{said}" if said else "")
    status = status_of(verdicts)
    say(Styled(answered(verdicts), "green" if status == 0 else "red"))
    for verdict in ordered:
        _say_details(verdict)
    detail(f"details: {folder}")
    return status


def _cells(verdict: Verdict) -> tuple[str, str, str, str]:
    """Verdict, rule, figure, bar."""
    from robustness.gates.wording import bar, figure

    return verdict.word, verdict.name, figure(verdict), bar(verdict.rule)


def _style(verdict: Verdict) -> str:
    return STYLES[verdict.outcome] if verdict.counts or verdict.outcome in ("pass", "skipped") else "yellow"


def _say_details(verdict: Verdict) -> None:
    """Why a rule does not pass, with -v also how one passes, and what is to be known beside it."""
    lines = ([verdict.sentence] if verdict.outcome != "pass" or verbose() else []) + [f"  note: {warning}" for warning in verdict.warnings]
    if lines:
        detail()
    for line in lines:
        detail(line)
