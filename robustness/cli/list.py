"""`robustness list`: what can be run, with the default grid written out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from robustness.cli.grouping import gives_json
from robustness.cli.printing import Styled, answer, say, width

if TYPE_CHECKING:
    from robustness.jobs.listing import ListedRow

LEAST_COLUMNS: Final = 100  # where a pipe has no width


@gives_json
def list(
    what: Annotated[
        str | None, typer.Argument(help="perturbations, frontends, variants, attributions, interventions or rules; nothing lists all.")
    ] = None,
    *,
    preset: Annotated[
        Literal["quick", "standard", "full", "dhauds"], typer.Option(help="The perturbations that this preset runs.")
    ] = "full",
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table, as in docs/perturbations.md.")] = False,
) -> None:
    """List what can be run: the default grid of every perturbation, the front-ends, variants, attribution methods, interventions and rules.

    Example: robustness list perturbations
    """
    from robustness.jobs.listing import NAMES, markdown_of, rows

    tables = {name: rows(name, preset) for name in ([what] if what else NAMES)}
    if answer(tables):
        return
    for name, table in tables.items():
        if markdown:
            for line in markdown_of(table).splitlines():
                say(line)
        else:
            _say_table(name, table)


def _say_table(title: str, table: Sequence[ListedRow]) -> None:
    """A name and its facts, one below the other; long ones go on in the next line."""
    room = max(width(), LEAST_COLUMNS)
    say(Styled(title.upper(), "bold"))
    for row in table:
        say()
        say("  ", Styled(str(row["name"]), "bold"))
        facts = {key: str(value) for key, value in row.items() if key != "name" and str(value)}
        keys = max(map(len, facts), default=0)
        for key, value in facts.items():
            first, *rest = textwrap.wrap(value, room - keys - 6) or [""]
            say("    ", Styled(key.ljust(keys), "dim"), "  ", first)
            for line in rest:
                say(" " * (keys + 6), line)
    say()
