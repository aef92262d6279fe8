"""The tutorial's own checkpoint on real recordings: what each scheme keeps of its accuracy and size, calibrated on other speakers."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from robustness.audio.placement import batch_of, lead_of, place
from robustness.audio.reading import read_recordings
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.quantization.base import Calibration, quantized
from robustness.quantization.calibration import read_calibration
from robustness.sweep.engine import answers

TESTED = 420


@pytest.fixture(scope="module")
def original(shared: Path, root: Path) -> Classifier:
    return load_classifier(root / "models" / "tutorial.toml", weights=shared / "tutorial" / "speech_commands_model.pt")


@pytest.fixture(scope="module")
def halves(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Links to the recordings of each half of the speakers."""
    data, folder = shared / "speech_commands", tmp_path_factory.mktemp("halves")
    for half, row in split(data):
        path = folder / half / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to((data / row["path"]).resolve())
    return {half: folder / half for half in ("learned", "tested")}


def split(data: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """All recordings for one half of the speakers, and some, of every label alike, for the other."""
    counts: dict[str, int] = {}
    with (data / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if int(hashlib.sha256(row["speaker"].encode()).hexdigest(), 16) % 2:
                yield "learned", row
            elif counts.setdefault(row["word"], 0) < TESTED // 14:
                counts[row["word"]] += 1
                yield "tested", row


@pytest.fixture(scope="module")
def calibration(original: Classifier, halves: dict[str, Path]) -> Calibration:
    return read_calibration(halves["learned"], original)


@pytest.fixture(scope="module")
def tested(original: Classifier, halves: dict[str, Path]) -> tuple[Tensor, Tensor]:
    """Windows and labels."""
    frame = original.frame
    recordings = read_recordings([halves["tested"]], rate_hz=frame.rate_hz, longest_samples=frame.samples).recordings
    batch = batch_of(recordings)
    windows = place(batch, lead_of(frame.reference, frame.samples - batch.lengths), frame).samples
    return windows, torch.tensor([original.labels.index(str(original.truth(recording.label))) for recording in recordings])


@pytest.mark.parametrize(
    ("scheme", "megabytes"), [("float32", 0.864), ("dynamic-int8", 0.271), ("dynamic-float16", 0.464), ("static-int8", 0.226)]
)
def test_the_sizes_are_those_of_the_tutorial(original: Classifier, scheme: str, megabytes: float) -> None:
    windows = torch.randn(32, 16_000, generator=torch.Generator().manual_seed(0)) * 0.05
    noise = Calibration("noise", windows, tuple(map(str, range(32))), ("up",) * 32, "")
    assert quantized(original, scheme, noise).about["bytes"] / 1e6 == pytest.approx(megabytes, rel=0.02)


@pytest.mark.slow
def test_static_int8_is_within_a_point_of_float_on_other_speakers(
    original: Classifier, calibration: Calibration, tested: tuple[Tensor, Tensor]
) -> None:
    windows, truth = tested
    assert len(calibration.ids) == 300
    assert set(calibration.labels) == set(original.labels)
    static = quantized(original, "static-int8", calibration)
    ours, theirs = (logits.argmax(1) for logits in answers([static, original], windows))
    accuracy, reference = ((predicted == truth).double().mean() for predicted in (ours, theirs))
    assert reference > 0.8
    assert accuracy >= reference - 0.01
    assert (ours == theirs).double().mean() > 0.97
