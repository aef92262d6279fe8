"""What restores the answer to one recording alone, of which no run is at hand? By the edits alone, and by where else it is right.

Nothing is known of other recordings: what the drop is counted to is the same recording where it is right, or nothing.
"""

from __future__ import annotations

from robustness.explanations.answering import given_by
from robustness.explanations.diagnosis import Diagnosis, restored_answer, tried_edit
from robustness.explanations.edits import Answers, Attempt, attempts
from robustness.explanations.losses import Loss
from robustness.explanations.naming_rule import Beside, counts, name, pairs
from robustness.explanations.question import Question
from robustness.run.restoration import RestoredAnswer


def single_verdicts(question: Question) -> dict[str, RestoredAnswer]:
    """The verdict for each variant that is not good here; none where the word is not known."""
    if question.truth is None or not question.wrong:
        return {}
    scene = question.subject.scene(question.here.lead_ms, question.first.frontend.picture.band_hz)
    answers = Answers(question.classifiers, scene, question.truth)
    drops = {variant: _drop(question, variant) for variant in question.wrong}
    wanted = {variant: None if drop is None else drop.wanted for variant, drop in drops.items()}
    tried = attempts(answers, question.wrong, wanted)
    return {variant: _verdict(question, answers, variant, drops[variant], tried[variant]) for variant in question.wrong}


def _verdict(question: Question, answers: Answers, variant: str, drop: Loss | None, tried: list[Attempt]) -> RestoredAnswer:
    elsewhere = drop is not None and not question.subject.changed
    naming = name(tried, Beside(frozenset({"placement"}) if elsewhere else frozenset()))
    alone = naming.verdict == "named" or any(counts(one) and one.kind != "output" for one in tried)
    two = [] if alone else pairs(answers, variant, None if drop is None else drop.wanted)
    found = Diagnosis(answers.here[variant].margin, drop, tuple(tried), naming, tuple(two), ())
    return restored_answer(found, [tried_edit(attempt) for attempt in tried])


def _drop(question: Question, variant: str) -> Loss | None:
    """What is missing against the same recording where the variant that is worst off is right, if this one is right there too."""
    there = question.counterpart
    if there is None:
        return None
    (given,) = given_by(question.classifiers[variant], there.logits[variant][None], [question.truth])
    here = question.given[variant].margin
    return Loss(here, given.margin, "counterpart", None) if given.good and given.margin > here else None
