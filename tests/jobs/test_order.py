"""Does an answer depend on which other recordings are there, or in which order they are given?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from robustness.audio.labels import LabelSource
from robustness.audio.selection import Selection
from robustness.jobs.assess import execute, prepare
from robustness.jobs.request import Request
from robustness.run.folder import RunWriter
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings

KEY = ["variant", "recording", "perturbation", "level", "fill", "placement", "draw"]


def trials(request: Request, out: Path) -> pd.DataFrame:
    run = execute(prepare(request), RunWriter(out), lambda doing, done, total: None, lambda job, run, progress: None)
    return (
        run.trials()
        .astype({"level": float, **dict.fromkeys(("variant", "recording", "perturbation", "fill", "placement"), str)})
        .sort_values(KEY)
        .reset_index(drop=True)
    )


def test_neither_the_order_nor_a_sample_changes_an_answer(tmp_path: Path) -> None:
    card, words = write_card(tmp_path / "model"), write_recordings(tmp_path / "words", 6)
    write_recordings(tmp_path / "more", 3).joinpath("yes", "yes-0.wav").rename(words / "yes" / "other.wav")
    folders = tuple(sorted(words.iterdir()))
    settings = Settings(perturbations=("padding-placement", "white-noise"), batch=1)
    asked = Request((card,), folders, variants=("float32",), settings=settings, labels=LabelSource(required=False))
    whole = trials(asked, tmp_path / "whole")
    pd.testing.assert_frame_equal(whole, trials(replace(asked, recordings=folders[::-1]), tmp_path / "backwards"))
    few = trials(replace(asked, selection=Selection(sample=3)), tmp_path / "few")
    assert few.loc[few["recording"].str.endswith(".wav"), "recording"].nunique() == 3
    pd.testing.assert_frame_equal(few, whole[whole["recording"].isin(set(few["recording"]))].reset_index(drop=True))
