"""How a run becomes one HTML file that works from disk, offline: the sections in their order, the figures' data, plotly.js once.

Nothing on the page comes from a clock or at random: the same run gives the same bytes. Every name is escaped by jinja2, data in JSON too,
and a content policy lets only the scripts written here run, and nothing be fetched. Loads no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from robustness.report.banner import addresses_in, banner
from robustness.report.packing import own, packed_page
from robustness.report.sections.base import SECTIONS, Section, SectionPart, compiled
from robustness.report.sentences import scope, title
from robustness.report.terms import with_terms
from robustness.report.view import View
from robustness.run.folder import Run, write_text

SCRIPTS: Final = ("figures.js", "atlas.js", "confusion.js", "table.js", "page.js")


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
    data = data_of([part for _, part in parts])
    drawing = [get_plotlyjs()] if data["figures"] or len(data) > 1 else []
    packed = packed_page([*drawing, *(own(f"scripts/{name}") for name in SCRIPTS)], data)
    rendered = compiled(own("page.html")).render(
        title=title(view),
        scope=scope(view),
        incomplete=not view.manifest["complete"],
        policy=packed.policy,
        style=Markup(own("style.css")),
        verdict=banner(run, addresses),
        sections=[{"name": section.name, "title": section.title, "html": _termed(section, part)} for section, part in parts],
        packed=packed.elements,
    )
    return rendered + "\n"


def _termed(section: Section, part: SectionPart) -> Markup:
    """A section with its terms marked; the glossary's own is left as it is."""
    return part.html if section.name == "method" else with_terms(part.html)


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
