"""Whether the page says what limits its numbers: windows scaled back, cohorts that are empty, devices, many tests, cells of a CSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from robustness.analysis.intervals import mcnemar
from robustness.report import words
from robustness.report.addresses import RESERVED
from robustness.report.page import page_of
from robustness.report.sections.curves import Curves
from robustness.report.sections.quantization import Quantization
from robustness.report.sections.recordings import csv_of
from robustness.report.view import View
from tests.report.planted import Plan, fails_at, manifest_of, write_run
from tests.report.test_findings import plant, planted, view_of

ROOT = Path(words.__file__).parent
PLAN = Plan(words=("up", "left", "go"))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("\u00a0", " ")


def curves_of(view: View) -> str:
    part = Curves().part(view)
    assert part is not None
    return text_of(part.html)


def test_windows_scaled_back_and_the_snr_obtained_are_said(tmp_path: Path) -> None:
    rows = planted(PLAN)
    noisy = rows["perturbation"] == "white-noise"
    plant(rows, noisy, measured=rows["level"][noisy])
    one = noisy & (rows["recording"] == "000.wav") & (rows["level"] == 0.0) & (rows["draw"] == 0)
    plant(rows, one, clipped=True, measured=-0.25)
    text = curves_of(view_of(PLAN, rows, tmp_path / "run"))
    assert "1 of 12 windows went above full scale and were scaled back; the level reached is within 0.25 dB of the one asked." in text


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (3, "Each of the 3 recordings loses speech at one of these levels at least: there is no dotted line."),
        (2, "1 of 3 recordings loses no speech at any of these levels: the dotted line is theirs alone."),
        (0, ""),
    ],
)
def test_the_cohort_that_loses_no_speech_is_said_when_it_is_empty(tmp_path: Path, cut: int, said: str) -> None:
    rows = planted(PLAN)
    late = (rows["perturbation"] == "time-shift") & (rows["level"] == 100.0) & (rows["placement"] == "center")
    plant(rows, late & rows["recording"].isin([f"{i:03d}.wav" for i in range(cut)]), lost_end_ms=40.0)
    text = curves_of(view_of(PLAN, rows, tmp_path / "run"))
    assert (said in text) if said else ("dotted line" not in text)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        (["dynamic-int8: cpu", "float32: cpu"], ""),
        (["dynamic-int8: cpu", "float32: cuda:0"], "Not all variants ran on the CPU: dynamic-int8 on cpu and float32 on cuda:0."),
    ],
)
def test_a_variant_that_ran_elsewhere_than_on_the_cpu_is_said(tmp_path: Path, devices: list[str], said: str) -> None:
    plan = replace(PLAN, manifest={"plan": manifest_of(PLAN)["plan"] | {"devices": devices}})
    text = text_of(Quantization().part(View(write_run(plan, tmp_path / "run"))).html)
    assert (said in text) if said else ("ran on the CPU" not in text)


def test_many_paired_tests_are_adjusted_and_small_p_is_not_zero(tmp_path: Path) -> None:
    plan = Plan(words=("up",) * 13, answer=fails_at("start", {"up": "unknown"}, ("dynamic-int8",)))
    html = Quantization().part(View(write_run(plan, tmp_path / "run"))).html
    row = html.split("at the start, zeros</th>")[1].split("</tr>")[0]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row)
    assert mcnemar(13, 0) < 0.0005
    tests = [mcnemar(13, 0), mcnemar(13, 0), 1.0, 1.0, 1.0, 1.0]  # the start with each padding; the center twice, the end twice
    q = stats.false_discovery_control(tests, method="bh")[0]
    assert [cell.replace("&lt;", "<").replace("\u00a0", " ") for cell in cells[-2:]] == [
        "< 0.001",
        f"{q:.3f}" if q >= 0.0005 else "< 0.001",
    ]
    assert "Benjamini and Hochberg adjust it for the 6 rows" in text_of(html)


@pytest.mark.parametrize(("value", "text"), [(0.0, "< 0.001"), (0.00049, "< 0.001"), (0.0005, "0.001"), (0.0316, "0.032"), (1.0, "1.000")])
def test_a_p_value_is_never_rounded_to_nothing(value: float, text: str) -> None:
    assert words.p_value(value).replace("\u00a0", " ") == text


def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path) -> None:
    hostile = ("=1+1", "+1", "-1", "@SUM(A1)", "up")
    view = View(write_run(Plan(words=hostile, labels=(*hostile, "unknown")), tmp_path / "run"))
    rows = list(csv.DictReader(io.StringIO(csv_of(view))))
    assert {row["truth"] for row in rows} == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "up"}
    assert {row["answer"] for row in rows} == {row["truth"] for row in rows}
    assert {float(row["margin"]) for row in rows} == {2.0}
    assert {row["right"] for row in rows} == {"True"}


def test_every_address_that_the_page_gives_itself_is_reserved() -> None:
    sources = [path.read_text(encoding="utf-8") for path in ROOT.rglob("*") if path.suffix in {".py", ".html"}]
    own = {name for text in sources for name in re.findall(r'(?:\bid=|Figure\()"([a-z][a-z-]*)"', text)}
    assert {"find", "atlas", "main"} <= own
    assert own <= set(RESERVED)


def test_words_that_are_the_page_s_own_addresses_get_others(tmp_path: Path) -> None:
    plan = Plan(words=(*RESERVED, "curve-white-noise", "change-int8"), labels=(*RESERVED, "curve-white-noise", "change-int8", "unknown"))
    ids = re.findall(r'<[a-z][^>]* id="([^"]+)"', page_of(write_run(plan, tmp_path / "run")))
    assert [name for name, count in Counter(ids).items() if count > 1] == []
