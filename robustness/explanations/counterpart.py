"""Where does the device do the right thing with the same recording?

Where the condition changes the sound: at the same place without that change, if it is good there. Else at the reference placement; else at
the nearest good lead that loses no speech; else nowhere. One rule, for cards and for `robustness explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from robustness.explanations.answering import Given, answers_of
from robustness.explanations.places import LeadAtlas, Restored, asked, restore
from robustness.explanations.ready_variants import ReadyVariants
from robustness.explanations.subject import Subject


@dataclass(frozen=True)
class Counterpart:
    """A place at which the answer is good, without what the condition changes, and the lead there."""

    placement: str
    offset_ms: float


@dataclass(eq=False)
class GoodPlaces:
    """Where a recording may lie, and which variants do the right thing there; each is asked once.

    Attributes:
        ready: the variants, with nothing before the window but their own pre-roll.
        subject: the recording under its condition.
        truth: the right answer.
    """

    ready: ReadyVariants
    subject: Subject
    truth: str
    _restored: dict[tuple[str, bool], Restored | None] = field(default_factory=dict)

    @cached_property
    def ready_here(self) -> ReadyVariants:
        """The variants after what sounded before the window under the condition."""
        return self.ready.after(self.subject.before)

    @cached_property
    def here(self) -> dict[str, Given]:
        """The answers under the condition where the recording is heard, by variant."""
        return self._answers(self.subject, [self.subject.here_ms])[0]

    @cached_property
    def atlases(self) -> dict[str, LeadAtlas]:
        """Good or bad by lead under the condition, by variant."""
        return asked(self.ready_here.engine, self.subject, self.truth)

    def restored(self, variant: str) -> Restored | None:
        """The nearest good lead under the condition; None where the variant is good here, and where there is none."""
        return None if self.here[variant].good else self._nearest(variant, self.subject, self.atlases)

    def counterpart(self, variant: str) -> Counterpart | None:
        """Where a variant is good, if it is not so here."""
        if self.here[variant].good:
            return None
        found = (place for place, given in self._plain if given[variant].good)
        nearest = next(found, None)
        if nearest is not None:
            return nearest
        there = self._nearest(variant, self.subject.plain, self._plain_atlases)
        return None if there is None else Counterpart("offset", there.at_ms)

    @cached_property
    def _plain(self) -> list[tuple[Counterpart, dict[str, Given]]]:
        """The answers without the change, at the same place where there is one, and at the reference placement."""
        subject, reference = self.subject, self.subject.frame.reference
        places = [Counterpart(subject.condition.placement, subject.here_ms)] if subject.changed else []
        places.append(Counterpart(reference, subject.lead_ms(reference)))
        return list(zip(places, self._answers(subject.plain, [place.offset_ms for place in places]), strict=True))

    @cached_property
    def _plain_atlases(self) -> dict[str, LeadAtlas]:
        return asked(self.ready.engine, self.subject.plain, self.truth) if self.subject.changed else self.atlases

    def _answers(self, subject: Subject, leads_ms: list[float]) -> list[dict[str, Given]]:
        found = answers_of(self._ready(subject).engine, subject.at(leads_ms).samples, [self.truth] * len(leads_ms))
        return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]

    def _nearest(self, variant: str, subject: Subject, atlases: Mapping[str, LeadAtlas]) -> Restored | None:
        key = (variant, subject.changed)
        if key not in self._restored:
            self._restored[key] = restore(self._ready(subject).classifiers[variant], subject, self.truth, subject.here_ms, atlases[variant])
        return self._restored[key]

    def _ready(self, subject: Subject) -> ReadyVariants:
        return self.ready if subject.before is None else self.ready_here
