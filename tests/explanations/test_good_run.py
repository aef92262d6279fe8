"""A folder of complaints alone is compared with the good recordings of another run of the same model, and of no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from robustness.audio.recordings import Recording
from robustness.errors import RunError
from robustness.explanations.evidence import write_evidence
from robustness.explanations.good_recordings import GoodRun
from robustness.explanations.good_run import good_of
from robustness.models.classifier import Classifier
from robustness.run.evidence import read_failures
from robustness.run.folder import Run
from robustness.run.good_recordings import FILE
from robustness.sweep.manifest import models_of
from tests.explanations.planted import LOUDNESS, classifier, recording, run_of, sound

SOFT_DB = 12
FLOAT = classifier((35, 700))
PLACING = ("padding-placement",)


def soft(name: str) -> Recording:
    """Too soft for the network at every place: it takes loudness for mass."""
    return replace(recording(name), samples=sound(LOUDNESS * 10 ** (-SOFT_DB / 20)))


def made(model: Classifier, recordings: Sequence[Recording], path: Path, good: GoodRun | None = None) -> Run:
    run = run_of([model], recordings, path, PLACING)
    write_evidence(run, [model], recordings, seed=0, good_run=good, cards=0, audio=False, everything=True)
    return Run(run.path)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(FLOAT, [recording(f"{n}.wav") for n in range(6)], tmp_path_factory.mktemp("good") / "well")


def facts(model: Classifier) -> list[dict[str, Any]]:
    return models_of([model], {model.name: {}})


@pytest.mark.parametrize("complaints", [1, 3, 9])
def test_complaints_alone_are_compared_with_the_good_run(complaints: int, good: Run, tmp_path: Path) -> None:
    recordings = [soft(f"{n}.wav") for n in range(complaints)]
    alone = made(FLOAT, recordings, tmp_path / "alone")
    beside = made(FLOAT, recordings, tmp_path / "beside", good_of(good, facts(FLOAT)))
    without, found = (pd.read_parquet(run.evidence / "explanations.parquet") for run in (alone, beside))
    assert without["drop"].isna().all()
    assert set(found["drop_against"]) == {"good run"}
    assert set(found["kind"]) == {"level"}
    assert set(found["strength"]) == {"full"}
    assert all("level_dbfs" in outside for outside in found["outside"])
    assert not any(without["apart"])
    assert all(("level_dbfs" in apart) is (complaints == 9) for apart in found["apart"])  # of a few nothing is said together
    told = [read_failures(run.evidence) for run in (alone, beside)]
    assert [one and one.good_run for one in told] == [None, "well"]


def test_a_run_with_good_recordings_of_its_own_keeps_to_them(good: Run, tmp_path: Path) -> None:
    recordings = [*(recording(f"{n}.wav") for n in range(5)), soft("soft.wav")]
    beside = made(FLOAT, recordings, tmp_path / "run", good_of(good, facts(FLOAT)))
    told = read_failures(beside.evidence)
    assert told is not None
    assert told.good_run is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weights_sha256": "other"}, "is a run of another model than planted: its planted differs in weights; give a run"),
        ({"labels": ["a", "b"], "threshold": 0.5}, "differs in labels, threshold;"),
        ({"variants": [{"name": "static-int8"}]}, "has no variant static-int8 of planted; make it again with --variant static-int8"),
    ],
)
def test_a_run_of_another_model_is_refused(changed: dict[str, Any], words: str, good: Run) -> None:
    with pytest.raises(RunError, match=words):
        good_of(good, [{**facts(FLOAT)[0], **changed}])


def test_a_run_without_good_recordings_is_refused(tmp_path: Path) -> None:
    run = made(FLOAT, [soft("soft.wav")], tmp_path / "bad")
    with pytest.raises(RunError, match=r"no recording of .*bad is right at any place, so none can stand in for others"):
        good_of(run, facts(FLOAT))
    (run.evidence / FILE).unlink()
    with pytest.raises(RunError, match="keeps no measurements of its good recordings, as runs of earlier versions"):
        good_of(run, facts(FLOAT))
