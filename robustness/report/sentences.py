"""The page's first lines: what fails, where, what restores it, what a second variant changes. Made from the numbers, never typed."""

from __future__ import annotations

from collections import Counter
from typing import Final

from markupsafe import Markup

from robustness.outcomes import FALSE_ACCEPT, MISSED, SUBSTITUTED, no_word_rates
from robustness.report import audited
from robustness.report.findings import RIGHT, Change, Failing, Placed, by_placement, changes, judged
from robustness.report.view import View, rows_of
from robustness.report.words import PADDINGS, PLACES, listed, number, plural

MOST_NAMED: Final = 3
KINDS: Final = {MISSED: "missed", SUBSTITUTED: "wrong command", FALSE_ACCEPT: "unknown word accepted"}


def summary(view: View) -> list[Markup]:
    """Two to four sentences that a manager can read and an engineer can check."""
    if view.manifest.get("purpose") == "audit":
        return [Markup("{}").format(line) for line in audited.sentences_of(view)]
    if view.labelled == 0:
        return [_unlabelled(view), *_untestable(view), *_quantized(view)]
    placed = by_placement(view)
    lines = [_reference(view), *_untestable(view)]
    if placed and placed[0].right_before and not _mostly_untestable(view):
        lines += [_moved(view, placed), *_restored(view, placed[0])]
    return [*lines, *_quantized(view), *_without_word(view)]


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
        *([f"accepted from {model['threshold']:g} on"] if model["threshold"] is not None else []),
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
    right = {v.short: set(rows["recording"][rows["outcome"].isin(RIGHT)]) for v in view.variants for rows in [view.of(v, labelled)]}
    count, first = view.labelled, right[view.first.short]
    where = f"{PLACES[view.reference]} of the window"
    unlike = {short: names for short, names in right.items() if names != first}
    others = Markup("".join(Markup(" ({} by {})").format(len(names), short) for short, names in unlike.items()))
    if len(first) == count:
        who = "The one recording is" if count == 1 else f"All {number(count)} recordings are"
        return Markup("{} heard rightly {}{}.").format(who, where, others)
    if not first:
        who = "The one recording is not" if count == 1 else f"None of the {number(count)} recordings is"
        return Markup("{} heard rightly {}{}.").format(who, where, others)
    wrong = [name for name in view.recordings.index if name in set(labelled["recording"]) - first]
    verb = "is" if len(wrong) == 1 else "are"
    text = Markup("{} of {} recordings are heard rightly {}{}; {} {} not.")
    return text.format(len(first), number(count), where, others, _names(view, wrong, view.reference), verb)


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


def _moved(view: View, placed: list[Placed]) -> Markup:
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
            where, len(worst.failing), worst.right_before, kinds_of(worst.failing), names
        )
    return text + _elsewhere(rest) + "."


def _elsewhere(rest: list[Placed]) -> Markup:
    """What the other placements do, in a clause."""
    clauses = [
        Markup("{} {}").format(PLACES[p.placement], f"{len(p.failing)} do" if len(p.failing) != 1 else "1 does") for p in rest if p.failing
    ]
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
    return ", ".join(f"{counts[kind]} {KINDS[kind] if counts[kind] == 1 else plurals[kind]}" for kind in KINDS if counts[kind])


def _restored(view: View, worst: Placed) -> list[Markup]:
    """The nearest moves that restore the answers, to 1 ms."""
    names = {one.recording for one in worst.failing}
    here = [card for card in view.failures["failures"] if card["recording"] in names and card["condition"]["placement"] == worst.placement]
    cards = [card for card in here if any(v["wrong"] and v.get("searched_ms") for v in card["variants"].values())]
    if not cards:
        return []
    moves = [_restoring_ms(card) for card in cards]
    found = [f"{number(abs(ms))} ms" for ms in moves if ms is not None]
    what = "lead" if worst.placement == "start" else "move"
    if not found:
        return [Markup("No move tried restores {}.").format("it" if len(moves) == 1 else "any of them")]
    if len(found) > MOST_NAMED:
        sizes = sorted(abs(ms) for ms in moves if ms is not None)
        span = f"{number(sizes[0])} to {number(sizes[-1])} ms"
        return [
            Markup("{}s of {} restore {}.").format(what.capitalize(), span, f"{len(found)} of them" if len(found) < len(names) else "them")
        ]
    if len(found) == 1:
        return [Markup("A {} of {} restores {}.").format(what, found[0], "it" if len(names) == 1 else "one of them")]
    whom = "them" if len(found) == len(names) else f"{len(found)} of them"
    return [Markup("{}s of {} restore {}.").format(what.capitalize(), listed(found), whom)]


def _restoring_ms(card: dict[str, object]) -> float | None:
    """By how much the card's recording must move until every variant that is wrong is right."""
    variants = card["variants"]
    moves = [v["restored_by_ms"] for v in variants.values() if v["wrong"]]  # type: ignore[attr-defined]
    return None if not moves or any(ms is None for ms in moves) else max(moves, key=abs)


def _quantized(view: View) -> list[Markup]:
    """What each other variant changes."""
    return [_changed(view, change) for change in changes(view)]


def _changed(view: View, change: Change) -> Markup:
    name = change.variant.short
    if not change.changed:
        return Markup("{} changes none of these {} answers.").format(name, number(change.answers))
    lost = sum(paired.right_to_wrong for paired in change.paired.values())
    gained = sum(paired.wrong_to_right for paired in change.paired.values())
    ways = f": {lost} from right to wrong, {gained} from wrong to right" if view.labelled else ""
    return Markup("{} changes {} of these {} answers{}.").format(name, change.changed, number(change.answers), ways)


def _without_word(view: View) -> list[Markup]:
    """Commands found where there is no word."""
    if view.no_word.empty:
        return []
    rates = no_word_rates(view.of(view.first, view.no_word), view.first.point, view.model["window_ms"])
    everything = next(row for row in rows_of(rates) if row.kind == "all")
    accepted, windows = everything.accepted, everything.windows
    who = "none is" if accepted == 0 else f"{number(accepted)} {'is' if accepted == 1 else 'are'}"
    return [Markup("Of {} windows without a word, {} taken for a command.").format(number(windows), who)]
