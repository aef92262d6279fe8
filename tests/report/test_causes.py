"""Whether failures are grouped by what restores them, each recording once, in sentences that agree, with links to their cards."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from robustness.report.causes import DOES, FailureCause, causes, in_one_line, why
from robustness.report.sections.causes import CausesSection
from robustness.report.view import View
from robustness.run.explained import EXPLAINED
from robustness.run.folder import Run
from tests.report.planted import Plan, write_run


def row(recording: int, verdict: str, kind: str | None = None, **other: Any) -> dict[str, Any]:
    usual = {"variant": "float32", "margin": -1.0, "pair": None, "tried_kinds": "level, placement", "restoring_kinds": kind or ""}
    return {"recording": f"{recording:03d}.wav", "verdict": verdict, "kind": kind, **usual, **other}


def view_of(rows: list[dict[str, Any]], out: Path, count: int = 20) -> View:
    run = write_run(Plan(words=("up", "left", "go", "two") * (count // 4)), out / "run")
    run.evidence.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_parquet(run.evidence / EXPLAINED, index=False)
    return View(run)


def test_each_recording_is_counted_once_in_its_worst_variant(tmp_path: Path) -> None:
    rows = [
        row(0, "named", "placement"),
        row(0, "none", variant="dynamic-int8", margin=-3.0),
        row(1, "named", "placement"),
        row(2, "named", "placement", margin=-2.0),
        row(3, "several", restoring_kinds="level, placement"),
        row(4, "none", pair="gain, move-word"),
    ]
    view = view_of(rows, tmp_path)
    assert [(cause.kind, cause.recordings) for cause in causes(view)] == [
        ("placement", ("002.wav", "001.wav")),
        ("", ("003.wav",)),
        ("", ("004.wav",)),
        ("", ("000.wav",)),
    ]
    assert why(view)[0] == "Position: moving the word alone restores 3 of the 5 takes that fail in some test; another level restores 1."
    text = " ".join(re.sub(r"<[^>]+>", " ", str(CausesSection().part(view).html)).split())  # type: ignore[union-attr]
    assert text.startswith(
        "5 recordings fail: 2 are restored by moving the word, 1 by edits of several kinds, 1 by two edits together, 1 by nothing that was"
        " tried. Position: moving the word restores 2"
    )


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ((1,), "1 recording fails: it is restored by moving the word."),
        ((2,), "2 recordings fail: 2 are restored by moving the word."),
        ((1, 1), "2 recordings fail: 1 is restored by moving the word, 1 by nothing that was tried."),
        ((1_200, 30), "1,230 recordings fail: 1,200 are restored by moving the word, 30 by nothing that was tried."),
    ],
)
def test_the_line_agrees_in_number(sizes: tuple[int, ...], says: str) -> None:
    shorts = ("by moving the word", "by nothing that was tried")
    assert in_one_line([FailureCause("", "", short, ("x",) * size) for short, size in zip(shorts, sizes, strict=False)]) == says


def test_what_sets_a_group_apart_is_said(tmp_path: Path) -> None:
    rows = [row(4 * i, "named", "placement") for i in range(6)]  # all of them say "up"
    html = str(CausesSection().part(view_of(rows, tmp_path, 40)).html)  # type: ignore[union-attr]
    assert "What sets them apart: the label up, 6 of 6 and 4 of 34 others (q below 0.001)." in html


def test_a_run_of_before_has_no_groups(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row(0, "none").items() if not key.endswith("_kinds")}]
    view = view_of(rows, tmp_path)
    assert CausesSection().part(view) is None
    assert why(view) == []


def test_a_group_leads_to_cards_that_are_there(hostile_run: Run) -> None:
    page = (hostile_run.path / "index.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="causes"') : page.index('<section id="failures"')]
    links, sounds = re.findall(r'href="#([^"]+)"', section), re.findall(r'data-plays="([^"]+)"', section)
    assert links
    assert sounds
    assert all(f'id="{address}"' in page for address in (*links, *sounds))


@pytest.mark.parametrize("kind", ["placement", "band", "distortion"])
def test_the_heading_of_a_group_agrees(kind: str, tmp_path: Path) -> None:
    text = str(CausesSection().part(view_of([row(0, "named", kind)], tmp_path)).html)  # type: ignore[union-attr]
    (heading,) = re.findall(r"<h3[^>]*>(.*?)</h3>", text, flags=re.DOTALL)
    subject = re.sub(r"<[^>]+>", "", heading).partition(": ")[2].removesuffix(" restores 1").strip()
    assert subject == DOES[kind]
    assert not subject.endswith("filters")
