"""Whether a card says of its maps what was found: what failed on the map's face, differences, segments, and the ladder's flip."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robustness.attributions.methods.occlusion import Occlusion
from robustness.attributions.trust import Checks
from robustness.report.cards.figures import CardFigures, compared_figures
from robustness.report.cards.text import method_lines
from robustness.report.map_figure import Scale
from robustness.report.view import View
from robustness.seeds import generator_of
from tests.attributions.test_trust import Local, case_of
from tests.evidence_records import card_record
from tests.report.planted import Plan, fails_at, write_run

AGREEMENT = {"spearman": 0.91, "spearman_abs": 0.8, "top_iou": 0.6, "sign": 0.95, "shift_frames": 1.0, "shift_bands": -0.5}
DIFFERENCE: dict[str, Any] = {
    "method": "occlusion",
    "of": "dynamic-int8",
    "against": "float32",
    "key": "occlusion/dynamic-int8-minus-float32",
    "max_abs": 0.25,
    "agreement": AGREEMENT,
    "floor": dict.fromkeys(AGREEMENT, 0.07),
    "ceiling": None,
}


def card_of(folder: Path, arrays: dict[str, Any], **facts: Any) -> CardFigures:
    run = write_run(Plan(("up", "left"), answer=fails_at("start", {"up": "unknown"})), folder / "run")
    np.savez(run.evidence / "up-start.npz", **{"log_mel": np.zeros((64, 101), np.float32), **arrays})
    return CardFigures(View(run), card_record(**facts))


def test_a_shuffled_map_fails_on_its_face_and_a_true_one_does_not(tmp_path: Path) -> None:
    case = case_of(Local())
    method = Occlusion(frames=11, frame_stride=10, band_stride=8)
    found = method.attribute(case.classifier, case.features, case.target)
    cells = found.map.flatten()
    shuffled = cells[torch.randperm(len(cells), generator=generator_of("page"))].reshape(found.map.shape)
    checks = Checks(case)
    boxes = {
        "occlusion/float32": checks.of_map(method, found),
        "occlusion/dynamic-int8": checks.of_map(method, replace(found, map=shuffled)),
    }
    arrays = {"occlusion/float32": found.map[0].numpy(), "occlusion/dynamic-int8": shuffled[0].numpy()}
    card = card_of(tmp_path, arrays, trust={key: asdict(box) for key, box in boxes.items()})
    true, broken = (card.map("occlusion", variant, Scale(1.0, 1.0, 1.0)).title for variant in ("float32", "dynamic-int8"))
    assert "FAILS" not in true
    assert "FAILS ITS CHECKS: deletion and insertion not clearly better than in a random order" in broken
    sound, unsound = method_lines(card)
    assert sound.startswith("Occlusion, float32, passes its checks: lift over random orders +")
    assert unsound.startswith("Occlusion, int8, fails: deletion and insertion not clearly better than in a random order")
    assert "from the last layer down" in sound


def test_the_maps_of_two_variants_are_compared_between_floor_and_ceiling(tmp_path: Path) -> None:
    card = card_of(tmp_path, {DIFFERENCE["key"]: np.full((64, 101), 0.25, np.float32)}, differences=[DIFFERENCE])
    (line,) = method_lines(card)
    assert line.startswith("Maps of int8 and float32 by occlusion: rank correlation 0.91 (other recordings 0.07)")
    assert "center of mass moved by +10 ms and −0.5 mel bands" in line
    (figure,) = compared_figures(card)
    assert figure.title.startswith("occlusion, int8 minus float32: up over unknown, ±0.25")


def test_segments_sum_and_the_ladder_marks_the_flip(tmp_path: Path) -> None:
    edges = [100.0 * i for i in range(11)]
    segments = {"edges_ms": edges, "values": {"float32": [0.1] * 10}, "change": {"float32": 1.0}, "passes": {"float32": 1024}}
    donor = {"variant": "float32", "edges_ms": edges, "values": [-0.5] * 10, "change": -5.0, "passes": 1024}
    ladder: dict[str, Any] = {"variant": "float32", "key": "ladder/float32", "leads_ms": [0.0, 10.0, 20.0], "margins": [-2.0, -0.5, 1.0]}
    ladder |= {"right": [False, False, True], "max_abs": 0.5, "passes": 60}
    card = card_of(tmp_path, {"ladder/float32": np.ones((3, 101), np.float32)}, segments=segments, donor=donor, ladder=ladder)
    shares, strips = compared_figures(card)
    assert "they sum to +1.00 (float32 against silence), −5.00 (against where it is accepted)" in shares.sentence
    assert [trace["name"] for trace in shares.data] == ["float32 against silence", "float32 against where it is accepted"]
    assert "the answer turns at a lead of 20 ms" in strips.sentence
    (flip,) = strips.layout["shapes"]
    assert (flip["y0"], flip["y1"]) == (1.5, 1.5)
    assert strips.layout["yaxis"]["ticktext"] == ["0 ✗ −2.0", "10 ✗ −0.5", "20 ✓ +1.0"]


@pytest.mark.parametrize("facts", [{}, {"differences": [], "segments": None, "donor": None, "ladder": None}])
def test_a_run_from_before_has_none_of_it(tmp_path: Path, facts: dict[str, Any]) -> None:
    card = card_of(tmp_path, {}, **facts)
    assert compared_figures(card) == []
    assert method_lines(card) == []


def test_maps_that_were_not_checked_say_so(tmp_path: Path) -> None:
    assert method_lines(card_of(tmp_path, {}, trust={})) == ["The maps of this card were not checked."]
