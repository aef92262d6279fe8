"""What does each variant answer to an edit of one window? Every edit is made once, and asked of all variants together.

What does each intervention do to a failing answer: the smallest size that restores it, what each size recovers, and its control?

An edit *restores* an answer where most of its draws are good at the operating point; one that is not random, where most sizes a little
beyond are good too. Margins are outcome margins; the share recovered is the gain in margin over the drop, of the median draw. Nothing here
depends on batch or order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from statistics import median
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from robustness.analysis.outcomes import MISSED
from robustness.explanations.answering import Given, given_by
from robustness.explanations.cases import float_of
from robustness.interventions.base import INTERVENTIONS, EditKind, Intervention
from robustness.interventions.scene import Scene
from robustness.models.classifier import Classifier
from robustness.sweep.engine import answers

Role = Literal["edit", "control"]
LAST: Final = ("speed", "placement")  # of two edits, what moves the recording's parts comes after what changes its samples


class Edit(NamedTuple):
    """One thing done to a window: an intervention at a size, in one of its draws, or its control."""

    name: str
    size: float
    draw: int = 0
    role: Role = "edit"


@cache
def intervention(name: str) -> Intervention:
    """The intervention of that name, with its settings as they are."""
    return INTERVENTIONS[name]()


@dataclass(eq=False)
class Answers:
    """The answers of all variants to edits of one scene.

    Attributes:
        classifiers: by the name of the variant.
        scene: what fails.
        label: the right answer.
        ask_all: the logits of all variants for windows, where that is faster than to ask them one after the other.
    """

    classifiers: Mapping[str, Classifier]
    scene: Scene
    label: str
    ask_all: Callable[[Tensor], list[Tensor]] | None = None
    _known: dict[tuple[Edit, ...], dict[str, Given]] = field(default_factory=dict)
    _after: dict[Edit, Scene] = field(default_factory=dict)  # what many pairs begin with

    @cached_property
    def here(self) -> dict[str, Given]:
        """The answers to the scene as it is, by variant."""
        return self.answered([self.scene.window])[0]

    def _shift(self, edits: Sequence[Edit]) -> dict[str, Tensor] | None:
        """What edits of the output add to the logits of each variant, [labels]; None where there is none."""
        found = [edit for edit in edits if intervention(edit.name).on_output]
        return (
            {v: sum((shift_of(one, self.label, e) for e in found), torch.zeros(len(one.labels))) for v, one in self.classifiers.items()}
            if found
            else None
        )

    def ask(self, wanted: Iterable[Sequence[Edit]]) -> None:
        """Makes these edits, each one or a pair, and asks all variants; what is known is not asked again."""
        new = list(dict.fromkeys(key for key in map(tuple, wanted) if key not in self._known))
        if new:
            shifts = [self._shift(key) for key in new]
            self._known |= zip(new, self.answered([self._made(key) for key in new], shifts), strict=True)

    def _made(self, edits: Sequence[Edit]) -> Tensor:
        """The window after one edit, or after two, one after the other, [window]."""
        first, *second = in_order(edits)
        if not second:
            return apply(self.scene, first)
        if first not in self._after:
            self._after[first] = self.scene.retaken(apply(self.scene, first))
        return apply(self._after[first], *second)

    def answered(self, windows: Sequence[Tensor], shifts: Sequence[Mapping[str, Tensor] | None] = ()) -> list[dict[str, Given]]:
        """What each variant answers to windows [window] → for each the answers by variant.

        Args:
            windows: of which the network is asked once for one that comes again, as it does for edits of the output.
            shifts: what is added to the logits of each clip, by variant, [labels]; None is nothing.
        """
        variants = list(self.classifiers.values())
        places = {window: place for place, window in enumerate(dict.fromkeys(windows))}  # tensors are the same if they are one object
        stacked, rows = torch.stack(list(places)), torch.tensor([places[window] for window in windows])
        logits_of_each = [one[rows] for one in (answers(variants, stacked) if self.ask_all is None else self.ask_all(stacked))]
        for row, shift in enumerate(shifts):
            if shift is not None:
                for variant, logits in zip(self.classifiers, logits_of_each, strict=True):
                    logits[row] += shift[variant]
        truths = [self.label] * len(windows)
        columns = [given_by(each, logits, truths) for each, logits in zip(variants, logits_of_each, strict=True)]
        return [dict(zip(self.classifiers, row, strict=True)) for row in zip(*columns, strict=True)]

    def of(self, variant: str, *edits: Edit) -> Given:
        """What a variant answers to an edit that was asked; an edit of precision is answered by the float network."""
        in_float = any(intervention(edit.name).in_float and edit.role == "edit" for edit in edits)
        return self._known[edits][(float_of(self.classifiers, variant) or variant) if in_float else variant]


def in_order(edits: Sequence[Edit]) -> list[Edit]:
    """In which order edits are done: what moves the recording's parts comes after what changes its samples."""
    return sorted(edits, key=lambda edit: LAST.index(kind) if (kind := intervention(edit.name).kind) in LAST else -1)


