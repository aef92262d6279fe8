"""How an explanation is said: title, sentences, tables. All of it is made from the figures; text is escaped where it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from markupsafe import Markup

from robustness.attributions.base import GAP_LOGITS, GAP_SHARE
from robustness.attributions.baselines import BASELINES
from robustness.attributions.deletion import SPREADS
from robustness.attributions.randomization import MOST_ALIKE
from robustness.attributions.stability import NEIGHBOURS
from robustness.attributions.trust import TrustBox
from robustness.explanations.explanation import Explanation, MapRow
from robustness.explanations.map_checks import OTHERS, MapTests
from robustness.explanations.question import Question
from robustness.explanations.sounds import HEARD, SoundAnswer
from robustness.report.figures import Table
from robustness.report.opening import Opening
from robustness.report.words import PLACES, level_said, listed, number, percent, plural, signed

METHODS: Final = {
    "block-regression": "what each block adds on average over random sets of the others",
    "occlusion": "how much the score falls when a patch is replaced by the baseline",
    "integrated-gradients": "gradients along the straight path from the baseline",
    "shapley": "exact Shapley values of segments of time",
    "shapley-blocks": "sampled Shapley values of segments and bands",
}


def inspector_title(found: Explanation) -> str:
    """What was said, where, and how it was heard."""
    question = found.question
    word = question.recording.label or question.recording.id
    place = PLACES.get(question.place or "", f"with a lead of {number(question.here.lead_ms)} ms")
    changed = _changed(question)
    heard = dict.fromkeys(question.answer(variant) for variant in question.classifiers)
    return f"“{word}” {changed}{place}, recognised as {listed([f'“{name}”' for name in heard])}"


def _changed(question: Question) -> str:
    """What is done to the sound, in words, with a comma; empty where nothing is."""
    if not question.subject.changed:
        return ""
    kind = question.subject.renderer.perturbation(question.condition.perturbation).facts(question.first.frame.reference)
    return f"in {level_said(kind, float(question.condition.level or 0.0))}, "


def inspector_scope(found: Explanation) -> list[str]:
    """Model, variants, recording and place."""
    question = found.question
    frame = question.first.frame
    window_ms, lead_ms = number(found.axes.window_ms), number(question.here.lead_ms)
    return [
        question.first.name,
        listed(list(question.classifiers)),
        question.recording.id,
        f"window {window_ms} ms at {frame.rate_hz} Hz, lead {lead_ms} ms",
        f"baseline: {BASELINES[question.baseline].says}",
    ]


def lead_sentence(found: Explanation) -> str:
    """Who is right and who wrong here, and where it is right; that a right answer is explained all the same."""
    question = found.question
    heard = next(sound for sound in found.sounds if sound.key == HEARD).answers
    told = "; ".join(answer_text(variant, answer) for variant, answer in heard.items()) + "."
    if question.truth is None:
        return f"{told} The recording's word is not known: what is explained is the answer."
    if not question.wrong:
        return f"{told} That is right; it is explained all the same: what follows is what speaks for the right answer and against it."
    wrong = f"The right answer is “{question.truth}”; {_bad(question)}."
    if question.counterpart is None:
        return f"{told} {wrong} No place in the window was found where it is accepted."
    silent = "Without the change of its sound, with" if question.subject.changed else "With"
    return f"{told} {wrong} {silent} a lead of {number(question.counterpart.lead_ms)} ms it is accepted."


def opening(found: Explanation, report: str = "") -> Opening:
    """What the device does with this recording, what restores it, and the way back to its report.

    Args:
        found: what is known.
        report: the address of the report's page, from this page; empty without.
    """
    question = found.question
    back = Markup(' <a href="{}">Back to the report.</a>').format(report) if report else Markup("")
    if question.truth is None:
        return Opening("little", "NOT KNOWN", lead_sentence(found), Markup("Give the word that is said by --label WORD.") + back)
    if not question.wrong:
        return Opening("none", "NO FAILURE", lead_sentence(found), Markup("Nothing: look at what the answer rests on.") + back)
    outcomes = dict.fromkeys(question.given[variant].outcome for variant in question.wrong)
    heading = listed([str(outcome).upper() for outcome in outcomes])
    return Opening("found", heading, lead_sentence(found), _first(question) + back, f"“{question.truth}”")


def _first(question: Question) -> Markup:
    """Where the same recording is accepted, or that moving it is no remedy."""
    if question.counterpart is None:
        return Markup("Moving the word does not restore it: see by which other edits its card on the report does.")
    lead_ms, here_ms = question.counterpart.lead_ms, question.here.lead_ms
    if question.subject.changed and lead_ms == here_ms:
        return Markup("Leave its sound as it was recorded: where it lies now it is then accepted.")
    way = "later" if lead_ms > here_ms else "earlier"
    text = Markup("Let the word begin {} ms {}: with a lead of {} ms it is accepted. Listen to both below.")
    return text.format(number(abs(lead_ms - here_ms)), way, number(lead_ms))


def _bad(question: Question) -> str:
    """What the device does in each variant that is bad: `it is missed in float32 and dynamic-int8`."""
    by_outcome: dict[str, list[str]] = {}
    for variant in question.wrong:
        by_outcome.setdefault(question.given[variant].outcome, []).append(variant)
    return "; ".join(f"it is {outcome} in {listed(variants)}" for outcome, variants in by_outcome.items())


def answer_text(variant: str, answer: SoundAnswer) -> str:
    """One variant's answer, with its probability and its margin."""
    margin = "" if answer.margin is None else f", margin\u00a0{signed(answer.margin, 1)}"
    return f"{variant}: {answer.predicted} {percent(answer.p_predicted)}{margin}"


