"""What does an edit do to the other recordings under the same condition? Whom does it turn bad, whom good?

Margins are outcome margins.

Each edit is made once for all recordings that are asked, at most 24, chosen by the run's seed; of what is random, one draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.audio.recordings import Recording
from robustness.conditions import Condition
from robustness.explanations.answering import Given, given_by
from robustness.explanations.cases import Cases
from robustness.explanations.edits import Edit, apply, intervention, shift_of
from robustness.explanations.subject import Subject
from robustness.interventions.scene import Scene
from robustness.run.restoration import SideEffect

MOST: Final = 24  # recordings; half a second an edit for two variants of the tutorial's network


class EditEffect(NamedTuple):
    """What is answered to one recording before and after an edit."""

    recording: str
    before: Given
    after: Given

    @property
    def gain(self) -> float:
        """By how much the outcome margin rises, in log-odds."""
        return self.after.margin - self.before.margin

    @property
    def turned_good(self) -> bool:
        """Whether it was bad and is good."""
        return self.after.good and not self.before.good

    @property
    def turned_bad(self) -> bool:
        """Whether it was good and is bad."""
        return self.before.good and not self.after.good


@dataclass(eq=False)
class Others:
    """The recordings of a run under one condition, before and after edits.

    Attributes:
        cases: the run.
    """

    cases: Cases
    _subjects: dict[Condition, dict[str, Subject]] = field(default_factory=dict)
    _scenes: dict[Condition, dict[str, Scene]] = field(default_factory=dict)
    _known: dict[tuple[Condition, Edit | None], dict[str, dict[str, Given]]] = field(default_factory=dict)

    @cached_property
    def asked(self) -> list[Recording]:
        """The labelled recordings that are asked, in the run's order."""
        asked = set(self.cases.order[:MOST])
        return [self.cases.recordings[one.id] for one in self.cases.known if one.id in asked]

    def changed(self, condition: Condition, edit: Edit, variant: str) -> list[EditEffect]:
        """Every recording to which the edit can be done, before and after."""
        before, after = self._given(condition, None), self._given(condition, edit)
        asked = variant
        if intervention(edit.name).in_float:
            asked = self.cases.float_of(variant) or variant
        return [EditEffect(name, before[variant][name], given) for name, given in after[asked].items()]

    def turned(self, condition: Condition, edit: Edit, variant: str, but: str) -> SideEffect:
        """How many recordings but the one that fails an edit turns bad."""
        good = [one for one in self.changed(condition, edit, variant) if one.before.good and one.recording != but]
        return SideEffect(sum(one.turned_bad for one in good), len(good))

    def _given(self, condition: Condition, edit: Edit | None) -> dict[str, dict[str, Given]]:
        """By variant and recording."""
        if (condition, edit) not in self._known:
            self._known[condition, edit] = self._heard(condition, edit)
        return self._known[condition, edit]

    def _heard(self, condition: Condition, edit: Edit | None) -> dict[str, dict[str, Given]]:
        scenes = self._under(condition)
        if edit is not None:
            scenes = {name: scene for name, scene in scenes.items() if intervention(edit.name).possible(scene, edit.size)}
        if not scenes:
            return {variant: {} for variant in self.cases.classifiers}
        windows = {name: scene.window if edit is None else apply(scene, edit) for name, scene in scenes.items()}
        classifiers, labels = self.cases.classifiers, {one.id: one.label for one in self.asked}
        found = {}
        for (variant, classifier), logits in zip(classifiers.items(), self._answered(condition, windows), strict=True):
            truths = [classifier.truth(labels[name]) for name in scenes]
            lower = edit is not None and intervention(edit.name).on_output
            given = given_by(classifier, logits + shift_of(classifier, None, edit) if edit and lower else logits, truths)
            found[variant] = dict(zip(scenes, given, strict=True))
        return found

    def _answered(self, condition: Condition, windows: Mapping[str, Tensor]) -> list[Tensor]:
        """The logits of each variant for windows [time] by recording, each after what sounds before it under the condition."""
        before = {name: self._placed(condition)[name].before for name in windows}
        if all(sound is None for sound in before.values()):
            return self.cases.engine.answers(torch.stack(list(windows.values())))
        found = [self.cases.ready.after(before[name]).engine.answers(window[None]) for name, window in windows.items()]
        return [torch.cat(parts) for parts in zip(*found, strict=True)]

    def _under(self, condition: Condition) -> dict[str, Scene]:
        """The scene of each recording under a condition, by its id."""
        if condition not in self._scenes:
            self._scenes[condition] = {name: self._scene(one, condition) for name, one in self._placed(condition).items()}
        return self._scenes[condition]

    def _placed(self, condition: Condition) -> dict[str, Subject]:
        """Each recording under a condition, by its id."""
        if condition not in self._subjects:
            self._subjects[condition] = {one.id: self.cases.subject(one, condition) for one in self.asked}
        return self._subjects[condition]

    def _scene(self, subject: Subject, condition: Condition) -> Scene:
        first = next(iter(self.cases.classifiers.values()))
        scene = subject.scene(subject.here_ms, first.frontend.picture.band_hz)
        return replace(scene, typical=self.cases.good.typical(next(iter(self.cases.classifiers)), condition.placement))


def restored(changed: Sequence[EditEffect]) -> int:
    """How many recordings an edit turns good."""
    return sum(one.turned_good for one in changed)
