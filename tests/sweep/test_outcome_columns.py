"""Do the trials of a real run hold what the device does: the outcome from the stored columns, the margin from the network's logits?"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from robustness.audio.placement import batch_of, lead_of, place
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.conditions import NONE, OTHER_WORD, Condition
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.quantization.base import quantized
from robustness.run.folder import TRIALS, Run, RunWriter
from robustness.sweep.plan import Settings, plan_of
from robustness.sweep.sweep import Sweep
from robustness.sweep.trials import answer_of, label_indices, trial_columns
from tests.builders import FRAME, classifier, recordings

PLACES = ("padding-placement",)


def swept(variants: list[Classifier], words: list[Recording], out: Path) -> Run:
    """A small run: three placements and the reference, and windows without a word."""
    plan = plan_of(Settings(perturbations=PLACES), variants[0].frame, 1000.0)
    writer = RunWriter(out)
    Sweep(variants, plan, writer).run(words)
    writer.write_recordings(pd.DataFrame({"id": [word.id for word in words]}))
    model = {"name": variants[0].name, "variants": [{"name": one.variant} for one in variants]}
    writer.write_manifest({"models": [model], "complete": True})
    return writer.finish()


def outcome_from_columns(row: Any, threshold: float | None, rejections: tuple[str, ...]) -> str | None:
    """From predicted, p, label and θ."""
    acts = row.predicted not in rejections and (threshold is None or np.float32(row.p_predicted) >= np.float32(threshold))
    if row.perturbation == "no-word" or row.label in rejections:
        return "falsely accepted" if acts else "left alone"
    if not isinstance(row.label, str):
        return None
    return "missed" if not acts else "accepted right" if row.predicted == row.label else "substituted"


def margin_of(logits: list[float], c: int, model: Classifier) -> float:
    """The formula, a window at a time, from the network's logits."""
    top = max(logits)
    p = [math.exp(f - top) for f in logits]
    total = sum(p)
    odds = [math.log(q / total) - math.log(sum(p[:k] + p[k + 1 :]) / total) for k, q in enumerate(p)]
    ends = math.log(1e-7) - math.log(1 - 1e-7)
    odds = [min(max(value, ends), -ends) for value in odds]
    silent = [k for k, label in enumerate(model.labels) if label in model.rejections]
    bar = [] if model.threshold is None else [math.log(float(model.threshold)) - math.log(1 - float(model.threshold))]  # type: ignore[arg-type]
    if c not in silent:
        return min([logits[c] - max(f for k, f in enumerate(logits) if k != c), *(odds[c] - one for one in bar)])
    commands = [k for k in range(len(logits)) if k not in silent]
    return -max(min([logits[k] - max(logits[r] for r in silent), *(odds[k] - one for one in bar)]) for k in commands)


def check(run: Run, variants: list[Classifier], words: list[Recording]) -> pd.DataFrame:
    rows = run.trials()
    for model in variants:
        own = rows[rows["variant"] == model.variant]
        threshold = None if model.threshold is None else float(model.threshold)  # type: ignore[arg-type]
        slow = [outcome_from_columns(row, threshold, model.rejections) for row in own.itertuples()]
        assert [value if isinstance(value, str) else None for value in own["outcome"]] == slow
        frame, batch = model.frame, batch_of(words)
        for where in ("start", "center", "end"):
            windows = place(batch, lead_of(where, frame.samples - batch.lengths), frame)
            here = own[(own["perturbation"] == "padding-placement") & (own["placement"] == where) & (own["fill"] == "zeros")]
            here = here.astype({"recording": str}).set_index("recording")
            for k, word in enumerate(words):  # one clip at a time
                logits = model.logits(windows.samples[k : k + 1])[0].double().tolist()
                expected = margin_of(logits, model.labels.index(str(model.truth(word.label))), model)
                assert here.loc[word.id, "outcome_margin"] == pytest.approx(expected, abs=2e-3)
    return rows


@pytest.mark.parametrize("name", ["digits", "digits-hardened"])
def test_the_shipped_models(name: str, root: Path, tmp_path: Path) -> None:
    model = load_classifier(root / "models" / f"{name}.toml")
    words = list(read_recordings([root / "recordings" / "joe"], rate_hz=16_000, longest_samples=16_000).recordings)
    rows = check(swept([model], words, tmp_path / "run"), [model], words)
    assert set(rows["outcome"].dropna()) >= {"accepted right", "left alone"}
    assert rows["outcome_margin"].notna().all()


def test_the_tutorials_model_says_what_it_said(shared: Path, root: Path, tmp_path: Path) -> None:
    """Without a threshold the winning label decides: of the 80 answers four are bad, `up` and `left` at the start."""
    original = load_classifier(root / "models" / "tutorial.toml", weights=shared / "tutorial" / "speech_commands_model.pt")
    variants = [quantized(original, name) for name in ("float32", "dynamic-int8")]
    words = list(read_recordings([shared / "tutorial" / "recordings"], rate_hz=16_000, longest_samples=16_000).recordings)
    rows = check(swept(variants, words, tmp_path / "run"), variants, words)
    here = rows[(rows["perturbation"] == "padding-placement") & (rows["fill"] == "zeros") & rows["placement"].isin(["start", "center"])]
    bad = here[~here["outcome"].isin(["accepted right", "left alone"])]
    assert (len(here), len(bad), set(bad["placement"])) == (80, 4, {"start"})
    assert sorted(zip(bad["label"], bad["predicted"], bad["outcome"], strict=True)) == [
        *[("left", "up", "substituted")] * 2,
        *[("up", "unknown", "missed")] * 2,
    ]
    assert (here["correct"].astype(bool) == here["outcome"].isin(["accepted right", "left alone"])).all()


def test_a_sigmoid_of_one_label_has_outcomes_for_other_words() -> None:
    """One label, no rejection: its own word is accepted or missed, any other is left alone or falsely accepted."""
    model = replace(classifier(), labels=("up",), unknown=None, output="sigmoids", threshold=0.5)
    words = [replace(word, label=label) for word, label in zip(recordings(4), ("up", "up", "go", None), strict=True)]
    labels = label_indices(model, [model.truth(word.label) for word in words])
    windows = place(batch_of(words), torch.zeros(4, dtype=torch.long), FRAME)
    logits = torch.tensor([[1.0], [-1.0], [2.0], [2.0]])
    columns = trial_columns(model, Condition(NONE), windows, logits, labels, unit=None, frame=FRAME)
    assert set(columns) <= set(TRIALS.names)
    rows = {name: columns[name].to_pylist() for name in ("label", "outcome", "outcome_margin", "correct", "margin", "command", "p_command")}
    assert rows["label"] == ["up", "up", OTHER_WORD, None]
    assert rows["outcome"] == ["accepted right", "missed", "falsely accepted", None]
    assert rows["outcome_margin"] == pytest.approx([1.0, -1.0, -2.0, None], abs=1e-6)
    assert rows["correct"] == [True, True, None, None]  # the one label always wins, and says nothing
    assert rows["margin"] == pytest.approx([1.0, -1.0, None, None])  # its log-odds, of what has the label
    assert rows["command"] == ["up"] * 4
    assert rows["p_command"] == pytest.approx(torch.sigmoid(logits[:, 0]).tolist())


def test_of_one_label_the_margin_is_its_log_odds() -> None:
    assert answer_of(torch.tensor([[2.0], [-1.0]]), torch.tensor([0, 0])).margin.tolist() == [2.0, -1.0]
