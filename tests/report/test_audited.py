"""Are the sentences and tables of an audit made from its numbers?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustness.report.audit_sentences import Audit, audits_of, ranked, sentences_of
from robustness.report.page import page_of
from robustness.report.tables import paired_answers
from robustness.report.tables.audit import experiments_table, latency_table, layer_table
from robustness.report.view import View
from robustness.run.folder import Run
from tests.evidence_records import completed_audit
from tests.report.planted import Plan, write_run

WORDS = ("up", "left", "go", "two")
PLAIN = Plan(words=WORDS, answer=lambda word, place, variant: "go" if (word, variant) == ("up", "dynamic-int8") else word)


def layer(name: str, quantized: bool, sqnr: float | str | None, work: int = 100, parameters: int = 10) -> dict[str, Any]:
    facts = {
        "of": name,
        "sqnr_db": sqnr,
        "normalized_l2": 0.01,
        "cosine": 0.9999,
        "low": -1.0,
        "high": 2.0,
        "values": 9,
        "int8_range": None,
    }
    kind = "Linear" if quantized else "Conv2d"
    there = None if sqnr is None else facts
    return {"name": name, "kind": kind, "parameters": parameters, "multiplications": work, "quantized": quantized, "activations": there}


def counted(alike: int = 4, clips: int = 4, sqnr: float | str = 40.0) -> dict[str, Any]:
    counts: dict[str, Any] = {"clips": clips, "alike": alike, "labelled": clips, "right_before": clips, "right": alike}
    counts |= {"right_to_wrong": clips - alike, "wrong_to_right": 0, "logits_sqnr_db": sqnr}
    margins = {"margin_change_median": -0.25, "margin_change_lowest": -1.0, "margin_change_highest": 0.5}
    return counts | margins | {"kl_mean": 0.0125, "kl_largest": 0.5, "kl_largest_of": "001.wav"}


def experiment(kind: str, name: str | None, alike: int = 4, sqnr: float | str = 40.0) -> dict[str, Any]:
    return {"kind": kind, "layer": name, "simulated": kind in {"weights", "activations", "both"}, **counted(alike, 4, sqnr)}


LAYERS = [layer("conv1", False, "exact", 900, 20), layer("fc1", True, 31.5, 90, 70), layer("fc2", True, 44.0, 10, 5)]
FACTS: dict[str, Any] = {"model": "planted", "variant": "dynamic-int8", "parameters": 100, "bytes": 8, "layers": LAYERS}
FACTS |= {"answers": counted(), "experiments": []}


def time_of(clips: int, ratio: float, low: float, high: float) -> dict[str, Any]:
    names = {"model": "planted", "variant": "dynamic-int8", "clips": clips, "rounds": 25, "threads": 1}
    return {**names, "float_ms": 1.0, "variant_ms": ratio, "ratio": ratio, "low": low, "high": high}


def view_of(folder: Path, facts: dict[str, Any], times: Sequence[dict[str, Any]] = (), plan: Plan = PLAIN) -> View:
    run = write_run(plan, folder / "run")
    (run.evidence / "audit.json").write_text(json.dumps({"thorough": True, "variants": [completed_audit(facts)]}), encoding="utf-8")
    if times:
        (run.path / "latency.json").write_text(json.dumps({"measured": list(times)}), encoding="utf-8")
    return View(Run.open(run.path))


def audit_of(folder: Path, facts: dict[str, Any], times: Sequence[dict[str, Any]] = ()) -> Audit:
    (found,) = audits_of(view_of(folder, facts, times))
    return found


def test_the_first_sentence_is_the_audit_in_short(tmp_path: Path) -> None:
    view = view_of(tmp_path, FACTS, [time_of(1, 1.004, 0.97, 1.04), time_of(32, 1.02, 0.99, 1.05)])
    first = sentences_of(view)[0].replace("\u00a0", " ")
    assert first.startswith(
        "2 of 3 layers, 75 % of the parameters and 10 % of the multiplications run in int8; no recording's answer changes; "
        "not faster here: ratio 1.00 [0.97, 1.04] at 1 clip and ratio 1.02 [0.99, 1.05] at 32 clips. "
        "conv1 (Conv2d) stays in float, with 90 % of the multiplications."
    )
    assert "microcontroller" in sentences_of(view)[-1]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([(1, 0.5, 0.4, 0.6), (32, 0.4, 0.3, 0.9)], "; faster here: ratio 0.50 [0.40, 0.60] at 1 clip and"),
        ([(1, 1.5, 1.1, 1.6), (32, 2.0, 1.9, 2.1)], "; slower here: ratio"),
        ([(1, 1.0, 0.9, 1.1), (32, 0.5, 0.4, 0.6)], "; not faster here at 1 clip: ratio 1.00 [0.90, 1.10]; faster here at 32 clips: ratio"),
        ([], "no recording's answer changes."),
    ],
)
def test_speed_is_said_as_far_as_the_interval_allows(tmp_path: Path, times: list[tuple[int, float, float, float]], words: str) -> None:
    assert words in sentences_of(view_of(tmp_path, FACTS, [time_of(*row) for row in times]))[0]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([layer("a", True, 15.0), layer("b", True, 12.0)], "The first layer that falls is a: SQNR 15.0 dB, under 20 dB."),
        ([layer("a", True, 20.0), layer("b", True, 12.0)], "The first layer that falls is b: SQNR 12.0 dB"),
        ([layer("a", True, 31.5), layer("b", True, 44.0)], "No layer falls under 20 dB; the lowest SQNR is that of a, 31.5 dB."),
        ([layer("a", False, "exact")], "none of the 1 layer runs in int8"),
    ],
)
def test_the_first_layer_that_falls_is_named(tmp_path: Path, layers: list[dict[str, Any]], words: str) -> None:
    assert words in sentences_of(view_of(tmp_path, {**FACTS, "layers": layers}))[0]


def test_the_layer_to_blame_is_named_with_what_leaving_it_in_float_restores(tmp_path: Path) -> None:
    tried = [experiment("alone", "fc2", 4, 42.0), experiment("alone", "fc1", 3, 9.5), experiment("left", "fc1", 4, 42.0)]
    facts = {**FACTS, "answers": counted(3), "experiments": [*tried, experiment("left", "fc2", 3, 9.5), experiment("both", None, 3, 9.0)]}
    audit = audit_of(tmp_path, facts)
    assert [one.layer for one in ranked(audit)] == ["fc1", "fc2"]
    (says, _) = sentences_of(view_of(tmp_path / "again", facts))
    assert "1 of 4 answers changes (1 from right to wrong, 0 from wrong to right)" in says
    assert "fc1 costs most: the answers keep 9.5 dB; left in float, 0 of the 1 changed answer still differ." in says
    table = experiments_table(audit)
    assert table is not None
    assert [(row[0], row[1]) for row in table.rows] == [
        ("fc1", "alone in int8"),
        ("fc2", "alone in int8"),
        ("fc1", "left in float, the others in int8"),
        ("fc2", "left in float, the others in int8"),
        ("all", "weights and activations, simulated"),
    ]


def test_the_layer_table_says_what_was_not_compared_and_what_was_clipped(tmp_path: Path) -> None:
    static = layer("c", True, 30.0)
    static["activations"]["int8_range"] = {"low": -0.5, "high": 1.5, "share": 0.125}
    audit = audit_of(
        tmp_path, {**FACTS, "layers": [layer("a", True, None), layer("b", False, "undefined"), static, layer("d", True, "-inf")]}
    )
    rows = [[str(cell).replace("\u00a0", " ") for cell in row] for row in layer_table(audit).rows]
    assert rows[0][5:] == ["not comparable", "–", "–", "–", "–", "–"]
    assert rows[1][5] == "undefined"
    assert rows[2][5:] == ["30.0", "0.0100", "0.99990", "−1.0 to 2.0", "−0.5 to 1.5", "12.50 %"]
    assert rows[3][5] == "−∞"
    assert rows[3][9] == "each clip's own"


def test_latency_has_a_table_where_it_was_measured(tmp_path: Path) -> None:
    table = latency_table([audit_of(tmp_path, FACTS, [time_of(1, 1.5, 1.1, 1.6)])])
    assert table is not None
    assert table.rows == [["dynamic-int8", "1 clip", "1.00 ms", "1.50 ms", "1.50 [1.10, 1.60]", "slower here"]]
    assert latency_table([audit_of(tmp_path / "none", FACTS)]) is None


def test_the_answers_at_the_reference_are_paired(tmp_path: Path) -> None:
    view = view_of(tmp_path, FACTS)
    rows = {
        str(row[0]): str(row[1]).replace("\u00a0", " ")
        for row in paired_answers.paired_table(view, view.variants[1], audits_of(view)[0]).rows
    }
    assert rows["good → bad"].startswith("1 of 4, 25.0 %")
    assert rows["bad → good"] == "none there"
    assert rows["negative flip rate"].startswith("1 of 4")
    assert rows["margin, median change"].startswith("0.000 logits")
    assert rows["KL(float32 ‖ int8), nats"] == "mean 0.013"
    flips = paired_answers.flips_text(view, view.variants[1])
    assert flips is not None
    assert [row[0] for row in flips.rows] == ["up"]


def test_an_audits_page_opens_with_its_sentence_and_quantization_comes_next(tmp_path: Path) -> None:
    view = view_of(tmp_path, FACTS, [time_of(1, 1.0, 0.9, 1.1)], replace(PLAIN, manifest={"purpose": "audit"}))
    page = page_of(view.run)
    assert page.index("2 of 3 layers") < page.index('<section id="quantization"') < page.index('<section id="recordings"')
    assert page.count("2 of 3 layers") == 1
    other = page_of(view_of(tmp_path / "report", FACTS).run)
    assert other.index('<section id="recordings"') < other.index("2 of 3 layers")
    assert 'id="latency"' in page
    assert 'id="latency"' not in other


def test_hostile_names_of_layers_stay_text(tmp_path: Path) -> None:
    hostile = "<script>window.hacked=1</script>"
    page = page_of(view_of(tmp_path, {**FACTS, "layers": [layer(hostile, True, 12.0), layer(f"{hostile}2", False, "exact")]}).run)
    assert hostile not in page
    assert "&lt;script&gt;window.hacked" in page


def test_a_run_without_an_audit_has_no_sentence_of_it(tmp_path: Path) -> None:
    view = View(write_run(PLAIN, tmp_path / "run"))
    assert audits_of(view) == []
    assert sentences_of(view) == []
    assert "Layer by layer" not in page_of(view.run)


def test_with_two_models_each_variant_has_its_own(tmp_path: Path) -> None:
    view = view_of(tmp_path, {**FACTS, "model": "b"}, plan=replace(PLAIN, models=("a", "b")))
    assert [audit.variant.name for audit in audits_of(view)] == ["b · dynamic-int8"]