def target_facts(found: Explanation) -> dict[str, dict[str, str | None]]:
    """Each target in words."""
    labels = found.question.first.labels
    facts: dict[str, dict[str, str | None]] = {}
    for name, target in found.question.targets.items():
        label = labels[target.label]
        rival = None if target.rival is None else labels[target.rival]
        text = f"the logit of {label}" if rival is None else f"{label} over {rival}"
        facts[name] = {"label": label, "rival": rival, "text": text}
    return facts


def shown_of(found: Explanation) -> list[dict[str, str | None]]:
    """What can be shown: each variant, and each but the first minus the first."""
    variants = list(found.question.classifiers)
    alone: list[dict[str, str | None]] = [{"text": variant, "variant": variant, "minus": None} for variant in variants]
    first = variants[0]
    return alone + [{"text": f"{other} minus {first}", "variant": other, "minus": first} for other in variants[1:]]


@dataclass(frozen=True)
class TrustFacts:
    """What the page says of a map: a sentence, whether the map fails, and figures as pairs of texts."""

    verdict: str
    failing: bool
    figures: list[list[str]]


def map_verdict(row: MapRow) -> tuple[str, bool]:
    """What the checks say of a map, and whether it fails one of them."""
    failed = list(row.failed or [])
    if row.cost.complete is False and not row.tested:
        failed.append("does not sum to the change of the score")
    if row.cost.max_abs == 0:
        return "The map is zero everywhere: it says nothing.", True
    if failed:
        return f"This map fails its checks: {'; '.join(failed)}.", True
    if not row.tested:
        summed = "It sums to the change of the score as it claims. " if row.cost.complete else ""
        return f"{summed}It was not tested further: the maps of the first target may be.", False
    return "This map passes its checks.", False


def trust_facts(row: MapRow) -> TrustFacts:
    """The figures of trust of a map, in words."""
    verdict, failing = map_verdict(row)
    cost, figures = row.cost, [["f(x) − f(baseline)", f"{signed(row.cost.change, 2)} logits"]]
    if cost.gap is not None:
        allowed = max(GAP_LOGITS, GAP_SHARE * abs(cost.change))
        figures.append(["completeness gap", f"{signed(cost.gap, 3)} logits; up to {number(allowed, 2)} is allowed"])
    if cost.steps is not None:
        figures.append(["steps of the path", number(cost.steps)])
    if cost.error is not None:
        figures.append(["largest standard error of a block", f"{number(cost.error, 2)} logits"])
    if cost.surrogate is not None and cost.logit_gap is not None:
        text = f"{cost.surrogate}, whose logits are up to {number(cost.logit_gap, 2)} off: an approximation"
        figures.append(["gradients of", text])
    if row.second_opinion is not None:
        figures.append(["rank correlation with another method", number(row.second_opinion, 2)])
    figures += [] if row.checks.tests is None else tested_in_words(row.checks.tests)
    figures.append(["passes of the network", f"{number(cost.passes)}, for all targets together"])
    figures.append(["top 10 %", f"{plural(cost.top_cells, 'cell')} of those that are not zero; cells of equal value go together"])
    return TrustFacts(verdict, failing, figures)


