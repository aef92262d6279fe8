"""What does each variant answer to an edit of one window? Every edit is made once, and asked of all variants together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from robustness.audio.levels import Span
from robustness.classifiers.classifier import Classifier
from robustness.diagnosis.cases import float_of
from robustness.engine import answers
from robustness.interventions.base import INTERVENTIONS, Intervention
from robustness.interventions.scene import Scene
from robustness.trials import answer_of

Role = Literal["edit", "sham"]
LAST: Final = ("speed", "placement")  # of two edits, what moves the recording's parts comes after what changes its samples


class Edit(NamedTuple):
    """One thing done to a window: an intervention at a size, in one of its draws, or its sham."""

    name: str
    size: float
    draw: int = 0
    role: Role = "edit"


class Given(NamedTuple):
    """What was answered."""

    margin: float
    predicted: str

    @property
    def right(self) -> bool:
        """A positive margin is the right answer."""
        return self.margin > 0


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

    @cached_property
    def here(self) -> dict[str, Given]:
        """The answers to the scene as it is, by variant."""
        return self.answered(self.scene.window[None])[0]

    def ask(self, wanted: Iterable[Sequence[Edit]]) -> None:
        """Makes these edits, each one or a pair, and asks all variants; what is known is not asked again."""
        new = list(dict.fromkeys(key for key in map(tuple, wanted) if key not in self._known))
        if new:
            self._known |= zip(new, self.answered(torch.stack([made(self.scene, key) for key in new])), strict=True)

    def answered(self, windows: Tensor) -> list[dict[str, Given]]:
        """What each variant answers to windows, [clips window] → for each clip the answers by variant."""
        place = next(iter(self.classifiers.values())).labels.index(self.label)
        label = torch.full((len(windows),), place)
        columns, variants = [], list(self.classifiers.values())
        logits_of_each = answers(variants, windows) if self.ask_all is None else self.ask_all(windows)
        for classifier, logits in zip(variants, logits_of_each, strict=True):
            answer = answer_of(logits, label)
            columns.append([Given(m, classifier.labels[p]) for m, p in zip(answer.margin.tolist(), answer.predicted.tolist(), strict=True)])
        return [dict(zip(self.classifiers, row, strict=True)) for row in zip(*columns, strict=True)]

    def of(self, variant: str, *edits: Edit) -> Given:
        """What a variant answers to an edit that was asked; an edit of precision is answered by the float network."""
        in_float = any(intervention(edit.name).in_float and edit.role == "edit" for edit in edits)
        return self._known[edits][(float_of(self.classifiers, variant) or variant) if in_float else variant]


def made(scene: Scene, edits: Sequence[Edit]) -> Tensor:
    """The window after one edit, or after several, one after the other, [window]."""
    edits = sorted(edits, key=lambda edit: LAST.index(kind) if (kind := intervention(edit.name).kind) in LAST else -1)
    for edit in edits[:-1]:
        scene = retaken(scene, apply(scene, edit))
    return apply(scene, edits[-1])


def apply(scene: Scene, edit: Edit) -> Tensor:
    """The window after an edit, or after its sham, [window]."""
    one = intervention(edit.name)
    act = one.edit if edit.role == "edit" else one.sham
    return act(scene, edit.size, edit.draw)


def retaken(scene: Scene, window: Tensor) -> Scene:
    """An edited window taken apart again: the recording is what now lies where it lay."""
    start, end = scene.inside
    shift = scene.lead - start
    speech = Span(*(min(max(0, edge + shift), end - start) for edge in scene.speech))
    fill = torch.where(scene.padding, window, torch.zeros_like(window))
    return replace(scene, recording=window[start:end], lead=start, speech=speech, fill=fill, added=torch.zeros_like(window))
