"""Does every command work on a model that takes samples, and is what it says of it so?"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from robustness.cli.main import run
from robustness.errors import DONE, USER_ERROR
from robustness.models.card import load_classifier
from robustness.run.folder import Run
from tests.waveforms import write_known_words, write_waveform_card

RULES = """
[defaults]
scope = "files"

[rule.placement]
metric = "right_to_wrong"
perturbation = "padding-placement"
max = 1.0

[rule.layers]
metric = "layer_sqnr_db"
variant = "dynamic-int8"
min = 5
"""


class Given(NamedTuple):
    """A card, and words that are right at the center."""

    card: Path
    words: Path


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("samples")
    card = write_waveform_card(folder / "model", seed=1)
    return Given(card, write_known_words(folder / "words", card))


def command(*arguments: str | Path) -> int:
    """What the command line answers, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["robustness", *map(str, arguments)])
        return run()


@pytest.fixture(scope="module")
def failures(given: Given, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The cards of a report's failures, each with its arrays."""
    out = tmp_path_factory.mktemp("report") / "run"
    asked = ("--recordings", given.words, "--perturbation", "padding-placement", "--cards", "2", "--out", out)
    assert command("report", "--model", given.card, *asked) == DONE
    folder = Run.open(out).evidence
    found = json.loads((folder / "failures.json").read_text(encoding="utf-8"))["failures"]
    assert found
    return [(one, dict(np.load(folder / one["arrays"]))) for one in found]


def test_it_is_checked_and_its_layers_are_named(given: Given, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", given.card, "--recordings", given.words) == DONE
    said = capsys.readouterr().out
    assert "waveform: rate_hz 16000" in said
    assert "WRONG" not in said.partition("answers at the center")[2].replace("dynamic-int8", "")


def test_maps_and_ladders_are_of_the_picture(failures: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    for facts, arrays in failures:
        assert facts["hop_ms"] == 10
        mel = arrays["log_mel"]
        for method in facts["methods"]:
            assert all(arrays[f"{method['name']}/{variant}"].shape == mel.shape for variant in method["variants"])
        if facts["ladder"] is not None:
            leads = facts["ladder"]["leads_ms"]
            assert arrays[facts["ladder"]["key"]].shape == (len(leads), mel.shape[1])
            assert not facts["ladder"]["right"][0]
    assert any(facts["ladder"] is not None for facts, _ in failures)


def test_variants_are_compared_between_a_floor_and_a_ceiling(failures: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    for facts, arrays in failures:
        for found in facts["differences"]:
            assert found["ceiling"]["spearman"] is not None
            of, against = (arrays[f"occlusion/{found[end]}"] for end in ("of", "against"))
            assert np.allclose(arrays[found["key"]], of - against)
    assert any(found["floor"] is not None for facts, _ in failures for found in facts["differences"])


def test_segments_against_the_counterpart_sum_to_what_the_place_costs(failures: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    checked = 0
    for facts, _ in failures:
        if not (facts["donor"] and facts["segments"]):
            continue
        chances = facts["variants"][facts["donor"]["variant"]]["probabilities"]
        label, rival = facts["target"]["label"], facts["target"]["rival"]
        here, there = (math.log(chances[place][label] / chances[place][rival]) for place in ("start", "center"))
        if facts["condition"]["placement"] == "start" and facts["counterpart"]["placement"] == "center":
            assert sum(facts["donor"]["values"]) == pytest.approx(here - there, abs=1e-3)
            checked += 1
        assert facts["donor"]["edges_ms"] == [100.0 * i for i in range(11)]
        assert sum(facts["segments"]["values"]["float32"]) == pytest.approx(facts["segments"]["change"]["float32"], abs=1e-3)
    assert checked


@pytest.mark.parametrize("scheme", ["dynamic-int8", "static-int8"])
def test_a_variant_is_kept_and_loads_again(given: Given, tmp_path: Path, scheme: str) -> None:
    learned = ("--calibration", given.words) if scheme == "static-int8" else ()
    assert command("quantize", given.card, "--scheme", scheme, *learned, "--out", tmp_path / "kept") == DONE
    assert load_classifier(tmp_path / "kept.toml").variant == scheme
    assert command("check", tmp_path / "kept.toml", "--recordings", given.words) == DONE


def test_it_is_audited_and_judged(given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard = ("--model", given.card, "--recordings", given.words)
    assert command("audit", *heard, "--perturbation", "padding-placement", "--out", tmp_path / "audit") == DONE
    assert "conv1 (Conv1d) and" in capsys.readouterr().out.replace("\u00a0", " ")
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    assert command("gate", *heard, "--rules", tmp_path / "rules.toml", "--out", tmp_path / "gate") == DONE
    assert "2 of 2 rules pass" in capsys.readouterr().out.replace("\u00a0", " ")


def test_it_is_explained_by_resynthesis_which_cannot_stand_in_for_another_sound(
    given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = next(path for path in sorted(given.words.rglob("*.wav")))
    asked = ("explain", "--model", given.card, heard, "--placement", "start", "--method", "occlusion", "--out", tmp_path / "page")
    assert command(*asked) == DONE
    assert "the model takes samples" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert command(*asked, "--baseline", "counterpart") == USER_ERROR
    assert "takes samples" in capsys.readouterr().err
