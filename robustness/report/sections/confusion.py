"""Which label is taken for which, under a condition that the reader chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from robustness.report.figures import Figure, Table
from robustness.report.sections.base import SECTIONS, Section, SectionPart, fill
from robustness.report.view import View
from robustness.report.words import condition_name, number, plural

TEMPLATE = """
<div class="controls">
<label>Condition <select id="confusion-condition">{% for name in conditions %}<option value="{{ loop.index0 }}">{{ name }}</option>
{% endfor %}</select></label>
{% if variants | length > 1 %}<fieldset><legend>Answers of</legend>{% for v in variants %}
<label><input type="radio" name="confusion-variant" value="{{ v.mark }}"{% if loop.first %} checked{% endif %}> {{ v.short }}</label>
{% endfor %}</fieldset>{% endif %}
</div>
<p id="confusion-says" role="status" class="soft">{{ first }}</p>
{{ figure(matrix) }}
"""

MOST_MATRICES: Final = 400_000  # numbers on the page; of more conditions every second, third … is offered
ROW_PX: Final = 30


@SECTIONS.register
@dataclass(frozen=True)
class Confusion(Section):
    """A confusion matrix of any condition."""

    name: ClassVar[str] = "confusion"
    title: ClassVar[str] = "Confusions"
    order: ClassVar[int] = 45

    def part(self, view: View) -> SectionPart | None:
        """The matrix, its conditions and the counts of all of them."""
        if not view.swept or not view.labelled:
            return None
        places = offered(view)
        names = [_named(view, place) for place in places]
        data = {
            "labels": list(view.sums.labels),
            "conditions": names,
            "variants": [variant.short for variant in view.variants],
            "counts": [[view.sums.answered[variant.mark, place].tolist() for place in places] for variant in view.variants],
        }
        matrix = _figure(view, places[0], names[0])
        html = fill(TEMPLATE, conditions=names, variants=view.variants, first=confusion_sentence(view, places[0], names[0]), matrix=matrix)
        return SectionPart(html, (matrix,), {"confusion": data})


def offered(view: View) -> list[int]:
    """The places of the conditions that can be chosen: the reference, and each perturbation from a named placement."""
    sums = view.sums
    rest = [i for i, c in enumerate(sums.conditions) if c.placement != "offset" and i != sums.clean]
    each = len(view.variants) * len(sums.labels) ** 2
    step = -(-each * len(rest) // MOST_MATRICES) or 1
    return [*([sums.clean] if sums.clean is not None else []), *rest[::step]]


def _named(view: View, place: int) -> str:
    condition = view.sums.conditions[place]
    name = condition_name(condition, view.kinds)
    if place == view.sums.clean:
        return f"the reference, {name}"
    return f"placed {name}" if condition.perturbation == view.placing else name


def confusion_sentence(view: View, place: int, name: str) -> str:
    """The commonest confusion of the first variant; the script says the same of what is chosen."""
    counts = view.sums.answered[view.first.mark, place]
    wrong = counts.copy()
    for label in range(len(wrong)):
        wrong[label, label] = 0
    said = f"{view.first.short}, {name}: {number(int(wrong.sum()))} of {plural(int(counts.sum()), 'answer')} wrong"
    if not wrong.any():
        return f"{said}."
    truth, answer = divmod(int(wrong.argmax()), len(wrong))
    labels = view.sums.labels
    return f"{said}, most often {labels[truth]} recognised as {labels[answer]} ({number(int(wrong[truth, answer]))})."


def _figure(view: View, place: int, name: str) -> Figure:
    labels = list(view.sums.labels)
    rows = [[label, *map(int, line)] for label, line in zip(labels, view.sums.answered[view.first.mark, place], strict=True)]
    table = Table(f"Answers by true label, {view.first.short}, {name}", ["truth", *labels], rows)
    about = f"Confusion matrix, true labels down and answers across. {confusion_sentence(view, place, name)}"
    return Figure("confusion-matrix", "", about, [], table=table, height=90 + ROW_PX * len(labels))
