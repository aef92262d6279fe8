"""What the page opens with where a gate has judged its run: the verdict, failing rules first, each linked to its evidence on the page.

The verdicts are read from the run folder, `gate/verdicts.json`. A page that was drawn before gets the banner put in, without drawing the
rest again. Loads no torch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from markupsafe import Markup

from robustness.conditions import NO_WORD, NONE
from robustness.gates.outputs import VerdictFacts, VerdictsFacts, read_verdicts
from robustness.report.opening import Kind, Opening
from robustness.report.sections.base import STILL, compiled, fill
from robustness.report.words import plural, slug, true_minus, unique
from robustness.run.evidence import FailureCard, read_failures
from robustness.run.folder import Run, write_text
from robustness.run.perturbations import perturbation_facts

BEGIN: Final = "<!-- verdict -->"
END: Final = "<!-- end of verdict -->"
MOST_LINKS: Final = 5
KEEP: Final = "Keep this run as the baseline of the next model: robustness gate --baseline RUN."
TEMPLATE = """
{%- macro rule(v) -%}
<li id="{{ v.id }}"><strong{% if v.facts.counts %} class="wrong"{% endif %}>{{ v.facts.word }}</strong> {{ v.sentence }}
{%- if v.links %}<br>Evidence: {% for link in v.links %}<a href="#{{ link.to }}">{{ link.text }}</a>{% if not loop.last %}, {% endif %}
{% endfor %}{% endif %}
{%- for warning in v.facts.warnings %}<br><span class="note">{{ warning }}</span>{% endfor %}</li>
{%- endmacro -%}
<section id="verdict" class="verdict{% if status %} bad{% endif %}" aria-labelledby="verdict-title">
<h2 id="verdict-title" class="hidden">What the rules say</h2>
{{ opening }}
{% if blocking %}<ul>{% for v in blocking %}{{ rule(v) }}{% endfor %}</ul>{% endif %}
{% if others %}<details class="more"><summary>{{ passing }}</summary>
<ul>{% for v in others %}{{ rule(v) }}{% endfor %}</ul></details>{% endif %}
</section>
"""
ALONE: Final = """{% include "head" %}
<body>
<header><h1>{{ title }}</h1></header>
<main id="main">
{{ verdict }}
<p class="soft">No rule needed the recordings at the reference placement, so they were not run there and nothing else is drawn;
robustness report draws everything.</p>
</main>
</body>
</html>
"""


class VerdictLink(NamedTuple):
    """An address on the page, and what it is called."""

    to: str
    text: str


@dataclass(frozen=True)
class ShownVerdict:
    """A rule's verdict with its address, and links to what is evidence for it."""

    facts: VerdictFacts
    id: str
    links: tuple[VerdictLink, ...]

    @property
    def sentence(self) -> str:
        """What was found, as on paper."""
        return true_minus(self.facts.sentence)


def banner(run: Run, addresses: Collection[str]) -> Markup:
    """The verdict's part of the page between its two marks; only these where no gate has judged the run.

    Args:
        run: the run folder.
        addresses: what on the page can be linked to.
    """
    found = read_verdicts(run.path)
    if found is None:
        return Markup(BEGIN + END)
    ids = unique([*addresses, *(f"rule-{slug(verdict.name)}" for verdict in found.verdicts)])[len(addresses) :]
    verdicts = [_shown(verdict, run, addresses, name) for verdict, name in zip(found.verdicts, ids, strict=True)]
    blocking = [verdict for verdict in verdicts if verdict.facts.counts]
    others = [verdict for verdict in verdicts if not verdict.facts.counts]
    passed = sum(verdict.outcome == "pass" for verdict in found.verdicts)
    skipped = sum(verdict.outcome == "skipped" for verdict in found.verdicts)
    warned = len(others) - passed - skipped
    passing = plural(passed, "rule passes", "rules pass") + (f", {plural(warned, 'warning')}" if warned else "")
    passing += f", {skipped} skipped" if skipped else ""
    said = fill(TEMPLATE, blocking=blocking, others=others, passing=passing, status=found.status, opening=_opening(found, verdicts).html)
    return Markup(BEGIN) + said.strip() + Markup(END)


