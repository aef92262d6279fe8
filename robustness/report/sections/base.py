"""What every section of the page offers: its place, its title, and its part of the page from a run.

A section is one file here: a registered class with its own template. It says None where the run has nothing for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Final

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from robustness.registry import Registry
from robustness.report.figures import Figure
from robustness.report.view import View
from robustness.report.words import number

PARTS: Final = """
{%- macro figure(f, sound="") -%}
<figure id="{{ f.id }}">
{% if f.title %}<figcaption>{{ f.title }}</figcaption>{% endif %}
<div class="plot" data-figure="{{ f.id }}"{% if sound %} data-sound="{{ sound }}"{% endif %} role="{{ f.role }}"
{%- if f.role != "img" %} tabindex="0"{% endif %} aria-label="{{ f.sentence }}" style="height:{{ f.height }}px"></div>
{% if f.table %}<details class="behind"><summary>the numbers</summary>{{ table(f.table) }}</details>{% endif %}
</figure>
{%- endmacro -%}
{%- macro following(f) -%}
{% for line in f.lines %}<p class="wide">{{ line }}</p>{% endfor %}
{{ table(f.table) }}
<details class="behind"><summary>how to read it</summary><p class="soft wide">{{ f.reading }}</p></details>
{%- endmacro -%}
{%- macro table(t) -%}
<div class="scroll" tabindex="0" role="group" aria-label="{{ t.caption }}"><table><caption class="hidden">{{ t.caption }}</caption>
<thead><tr>{% for name in t.head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in t.rows %}<tr><th scope="row">{{ row[0] }}</th>
{%- for cell in row[1:] %}<td{% if cell | string | length > 36 %} class="long"{% endif %}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{%- endmacro -%}
"""

MACROS: Final = '{%- from "parts" import figure, following, table -%}'  # before each template that draws one of them

# How every page begins; what it may load is its policy's to say.
HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
"""
STILL: Final = "default-src 'none'; style-src 'unsafe-inline'"  # the policy of a page without scripts, sounds and pictures

TEMPLATES: Final = Environment(
    loader=DictLoader({"head": HEAD, "parts": PARTS}),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["counted"] = number  # a count as the page writes it


@dataclass(frozen=True)
class SectionPart:
    """A section's part of the page: its text, its figures by address, and other data its scripts need by name."""

    html: Markup
    figures: tuple[Figure, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


class Section(ABC):
    """A part of the page under a heading of its own."""

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int]  # smaller comes first

    @abstractmethod
    def part(self, view: View) -> SectionPart | None:
        """What this run has for the section; None leaves it out."""


def fill(template: str, **values: Any) -> Markup:
    """The template with its values, every one of them escaped."""
    return Markup(compiled(MACROS + template).render(**values))


@cache
def compiled(template: str) -> Template:
    """The template, made once in a process: one takes some hundredths of a second, and a page is drawn twice."""
    return TEMPLATES.from_string(template)


SECTIONS: Registry[Section] = Registry("report section", "robustness.report.sections")
