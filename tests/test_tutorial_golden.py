"""Are the tutorial's answers reproduced: 20 recordings × start and center × float and dynamic int8, class and probability?

`../shared/tutorial/expected.csv` was computed one clip at a time by the tutorial's own formulas.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from robustness.audio.placement import batch_of, lead_of, place
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.quantization.base import quantized
from robustness.sweep.engine import answers

PROBABILITY = 0.002


class Row(NamedTuple):
    predicted: str
    confidence: float


Key = tuple[str, str, str]  # recording, placement, variant


@pytest.fixture(scope="module")
def variants(shared: Path, root: Path) -> list[Classifier]:
    original = load_classifier(root / "models" / "tutorial.toml", weights=shared / "tutorial" / "speech_commands_model.pt")
    return [quantized(original, name) for name in ("float32", "dynamic-int8")]


@pytest.fixture(scope="module")
def recordings(shared: Path) -> Sequence[Recording]:
    return read_recordings([shared / "tutorial" / "recordings"], rate_hz=16_000, longest_samples=16_000).recordings


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[Key, dict[str, str]]:
    with (shared / "tutorial" / "expected.csv").open(newline="") as file:
        return {(row["file"], row["placement"], row["variant"]): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def found(variants: list[Classifier], recordings: list[Recording]) -> dict[Key, Row]:
    """The answers to each placement, all recordings in batches."""
    rows: dict[Key, Row] = {}
    frame, batch = variants[0].frame, batch_of(recordings)
    for placement in ("start", "center"):
        windows = place(batch, lead_of(placement, frame.samples - batch.lengths), frame)
        for variant, logits in zip(variants, answers(variants, windows.samples), strict=True):
            for name, (probability, best) in zip(batch.ids, zip(*logits.softmax(1).max(1), strict=True), strict=True):
                rows[name, placement, variant.variant] = Row(variant.labels[int(best)], float(probability))
    return rows


def test_the_same_eighty_answers_are_asked_for(expected: Mapping[Key, dict[str, str]], found: Mapping[Key, Row]) -> None:
    assert len(expected) == 80
    assert set(found) == set(expected)


def test_every_class_is_reproduced(expected: Mapping[Key, dict[str, str]], found: Mapping[Key, Row]) -> None:
    assert {key: row.predicted for key, row in found.items()} == {key: row["predicted"] for key, row in expected.items()}


def test_every_probability_is_reproduced(expected: Mapping[Key, dict[str, str]], found: Mapping[Key, Row]) -> None:
    gaps = {key: abs(row.confidence - float(expected[key]["confidence"])) for key, row in found.items()}
    assert max(gaps.values()) <= PROBABILITY, max(gaps, key=lambda key: gaps[key])


def test_words_and_labels_are_those_expected(
    expected: Mapping[Key, dict[str, str]], recordings: list[Recording], variants: list[Classifier]
) -> None:
    words = {row["file"]: (row["word"], row["label"]) for row in expected.values()}
    assert {one.id: (one.label, variants[0].truth(one.label)) for one in recordings} == words


def test_what_is_wrong_is_up_and_left_at_the_start(expected: Mapping[Key, dict[str, str]], found: Mapping[Key, Row]) -> None:
    wrong = {(expected[key]["word"], key[1], row.predicted) for key, row in found.items() if row.predicted != expected[key]["label"]}
    assert wrong == {("up", "start", "unknown"), ("left", "start", "up")}


def test_an_answer_is_that_to_one_clip_at_a_time(variants: list[Classifier], recordings: list[Recording]) -> None:
    frame, batch = variants[0].frame, batch_of(recordings)
    windows = place(batch, lead_of("start", frame.samples - batch.lengths), frame).samples
    float32, int8 = answers(variants, windows)
    alone = [torch.cat([variant.logits(window) for window in windows.split(1)]) for variant in variants]
    assert torch.allclose(float32, alone[0], atol=1e-4, rtol=0)
    assert torch.equal(int8, alone[1])
