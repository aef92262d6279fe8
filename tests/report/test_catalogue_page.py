"""Does the page show curves by family, and beside each recording at how many samples of lead it is good?"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from robustness.conditions import FAMILIES, Condition
from robustness.jobs.sounds import spread
from robustness.report.page import page_of
from robustness.report.sample_counts import SampleCounts
from robustness.report.sections.curves import TITLES
from robustness.report.sections.recordings import csv_of
from robustness.report.view import View
from robustness.run.every_sample import Enumerated, EverySample, write_every_sample
from robustness.run.folder import Run
from tests.report.planted import Plan, write_run


@pytest.fixture
def enumerated(tmp_path: Path) -> Run:
    run = write_run(Plan(words=("up", "left", "go")), tmp_path / "run")
    found = [
        Enumerated("000.wav", "planted", "float32", 800, 800, 1601, None, None, 1.5, 3, 1.7),
        Enumerated("001.wav", "planted", "float32", 800, 800, 1500, 73, None, -0.2, -73, 0.4),
    ]
    write_every_sample(run.evidence, EverySample(50.0, 16_000, tuple(found)))
    return run


def test_a_column_says_at_how_many_samples_each_recording_is_good(enumerated: Run) -> None:
    html = page_of(enumerated)
    assert "every sample, ± 50" in html
    cells = re.findall(r'<td data-sort="([\d.]*)" title="([^"]*)"\s+class="([^"]*)">(?:<span class="wrong">✗ </span>)?([^<]*)</td>\n', html)
    found = {text: (sort, "bad" in kind) for sort, title, kind, text in cells if "whole samples" in title or "not asked" in title}
    assert found == {"all 1,601": ("1.000000", False), "1,500 of 1,601": ("0.936914", True), "–": ("", False)}
    heads = [int(place) for place in re.findall(r'data-column="(\d+)"', html)]
    assert heads == list(range(len(heads)))


def test_the_csv_has_the_counts_only_where_they_were_asked(enumerated: Run, tmp_path: Path) -> None:
    view = View(enumerated)
    rows = list(csv.DictReader(io.StringIO(csv_of(view, SampleCounts.of(view)))))
    counts = {(row["recording"], row["variant"]): (row["good_samples"], row["samples"]) for row in rows}
    assert counts["001.wav", "float32"] == ("1500", "1601")
    assert counts["001.wav", "dynamic-int8"] == ("", "")
    plain = View(write_run(Plan(words=("up",)), tmp_path / "plain"))
    assert SampleCounts.of(plain) is None
    assert "good_samples" not in csv_of(plain)


def test_curves_stand_under_their_families(enumerated: Run) -> None:
    html = page_of(enumerated)
    assert set(TITLES) == set(FAMILIES)
    places = [html.index(f"<h3>{TITLES[family]}</h3>") for family in ("placement", "noise")]
    assert places[0] < html.index('data-figure="curve-time-shift"') < places[1] < html.index('data-figure="curve-white-noise"')


@pytest.mark.parametrize(("levels", "count", "kept"), [(2, 3, [0, 1]), (6, 3, [0, 2, 5]), (6, 1, [3]), (20, 3, [0, 10, 19])])
def test_of_many_levels_a_few_are_kept_to_be_heard(levels: int, count: int, kept: list[int]) -> None:
    grid = [Condition("gain", float(place)) for place in range(levels)]
    assert [condition.level for condition in spread(grid, count)] == kept
