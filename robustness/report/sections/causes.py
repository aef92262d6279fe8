"""What do failures have in common: which of the edits tried restores them, and what else sets these recordings apart?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from robustness.analysis.contrasts import FEWEST, Contrast, contrasts
from robustness.report.causes import FailureCause, causes, explained, in_one_line
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.setup import setup_of
from robustness.report.view import View
from robustness.report.words import listed, number, shortest

TEMPLATE = """
<p class="wide">{{ line }}</p>
{% for group in groups %}<div class="cause">
<h3>{{ group.heading }} {{ group.size }}</h3>
<p class="plays wide">{% for m in group.members %}
<span class="member">
{%- if m.sound %}<button class="play" data-plays="{{ m.sound }}" aria-label="play {{ m.name }} as it fails">▶</button> {% endif %}
{%- if m.to %}<a href="#{{ m.to }}">{{ m.name }}</a>{% else %}{{ m.name }}{% endif %}</span>
{% endfor %}{% if group.more %}<span class="soft">{{ group.more }}</span>{% endif %}</p>
{% for line in group.apart %}<p class="soft wide">{{ line }}</p>{% endfor %}
</div>
{% endfor %}
{% if compared %}<p class="soft wide">What sets a group apart is sought in word, speaker, level, length and room to move, against the
labelled recordings that fail nowhere, by Mann and Whitney's or Fisher's test, recordings counted as independent; q is p as Benjamini and
Hochberg adjust it.</p>{% endif %}
"""

MOST_MEMBERS: Final = 12
MOST_APART: Final = 3
NUMBERS: Final = {
    "level_dbfs": ("level of the speech", "dBFS"),
    "duration_ms": ("length", "ms"),
    "slack_ms": ("room to move", "ms"),
}
NAMES: Final = {"label": "the label", "speaker": "the speaker"}


class Member(NamedTuple):
    """A failing recording of a group: its name, its card or row, and the sound of its card."""

    name: str
    to: str | None
    sound: str | None


class CauseGroup(NamedTuple):
    """A group as the template takes it."""

    heading: str
    size: str
    members: list[Member]
    more: str
    apart: list[str]


@SECTIONS.register
@dataclass(frozen=True)
class CausesSection(Section):
    """Failing recordings in groups of the same tested cause."""

    name: ClassVar[str] = "causes"
    title: ClassVar[str] = "Causes"
    order: ClassVar[int] = 23

    def part(self, view: View) -> SectionPart | None:
        """The groups, the largest first; nothing where nothing fails, or where the setup explains all."""
        setup = setup_of(view)
        found = [] if setup is not None and setup.changes_all else causes(view)
        if not found:
            return None
        groups = [_group(view, cause) for cause in found]
        return SectionPart(fill(TEMPLATE, line=in_one_line(found), groups=groups, compared=any(group.apart for group in groups)))


def _group(view: View, cause: FailureCause) -> CauseGroup:
    shown, rest = cause.recordings[:MOST_MEMBERS], len(cause.recordings) - MOST_MEMBERS
    more = f" and {number(rest)} more, in evidence/explanations.parquet" if rest > 0 else ""
    return CauseGroup(cause.heading, number(len(cause.recordings)), [_member(view, one) for one in shown], more, _apart(view, cause))


def _member(view: View, recording: str) -> Member:
    row = view.recordings.loc[recording]
    card = next((one.id for one in view.failures.failures if one.recording == recording), None)
    name = f"“{row['name']}”" + (f" ({str(row['detail']).rsplit('/', 1)[-1]})" if row["detail"] else "")
    shown = str(row["address"]) if recording in view.shown.index else None
    return Member(name, card or shown, f"{card}-sound" if card and (view.run.evidence / f"{card}.wav").exists() else None)


def _apart(view: View, cause: FailureCause) -> list[str]:
    """What sets the group apart from the recordings that fail nowhere, the surest first."""
    failing = explained(view)
    if failing is None or len(cause.recordings) < FEWEST:
        return []
    table = view.recordings[view.recordings["label"].notna()]
    inside, outside = table[table.index.isin(cause.recordings)], table[~table.index.isin(failing["recording"])]
    found = contrasts(inside, outside, tuple(NUMBERS), tuple(NAMES))[:MOST_APART]
    return [f"What sets them apart: {listed([_said(one) for one in found], MOST_APART)}."] if found else []


def _said(one: Contrast) -> str:
    sure = f"q {'below 0.001' if one.q < 0.001 else shortest(float(f'{one.q:.2g}'))}"
    inside, outside, (group, others) = number(one.inside), number(one.outside), map(number, one.sizes)
    if one.name is None:
        what, unit = NUMBERS[one.column]
        return f"{what} {inside} {unit} (median of {group}), {outside} of {others} others ({sure})"
    return f"{NAMES[one.column]} {one.name}, {inside} of {group} and {outside} of {others} others ({sure})"
