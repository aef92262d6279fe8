"""Which words of ours need a meaning, and where does a reader get it? At a term's first use in each section, and in the glossary.

A first use is a `<dfn>` that takes the keyboard's focus; its meaning appears under the pointer, by focus and by touch, and screen readers
read it from the glossary. Words inside links, buttons, headings, code and pictures stay as they are. Loads no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from markupsafe import Markup, escape

from robustness.report.words import slug

ASIDE: Final = frozenset("a button h1 h2 h3 h4 summary dfn svg script style code label option select title caption th figcaption".split())
EMPTY: Final = frozenset("br img input hr meta link source wbr col".split())
TOKENS: Final = re.compile(r"(<[^>]*>)")
SECTION: Final = re.compile(r"(?=<section\b)")
TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")


@dataclass(frozen=True)
class Term:
    """A word with a meaning.

    Attributes:
        name: as the glossary has it.
        meaning: a sentence or two.
        words: how it stands in a text, a regular expression; empty is a term that is not marked in texts.
    """

    name: str
    meaning: str
    words: str = ""

    @property
    def id(self) -> str:
        """Its address in the glossary."""
        return f"term-{slug(self.name)}"

    @cached_property
    def found(self) -> re.Pattern[str]:
        """What finds it in a text."""
        return _standing_alone(self.words)


def _standing_alone(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)


GLOSSARY: Final = (
    Term(
        "lead, offset",
        "Where the recording begins, in ms from the window's start; what leaves the window is lost, what enters is padding.",
        "leads?",
    ),
    Term(
        "start, center, end", "All silence after the recording, on both sides (lead = half of the padding, rounded down), or all before it."
    ),
    Term(
        "outcome, good and bad",
        "What the device does: a command is accepted, missed, or taken for another; another word or no word is left alone, or falsely "
        "accepted. Accepted and left alone are good. Without a threshold the winning label decides.",
        "outcomes?",
    ),
    Term(
        "outcome margin", "The distance to the boundary between good and bad, in log-odds: above 0 the outcome is good.", "outcome margins?"
    ),
    Term("margin", "The logit of the true label minus the largest other logit: above 0 the true label wins.", "margins?"),
    Term("logit", "What the network gives for a label before it is made a probability.", "logits?"),
    Term("confidence", "The probability of the answer given, by softmax over the labels.", "confidence"),
    Term(
        "accepted right, missed, substituted",
        "A command is carried out; is taken for unknown or falls under the threshold; or another command is carried out.",
        "missed|substituted",
    ),
    Term("falsely accepted", "An unknown word, or a window without a word, carries out a command.", "falsely accepted"),
    Term("SNR", "10·log10 of speech power over noise power, both inside the speech span; the noise fills the window.", "SNR"),
    Term("speech span", "From the first to the last 10 ms frame within the threshold of the loudest, widened by 25 ms.", "speech span"),
    Term(
        "interval",
        "95 %: Wilson's for shares of recordings, Tango's for pairs, Poisson's for rates. Where all speakers are known, counts are divided "
        "by their design effect, because a speaker's recordings are alike; one speaker's have counts and no interval.",
        "intervals?",
    ),
    Term(
        "worst-case, chance of one outcome",
        "Good at every lead inside the window; two such leads drawn at random give the same outcome (consistency).",
    ),
    Term("control", "An edit that does as much to the sound and leaves out what the edit is about.", "controls?"),
    Term("side effect", "Another recording that was good and that the same edit turns bad.", "side effects?"),
    Term(
        "restores",
        "With this edit, and nothing else, the outcome was good when tried. It says nothing about causes in the weights.",
        "restores",
    ),
    Term(
        "occlusion",
        "How much the margin falls when a patch of the log-mel is replaced by what silence looks like in this clip.",
        "occlusion",
    ),
    Term(
        "integrated gradients",
        "The margin's gradient summed from silence to the clip; its parts should sum to the change, and the gap says how nearly they do.",
        "integrated gradients",
    ),
    Term("AUC", "How well failures are ranked before the rest by what was predicted: 1 is perfect, 0.5 is chance.", "AUC"),
    Term("SQNR", "20·log10 of what a layer gives in float over its error in int8, in dB; exact is the same bits.", "SQNR"),
    Term(
        "untestable",
        "Less than 20 ms of room in the window even when cut to its speech: it cannot be moved, and its placement says nothing.",
        "untestable",
    ),
)
ANY: Final = _standing_alone("|".join(term.words for term in GLOSSARY if term.words))  # most texts of a page hold none


def with_terms(html: Markup) -> Markup:
    """A section with its terms marked, each where it first stands in a text."""
    waiting = [term for term in sorted(GLOSSARY, key=lambda term: -len(term.words)) if term.words]
    inside: list[str] = []
    parts = TOKENS.split(str(html))
    for place, part in enumerate(parts):
        tag = TAG.match(part) if place % 2 else None
        if tag:
            _step(inside, tag, part)
        elif not place % 2 and waiting and not ASIDE.intersection(inside):
            parts[place] = _marked(part, waiting)
    return Markup("".join(parts))


def with_glossary(page: str) -> str:
    """A whole page with its terms marked at their first use in each section, and a fold at the end of `<main>` that says what they mean."""
    start, end = page.index("<main"), page.rindex("</main>")
    body = "".join(str(with_terms(Markup(part))) for part in SECTION.split(page[start:end]))
    used = [term for term in GLOSSARY if f'aria-describedby="{term.id}"' in body]
    return page[:start] + body + (str(glossary(used)) if used else "") + page[end:]


def glossary(terms: Sequence[Term] = GLOSSARY) -> Markup:
    """The terms and their meanings, as a fold."""
    entries = Markup("\n").join(Markup('<dt>{}</dt><dd id="{}">{}</dd>').format(term.name, term.id, term.meaning) for term in terms)
    return Markup('<details class="more glossary"><summary>words used, and what they mean</summary>\n<dl>\n{}\n</dl></details>\n').format(
        entries
    )


def _step(inside: list[str], tag: re.Match[str], text: str) -> None:
    """Keeps which of the elements that matter are open."""
    name = tag[2].lower()
    if name not in ASIDE or name in EMPTY or text.endswith("/>"):
        return
    if not tag[1]:
        inside.append(name)
    elif name in inside:
        inside.reverse()
        inside.remove(name)
        inside.reverse()


def _marked(text: str, waiting: list[Term]) -> str:
    """A text with the first use of each waiting term marked, the longer term before one that it holds."""
    if ANY.search(text) is None:
        return text
    taken: list[tuple[Term, re.Match[str]]] = []
    for term in waiting:
        for match in term.found.finditer(text):
            if all(match.end() <= other.start() or match.start() >= other.end() for _, other in taken):
                taken.append((term, match))
                break
    for term, match in sorted(taken, key=lambda one: -one[1].start()):
        waiting.remove(term)
        text = text[: match.start()] + _defined(term, match[0]) + text[match.end() :]
    return text


def _defined(term: Term, word: str) -> str:
    return f'<dfn tabindex="0" aria-describedby="{term.id}" data-says="{escape(term.name)}: {escape(term.meaning)}">{word}</dfn>'