def _opening(found: VerdictsFacts, verdicts: Sequence[ShownVerdict]) -> Opening:
    """READY or NOT READY by the named rules, the first rule that says so, and what to do first."""
    passed = sum(verdict.facts.outcome == "pass" for verdict in verdicts)
    about = f"by {found.rules}, {passed} of {plural(len(verdicts), 'rule')} {'passes' if passed == 1 else 'pass'}"
    blocking = [verdict for verdict in verdicts if verdict.facts.counts]
    if not blocking:
        return Opening("none", "READY", f"{found.headline} It is judged by these rules alone, on these recordings.", KEEP, about)
    worst = blocking[0]
    undecided = all(verdict.facts.outcome != "fail" for verdict in blocking)
    kind: Kind = "little" if undecided else "found"
    heading = "NOT DECIDED" if undecided else "NOT READY"
    others = len(blocking) - 1
    more = f" {plural(others, 'more rule does', 'more rules do')} so too." if others else ""
    text = Markup('The rule <a href="#{}">{}</a> keeps the model from passing: {}.{}')
    return Opening(kind, heading, text.format(worst.id, worst.facts.name, _measured(worst), more), _first(worst), about)


def _measured(verdict: ShownVerdict) -> str:
    facts = verdict.facts
    return ", ".join(filter(None, (facts.figure, f"{facts.bar} is asked"))) if facts.bar else facts.word


def _first(verdict: ShownVerdict) -> Markup:
    """What to do about the rule that decides."""
    if verdict.facts.outcome == "error":
        return Markup("Give what the rule needs: {}").format(verdict.facts.sentence.partition(": ")[2])
    if verdict.facts.outcome == "inconclusive":
        return Markup("Record more: the rule says how many recordings or speakers would decide.")
    if not verdict.links:
        return Markup("Listen to the recordings that the rule names.")
    link = verdict.links[0]
    return Markup('Look at <a href="#{}">{}</a>, and at what restores it.').format(link.to, link.text)


def insert(run: Run, page: Path) -> None:
    """Puts the run's verdict into a page that was drawn before; the file is whole at any moment."""
    text = page.read_text(encoding="utf-8", errors="replace")
    start, end = text.find(BEGIN), text.find(END)
    if start < 0 or end < start:
        return
    rest = text[:start] + text[end + len(END) :]
    write_text(page, text[:start] + str(banner(run, addresses_in(rest))) + text[end + len(END) :])


def write_alone(run: Run, out: Path) -> None:
    """A page of the verdict alone: no rule needed the reference placement, and the rest of the page is about what differs from it."""
    style = Markup(files("robustness.report").joinpath("style.css").read_text(encoding="utf-8"))
    names = " · ".join(model["name"] for model in run.manifest["models"])
    said = {"title": f"{names}: what the rules say", "verdict": banner(run, ())}
    write_text(out, compiled(ALONE).render(policy=STILL, style=style, **said))


def addresses_in(text: str) -> frozenset[str]:
    """Every address in a page, or part of one."""
    return frozenset(re.findall(r'\sid="([^"]+)"', text.partition('<script type="application/json"')[0]))


def _shown(verdict: VerdictFacts, run: Run, addresses: Collection[str], name: str) -> ShownVerdict:
    links = [VerdictLink(to, text) for to, text in _links(verdict, run) if to in addresses]
    return ShownVerdict(verdict, name, tuple(links[:MOST_LINKS]))


def _links(verdict: VerdictFacts, run: Run) -> Iterable[tuple[str, str]]:
    """Addresses that would be evidence, best first: the failures' cards, the curve, the section."""
    worst = verdict.worst
    condition = None if worst is None else worst.condition
    if worst is None or not condition:
        yield "quantization", "quantization"
        return
    behind, kind = set(worst.behind), condition.perturbation
    places = _places(run, kind)
    if places or condition.placement == "offset":
        for card in _cards(run):
            wrong = {card.condition.placement, *card.also_wrong}
            if card.recording in behind and (condition.placement == "offset" or condition.placement in wrong):
                yield card.id, card.id
    yield f"curve-{kind}", kind.replace("-", " ")
    if places or kind in {NONE, NO_WORD}:
        yield "outcomes", "outcomes"
    yield ("recordings", "recordings")


def _cards(run: Run) -> Sequence[FailureCard]:
    found = read_failures(run.evidence)
    return () if found is None else found.failures


def _places(run: Run, name: str) -> bool:
    """Whether the levels of a perturbation are placements."""
    kinds = perturbation_facts(run.manifest)
    return name in kinds and bool(kinds[name].placements)