def apply(scene: Scene, edit: Edit) -> Tensor:
    """The window after an edit, or after its control, [window]."""
    one = intervention(edit.name)
    act = one.edit if edit.role == "edit" else one.control
    return act(scene, edit.size, edit.draw)


def shift_of(classifier: Classifier, label: str | None, edit: Edit) -> Tensor:
    """What an edit of the output, or its control, adds to the logits, [labels]."""
    lower = [
        one in classifier.rejections if edit.role == "edit" else one not in {*classifier.rejections, label} for one in classifier.labels
    ]
    return torch.tensor(lower) * -float(edit.size)


class Rung(NamedTuple):
    """An intervention at one size.

    Attributes:
        size: in the unit of the sizes tried.
        margin: the outcome margin of the median draw.
        share: of the drop recovered by the median draw; None where no drop is known.
        right: the share of draws that are good.
        answer: the commonest answer.
        restores: whether it is good, and stays so a little beyond.
    """

    size: float
    margin: float
    share: float | None
    right: float
    answer: str
    restores: bool


@dataclass(frozen=True)
class Attempt:
    """Everything that one intervention gave on one failing answer.

    Attributes:
        name: of the intervention.
        kind: of the intervention.
        tried_sizes: by size, as they were tried.
        control: at the smallest size that restores the answer, or at the one that recovers most where none does.
        draws: of each tried_size.
    """

    name: str
    kind: EditKind
    tried_sizes: tuple[Rung, ...]
    control: Rung
    draws: int

    @property
    def restores_at(self) -> float | None:
        """The smallest size that restores the answer; None where none does."""
        found = smallest(self.tried_sizes)
        return None if found is None else found.size

    @property
    def best(self) -> Rung:
        """The size that recovers most; of those that restore, where there are any."""
        restoring = [tried_size for tried_size in self.tried_sizes if tried_size.restores]
        return max(restoring or self.tried_sizes, key=lambda tried_size: tried_size.margin)

    @property
    def share(self) -> float | None:
        """What it recovers at best, of all sizes."""
        shares = [tried_size.share for tried_size in self.tried_sizes if tried_size.share is not None]
        return max(shares, default=None)


def interventions_for(answers: Answers, variant: str) -> list[Intervention]:
    """Those that make sense for a failing answer, by name."""
    made = [intervention(name) for name in INTERVENTIONS.names()]
    possible = [one for one in made if one.sizes(answers.scene)]
    here, rejections = answers.here[variant], answers.classifiers[variant].rejections
    able = [one for one in possible if not one.in_float or float_of(answers.classifiers, variant) is not None]
    return [one for one in able if not one.on_output or (here.outcome == MISSED and bool(rejections))]


