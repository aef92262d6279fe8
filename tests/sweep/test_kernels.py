"""Are the answers of the built-in kernels first those of the reference kernels, and does a disagreement end the run?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.errors import CannotJudgeError
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.tflite import TfliteNetwork
from robustness.run.blocks import Total
from robustness.run.folder import RunWriter
from robustness.sweep import kernels, sweep
from robustness.sweep.kernels import Screen
from robustness.sweep.plan import Plan, Settings, plan_of
from robustness.sweep.sweep import Sweep, placeable
from tests.models.formats.cards import FILES, kws_card

KEY = ["recording", "perturbation", "level", "fill", "draw", "placement"]
SETTINGS = Settings(perturbations=("white-noise", "padding-placement"))


@pytest.fixture(scope="module")
def int8(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    pytest.importorskip("ai_edge_litert")
    content = (shared / "mlperf_tiny" / FILES["int8"]).read_bytes()
    return load_classifier(kws_card(tmp_path_factory.mktemp("kws"), {"int8": content}))


@pytest.fixture(scope="module")
def clips(shared: Path, int8: Classifier) -> Sequence[Recording]:
    words = ("yes", "go", "bed", "left")
    paths = [(word, sorted((shared / "speech_commands" / word).glob("*.flac"))[0]) for word in words]
    found = [read_recordings([path], rate_hz=16_000, longest_samples=16_000).recordings[0] for _, path in paths]
    named = [replace(one, id=f"{word}.flac", label=word) for (word, _), one in zip(paths, found, strict=True)]
    return placeable(named, int8.frame, SETTINGS)


def swept(out: Path, classifier: Classifier, clips: Sequence[Recording], plan: Plan) -> tuple[pd.DataFrame, dict[str, Any]]:
    writer = RunWriter(out)
    tally = Sweep([classifier], plan, writer).run(clips)
    writer.write_manifest({"models": [{"name": classifier.name}]})
    return writer.finish().trials().sort_values(KEY, ignore_index=True), tally.kernels["kws int8"]


def test_built_in_kernels_first_give_every_answer_of_the_reference_kernels(
    tmp_path: Path, int8: Classifier, clips: Sequence[Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(SETTINGS, int8.frame)
    exact, asked_of_all = swept(tmp_path / "exact", int8, clips, plan)
    monkeypatch.setattr(sweep, "LARGE", 1)
    first, counts = swept(tmp_path / "first", int8, clips, plan)
    for column in ("predicted", "outcome"):
        assert first[column].astype(str).tolist() == exact[column].astype(str).tolist()
    assert set(exact["kernels"].astype(str)) == {int8.network.can.kernels}
    assert asked_of_all["both"] == asked_of_all["windows"] == counts["windows"] == len(exact)
    assert asked_of_all["differ"] == counts["differ"]  # of XNNPACK's answers, which are compared with those that count
    alone = first["kernels"].astype(str).str.contains("builtin")
    assert int((~alone).sum()) == counts["both"] < len(first)
    assert set(first.loc[alone, "perturbation"].astype(str)) == {"white-noise"}  # margins of places are shown one by one
    near = first["outcome_margin"].abs() <= counts["bound"]
    assert not (near & alone).any()
    same = first.loc[~alone, "outcome_margin"].to_numpy()
    assert np.array_equal(same, exact.loc[~alone, "outcome_margin"].to_numpy(), equal_nan=True)


def test_a_bound_that_does_not_hold_ends_the_run(
    tmp_path: Path, int8: Classifier, clips: Sequence[Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(int8.network, TfliteNetwork)
    monkeypatch.setattr(sweep, "LARGE", 1)
    monkeypatch.setattr(kernels, "CHECKED_EACH", 1)
    monkeypatch.setattr(Screen, "distance", lambda _screen, _asked: 0.0)
    other = replace(int8, network=Contrary(*(getattr(int8.network, name) for name in FIELDS)))
    with pytest.raises(
        CannotJudgeError, match=r"kws int8: on .* under white-noise/.* the built-in kernels answer .*run it again with --every-window"
    ):
        swept(tmp_path / "run", other, clips, plan_of(SETTINGS, int8.frame))


FIELDS = ("content", "kernels", "frontend", "output", "graph", "interpreter")


class Contrary(TfliteNetwork):
    """Its quick kernels answer with the labels turned around."""

    def quicker(self) -> TfliteNetwork | None:
        found = super().quicker()
        return None if found is None else Turned(*(getattr(found, name) for name in FIELDS))


class Turned(TfliteNetwork):
    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return super().__call__(features).flip(1)

    def copied(self) -> TfliteNetwork:
        return self


def test_counts_of_blocks_are_those_of_one_run() -> None:
    facts = {
        "first": "quick",
        "then": "exact",
        "beside": "pc",
        "bound": 1.5,
        "everywhere": False,
        "windows": 10,
        "both": 4,
        "differ": 1,
        "checked": 2,
    }
    state = {"audio": {}, "no_word": {}, "checked": 0, "flips": 0, "kernels": {"kws int8": facts}}
    total = Total()
    total.add(state)
    total.add(state)
    assert total.kernels == {"kws int8": {**facts, "windows": 20, "both": 8, "differ": 2, "checked": 4}}
