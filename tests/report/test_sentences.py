"""Whether the page's first screen says what the numbers say, whatever fails: counted anew from the trials, in pandas alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.report.drawing import round_ticks
from robustness.report.lead_counts import LeadCounts
from robustness.report.problems import failing, verdict_of
from robustness.report.remedies import remedies, thresholds
from robustness.report.sections.summary import Summary
from robustness.report.sentences import scope, summary, title
from robustness.report.view import View
from tests.report.planted import LABELS, Plan, fails_at, write_run

WORDS = ("up", "left", "go", "two", "three")
COMMANDS = ("up", "left", "go") * 4
BOTH = ("float32", "dynamic-int8")


def plan(answers: dict[str, str] | None = None, placement: str = "start", variants: Any = BOTH, **other: Any) -> Plan:
    other = {"words": COMMANDS, **other}
    return Plan(answer=fails_at(placement, answers or {}, variants), **other)


def view_of(found: Plan, out: Path) -> View:
    return View(write_run(found, out / "run"))


def screen(found: Plan, out: Path) -> str:
    """The first screen as text."""
    html = str(Summary().part(view_of(found, out)).html)
    text = re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u00a0", " ").split())


@pytest.mark.parametrize(
    ("missed", "substituted", "says"),
    [
        (1, 0, "1 of 10 commands is missed"),
        (2, 0, "2 of 10 commands are missed"),
        (0, 1, "1 of 10 commands is taken for another command"),
        (0, 3, "3 of 10 commands are taken for another command"),
        (2, 1, "3 of 10 commands are not carried out (2 missed, 1 taken for another)"),
    ],
)
def test_how_commands_fail_is_counted(missed: int, substituted: int, says: str) -> None:
    assert failing(missed, substituted, 10) == says


def test_nothing_fails(tmp_path: Path) -> None:
    text = screen(plan(speakers=("a",) * 12), tmp_path)
    assert text.startswith(
        "NO PROBLEM FOUND : in 12 takes of 1 voice 12 of 12 commands are accepted in the middle, and nothing that was tried"
    )
    assert "With 12 takes of commands, even no miss leaves a miss rate of up to 24 % possible" in text  # Wilson's upper end of 0 of 12
    assert "int8 the same decision in all 36 tests" in text


def test_a_placement_at_which_commands_are_missed_is_the_problem(tmp_path: Path) -> None:
    found = plan({"up": "unknown"})
    text = screen(found, tmp_path)
    assert text.startswith(
        "PROBLEM FOUND : placement 4 of 12 commands are missed when the word begins with the window; "
        "all 12 are accepted in the middle. (These files only; for a device that hears one window a word.)"
    )
    assert "Start listening 20–50 ms before the word : all 12 commands are accepted. Less gives 8 at 0 ms." in text


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "none"),
        ({"up": "unknown"}, "found"),  # four of twelve
    ],
)
def test_a_problem_needs_two_recordings_and_a_twentieth(tmp_path: Path, answers: dict[str, str], problem: str) -> None:
    assert verdict_of(view_of(plan(answers), tmp_path)).kind == problem


def test_one_recording_that_fails_is_no_problem_yet(tmp_path: Path) -> None:
    found = plan({"up": "unknown"}, words=("up", *("left", "go") * 6))
    assert verdict_of(view_of(found, tmp_path)).kind == "none"


def test_few_commands_are_too_little_to_say(tmp_path: Path) -> None:
    text = screen(plan(words=("up", "left", "go", "up")), tmp_path)
    assert text.startswith("TOO LITTLE TO SAY : 4 takes")
    assert "4 commands with a label: too few to call anything a problem or none." in text


def test_other_words_that_are_acted_on_are_the_problem(tmp_path: Path) -> None:
    rule = lambda word, place, variant: "go" if word == "two" else word  # noqa: E731
    text = screen(Plan(words=(*COMMANDS, "two", "two", "three"), answer=rule), tmp_path)
    assert text.startswith("PROBLEM FOUND : other words 2 of 3 other words are acted on.")


@pytest.mark.parametrize(
    ("wordless", "says"),
    [
        (("unknown",) * 20, "NO PROBLEM FOUND"),
        (("go", *("unknown",) * 19), "NO PROBLEM FOUND"),
        (("go", "go", *("unknown",) * 18), "PROBLEM FOUND : sound without a word 2 of 20 windows without a word are taken for a command."),
    ],
)
def test_windows_without_a_word(tmp_path: Path, wordless: tuple[str, ...], says: str) -> None:
    assert screen(plan(wordless=wordless), tmp_path).startswith(says)


def test_a_variant_that_turns_good_outcomes_bad_is_the_problem(tmp_path: Path) -> None:
    text = screen(plan({"up": "unknown"}, "center", variants=("dynamic-int8",)), tmp_path)
    assert "int8 turns 4 of 36 good outcomes bad." in text
    assert "int8 another decision in 4 of 36 tests (recordings × placements): 4 from good to bad, 0 from bad to good." in text


def test_words_missed_at_the_reference_are_the_problem(tmp_path: Path) -> None:
    rule = lambda word, place, variant: "unknown" if word == "up" else word  # noqa: E731
    text = screen(Plan(words=COMMANDS, answer=rule), tmp_path)
    assert text.startswith("PROBLEM FOUND : recognition 4 of 12 commands are missed where nothing is done to the recordings.")


@pytest.mark.parametrize(("trim", "hint"), [("never", True), ("auto", False)])
def test_most_clips_are_untestable(tmp_path: Path, trim: str, hint: bool) -> None:
    text = screen(plan({"up": "unknown"}, slack_ms=0.0, trim=trim), tmp_path)
    assert "12 of 12 clips fill the window and cannot be moved: most clips are untestable, and their placement says nothing." in text
    assert ("--trim auto" in text) is hint
    assert "placement 4 of" not in text


def test_without_labels_nothing_is_called_wrong(tmp_path: Path) -> None:
    text = screen(Plan(words=(None, None), answer=fails_at("start", {"up": "go"})), tmp_path)
    assert text.startswith("The 2 recordings have no labels, so nothing here is called right or wrong")
    assert "missed" not in text
    assert "PROBLEM" not in text


def test_under_the_threshold_a_right_answer_is_missed(tmp_path: Path) -> None:
    text = screen(plan(threshold=0.95), tmp_path)
    assert text.startswith("PROBLEM FOUND : recognition 12 of 12 commands are missed")
    assert "Threshold: 90 % in place of 95 % accepts 12 of 12 in the center." in text


def test_lead_counts_are_those_of_the_trials(tmp_path: Path) -> None:
    view = view_of(plan({"up": "unknown", "left": "go"}, words=(*COMMANDS, "two")), tmp_path)
    counts = LeadCounts.of(view, view.first)
    assert counts is not None
    rows = view.run.trials(variant="float32", perturbation="time-shift", placement="offset")
    known = rows[rows["label"] != "unknown"]
    expected = known[known["label"].astype(str) == known["predicted"].astype(str)].groupby("level").size()
    assert counts.accepted.tolist() == expected.reindex(counts.leads, fill_value=0).tolist()
    assert (counts.commands, counts.others, counts.left_out) == (12, 1, 0)
    best = counts.best()
    assert best is not None
    assert (best.low, best.high, best.accepted, best.exceptions) == (20.0, 50.0, 12, ())


def test_no_lead_that_cuts_a_command_is_advice(tmp_path: Path) -> None:
    view = view_of(plan({"up": "unknown"}), tmp_path)
    counts = LeadCounts.of(view, view.first)
    assert counts is not None
    cut = replace(counts, cut=counts.cut + (counts.accepted > 8))
    best = cut.best()
    assert best is not None
    assert best.high < 20
    assert all("Start listening" not in line for line in remedies(view, verdict_of(view), cut))


@pytest.mark.parametrize("probability", [0.55, 0.9])
def test_other_thresholds_are_counted_from_the_winning_label(tmp_path: Path, probability: float) -> None:
    view = view_of(plan(probability=probability, threshold=0.8, words=(*COMMANDS, "two")), tmp_path)
    rows = view.of(view.first, view.clean)
    for one in thresholds(view, view.clean):
        wins = rows["predicted"].astype(str) == rows["label"].astype(str)
        command = rows["label"].astype(str) != "unknown"
        assert one.accepted == int((wins & command & (rows["p_predicted"] >= one.threshold)).sum())


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10, 6, [0, 2, 4, 6, 8, 10]),
        (-200, 600, 9, [-200, -100, 0, 100, 200, 300, 400, 500, 600]),
        (0, 1, 6, [0, 1]),
        (20, 95, 9, [20, 30, 40, 50, 60, 70, 80, 90]),
    ],
)
def test_ticks_are_round_and_few(low: float, high: float, most: int, expected: list[float]) -> None:
    assert round_ticks(low, high, most) == expected


def test_names_stay_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    labels = (hostile, "up", "unknown")
    run = write_run(Plan(words=(hostile, "up") * 4, labels=labels, answer=fails_at("start", {hostile: "unknown"})), tmp_path / "run")
    assert "<script" not in str(Summary().part(View(run)).html)


@pytest.mark.parametrize("models", [(), ("one", "two")])
def test_title_and_scope(tmp_path: Path, models: tuple[str, ...]) -> None:
    view = view_of(replace(plan(words=WORDS, speakers=("a",) * 5), models=models), tmp_path)
    name = "one and two" if models else "planted"
    assert title(view) == f"{name} · float32 and dynamic-int8"
    said = ["5 recordings", "1 voice", "4 labels", "window 1,000\u00a0ms", "reference placement: center", "speech at −20 dBFS"]
    assert scope(view) == said


def test_a_page_without_a_verdict_has_lines_of_its_own(tmp_path: Path) -> None:
    view = view_of(Plan(words=(None, None)), tmp_path)
    assert "int8 changes none of these 6 answers." in " ".join(map(str, summary(view)))


def answering(label: str) -> Callable[[str, str, str], str]:
    return lambda word, place, variant: label


@pytest.mark.parametrize("label", LABELS)
def test_whatever_is_answered_makes_a_screen(tmp_path: Path, label: str) -> None:
    assert "FOUND" in screen(Plan(words=(*COMMANDS, "two", "three"), answer=answering(label)), tmp_path)
