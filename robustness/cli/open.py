"""`robustness open`: the page of a run in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated, Final

import typer

from robustness.cli.printing import note, say
from robustness.errors import UsageError

PAGES: Final = ("index.html", "take.html")


def open(
    run: Annotated[Path, typer.Argument(help="A run, an explanation, a folder of segments, or a page.")],
) -> None:
    """Open the page of a run in the browser, and say where it is.

    Example: robustness open reports/digits
    """
    page = _page(run)
    if not webbrowser.open(page.resolve().as_uri()):
        note("there is no browser here; open the page by its path")
    say(page)


def _page(path: Path) -> Path:
    """The page of a folder, or the page given.

    Raises:
        UsageError: there is none.
    """
    found = next((path / name for name in PAGES if (path / name).is_file()), path)
    if found.is_file() and found.suffix == ".html":
        return found
    if (path / "manifest.json").exists():
        raise UsageError(f"the run {path} has no page; draw it by `robustness report --from {path}`")
    raise UsageError(f"{path} is no page and no folder with one; give a run, such as reports/run, or a file that ends with .html")
