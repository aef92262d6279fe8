"""How a run becomes one HTML file that works from disk, offline: the sections in their order, the figures' data, plotly.js once.

Nothing on the page comes from a clock or at random: the same run gives the same bytes. Every name is escaped by jinja2, data in JSON too,
and a content policy lets only the scripts written here run, and nothing be fetched. Loads no torch.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.report.banner import addresses_in, banner
from robustness.report.sections.base import SECTIONS, TEMPLATES, Section, SectionPart
from robustness.report.sentences import scope, title
from robustness.report.view import View
from robustness.run.folder import Run, write_text

SCRIPTS: Final = ("figures.js", "atlas.js", "confusion.js", "table.js", "page.js")
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; media-src data:; font-src data:; script-src {}"
ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def write_page(run: Run, out: Path) -> None:
    """Draws a run as one self-contained HTML file, written whole or not at all.

    Args:
        run: the run folder; nothing else is read.
        out: the file to write.
    """
    write_text(out, page_of(run))


def page_of(run: Run) -> str:
    """The page as text."""
    view = View(run)
    parts = sections_of(view)
    addresses = addresses_in("".join(str(part.html) for _, part in parts)) | {section.name for section, _ in parts}
    scripts = [get_plotlyjs(), *(own(f"scripts/{name}") for name in SCRIPTS)]
    rendered = TEMPLATES.from_string(own("page.html")).render(
        title=title(view),
        scope=scope(view),
        incomplete=not view.manifest["complete"],
        policy=POLICY.format(" ".join(map(digest, scripts))),
        style=Markup(own("style.css")),
        verdict=banner(run, addresses),
        sections=[{"name": section.name, "title": section.title, "html": part.html} for section, part in parts],
        data=Markup(embedded(data_of([part for _, part in parts]))),
        scripts=[Markup(script) for script in scripts],
    )
    return rendered + "\n"


def sections_of(view: View) -> list[tuple[Section, SectionPart]]:
    """Every section that has something to say of this run, in order."""
    audited = view.manifest.get("purpose") == "audit"  # then what quantization did comes right after the summary
    sections = sorted((kind() for kind in SECTIONS.all().values()), key=lambda s: 15 if audited and s.name == "quantization" else s.order)
    parts = [(section, section.part(view)) for section in sections]
    return [(section, part) for section, part in parts if part is not None]


def data_of(parts: list[SectionPart]) -> dict[str, Any]:
    """What the scripts need: the figures by address, and what sections hand over by name."""
    figures = {figure.id: figure.spec() for part in parts for figure in part.figures}
    return {"figures": figures, **{name: value for part in parts for name, value in part.data.items()}}


def embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in, whatever names it holds."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).translate(ESCAPES)


def own(name: str) -> str:
    """A file of the report, as text."""
    return files("robustness.report").joinpath(name).read_text(encoding="utf-8").strip("\n")


def digest(script: str) -> str:
    """A script as the content policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
