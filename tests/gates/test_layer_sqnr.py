"""Is the worst quantized layer of a run's audit judged, and is what was not measured never a pass?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robustness.errors import CANNOT_JUDGE
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import Verdict, judge
from tests.evidence_records import completed_audit
from tests.gates.planted import Answers, Planted, rule


def layer(name: str, sqnr: float | str | None, quantized: bool = True) -> dict[str, Any]:
    return {"name": name, "quantized": quantized, "activations": None if sqnr is None else {"sqnr_db": sqnr}}


def judged(folder: Path, layers: list[dict[str, Any]], variant: str = "dynamic-int8") -> Verdict:
    answers = [Answers([1, 1, 1, 1], variant=name) for name in ("float32", "dynamic-int8")]
    run = Planted(answers).write(folder / "run")
    model = run.manifest["models"][0]["name"]
    run.evidence.mkdir(exist_ok=True)
    audit = {"thorough": False, "variants": [completed_audit({"model": model, "layers": layers})]}
    (run.evidence / "audit.json").write_text(json.dumps(audit), encoding="utf-8")
    rules = rule(folder, metric="layer_sqnr_db", variant=variant, min=20)
    (verdict,) = judge(rules, data_of(run, rules))
    return verdict


@pytest.mark.parametrize(
    ("layers", "outcome", "words"),
    [
        ([layer("a", 31.5), layer("b", 20.0)], "pass", "the worst layer is b"),
        ([layer("a", 31.5), layer("b", 19.9)], "fail", "the worst layer is b"),
        ([layer("a", "exact"), layer("b", 40.0)], "pass", "the worst layer is b"),
        ([layer("a", "-inf"), layer("b", 40.0)], "fail", "the worst layer is a"),
        ([layer("a", 5.0, quantized=False), layer("b", 40.0)], "pass", "the worst layer is b"),
        ([layer("a", "undefined"), layer("b", 40.0)], "pass", "the worst layer is b"),
        ([layer("a", None), layer("b", 40.0)], "error", "could not compare a of dynamic-int8"),
        ([layer("a", "undefined")], "error", "zeros alone"),
        ([layer("a", 5.0, quantized=False)], "error", "has a quantized layer"),
    ],
)
def test_the_worst_quantized_layer_decides(tmp_path: Path, layers: list[dict[str, Any]], outcome: str, words: str) -> None:
    found = judged(tmp_path, layers)
    assert found.outcome == outcome, found.sentence
    assert words in f"{found.sentence} {' '.join(found.warnings)}"


def test_every_variant_means_those_with_quantized_layers(tmp_path: Path) -> None:
    assert judged(tmp_path, [layer("a", 31.5)], variant="*").outcome == "pass"


def test_a_variant_that_was_not_quantized_cannot_be_judged(tmp_path: Path) -> None:
    found = judged(tmp_path, [layer("a", 31.5)], variant="float32")
    assert (found.outcome, found.status) == ("error", CANNOT_JUDGE)
