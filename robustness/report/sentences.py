"""The page's first lines: what fails, where, what restores it, what a second variant changes. Made from the numbers, never typed."""

from __future__ import annotations

from collections import Counter
from typing import Final

from markupsafe import Markup

from robustness.analysis.counts import no_word_rates
from robustness.analysis.groups import GroupCost
from robustness.analysis.outcomes import FALSE_ACCEPT, GOOD, MISSED, SUBSTITUTED
from robustness.report import audit_sentences
from robustness.report.costs import cost_ends, costs_of, hardest_hit
from robustness.report.findings import Change, Failing, PlacedCounts, by_placement, changes, judged
from robustness.report.view import View, rows_of
from robustness.report.words import PADDINGS, PLACES, listed, number, percent, plural
from robustness.run.evidence import FailureCard

MOST_NAMED: Final = 3
KINDS: Final = {MISSED: "missed", SUBSTITUTED: "wrong command", FALSE_ACCEPT: "unknown word accepted"}


def summary(view: View) -> list[Markup]:
    """Two to four sentences that a manager can read and an engineer can check."""
    if view.manifest.get("purpose") == "audit":
        return [Markup("{}").format(line) for line in audit_sentences.sentences_of(view)]
    if view.labelled == 0:
        return [_unlabelled(view), *_untestable(view), *_quantized(view)]
    placed = by_placement(view)
    lines = [_reference(view), *_untestable(view)]
    if placed and placed[0].right_before and not _mostly_untestable(view):
        lines += [_moved(view, placed), *_restored(view, placed[0])]
    return [*lines, *costliest(view), *_quantized(view), *_without_word(view)]


def title(view: View) -> str:
    """What was run."""
    models = [model["name"] for model in view.manifest["models"]]
    names = list(dict.fromkeys(variant["name"] for model in view.manifest["models"] for variant in model["variants"]))
    return f"{listed(models)} · {listed(names, 6)}"


def scope(view: View) -> list[str]:
    """The run in one line: recordings, speakers, labels, window, reference."""
    facts, model = view.manifest["recordings"], view.model
    speakers = facts["speakers"]
    return [
        plural(facts["count"], "recording"),
        plural(speakers, "speaker") if speakers else "speakers not known",
        plural(len(model["labels"]), "label"),
        f"window {number(model['window_ms'])} ms",
        f"reference placement: {view.reference}",
        *([f"accepted from {view.first.point.words} on"] if view.first.point.words else []),
    ]


def _mostly_untestable(view: View) -> bool:
    return int(view.recordings["untestable"].sum()) * 2 > len(view.recordings)


def _unlabelled(view: View) -> Markup:
    count = plural(len(view.recordings), "recording")
    text = Markup("The {} have no labels, so nothing here is called right or wrong: answers are compared with those {} of the window.")
    return text.format(count, PLACES[view.reference])


def _untestable(view: View) -> list[Markup]:
    """Clips that fill the window cannot be moved, and a placement test on them says nothing."""
    stuck, count = int(view.recordings["untestable"].sum()), len(view.recordings)
    if not stuck:
        return []
    fill = Markup("<strong>{} of {} clips fill the window</strong> and cannot be moved")
    if _mostly_untestable(view):
        trim = Markup(" Cut to their speech (<code>--trim auto</code>) they could be.") if view.plan["trim"] == "never" else Markup("")
        return [fill.format(number(stuck), number(count)) + ": most clips are untestable, and their placement says nothing." + trim]
    return [fill.format(number(stuck), number(count)) + ": they are untestable for placement."]


def _reference(view: View) -> Markup:
    """How many are right where recordings normally lie."""
    clean = judged(view, view.clean)
    labelled = clean[clean["outcome"].notna()]
    right = {v.short: set(rows["recording"][rows["outcome"].isin(GOOD)]) for v in view.variants for rows in [view.of(v, labelled)]}
    count, first = view.labelled, right[view.first.short]
    where = f"{PLACES[view.reference]} of the window"
    unlike = {short: names for short, names in right.items() if names != first}
    others = Markup("".join(Markup(" ({} by {})").format(number(len(names)), short) for short, names in unlike.items()))
    if len(first) == count:
        who = "The one recording is" if count == 1 else f"All {number(count)} recordings are"
        return Markup("{} heard rightly {}{}.").format(who, where, others)
    if not first:
        who = "The one recording is not" if count == 1 else f"None of the {number(count)} recordings is"
        return Markup("{} heard rightly {}{}.").format(who, where, others)
    unheard = set(labelled["recording"]) - first
    wrong = [name for name in view.recordings.index if name in unheard]
    verb = "is" if len(wrong) == 1 else "are"
    text = Markup("{} of {} recordings are heard rightly {}{}; {} {} not.")
    return text.format(number(len(first)), number(count), where, others, _names(view, wrong, view.reference), verb)


