"""`robustness compare`: what got better and what got worse from one run to another, in pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from robustness.cli.grouping import gives_json
from robustness.cli.printing import VERDICTS, Styled, answer, say
from robustness.errors import OutputError

if TYPE_CHECKING:
    from robustness.comparison import Comparison, ConditionChange
    from robustness.gates.comparison_verdicts import RuleVerdicts
    from robustness.gates.metrics.base import Kinds
    from robustness.gates.samples import Interval
    from robustness.run.folder import Run

MOST: Final = 10  # conditions shown in the terminal; the page has all


@gives_json
def compare(
    run_a: Annotated[Path, typer.Argument(help="The run before.")],
    run_b: Annotated[Path, typer.Argument(help="The run after, of the same recordings.")],
    rules: Annotated[Path | None, typer.Option(help="Rules of a gate, a TOML file: both runs are judged by them.")] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("reports/compare.html"),
    recaptured: Annotated[
        bool,
        typer.Option("--recaptured", help="Run B is of run A's recordings, played back and captured (`robustness align`): pair by name."),
    ] = False,
) -> None:
    """Compare two runs of the same recordings by what the device does: what got better, what got worse, and on which recordings.

    Example: robustness compare reports/main reports/branch --rules gates.toml
    """
    from robustness.comparison import compare as compared
    from robustness.report.comparison_page import comparison_scope, decision, lead, opening, write_comparison
    from robustness.run.integrity import checked_run

    first, second = checked_run(run_a), checked_run(run_b)
    found = compared(first, second, recaptured=recaptured)
    verdicts = None if rules is None else _verdicts(first, second, rules)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_comparison(found, out, verdicts)
    except OSError as error:
        raise OutputError(f"the page {out} cannot be written ({error.strerror}); give another --out") from error
    say(f"{found.names[1]} against {found.names[0]}: {comparison_scope(found)}")
    opened = opening(found, verdicts)
    say(Styled(opened.heading, VERDICTS[opened.kind]), f": {decision(found, verdicts)}")
    say(lead(found))
    for note in found.notes:
        say(f"note: {note}")
    _say_perturbations(found)
    if verdicts is not None:
        _say_verdicts(verdicts)
    for title, changes in (("worse", found.worse), ("better", found.better), ("as many good outcomes, other recordings", found.mixed)):
        _say(title, changes, found.kinds)
    say(out)
    gate = None if verdicts is None else asdict(verdicts)
    answer({"status": 0, "decision": decision(found, verdicts), "page": out, **_plain(found), "gate": gate})


def _plain(found: Comparison) -> dict[str, Any]:
    """The comparison by its fields, without what is known of the perturbations."""
    return {field.name: getattr(found, field.name) for field in fields(found) if field.name != "kinds"}


def _verdicts(first: Run, second: Run, rules: Path) -> RuleVerdicts:
    """What the rules say of both."""
    from robustness.gates.comparison_verdicts import judge_both
    from robustness.gates.rule_checks import checked_rules
    from robustness.gates.rules import read_rules

    return judge_both(first, second, checked_rules(read_rules(rules)))


def _say_perturbations(found: Comparison) -> None:
    """A line a perturbation and variant."""
    from robustness.report.comparison_page import perturbation_name

    say()
    say("by perturbation, share of good outcomes:")
    for part in found.perturbations:
        said = [_between(part.interval), f"{part.untestable} that cannot be moved left out" if part.untestable else ""]
        beside = ", ".join(filter(None, said))
        say(
            f"  {perturbation_name(part)}, {part.variant}: {100 * part.before:.1f} % → {100 * part.after:.1f} % of {part.recordings}"
            f"{f' ({beside})' if beside else ''}; worse in {part.worse}, better in {part.better} of {part.conditions}"
        )


def _between(interval: Interval) -> str:
    """The ends of an interval in points; nothing where there is none, of one speaker."""
    low, high = (100 * end for end in interval)
    return "" if math.isnan(low) else f"{low:+.1f} to {high:+.1f} points"


def _say_verdicts(verdicts: RuleVerdicts) -> None:
    """A line a rule."""
    say()
    say("rules:")
    for row in verdicts.rows:
        say(f"  {row.name}: {row.before} → {row.after}{f'; {row.why}' if row.why else ''}")


def _say(title: str, changes: Sequence[ConditionChange], kinds: Kinds) -> None:
    """The first few conditions of a kind, each with its recordings."""
    from robustness.gates.wording import condition_text

    if changes:
        say()
        say(f"{title}: {len(changes)}")
    for change in changes[:MOST]:
        between = _between(change.interval)
        counts = f"{100 * change.before:.1f} % → {100 * change.after:.1f} % of {change.recordings}"
        say(f"  {change.variant}, {condition_text(change.condition, kinds)}: {counts}{f' ({between})' if between else ''}")
        for sign, names in (("-", change.lost), ("+", change.won)):
            if names:
                say(f"    {sign} {', '.join(names)}")
    if len(changes) > MOST:
        say(f"  and {len(changes) - MOST} more on the page")
