"""Is what is wrong with a model named, and nothing of what is right or only hard?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.checks.base import findings_of
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.recording_rate import band_edge_hz
from robustness.conditions import Condition
from robustness.errors import CardError
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.rendering import render
from robustness.run.checks import Finding
from tests.checks.faulty import FAULTS, Fault, made, shipped
from tests.conftest import ROOT

HARD: tuple[tuple[str, float] | None, ...] = (None, ("white-noise", -5.0), ("reverberation", 1.5))


def found(fault: Fault, folder: Path) -> tuple[Finding, ...] | str:
    """What is said of a faulty model; the sentence if its card is refused."""
    card, recordings = made(fault, folder)
    try:
        classifier = load_classifier(card)
    except CardError as error:
        return str(error)
    read = read_recordings([recordings], rate_hz=16_000, longest_samples=16_000, skip_bad=True)
    return findings_of(ModelUnderTest.of(classifier, read.recordings))


def named(fault: Fault, said: tuple[Finding, ...] | str) -> bool:
    """Whether the fault is named, and no other one as a cause."""
    if isinstance(said, str):
        return fault.kind in said
    mine = [one for one in said if one.kind == fault.kind and fault.words in one.says + one.change]
    return bool(mine) and not [one for one in said if one.cause and one.kind != fault.kind]


@pytest.mark.slow
def test_faults_are_named(tmp_path: Path) -> None:
    said = {fault.name: found(fault, tmp_path / str(place)) for place, fault in enumerate(FAULTS)}
    missed = [fault.name for fault in FAULTS if not named(fault, said[fault.name])]
    assert len(FAULTS) >= 40
    assert not missed


def heard(recordings: Sequence[Recording], classifier: Classifier, condition: tuple[str, float] | None) -> list[Recording]:
    """Recordings under a condition, as recordings."""
    if condition is None:
        return list(recordings)
    windows = render(recordings, Condition(*condition), classifier.frame)
    return [replace(one, samples=samples, speech=None) for one, samples in zip(recordings, windows.samples, strict=True)]


@pytest.mark.parametrize(
    ("name", "voices", "conditions"),
    [
        ("digits", ("joe",), HARD),
        ("commands-hardened", ("heart",), HARD[:2]),
        ("digits-hardened", ("joe", "heart"), HARD[:1]),
        ("commands", ("heart",), HARD[:2]),
        ("commands-pooled", ("heart",), HARD[:1]),
    ],
)
def test_nothing_is_named_that_is_not_there(name: str, voices: tuple[str, ...], conditions: Sequence[tuple[str, float] | None]) -> None:
    classifier = load_classifier(ROOT / "models" / f"{name}.toml")
    recordings = [replace(one, id=f"{voice}/{one.id}") for voice in voices for one in shipped(voice)]
    for condition in conditions:
        assert findings_of(ModelUnderTest.of(classifier, heard(recordings, classifier, condition))) == (), condition


def test_without_recordings_nothing_is_named() -> None:
    classifier = load_classifier(ROOT / "models" / "digits.toml")
    assert findings_of(ModelUnderTest.of(classifier)) == ()


@pytest.mark.parametrize(("ends_hz", "found_hz"), [(None, None), (5_800.0, 5_800.0), (4_000.0, 4_000.0)])
def test_where_the_sound_of_recordings_ends(ends_hz: float | None, found_hz: float | None) -> None:
    spectrum = torch.fft.rfft(torch.randn(16_000, generator=torch.Generator().manual_seed(1)))
    spectrum[torch.arange(len(spectrum)) > (ends_hz or 8_000.0)] *= 1e-3
    samples = 0.1 * torch.fft.irfft(spectrum, n=16_000)
    found = band_edge_hz([Recording("noise.wav", samples, 16_000)])
    assert found == (None if found_hz is None else pytest.approx(found_hz, abs=160.0))
