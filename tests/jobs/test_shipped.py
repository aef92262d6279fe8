"""Does what is no torch network go the whole way: a program by a pipe through report, judgement and explanation?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from robustness.cli.main import run
from robustness.errors import DONE, RULE_FAILED
from robustness.jobs.assess import assess
from robustness.jobs.request import Request
from robustness.run.evidence import read_failures
from robustness.run.integrity import checked_run
from robustness.sweep.plan import Settings
from tests.models.formats.test_command import SPOTTER, card_of

RULES = """
version = 2
[defaults]
scope = "files"
[rule.accepted]
metric = "accepted_right"
min = 0.99
"""


def words(folder: Path) -> Path:
    """Two loud noises and one that is too weak for the spotter."""
    rng = np.random.default_rng(0)
    for name, level in {"a": 0.4, "b": 0.3, "weak": 0.03}.items():
        (folder / "loud").mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "loud" / f"{name}.wav", np.clip(rng.normal(size=640) * level, -1, 1), 16_000)
    return folder


def test_a_program_is_reported_judged_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "card").mkdir()
    card = card_of(tmp_path / "card", program=SPOTTER)
    recordings = words(tmp_path / "words")
    made = assess(Request((card,), (recordings,), settings=Settings(perturbations=("padding-placement",))), tmp_path / "run")
    found = checked_run(made.path)
    assert found.manifest["models"][0]["weights_sha256"] == ""
    failed = read_failures(found.evidence)
    assert failed is not None
    assert {one.recording for one in failed.failures} == {"loud/weak.wav"}
    assert set(found.trials()["kernels"].astype(str)) == {found.manifest["models"][0]["variants"][0]["about"]["engine"]}
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["robustness", "gate", "--rules", str(tmp_path / "rules.toml"), "--from", str(made.path)])
    assert run() == RULE_FAILED
    assert "(2 of 3)" in capsys.readouterr().out
    asked = ["robustness", "explain", "--model", str(card), str(recordings / "loud" / "weak.wav"), "--label", "loud"]
    monkeypatch.setattr("sys.argv", [*asked, "--method", "occlusion", "--untested", "--out", str(tmp_path / "explained")])
    assert run() == DONE
