"""Where does the device do the right thing with the same recording?

Where the condition changes the sound: at the same place without that change, if it is good there. Else at the reference placement; else at
the nearest good lead that loses no speech; else nowhere. One rule, for cards and for `robustness explain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from robustness.explanations.answering import Given, answers_of
from robustness.explanations.places import LeadAnswers, LeadAtlas, Restored
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

    @cached_property
    def ready_here(self) -> ReadyVariants:
        """The variants after what sounded before the window under the condition."""
        return self.ready.after(self.subject.before)

    @cached_property
    def here(self) -> dict[str, Given]:
        """The answers under the condition where the recording is heard, by variant."""
        found = answers_of(self.ready_here.engine, self.subject.at([self.subject.here_ms]).samples, [self.truth])
        return {variant: given for variant, (given,) in found.items()}

    @property
    def atlases(self) -> dict[str, LeadAtlas]:
        """Good or bad by lead under the condition, by variant."""
        return self._leads.atlases

    def restored(self, variant: str) -> Restored | None:
        """The nearest good lead under the condition; None where the variant is good here, and where there is none."""
        return None if self.here[variant].good else self._nearest(variant, self._leads)

    def counterpart(self, variant: str) -> Counterpart | None:
        """Where a variant is good, if it is not so here."""
        if self.here[variant].good:
            return None
        answers = self._plain_leads.at([place.offset_ms for place in self._places])
        for place, one in zip(self._places, answers, strict=True):
            if one.good[variant]:
                return place
        there = self._nearest(variant, self._plain_leads)
        return None if there is None else Counterpart("offset", there.at_ms)

    @property
    def _places(self) -> list[Counterpart]:
        """The same place without the change, where there is one, and the reference placement."""
        subject, reference = self.subject, self.subject.frame.reference
        here = [Counterpart(subject.condition.placement, subject.here_ms)] if subject.changed else []
        return [*here, Counterpart(reference, subject.lead_ms(reference))]

    @cached_property
    def _leads(self) -> LeadAnswers:
        return LeadAnswers(self.ready_here.engine, self.subject, self.truth)

    @cached_property
    def _plain_leads(self) -> LeadAnswers:
        return LeadAnswers(self.ready.engine, self.subject.plain, self.truth) if self.subject.changed else self._leads

    def _nearest(self, variant: str, leads: LeadAnswers) -> Restored | None:
        return leads.nearest_good(variant, self.subject.here_ms, leads.atlases[variant])
