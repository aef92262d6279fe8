from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robustness.audio.recordings import Recording
from robustness.errors import CannotJudgeError, UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.perturbations.base import PERTURBATIONS
from robustness.quantization.base import quantized
from robustness.run.blocks import combined
from robustness.run.folder import Run, RunWriter
from robustness.sweep import sweep
from robustness.sweep.plan import Settings, plan_of, preset_names
from robustness.sweep.state import Tally
from robustness.sweep.sweep import Sweep, placeable
from tests.builders import FRAME, LABELS, classifier, recordings

DEFAULT = Settings()
KEY = ["variant", "recording", "perturbation", "level", "fill", "draw", "placement"]


def swept(
    out: Path, some: Sequence[Recording], settings: Settings = DEFAULT, classifiers: Sequence[Classifier] | None = None
) -> pd.DataFrame:
    plan = plan_of(settings, FRAME)
    writer = RunWriter(out)
    used = classifiers or [quantized(classifier(), name) for name in ("float32", "dynamic-int8")]
    Sweep(used, plan, writer).run(placeable(some, FRAME, settings))
    writer.write_manifest({"models": [{"name": name} for name in dict.fromkeys(c.name for c in used)]})
    return writer.finish().trials()


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return swept(tmp_path_factory.mktemp("sweep") / "run", recordings(5))


def test_every_condition_has_a_row_for_each_recording_and_variant(trials: pd.DataFrame) -> None:
    words = trials[trials["perturbation"] != "no-word"]
    counts = words.groupby(["perturbation", "level", "fill", "draw", "placement"], observed=True, dropna=False).size()
    assert set(counts) == {5 * 2}
    assert len(counts) == len(plan_of(Settings(), FRAME).conditions)
    assert not words.duplicated(KEY).any()


def test_the_margin_is_right_exactly_where_the_answer_is(trials: pd.DataFrame) -> None:
    words = trials[trials["label"].notna()]
    assert ((words["margin"] > 0) == words["correct"].astype(bool)).all()
    assert ((words["predicted"].astype(str) == words["label"].astype(str)) == words["correct"].astype(bool)).all()
    assert (words["rival"].astype(str) != words["label"].astype(str)).all()


def test_a_row_is_the_classifiers_own_answer(trials: pd.DataFrame) -> None:
    """Recomputed one clip at a time, with the placement written out."""
    one = recordings(5)[3]
    window = torch.zeros(1, FRAME.samples)
    window[0, : len(one.samples)] = one.samples
    logits = classifier().logits(window)[0]
    rows = trials.query("variant == 'float32' and recording == @one.id and perturbation == 'padding-placement' and placement == 'start'")
    row = rows[rows["fill"] == "zeros"].iloc[0]
    others = [score for label, score in zip(LABELS, logits.tolist(), strict=True) if label != one.label]
    assert row["predicted"] == LABELS[int(logits.argmax())]
    assert row["p_predicted"] == pytest.approx(float(logits.softmax(0).max()), abs=1e-5)
    assert row["margin"] == pytest.approx(float(logits[LABELS.index(str(one.label))]) - max(others), abs=1e-4)


def test_offsets_and_losses_are_those_of_the_placement(trials: pd.DataFrame) -> None:
    atlas = trials[trials["placement"] == "offset"]
    assert (atlas["offset_ms"] == atlas["level"]).all()
    inside = atlas[(atlas["onset_ms"] >= 0) & (atlas["lost_end_ms"] == 0)]
    assert (inside["lost_start_ms"] == 0).all()
    cut = atlas[atlas["onset_ms"] < 0]
    assert (cut["lost_start_ms"] > 0).all()


