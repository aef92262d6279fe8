"""What the words and marks of the page mean, and how the numbers were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustness.report.figures import Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import View
from robustness.report.words import level_of, number, plural

TEMPLATE = """
<p>{{ trimming }}</p>
<p>Every variant hears every recording under every condition of the grids below, and no answer depends on what else is in a batch.
Random parts are drawn once for a recording and a draw and scaled for each level, so that curves are paired.</p>
{{ table(grids) }}
{% if skipped %}<p>Not run: {% for name, why in skipped.items() %}<strong>{{ name }}</strong>, {{ why }}
{{- "" if loop.last else "; " }}{% endfor %}.</p>{% endif %}
<h3>Words used</h3>
<dl>
{% for word, meaning in glossary %}<dt>{{ word }}</dt><dd>{{ meaning }}</dd>
{% endfor %}
</dl>
"""

GLOSSARY = (
    (
        "lead, offset",
        "Where the recording begins, in ms from the window's start; what leaves the window is lost, what enters is padding.",
    ),
    ("start, center, end", "All silence after the recording, on both sides (lead = half of the padding, rounded down), or all before it."),
    ("margin", "The logit of the true label minus the largest other logit: above 0 the true label wins."),
    (
        "outcome, good and bad",
        "What the device does: a command is accepted, missed, or taken for another; another word or no word is left alone, or falsely "
        "accepted. Accepted and left alone are good. Without a threshold the winning label decides.",
    ),
    (
        "outcome margin",
        "The distance to the boundary between good and bad, in log-odds: above 0 the outcome is good.",
    ),
    ("confidence", "The probability of the answer given, by softmax over the labels."),
    (
        "accepted right, missed, substituted",
        "A command is carried out; is taken for unknown or falls under the threshold; or another command is carried out.",
    ),
    ("falsely accepted", "An unknown word, or a window without a word, carries out a command."),
    ("SNR", "10·log10 of speech power over noise power, both inside the speech span; the noise fills the window."),
    ("speech span", "From the first to the last 10 ms frame within the threshold of the loudest, widened by 25 ms."),
    (
        "interval",
        "95 %: Wilson's for shares of recordings, Tango's for pairs, Poisson's for rates. Where all speakers are known, counts are divided "
        "by their design effect, because a speaker's recordings are alike; one speaker's have counts and no interval.",
    ),
    (
        "worst-case, chance of one outcome",
        "Good at every lead inside the window; two such leads drawn at random give the same outcome (consistency).",
    ),
    ("occlusion", "How much the margin falls when a patch of the log-mel is replaced by what silence looks like in this clip."),
    (
        "integrated gradients",
        "The margin's gradient summed from silence to the clip; its parts should sum to the change, and the gap says how nearly they do.",
    ),
    ("restores", "With this edit, and nothing else, the outcome was good when tried. It says nothing about causes in the weights."),
    (
        "untestable",
        "Less than 20 ms of room in the window even when cut to its speech: it cannot be moved, and its placement says nothing.",
    ),
)


@SECTIONS.register
@dataclass(frozen=True)
class Method(Section):
    """Grids and glossary."""

    name: ClassVar[str] = "method"
    title: ClassVar[str] = "Method"
    order: ClassVar[int] = 70

    def part(self, view: View) -> SectionPart:
        """How it was done."""
        return SectionPart(fill(TEMPLATE, trimming=_trimming(view), grids=_grids(view), skipped=view.plan["skipped"], glossary=GLOSSARY))


def _trimming(view: View) -> str:
    facts, rule = view.manifest["recordings"], view.plan["trim"]
    how = {
        "auto": "Recordings with less than 20 ms of room in the window are cut to their speech before they are placed",
        "never": "Recordings were never cut to their speech (--trim never)",
        "always": "Every recording was cut to its speech before it was placed",
    }[rule]
    room = view.recordings["slack_ms"]
    return (
        f"{how}: {facts['trimmed']} of {facts['count']} were cut, {facts['untestable']} cannot be moved even so. "
        f"They have {number(room.min())} to {number(room.max())} ms of room in a window of {number(view.model['window_ms'])} ms."
    )


def _grids(view: View) -> Table:
    rows = []
    for name, kind in sorted(view.kinds.items()):
        levels = ", ".join(level_of(level, None) for level in sorted(kind.levels))
        neutral = kind.neutral_says or level_of(kind.neutral, kind.unit)
        rows.append(
            [
                name,
                kind.axis,
                f"{levels} {kind.unit}",
                neutral,
                plural(kind.draws, "draw"),
                ", ".join(kind.fills),
                kind.source,
            ]
        )
    return Table("The grids", ["perturbation", "axis", "levels", "changes nothing at", "draws", "padding", "source"], rows)
