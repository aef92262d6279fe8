"""Does the page open with what is wrong with card, front-end or recordings, before any sentence on placement?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from robustness.report.sections.failures import Failures
from robustness.report.sections.summary import Summary
from robustness.report.setup import setup_of
from robustness.report.view import View
from robustness.run.checks import CheckedModel, CheckedModels, Finding, read_checks, write_checks
from tests.report.planted import Plan, fails_at, write_run

ORDER = Finding(
    "label-order", "the labels up and go are exchanged: 2 of 12 are recognised", "write labels = …", about="labels in another order"
)
TWINS = Finding(
    "same-file", "1 recording is the same sound as another under another word", "keep each once", about="one recording under two words"
)
HALVES = Finding("weight-precision", "every weight is a float16 number", "save it before", cause=False)


def view_with(out: Path, *findings: Finding) -> View:
    """A run in which placement is the problem, and these findings."""
    run = write_run(
        Plan(words=("up", "left", "go") * 4, answer=fails_at("start", {"up": "unknown"}, ("float32", "dynamic-int8"))), out / "run"
    )
    write_checks(run.evidence, CheckedModels((CheckedModel("planted", findings),)))
    return View(run)


def text_of(html: object) -> str:
    text = re.sub(r"<svg.*?</svg>", "", str(html), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u00a0", " ").split())


def test_a_finding_about_every_answer_stands_alone(tmp_path: Path) -> None:
    view = view_with(tmp_path, ORDER, HALVES)
    screen = text_of(Summary().part(view).html)
    assert screen.startswith(
        "PROBLEM FOUND : labels in another order The labels up and go are exchanged: 2 of 12 are recognised. Do Write labels = …."
    )
    assert not re.search("placement|lead|pre-roll|position", screen)
    failures = Failures().part(view)
    assert failures is not None
    assert "what restores a single answer says nothing" in text_of(failures.html)


def test_a_finding_about_some_recordings_stands_before_placement(tmp_path: Path) -> None:
    screen = text_of(Summary().part(view_with(tmp_path, TWINS)).html)
    assert screen.startswith(
        "PROBLEM FOUND : placement 1 recording is the same sound as another under another word. 4 of 12 commands are missed"
    )
    assert "Do Keep each once." in screen


@pytest.mark.parametrize("findings", [(), (HALVES,)])
def test_what_changes_no_answer_changes_no_page(findings: tuple[Finding, ...], tmp_path: Path) -> None:
    view = view_with(tmp_path, *findings)
    assert setup_of(view) is None
    assert text_of(Summary().part(view).html).startswith("PROBLEM FOUND : placement 4 of 12 commands are missed")


def test_findings_are_kept_as_they_are(tmp_path: Path) -> None:
    found = CheckedModels((CheckedModel("one", (HALVES, TWINS)), CheckedModel("two", (ORDER,))))
    assert read_checks(tmp_path) == CheckedModels()
    write_checks(tmp_path, found)
    assert read_checks(tmp_path) == found
    assert [one.kind for one in found.causes] == ["same-file"]
    assert found.misnamed