def attempts(answers: Answers, variants: Sequence[str], wanted: Mapping[str, float | None]) -> dict[str, list[Attempt]]:
    """Every intervention on one recording, for each variant that fails: what it gives, and then its control.

    Args:
        answers: to the edits of the failing window.
        variants: those that fail.
        wanted: by variant, the margin at which the whole drop is recovered; None where no drop is known.
    """
    made = {variant: interventions_for(answers, variant) for variant in variants}
    every = {one.name: one for found in made.values() for one in found}
    answers.ask([edit] for one in every.values() for size in one.sizes(answers.scene) for edit in edits(one, size))
    answers.ask([edit] for variant in variants for one in made[variant] for edit in _beyond(answers, variant, one))
    climbed = {v: {one.name: tried_sizes(answers, v, one, wanted[v]) for one in made[v]} for v in variants}
    answers.ask([edit] for v in variants for one in made[v] for edit in controls(one, climbed[v][one.name]))
    return {v: [_attempt(answers, v, one, climbed[v][one.name], wanted[v]) for one in made[v]] for v in variants}


def edits(one: Intervention, size: float) -> list[Edit]:
    """The draws of an intervention at a size."""
    return [Edit(one.name, size, draw) for draw in range(one.draws)]


def controls(one: Intervention, found: Sequence[Rung]) -> list[Edit]:
    """Its control, in every draw at the smallest size that restores; where none does, in one draw at the size that recovers most."""
    at = smallest(found)
    draws = one.control_draws if at else 1
    return [Edit(one.name, (at or strongest(found)).size, draw, "control") for draw in range(draws)]


def _near(answers: Answers, one: Intervention, size: float) -> list[Edit]:
    return [Edit(one.name, near) for near in one.near(size) if one.possible(answers.scene, near)]


def _beyond(answers: Answers, variant: str, one: Intervention) -> Iterable[Edit]:
    """The sizes a little beyond those that are right."""
    for size in one.sizes(answers.scene):
        if most(answers.of(variant, edit) for edit in edits(one, size)):
            yield from _near(answers, one, size)


def most(given: Iterable[Given]) -> bool:
    """Whether more than half are good."""
    good = [one.good for one in given]
    return sum(good) * 2 > len(good)


def tried_sizes(answers: Answers, variant: str, one: Intervention, wanted: float | None) -> list[Rung]:
    """An intervention at each size."""
    here = answers.here[variant].margin
    found = []
    for size in one.sizes(answers.scene):
        given = [answers.of(variant, edit) for edit in edits(one, size)]
        restores = most(given)
        if restores and (near := _near(answers, one, size)):
            restores = most(answers.of(variant, edit) for edit in near)
        found.append(_tried_size(size, given, here, wanted, restores=restores))
    return found


def _tried_size(size: float, given: list[Given], here: float, wanted: float | None, *, restores: bool) -> Rung:
    margin = median(one.margin for one in given)
    answer = Counter(sorted(one.predicted for one in given)).most_common(1)[0][0]
    share = None if wanted is None else (margin - here) / (wanted - here)
    return Rung(size, margin, share, sum(one.good for one in given) / len(given), answer, restores)


def smallest(found: Sequence[Rung]) -> Rung | None:
    """The mildest size that restores the answer; of two signs of a size, the one that recovers more."""
    restoring = [tried_size for tried_size in found if tried_size.restores]
    first = next(iter(restoring), None)
    return first and max(
        (tried_size for tried_size in restoring if abs(tried_size.size) == abs(first.size)), key=lambda tried_size: tried_size.margin
    )


def strongest(found: Sequence[Rung]) -> Rung:
    """The size that recovers most."""
    return max(found, key=lambda tried_size: tried_size.margin)


def _attempt(answers: Answers, variant: str, one: Intervention, found: Sequence[Rung], wanted: float | None) -> Attempt:
    done = controls(one, found)
    given = [answers.of(variant, edit) for edit in done]
    control = _tried_size(done[0].size, given, answers.here[variant].margin, wanted, restores=most(given))
    return Attempt(one.name, one.kind, tuple(found), control, one.draws)
