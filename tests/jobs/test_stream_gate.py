from __future__ import annotations

import json
from pathlib import Path

import pytest

from robustness.cli.main import run
from robustness.errors import RunError
from robustness.streaming.kept import read_streams

SCORES = "time_s,yes,no,unknown\n" + "".join(
    f"{at / 10:g},{0.9 if 20 <= at < 24 else 0.05:g},{0.8 if 60 <= at < 62 else 0.05:g},0.1\n" for at in range(1, 101)
)
LABELS = "start_s,end_s,label\n1.5,2.0,yes\n4.0,4.5,no\n"
RULES = """
version = 2
[rule.hits]
metric = "stream_hit_rate"
min = 0.5
[rule.alarms]
metric = "stream_false_alarms_per_hour"
max = 1
"""


def said(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["robustness", *arguments])
    return run()


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("scores.csv", SCORES), ("labels.csv", LABELS), ("rules.toml", RULES)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    arguments = ("stream", "--scores", "scores.csv", "--labels", "labels.csv", "--rule", "plain", "--threshold", "0.5", "--out", "s")
    assert said(monkeypatch, *arguments, "--setting", "refractory_ms=500") == 0
    return tmp_path / "s"


def test_a_kept_stream_is_the_stream(stream: Path) -> None:
    (kept,) = read_streams(stream).variants
    figures = json.loads((stream / "stream.json").read_text())["variants"][0]
    assert kept.phases.figures[0].said == figures["first_phase"]
    assert kept.rule.settings == figures["settings"]


def test_the_gate_judges_a_folder_of_a_stream(stream: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(monkeypatch, "gate", "--rules", "rules.toml", "--stream", "s") == 1
    out = capsys.readouterr().out
    assert "hits" in out
    assert "50 % (1 of 2)" in out
    verdicts = json.loads((stream / "gate" / "verdicts.json").read_text())
    assert [one["name"] for one in verdicts["verdicts"]] == ["alarms", "hits"]
    assert verdicts["subject"]["stream"].startswith("1 take of 0.00278 h with 2 words, an answer every 100 ms")
    assert (stream / "gate" / "junit.xml").exists()
    assert said(monkeypatch, "stream", "--scores", "scores.csv", "--labels", "labels.csv", "--rules", "rules.toml", "--out", "again") == 1


def test_a_folder_that_is_none(stream: Path) -> None:
    with pytest.raises(RunError, match="is no folder of `robustness stream`"):
        read_streams(stream / "gate")
    (stream / "stream.json").write_text("{}")
    with pytest.raises(RunError, match="is damaged, or of another version"):
        read_streams(stream)
