"""The page's first lines: what fails, where, what restores it, what a second variant changes. Made from the numbers, never typed."""

from __future__ import annotations

from markupsafe import Markup

from robustness.analysis.groups import GroupCost
from robustness.analysis.outcomes import GOOD
from robustness.report import audit_sentences
from robustness.report.costs import cost_ends, costs_of, hardest_hit
from robustness.report.findings import Change, changes
from robustness.report.view import Variant, View
from robustness.report.words import PLACES, listed, number, percent, plural, some_of


def summary(view: View) -> list[Markup]:
    """The first lines of a page that has no verdict: of an audit, or of recordings without labels."""
    if view.manifest.get("purpose") == "audit":
        return [Markup("{}").format(line) for line in audit_sentences.sentences_of(view)]
    return [_unlabelled(view), *untestable(view), *_quantized(view)]


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
        plural(speakers, "voice") if speakers else "voices not known",
        plural(len(model["labels"]), "label"),
        f"window {number(model['window_ms'])} ms",
        f"reference placement: {view.reference}",
        *([_counts_from(view)] if view.first.point.words else []),
        *_levels(view),
    ]


def _levels(view: View) -> list[str]:
    """Between which levels the speech of the recordings lies; nothing in a run that did not measure it."""
    levels = sorted(view.recordings["level_dbfs"].dropna()) if "level_dbfs" in view.recordings else []
    if not levels:
        return []
    low, middle, high = (number(float(value)) for value in (levels[0], levels[len(levels) // 2], levels[-1]))
    return [f"speech at {middle} dBFS" + (f" ({low} to {high})" if low != high else "")]


def _counts_from(view: View) -> str:
    """From which probability on a command counts."""
    point = view.first.point
    return f"a command needs {percent(point.threshold)}" if point.threshold is not None and not point.own else f"thresholds: {point.words}"


def _mostly_untestable(view: View) -> bool:
    return int(view.recordings["untestable"].sum()) * 2 > len(view.recordings)


def _unlabelled(view: View) -> Markup:
    count = plural(len(view.recordings), "recording")
    text = Markup("The {} have no labels, so nothing here is called right or wrong: answers are compared with those {} of the window.")
    return text.format(count, PLACES[view.reference])


def untestable(view: View) -> list[Markup]:
    """Clips that fill the window cannot be moved, and a placement test on them says nothing."""
    stuck, count = int(view.recordings["untestable"].sum()), len(view.recordings)
    if not stuck:
        return _cut(view)
    fill = Markup("<strong>{}</strong> and cannot be moved").format(some_of(stuck, count, "clip", "fills the window", "fill the window"))
    if _mostly_untestable(view):
        trim = Markup(" Cut to their speech (<code>--trim auto</code>) they could be.") if view.plan["trim"] == "never" else Markup("")
        return [fill + ": most clips are untestable, and their placement says nothing." + trim]
    return [fill + f": {'it is' if stuck == 1 else 'they are'} untestable for placement."]


def _cut(view: View) -> list[Markup]:
    """That recordings were cut so that they can be moved."""
    cut = int(view.recordings["trimmed"].sum())
    if not cut:
        return []
    text = Markup("<strong>{}</strong> (<code>--trim {}</code>), so that {} can be moved.")
    said = some_of(cut, len(view.recordings), "clip", "was cut to its speech", "were cut to their speech")
    return [text.format(said, view.plan["trim"], "it" if cut == 1 else "they")]


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
        return Markup("{} changes none of these {}.").format(name, plural(change.answers, "answer"))
    lost = sum(paired.right_to_wrong for paired in change.paired.values())
    gained = sum(paired.wrong_to_right for paired in change.paired.values())
    ways = f": {number(lost)} from right to wrong, {number(gained)} from wrong to right" if view.labelled else ""
    return Markup("{} changes {} of these {}{}.").format(name, number(change.changed), plural(change.answers, "answer"), ways)


def variants_line(view: View) -> list[tuple[str, Markup]]:
    """Each other variant in one line: its size, and which decisions it changes."""
    return [(variant.short, _variant_line(view, variant)) for variant in view.variants[1:]]


def _variant_line(view: View, variant: Variant) -> Markup:
    keys = ["recording", "placement"]
    first, other = (view.of(one, view.placed).astype(dict.fromkeys(keys, str)).set_index(keys)["outcome"] for one in (view.first, variant))
    alike = first.astype(str) == other.reindex(first.index).astype(str)
    size = _size(view.first, variant)
    if alike.all():
        return Markup("{}the same decision in all {} tests (recordings × placements).").format(size, number(len(first)))
    good, now = first.isin(GOOD), other.reindex(first.index).isin(GOOD)
    text = Markup("{}another decision in {} of {} tests (recordings × placements): {} from good to bad, {} from bad to good.")
    counts = (number(int((~alike).sum())), number(len(first)), number(int((good & ~now).sum())), number(int((~good & now).sum())))
    return text.format(size, *counts)


def _size(first: Variant, variant: Variant) -> str:
    """How large a variant is beside the first: `a third of the size, `."""
    sizes = [one.about.get("bytes") for one in (first, variant)]
    if None in sizes or first.model["name"] != variant.model["name"]:
        return ""
    share = float(sizes[1]) / float(sizes[0])  # type: ignore[arg-type]
    return f"{percent(share)} of the size, " if share < 1 else ""