def _names(view: View, recordings: list[str], placement: str) -> Markup:
    """Recordings by their words, linked to their evidence; where words repeat, the words that occur most."""
    words = view.recordings["name"]
    if words.duplicated().any() and len(recordings) > MOST_NAMED:
        often = Counter(words[name] for name in recordings).most_common()
        return Markup(listed([str(Markup("{} ({})").format(word, count)) for word, count in often], MOST_NAMED))
    links = [str(_link(view, name, placement)) for name in recordings]
    return Markup(listed(links, MOST_NAMED))


def _link(view: View, recording: str, placement: str) -> Markup:
    """The word, linked to its failure card or its row."""
    row = view.recordings.loc[recording]
    return Markup('<a class="wrong" href="#{}">{}</a>').format(view.card(recording, placement) or row["address"], row["name"])


def _moved(view: View, placed: list[PlacedCounts]) -> Markup:
    """What moving the recordings to the window's ends does."""
    worst, rest = placed[0], placed[1:]
    if not worst.failing:
        ends = listed([PLACES[p.placement] for p in placed])
        return Markup("Placed {} of the window, none turns wrong.").format(ends.replace(" and ", " or "))
    where = PADDINGS[worst.placement].capitalize()
    if len(worst.failing) <= MOST_NAMED:
        parts = [str(_one(view, one, worst.placement)) for one in worst.failing]
        text = Markup("{}, {}").format(where, Markup(listed(parts)))
    else:
        names = _names(view, [one.recording for one in worst.failing], worst.placement)
        text = Markup("{}, {} of the {} turn wrong ({}): {}").format(
            where, number(len(worst.failing)), number(worst.right_before), kinds_of(worst.failing), names
        )
    return text + _elsewhere(rest) + "."


def _elsewhere(rest: list[PlacedCounts]) -> Markup:
    """What the other placements do, in a clause."""
    does = [(PLACES[p.placement], f"{number(len(p.failing))} do" if len(p.failing) != 1 else "1 does") for p in rest if p.failing]
    clauses = [Markup("{} {}").format(*pair) for pair in does]
    return Markup("; ") + Markup(" and ").join(clauses) if clauses else Markup("")


def _one(view: View, one: Failing, placement: str) -> Markup:
    """One failing recording in a clause."""
    link = _link(view, one.recording, placement)
    by = "" if len(one.variants) == len(view.variants) else f" by {listed(one.variants)} only"
    if one.outcome == FALSE_ACCEPT:
        return Markup("{}, no command, triggers <em>{}</em>{}").format(link, one.predicted, by)
    if one.outcome == SUBSTITUTED:
        return Markup("{} triggers a wrong command (<em>{}</em>){}").format(link, one.predicted, by)
    if one.predicted == one.label:
        return Markup("{} is missed (under the threshold){}").format(link, by)
    return Markup("{} is missed (heard as <em>{}</em>){}").format(link, one.predicted, by)


def kinds_of(failing: tuple[Failing, ...]) -> str:
    """How many of each kind of failure: `4 missed, 2 wrong commands`."""
    counts = Counter(one.outcome for one in failing)
    plurals = {MISSED: "missed", SUBSTITUTED: "wrong commands", FALSE_ACCEPT: "unknown words accepted"}
    return ", ".join(f"{number(counts[kind])} {KINDS[kind] if counts[kind] == 1 else plurals[kind]}" for kind in KINDS if counts[kind])


