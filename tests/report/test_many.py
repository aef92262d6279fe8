"""What the page says of many recordings: what costs most, for whom, which labels are confused; against slower definitions."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from robustness.conditions import NO_WORD
from robustness.report.costs import Costs, costs_of, hardest_hit
from robustness.report.page import page_of, sections_of, write_page
from robustness.report.sections.groups import clusters
from robustness.report.sections.leads import binned, right_at
from robustness.report.sentences import costliest
from robustness.report.view import MOST_ROWS, View
from robustness.run.folder import TRIALS, Run
from robustness.run.schema import part_name
from tests.browser import Watched, until
from tests.crowd import COSTLIEST, HARD_LABEL, HARD_SPEAKER, Crowd
from tests.report.conftest import show
from tests.report.planted import Plan, write_run

MATRIX = '[data-figure="confusion-matrix"]'
OF_MANY = {"costs", "groups", "leads"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Crowd(recordings=264, speakers=24).write(tmp_path_factory.mktemp("crowd") / "run")


@pytest.fixture(scope="module")
def view(run: Run) -> View:
    return View(run)


def test_sums_are_those_of_the_trials(run: Run, view: View) -> None:
    trials, sums = run.trials(), view.sums
    rows = trials[(trials["perturbation"] != NO_WORD) & trials["correct"].notna()]
    assert sums.asked.sum() == len(rows)
    assert sums.right.sum() == rows["correct"].sum()
    place = {name: i for i, name in enumerate(sums.table["id"])}
    for condition in (sums.conditions[0], *sums.conditions[5:40:7]):
        for mark, variant in enumerate(sums.variants):
            here = rows[(rows["variant"] == variant) & (rows["perturbation"] == condition.perturbation)]
            here = here[(here["placement"] == condition.placement) & (here["fill"] == condition.fill)]
            here = here[here["level"].isna() if condition.level is None else here["level"] == condition.level]
            slow = np.zeros(len(place))
            for name, right in zip(here["recording"], here["correct"], strict=True):
                slow[place[str(name)]] += right
            assert sums.right[mark, sums.place[condition]].tolist() == slow.tolist()
            wrong = sums.answered[mark, sums.place[condition]].sum() - np.trace(sums.answered[mark, sums.place[condition]])
            assert wrong == (~here["correct"].astype(bool)).sum()


def test_a_page_is_drawn_part_by_part_and_is_the_same_in_whatever_parts_the_trials_lie(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = page_of(run)
    cut = Path(shutil.copytree(run.path, tmp_path / "cut"))
    (only,) = (cut / "trials").iterdir()
    rows = pq.read_table(only, schema=TRIALS)
    only.unlink()
    ids = pa.array(run.recordings()["id"])
    for number, start in enumerate(range(0, len(ids), 50)):
        own = rows.filter(pc.is_in(rows["recording"].cast(pa.string()), ids[start : start + 50]))
        pq.write_table(own, cut / "trials" / part_name(f"{number:08d}"))
    asked: list[object] = []
    read = Run.trials

    def noted(self: Run, columns: Sequence[str] | None = None, **equals: object) -> pd.DataFrame:
        asked.append(equals.get("perturbation"))
        return read(self, columns, **equals)

    monkeypatch.setattr(Run, "trials", noted)
    assert without_examples(page_of(Run.open(cut))) == without_examples(whole)
    assert asked
    assert None not in asked


def without_examples(page: str) -> str:
    """A page without its table of some answers that differ: they are the first, in the order of the trials."""
    assert "Answers that differ" in page
    return re.sub(r"Answers that differ.*?</table>", "", page, flags=re.DOTALL)


def test_the_costliest_is_named_with_whom_it_hits(view: View) -> None:
    first = costs_of(view)[0]
    assert (first.perturbation, first.variant.name) == (COSTLIEST, "float32")
    assert first.mean.low < first.mean.value < first.mean.high
    speaker, label = (hardest_hit(view, column, COSTLIEST) for column in ("speaker", "label"))
    assert speaker is not None
    assert label is not None
    assert label.name == HARD_LABEL
    assert speaker.name != HARD_SPEAKER  # who is right seldom without noise too, and so has less to lose
    listed = Costs(view).groups(view.sums.table["speaker"], view.first, COSTLIEST)
    assert math.isnan(speaker.cost.low)  # one speaker is no sample of a population
    assert speaker.cost.value == max(group.cost.value for group in listed)
    assert next(group.low_before for group in listed if group.name == HARD_SPEAKER)
    lead = " ".join(map(str, costliest(view)))
    assert all(word in lead for word in ("White noise</a> costs most", speaker.name, HARD_LABEL))


def test_a_cost_is_the_mean_of_what_each_recording_lost(run: Run, view: View) -> None:
    cost = next(cost for cost in costs_of(view) if cost.perturbation == COSTLIEST and cost.variant is view.first)
    rows = run.trials(variant="float32")
    rows = rows[rows["label"] != "unknown"]
    clean = rows[rows["perturbation"] == "none"].set_index("recording")["correct"]
    lost = []
    for name, own in rows[rows["perturbation"] == COSTLIEST].groupby("recording", observed=True):
        by_level = own.groupby("level")["correct"].mean()
        lost.append(float(clean[name]) - float(by_level.mean()))
    assert cost.mean.value == pytest.approx(math.fsum(lost) / len(lost), abs=1e-9)
    assert cost.mean.total == len(lost) == 240


def test_clusters_count_every_wrong_answer_once(run: Run, view: View) -> None:
    rows = run.trials(variant="float32", perturbation=COSTLIEST)
    mine = [cluster for cluster in clusters(view) if cluster.perturbation == COSTLIEST]
    assert sum(cluster.wrong for cluster in mine) == (~rows["correct"].astype(bool)).sum()
    assert mine[0].label == HARD_LABEL


def test_quantile_rows_rise_and_keep_the_mean(view: View) -> None:
    rows = binned(view, view.first, 12)  # 264 / 12: all of one size
    assert np.all(np.diff(rows.mean(axis=1)) >= 0)
    assert rows.mean() == pytest.approx(right_at(view, view.first).mean())


def test_sections_of_many_are_not_drawn_for_few(view: View, tmp_path: Path) -> None:
    few = View(write_run(Plan(["up"] * MOST_ROWS), tmp_path / "few"))
    assert {section.name for section, _ in sections_of(view)} >= OF_MANY
    assert not OF_MANY & {section.name for section, _ in sections_of(few)}


def test_the_page_is_small_and_the_matrix_follows_the_keyboard(run: Run, watched: Watched) -> None:
    write_page(run, run.path / "index.html")
    assert (run.path / "index.html").stat().st_size < 4e6  # 2 of it plotly.js, packed
    page = watched.open(run.path / "index.html")
    show(page, MATRIX)
    says = page.locator("#confusion-says")
    expect(says).to_contain_text("the reference")
    page.locator("#confusion-condition").focus()
    page.keyboard.press("End")
    expect(says).to_contain_text("white noise")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": 390, "height": 800})
    until(page, "document.documentElement.scrollWidth <= window.innerWidth")
    assert watched.complaints == []


@pytest.mark.slow
def test_ten_thousand_recordings_make_a_page_of_at_most_fifteen_megabytes(tmp_path: Path) -> None:
    text = page_of(Crowd(recordings=10_000, speakers=500).write(tmp_path / "run"))
    assert len(text.encode()) <= 15e6