def tested_in_words(tests: MapTests) -> list[list[str]]:
    """The figures of the tests of a map, in words."""
    loose, figures = tests.infidelity, _checked(tests.box)
    figures.append(["β-infidelity", "nothing falls" if loose is None else f"{number(loose, 2)}; 0 is best, 1 says nothing"])
    figures.append([f"max-sensitivity, over {NEIGHBOURS} neighbours", _sensitivity(tests.sensitivity)])
    figures.append([f"rank correlation with maps of the {OTHERS} next labels", _alike(tests.alike)])
    return figures


def _checked(box: TrustBox) -> list[list[str]]:
    figures: list[list[str]] = []
    if box.lift is not None:
        for name in ("deletion", "insertion"):
            lift, spread = getattr(box.lift, name), box.lift.spread
            chance = f"more than {number(SPREADS * spread, 2)} is beyond chance"
            figures.append([f"{name} lift over random", f"{signed(lift, 2)} logits; {chance}"])
    for stage in box.stages:
        like = "none, because a map is constant" if stage.spearman is None else number(stage.spearman, 2)
        like += f"; beyond ±{MOST_ALIKE:g} it would not depend on what was learnt" if stage.layers == stage.of else ""
        figures.append([f"rank correlation with {stage.layers} of {stage.of} layers drawn anew", like])
    figures.append(["seed, and passes with the tests", f"{box.seed}, {number(box.passes)}"])
    return figures


def _sensitivity(value: float) -> str:
    return "none: the answer flips for a neighbour" if math.isnan(value) else f"{number(value, 2)} of the map's own size; 0 is best"


def _alike(found: Mapping[str, float | None]) -> str:
    values = {label: value for label, value in found.items() if value is not None}
    if not values:
        return "none"
    most = max(values, key=lambda label: values[label])
    return f"{number(median(values.values()), 2)} in the median; most like {most}, {number(values[most], 2)}"


def segment_table(found: Explanation) -> Table:
    """Every share, a row a segment."""
    table = found.segments.pivot_table(index=["start_ms", "end_ms"], columns=["target", "variant"], values="share", sort=False)
    head = ["segment", *(", ".join(map(str, column)) for column in table.columns.to_list())]
    spans = (f"{number(a)}–{number(b)} ms" for a, b in table.index.to_list())
    body = [[span, *(signed(v, 2) for v in row)] for span, row in zip(spans, table.to_numpy(), strict=True)]
    ends = found.segments.drop_duplicates(["target", "variant"]).set_index(["target", "variant"])
    for name, column in (("baseline", "baseline"), ("recording", "value")):
        body.append([name, *(signed(float(ends[column].to_dict()[key]), 2) for key in table.columns)])
    return Table("Exact Shapley values of segments, in logits", head, body)


def trust_table(found: Explanation) -> Table:
    """A row a map."""
    head = ["map", "change", "gap", "largest cell", "passes", "second opinion", "says"]
    body = []
    for row in found.rows:
        cost = row.cost
        gap = "–" if cost.gap is None else signed(cost.gap, 3)
        other = "–" if row.second_opinion is None else number(row.second_opinion, 2)
        figures = [signed(cost.change, 2), gap, number(cost.max_abs, 3), number(cost.passes), other]
        body.append([row.title, *figures, map_verdict(row)[0]])
    return Table("What each map cost and whether it can be trusted", head, body)


def method_facts(found: Explanation) -> list[tuple[str, str]]:
    """What was done, as terms and texts."""
    question = found.question
    picture = question.first.frontend.picture
    facts = [
        (name, f"{METHODS.get(name, name)}; {_settings(found, name)}") for name in dict.fromkeys(row.cost.method for row in found.rows)
    ]
    if picture is not question.first.frontend:
        facts.append(
            ("waveform", "the model takes samples: blocks of the STFT are masked and the sound is made anew, with the phase as it was")
        )
    grid = f"{len(picture.band_hz)} bands, every {found.axes.hop_ms:g} ms"
    padding = "Padding equals it and changes nothing, save where a patch reaches into it: the map is of the sound, not of the place."
    return [
        *facts,
        ("log-mel", grid),
        ("baseline", f"{BASELINES[question.baseline].says}. {padding if question.baseline == 'silence' else ''}".strip()),
    ]


def _settings(found: Explanation, method: str) -> str:
    passes = max(row.cost.passes for row in found.rows if row.cost.method == method)
    return f"{plural(passes, 'pass', 'passes')} for all targets of a variant"
