"""Whether the page's first lines say what the numbers say, whatever fails."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.report.sentences import scope, summary, title
from robustness.report.view import View
from tests.report.planted import Plan, fails_at, restored, write_run

WORDS = ("up", "left", "go", "two", "three")
BOTH = ("float32", "dynamic-int8")


def said(plan: Plan, out: Path) -> str:
    lines = " ".join(map(str, summary(View(write_run(plan, out / "run")))))
    return re.sub(r"<[^>]+>", "", lines).replace("\u00a0", " ")


def plan(answers: dict[str, str] | None = None, placement: str = "start", variants: Any = BOTH, **other: Any) -> Plan:
    other = {"words": WORDS, **other}
    return Plan(answer=fails_at(placement, answers or {}, variants), **other)


def test_nothing_fails(tmp_path: Path) -> None:
    text = said(plan(), tmp_path)
    assert text.startswith("All 5 recordings are heard rightly in the center of the window. ")
    assert "Placed at the start or at the end of the window, none turns wrong." in text
    assert "int8 changes none of these 15 answers." in text


def test_one_word_is_missed_and_restored(tmp_path: Path) -> None:
    evidence = [restored("000.wav", "start", {"float32": 35.0, "dynamic-int8": 34.0})]
    text = said(plan({"up": "unknown"}, failures=evidence), tmp_path)
    assert "With all their silence after them, up is missed (heard as unknown). A lead of 35 ms restores it." in text


def test_two_words_fail_in_two_ways(tmp_path: Path) -> None:
    evidence = [restored(f"{i:03d}.wav", "start", dict.fromkeys(BOTH, ms)) for i, ms in ((0, 35.0), (1, 2.0))]
    text = said(plan({"up": "unknown", "left": "up"}, failures=evidence), tmp_path)
    assert "up is missed (heard as unknown) and left triggers a wrong command (up)." in text
    assert "Leads of 35 ms and 2 ms restore them." in text


def test_an_unknown_word_triggers_a_command(tmp_path: Path) -> None:
    assert "two, no command, triggers go." in said(plan({"two": "go"}), tmp_path)


def test_the_worse_placement_leads_and_the_other_is_counted(tmp_path: Path) -> None:
    start, end = fails_at("start", {"up": "unknown", "go": "up"}), fails_at("end", {"left": "go"})
    rule = lambda word, place, variant: (start if place == "start" else end)(word, place, variant)  # noqa: E731
    text = said(Plan(words=("up", "left", "go"), answer=rule), tmp_path)
    assert "With all their silence after them, up is missed" in text
    assert "; at the end 1 does." in text


def test_only_one_variant_fails(tmp_path: Path) -> None:
    text = said(plan({"up": "unknown"}, variants=("dynamic-int8",)), tmp_path)
    assert "up is missed (heard as unknown) by int8 only." in text
    assert "int8 changes 1 of these 15 answers: 1 from right to wrong, 0 from wrong to right." in text


def test_many_words_are_named_in_part_and_counted(tmp_path: Path) -> None:
    words = ("up", "left", "go", "two", "three", "six", "seven", "nine")
    answers = {"up": "unknown", "left": "unknown", "go": "up", "two": "up", "three": "go", "six": "go"}
    evidence = [restored(f"{i:03d}.wav", "start", dict.fromkeys(BOTH, ms)) for i, ms in enumerate((35.0, 2.0, 7.0, 80.0, None, 1.0))]
    text = said(plan(answers, words=words, failures=evidence), tmp_path)
    assert "6 of the 8 turn wrong (2 missed, 1 wrong command, 3 unknown words accepted): up, left, go and 3 more." in text
    assert "Leads of 1 to 80 ms restore 5 of them." in text


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ((35.0,), "A lead of 35 ms restores the one of them on which moves were tried."),
        ((35.0, 2.0), "Leads of 35 ms and 2 ms restore the 2 of them on which moves were tried."),
        ((35.0, None, None), "A lead of 35 ms restores 1 of the 3 of them on which moves were tried."),
        ((None, None), "No move tried restores any of the 2 of them on which moves were tried."),
        ((None,), "No move tried restores the one of them on which moves were tried."),
    ],
)
def test_of_many_that_fail_moves_speak_of_those_that_were_tried(tmp_path: Path, moves: tuple[float | None, ...], expected: str) -> None:
    evidence = [restored(f"{i:03d}.wav", "start", dict.fromkeys(BOTH, ms)) for i, ms in enumerate(moves)]
    text = said(plan({"up": "unknown"}, words=("up",) * 1200, failures=evidence), tmp_path)
    assert "1,200 of the 1,200 turn wrong (1,200 missed)" in text
    assert expected in text


def test_repeated_words_are_counted_by_word(tmp_path: Path) -> None:
    text = said(plan({"up": "unknown", "left": "go"}, words=("up",) * 4 + ("left",) * 3 + ("go",)), tmp_path)
    assert "7 of the 8 turn wrong (4 missed, 3 wrong commands): up (4) and left (3)." in text


def test_all_fail_everywhere(tmp_path: Path) -> None:
    text = said(Plan(words=WORDS[:3], answer=lambda word, place, variant: "unknown"), tmp_path)
    assert text.startswith("None of the 3 recordings is heard rightly in the center of the window.")
    assert "turns wrong" not in text


def test_no_move_restores(tmp_path: Path) -> None:
    evidence = [restored("000.wav", "start", {"float32": None, "dynamic-int8": 3.0})]
    assert "No move tried restores it." in said(plan({"up": "unknown"}, failures=evidence), tmp_path)


def test_where_no_lead_was_searched_nothing_is_said_of_moves(tmp_path: Path) -> None:
    evidence = [restored("000.wav", "start", dict.fromkeys(BOTH), searched_ms=None)]
    text = said(plan({"up": "unknown"}, failures=evidence), tmp_path)
    assert "up is missed" in text
    assert "restore" not in text


def test_at_the_end_a_move_is_no_lead(tmp_path: Path) -> None:
    evidence = [restored("000.wav", "end", dict.fromkeys(BOTH, -12.0))]
    text = said(plan({"up": "unknown"}, "end", failures=evidence), tmp_path)
    assert "With all their silence before them, up is missed (heard as unknown). A move of 12 ms restores it." in text


def test_wrong_at_the_reference_is_named(tmp_path: Path) -> None:
    text = said(plan({"left": "up"}, "center"), tmp_path)
    assert text.startswith("4 of 5 recordings are heard rightly in the center of the window; left is not.")


@pytest.mark.parametrize(("trim", "hint"), [("never", True), ("auto", False)])
def test_most_clips_are_untestable(tmp_path: Path, trim: str, hint: bool) -> None:
    text = said(plan(slack_ms=0.0, trim=trim), tmp_path)
    assert "5 of 5 clips fill the window and cannot be moved: most clips are untestable, and their placement says nothing." in text
    assert ("--trim auto" in text) is hint
    assert "turns wrong" not in text


def test_without_labels_nothing_is_called_wrong(tmp_path: Path) -> None:
    text = said(Plan(words=(None, None), answer=fails_at("start", {"up": "go"})), tmp_path)
    assert text.startswith("The 2 recordings have no labels, so nothing here is called right or wrong")
    assert "missed" not in text


def test_one_variant_compares_nothing(tmp_path: Path) -> None:
    assert "changes" not in said(Plan(words=WORDS[:3], variants=("float32",)), tmp_path)


def test_several_variants_have_a_sentence_each(tmp_path: Path) -> None:
    text = said(Plan(words=WORDS[:3], variants=("float32", "dynamic-int8", "static-int8")), tmp_path)
    assert "dynamic-int8 changes none of these 9 answers. static-int8 changes none of these 9 answers." in text


def test_under_the_threshold_a_right_answer_is_missed(tmp_path: Path) -> None:
    text = said(Plan(words=WORDS[:3], threshold=0.95), tmp_path)
    assert text.startswith("None of the 3 recordings is heard rightly")


def test_without_an_unknown_label_every_word_is_a_command(tmp_path: Path) -> None:
    text = said(Plan(words=("up", "go"), unknown=None, labels=("up", "go"), answer=fails_at("start", {"up": "go"})), tmp_path)
    assert "up triggers a wrong command (go)." in text


@pytest.mark.parametrize(("wordless", "text"), [(("unknown",) * 3, "none is"), (("go", "unknown"), "1 is"), (("go", "go"), "2 are")])
def test_windows_without_a_word(tmp_path: Path, wordless: tuple[str, ...], text: str) -> None:
    assert f"Of {len(wordless)} windows without a word, {text} taken for a command." in said(plan(wordless=wordless), tmp_path)


def test_names_stay_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    labels = (hostile, "up", "unknown")
    run = write_run(Plan(words=(hostile, "up"), labels=labels, answer=fails_at("start", {hostile: "unknown"})), tmp_path / "run")
    text = " ".join(map(str, summary(View(run))))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_title_and_scope(tmp_path: Path) -> None:
    view = View(write_run(replace(plan(), models=("one", "two")), tmp_path / "run"))
    assert title(view) == "one and two · float32 and dynamic-int8"
    assert scope(view) == ["5 recordings", "speakers not known", "4 labels", "window 1,000\u00a0ms", "reference placement: center"]
    assert [variant.short for variant in view.variants] == [f"{m} · {v}" for m in ("one", "two") for v in BOTH]