def _restored(view: View, worst: PlacedCounts) -> list[Markup]:
    """The nearest moves that restore the answers, to 1 ms."""
    names = {one.recording for one in worst.failing}
    here = [card for card in view.failures.failures if card.recording in names and card.condition.placement == worst.placement]
    cards = [card for card in here if any(v.wrong and v.searched_ms for v in card.variants.values())]
    if not cards:
        return []
    moves = [_restoring_ms(card) for card in cards]
    sizes = [abs(ms) for ms in moves if ms is not None]
    what = "lead" if worst.placement == "start" else "move"
    if not sizes:
        whom = _whom(len(cards), len(cards), len(names))
        return [Markup("No move tried restores {}.").format(f"any of {whom}" if len(cards) > 1 else whom)]
    whom = _whom(len(sizes), len(cards), len(names))
    if len(sizes) == 1:
        return [Markup("A {} of {} restores {}.").format(what, f"{number(sizes[0])} ms", whom)]
    each = listed([f"{number(ms)} ms" for ms in sizes])
    span = each if len(sizes) <= MOST_NAMED else f"{number(min(sizes))} to {number(max(sizes))} ms"
    return [Markup("{}s of {} restore {}.").format(what.capitalize(), span, whom)]


def _whom(count: int, tried: int, failing: int) -> str:
    """So many of those on which moves were tried, of all that fail: `them`, `3 of them`, `the 7 of them on which moves were tried`."""
    if tried == failing:
        return ("it" if failing == 1 else "them") if count == tried else f"{'one' if count == 1 else count} of them"
    some = "" if count == tried else f"{count} of "
    return f"{some}the {'one' if tried == 1 else tried} of them on which moves were tried"


def _restoring_ms(card: FailureCard) -> float | None:
    """By how much the card's recording must move until every variant that is wrong is right."""
    moves = [v.restored_by_ms for v in card.variants.values() if v.wrong]
    known = [ms for ms in moves if ms is not None]
    return max(known, key=abs) if known and len(known) == len(moves) else None


def costliest(view: View) -> list[Markup]:
    """Of many recordings: which perturbation costs the first variant most, and whom, with its interval."""
    costs = [cost for cost in costs_of(view) if cost.variant is view.first] if view.many else []
    if not costs or costs[0].mean.value <= 0:
        return []
    worst, name = costs[0], costs[0].perturbation
    groups = {column: hardest_hit(view, column, name) for column in ("speaker", "label")}
    whom = [f"{column} {group.name} ({_lost(group)})" for column, group in groups.items() if group]
    hit = Markup(", hardest {}").format(" and ".join(whom)) if whom else ""
    text = Markup('<a class="wrong" href="#costs">{}</a> costs most, {} points on average over its grid{}{}.')
    ends = cost_ends(worst.mean)
    sure = f" (95 % interval {ends})" if ends != "–" else ""
    return [text.format(name.replace("-", " ").capitalize(), number(100 * worst.mean.value, 1), sure, hit)]


def _lost(group: GroupCost) -> str:
    """What a group loses, and that it is low anyway."""
    return f"{percent(group.before.value)} → {percent(group.after.value)} right{', already low without it' if group.low_before else ''}"


def _quantized(view: View) -> list[Markup]:
    """What each other variant changes."""
    return [_changed(view, change) for change in changes(view)]


def _changed(view: View, change: Change) -> Markup:
    name = change.variant.short
    if not change.changed:
        return Markup("{} changes none of these {} answers.").format(name, number(change.answers))
    lost = sum(paired.right_to_wrong for paired in change.paired.values())
    gained = sum(paired.wrong_to_right for paired in change.paired.values())
    ways = f": {number(lost)} from right to wrong, {number(gained)} from wrong to right" if view.labelled else ""
    return Markup("{} changes {} of these {} answers{}.").format(name, number(change.changed), number(change.answers), ways)


def _without_word(view: View) -> list[Markup]:
    """Commands found where there is no word."""
    if view.no_word.empty:
        return []
    rates = no_word_rates(view.of(view.first, view.no_word), view.model["window_ms"])
    everything = next(row for row in rows_of(rates) if row.kind == "all")
    accepted, windows = everything.accepted, everything.windows
    who = "none is" if accepted == 0 else f"{number(accepted)} {'is' if accepted == 1 else 'are'}"
    return [Markup("Of {} windows without a word, {} taken for a command.").format(number(windows), who)]
