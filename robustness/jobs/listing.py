"""What can be run, without loading it? The tables of the catalogue as they are stored beside this file, as long as the plug-ins are those.

`make readme` writes `catalogue.json` from the registries, and a test holds that it is what they say. If a plug-in file was added or taken
away, the tables are read from the registries, which load torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from robustness.conditions import NO_WORD
from robustness.errors import UsageError

ListedRow = Mapping[str, Any]
STORED: Final = Path(__file__).with_name("catalogue.json")
FOLDERS: Final = ("perturbations", "frontends", "quantization/schemes", "attributions/methods", "interventions", "streaming/rules")
NAMES: Final = ("perturbations", "frontends", "variants", "attributions", "interventions", "rules")


def rows(what: str, preset: str | None = None) -> list[ListedRow]:
    """The rows of one table; of the perturbations those that a preset runs.

    Raises:
        UsageError: there is no such table; the message lists those that exist.
    """
    if what not in NAMES:
        raise UsageError(f"there is nothing called {what!r} to list; give one of {', '.join(NAMES)}, or nothing for all")
    content = catalogue()
    found: list[ListedRow] = content["tables"][what]
    chosen = {*content["presets"][preset], NO_WORD} if what == "perturbations" and preset else None
    return [row for row in found if chosen is None or row["name"] in chosen]


def catalogue() -> dict[str, Any]:
    """All tables and presets: as stored, or from the registries where the plug-in files are others."""
    stored: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    if stored["files"] == plugin_files():
        return stored
    from robustness.jobs.catalogue import contents

    return contents()


def plugin_files() -> list[str]:
    """The names of the files in the folders of plug-ins."""
    package = Path(__file__).resolve().parent.parent
    return sorted(f"{folder}/{path.name}" for folder in FOLDERS for path in (package / folder).glob("*.py"))


def markdown_of(table: Sequence[ListedRow]) -> str:
    """A table as Markdown, one line a row; ends without a line break."""
    head = list(table[0]) if table else []
    cells = [head, ["---"] * len(head), *([str(row[key]) for key in head] for row in table)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)