def test_no_row_depends_on_batch_order_or_company(trials: pd.DataFrame, tmp_path: Path) -> None:
    other = swept(tmp_path / "run", recordings(5)[::-1][:3], Settings(batch=2))
    both = trials.merge(other, on=KEY, suffixes=("", "_other"), how="inner")
    words = both[both["perturbation"] != "no-word"]
    assert len(words) == 3 * 2 * len(plan_of(Settings(), FRAME).conditions)
    assert (words["p_label"] - words["p_label_other"]).abs().max() < 1e-4
    int8 = words[words["variant"] == "dynamic-int8"]
    assert (int8["p_label"] == int8["p_label_other"]).all()
    assert (int8["predicted"].astype(str) == int8["predicted_other"].astype(str)).all()


def test_windows_without_a_word_have_no_truth(trials: pd.DataFrame) -> None:
    heard = trials[trials["perturbation"] == "no-word"]
    assert heard["label"].isna().all()
    assert heard["correct"].isna().all()
    assert {"silence", "white noise", "pink noise"} == set(heard["recording"].astype(str))


def test_recordings_without_labels_are_swept_all_the_same(tmp_path: Path) -> None:
    some = [replace(recording, label=None) for recording in recordings(2)]
    rows = swept(tmp_path / "run", some, Settings(perturbations=("padding-placement",)))
    assert rows["correct"].isna().all()
    assert rows["predicted"].notna().all()


def test_several_models_stand_side_by_side(tmp_path: Path) -> None:
    models = [classifier(), replace(classifier(1), name="other")]
    rows = swept(tmp_path / "run", recordings(2), Settings(perturbations=("sample-shift",)), models)
    assert set(rows["variant"]) == {"small · float32", "other · float32"}


def test_models_of_different_labels_are_refused(tmp_path: Path) -> None:
    models = [classifier(), replace(classifier(1), name="other", labels=LABELS[::-1])]
    with pytest.raises(UsageError, match="make a run of each"):
        swept(tmp_path / "run", recordings(2), Settings(perturbations=("sample-shift",)), models)


