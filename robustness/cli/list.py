"""`robustness list`: what can be run, with the default grid written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from robustness.cli.printing import say

if TYPE_CHECKING:
    import pandas as pd

LEAST_COLUMNS: Final = 100  # where a pipe has no width


def list(
    what: Annotated[
        str | None, typer.Argument(help="perturbations, frontends, variants, attributions, interventions or rules; nothing lists all.")
    ] = None,
    *,
    preset: Annotated[
        Literal["quick", "standard", "full", "dhauds"], typer.Option(help="Of the perturbations, those that this preset runs.")
    ] = "full",
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table, as in the README.")] = False,
) -> None:
    """List what can be run: the default grid of every perturbation, the front-ends, variants, attribution methods, interventions and rules.

    Example: robustness list perturbations
    """
    from robustness.jobs import catalogue

    for name in [what] if what else catalogue.TABLES:
        rows = catalogue.table(name)
        rows = catalogue.of_preset(rows, preset) if name == "perturbations" else rows
        if markdown:
            for line in catalogue.markdown_table(rows).splitlines():
                say(line)
        else:
            _print_table(name, rows)


def _print_table(title: str, rows: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console = Console(highlight=False, width=max(console.width, LEAST_COLUMNS))
    console.print(Text(title.upper(), style="bold"))
    for row in rows.astype(str).to_dict("records"):
        console.print(Padding(Text(row.pop("name"), style="bold"), (1, 0, 0, 2), expand=False))
        facts = Table.grid(padding=(0, 2))
        for key, value in row.items():
            if value:
                facts.add_row(Text(str(key), style="dim"), Text(value))
        console.print(Padding(facts, (0, 0, 0, 4), expand=False))
    console.print()