class Moody(nn.Module):
    """Adds another random number each time it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = torch.Generator().manual_seed(0)

    def forward(self, features: Tensor) -> Tensor:
        return torch.randn(len(features), 11, generator=self.rng)


class Broken(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return torch.full((len(features), 11), torch.nan)


@pytest.mark.parametrize(("net", "words"), [(Moody(), "changes nothing, changed"), (Broken(), "not a number")])
def test_answers_that_cannot_be_trusted_stop_the_run(net: nn.Module, words: str, tmp_path: Path) -> None:
    with pytest.raises(CannotJudgeError, match=words):
        swept(tmp_path / "run", recordings(4), classifiers=[replace(classifier(), network=TorchNetwork(net))])


def test_a_perturbation_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="did you mean white-noise"):
        plan_of(Settings(perturbations=("whitenoise",)), FRAME)


def test_background_noise_is_left_out_with_its_reason() -> None:
    plan = plan_of(Settings(), FRAME)
    assert "--noises DIR" in plan.skipped["background-noise"]
    assert "background-noise" not in plan.perturbations


def test_batches_are_the_same_rows_as_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROWS_A_PART", 20)
    monkeypatch.setattr(sweep, "RECORDINGS_AT_ONCE", 2)
    trials = swept(tmp_path / "run", recordings(5), Settings(perturbations=("padding-placement",)))
    parts = list(Run.open(tmp_path / "run").batches())
    assert len(parts) == 4  # 2, 2 and 1 recordings, and the windows without a word
    assert pd.concat(parts).astype(str).values.tolist() == trials.astype(str).values.tolist()
    names = [set(part.loc[part["perturbation"] != "no-word", "recording"].astype(str)) for part in parts]
    assert sum(map(len, names)) == 5  # each recording in one part
    placed = list(Run.open(tmp_path / "run").batches(["recording", "margin"], perturbation="padding-placement", variant="float32"))
    assert list(placed[0].columns) == ["recording", "margin"]
    assert sum(map(len, placed)) == len(trials[(trials["perturbation"] == "padding-placement") & (trials["variant"] == "float32")])


def test_blocks_in_any_order_are_the_same_bytes_and_the_same_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROWS_A_PART", 10)
    monkeypatch.setattr(sweep, "RECORDINGS_AT_ONCE", 2)
    some, plan, frame = recordings(4), plan_of(Settings(perturbations=("padding-placement",)), FRAME), FRAME
    placed = placeable(some, frame, plan.settings)
    whole, late, early = (RunWriter(tmp_path / name) for name in ("whole", "late", "early"))
    digests = Sweep([classifier()], plan, whole).run(placed).audio
    after = Sweep([classifier()], plan, late, tally=Tally(recordings=2)).run(placed).audio  # the second block and what has no word
    before = Sweep([classifier()], replace(plan, no_word=False), early).run(placed[:2]).audio
    for folder in ("trials", "heard"):
        found = {path.name: path.read_bytes() for writer in (late, early) for path in (writer.path / folder).iterdir()}
        assert found == {path.name: path.read_bytes() for path in (whole.path / folder).iterdir()}
        assert len(found) == 3
    assert {key: combined(before.get(key, ""), digest) for key, digest in after.items()} == digests


def test_the_digest_of_a_condition_is_the_sum_of_those_of_its_windows() -> None:
    windows, tally = torch.rand(3, 8, generator=torch.Generator().manual_seed(0)), Tally()
    marks = [*tally.heard("none", ["c"], windows[2:]), *tally.heard("none", ["a", "b"], windows[:2])]
    each = [
        hashlib.sha256(name.encode() + b"\0" + window.numpy().tobytes()).digest()
        for name, window in zip("cab", windows[[2, 0, 1]], strict=True)
    ]
    assert marks == [int.from_bytes(digest[:4], "big") for digest in each]
    assert int(tally.audio["none"], 16) == sum(int.from_bytes(digest, "big") for digest in each) % 2**256


def test_a_preset_has_all_of_the_smaller_one_and_a_plain_run_is_the_quick_one() -> None:
    quick, standard, full = (preset_names(preset) for preset in ("quick", "standard", "full"))
    assert set(quick) < set(standard) < set(full) == set(PERTURBATIONS.names())
    assert set(plan_of(Settings(), FRAME).perturbations) == set(quick) - {"background-noise"}
    assert set(quick) == {"background-noise", "gain", "padding-placement", "pink-noise", "sample-shift", "time-shift", "white-noise"}


def test_what_a_preset_cannot_run_is_left_out_with_its_reason() -> None:
    plan = plan_of(Settings(preset="standard"), FRAME)
    assert "--input talkers=DIR" in plan.skipped["babble"]
    assert "far-field" in plan.perturbations


def test_a_preset_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="there is no preset 'fast'; give one of quick, standard, full, dhauds"):
        preset_names("fast")  # type: ignore[arg-type]


def test_levels_of_dhauds_are_drawn_by_seed_from_its_ranges_and_are_what_is_run() -> None:
    settings = Settings(preset="dhauds", seed=3)
    plan = plan_of(settings, FRAME)
    assert set(plan.perturbations) == {"white-noise", "tempo", "pitch"}
    assert set(plan.skipped) == {"background-noise"}
    ranges = {"white-noise": (5.0, 7.0), "tempo": (4.0, 12.0), "pitch": (4.0, 7.0)}
    for name, facts in plan.kinds("center").items():
        low, high = ranges[name]
        assert all(low <= abs(level) <= high for level in facts.levels)
        assert {c.level for c in plan.conditions if c.perturbation == name} == {*facts.levels, facts.neutral}
    assert plan_of(settings, FRAME).conditions == plan.conditions
    assert plan_of(replace(settings, seed=4), FRAME).conditions != plan.conditions
    assert PERTURBATIONS["pitch"].axis.grid == PERTURBATIONS["pitch"]().axis.grid
