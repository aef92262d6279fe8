from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser

from robustness.cli.main import run
from tests.builders import RATE_HZ
from tests.cards import write_card

MARVIN = """
name = "marvin"
labels = ["marvin", "silence", "other"]
unknown = "other"
silence = "silence"
output = "probabilities"
weights = {{ file = "marvin.tflite", sha256 = "{}" }}
frontend = {{ preset = "mlperf-tiny-sww", rate_hz = 16000 }}
window = {{ duration_ms = 992.0, placement = "end" }}
"""


def streamed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["robustness", "stream", *arguments])
    status = run()
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are written lie in the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """A take of 2 s of faint noise beside a card."""
    write_card(tmp_path)
    soundfile.write(tmp_path / "take.wav", np.random.default_rng(0).normal(size=2 * RATE_HZ) * 1e-3, RATE_HZ)
    return tmp_path


def test_the_shipped_take_under_the_shipped_model(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("--model", str(root / "models/commands.toml"), str(root / "recordings/joe-take.wav"))
    labels = ("--labels", str(root / "recordings/joe/spans.csv"), "--hop-ms", "200", "--phase-ms", "100")
    status, out, _ = streamed(capsys, monkeypatch, *given, *labels, "--json")
    assert status == 0
    found: dict[str, Any] = json.loads(out)
    floats, ints = found["variants"]
    assert (floats["name"], ints["name"]) == ("commands, float32", "commands, dynamic-int8")
    assert (floats["first_phase"]["words"], len(floats["words"])) == (10, 20)
    assert floats["first_phase"]["hits"] + floats["first_phase"]["misses"] == 10
    words = {one["label"]: one for one in floats["words"]}
    assert [answer["outcome"] for answer in words["off"]["alone"].values()] == [
        "substituted"
    ] * 3  # as the report of these recordings has it
    assert words["off"]["hops"]["200"]["caught"] == 0
    assert words["yes"]["hops"]["100"] == {"phases": 1, "caught": 1, "wrong": 0, "first": 0, "said": {}}
    asked = floats["repairs"]
    assert asked["failing"] == asked["repaired"] + asked["partly"] + asked["never"]
    assert asked["failing"] == sum(any(not one["good"] for one in word["alone"].values()) for word in floats["words"])


def test_a_take_without_labels_gives_false_alarms_alone(
    quiet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = streamed(capsys, monkeypatch, "--model", str(quiet / "small.toml"), str(quiet / "take.wav"), "--hop-ms", "500")
    assert status == 0
    assert "No word of the vocabulary is labelled: false alarms alone are counted." in out
    assert "hits" not in out
    assert "it has no labels: whatever is said counts as a false alarm" in err


@pytest.mark.parametrize(
    ("labels", "arguments", "says"),
    [
        ("start_s,end_s,label\n5,6,yes\n", (), "begins at 5 s and the take lasts 2 s"),
        (None, ("--rule", "plane"), "there is no decision rule 'plane'"),
        (None, ("--hop-ms", "0"), "--hop-ms is 0; expected a number above 0"),
        (None, ("--hop-ms", "2000", "--phase-ms", "2000"), "expected more than 0 and at most the model's window"),
        (None, ("--phase-ms", "-5"), "--phase-ms is -5"),
        (None, ("--tolerance-ms", "-1"), "--tolerance-ms is -1"),
        (None, ("--setting", "window"), "--setting window says nothing"),
        (None, ("--rule", "esphome", "--setting", "vad=vad"), "looks for voice activity in 'vad', and the scores have"),
        (None, ("--rule", "edge-impulse", "--setting", "flags=maybe"), "has the flag 'maybe', which is no label"),
        (None, ("--labels", "a.csv", "--labels", "b.csv"), "2 files of labels for 1 take;"),
        (None, ("--words", "yes", "--labels", "a.csv"), "--words goes with one take and without --labels"),
    ],
)
def test_what_cannot_be_streamed(
    labels: str | None,
    arguments: tuple[str, ...],
    says: str,
    quiet: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if labels is not None:
        (quiet / "take.csv").write_text(labels, encoding="utf-8")
    status, _, err = streamed(capsys, monkeypatch, "--model", str(quiet / "small.toml"), str(quiet / "take.wav"), *arguments)
    assert (status, "Traceback" in err) == (2, False)
    assert says in err


def test_labels_beside_the_take_that_hold_no_command(
    quiet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (quiet / "take.csv").write_text("start_s,end_s,label\n0.5,0.9,Yes\n", encoding="utf-8")
    _, out, err = streamed(capsys, monkeypatch, "--model", str(quiet / "small.toml"), str(quiet / "take.wav"), "--hop-ms", "500")
    assert "none of its words is a command of the model" in err
    assert "'Yes' counts as a word outside the vocabulary; the labels have yes" in err
    assert "false alarms alone" in out


def test_scores_of_another_engine_are_scored_by_the_same_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = np.arange(1, 3001) * 0.02
    loud = ((times > 5.61) & (times < 5.8)) | ((times > 30.6) & (times < 30.8))
    rows = [f"{time:.2f},{'0.90' if high else '0.02'}" for time, high in zip(times, loud, strict=True)]
    (tmp_path / "scores.csv").write_text("\n".join(["time_s,yes", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "spans.csv").write_text("start_s,end_s,label\n5,5.5,yes\n15,15.5,yes\n", encoding="utf-8")
    given = ("--scores", str(tmp_path / "scores.csv"), "--labels", str(tmp_path / "spans.csv"), "--threshold", "0.5", "--json")
    for hop, latency in ((), 120.0), (("--hop-ms", "60"), 160.0):
        status, out, _ = streamed(capsys, monkeypatch, *given, *hop)
        found = json.loads(out)["variants"][0]["first_phase"]
        assert status == 0
        assert (found["hits"], found["misses"], found["false_alarms"], found["latency_ms"]) == (1, 1, 1, pytest.approx(latency))
    status, _, err = streamed(capsys, monkeypatch, *given, "--hop-ms", "50")
    assert (status, "the scores come every 20 ms; give a multiple of that" in err) == (2, True)


def test_the_log_of_a_device_knows_its_keyword_from_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.log").write_text("Detection Timestamps (ms)\n500,\n2100,\n9500,\nm-ready\n", encoding="utf-8")
    spec = '{"configs_wakeword": [["marvin/a.wav", 1.0, 0.7], ["marvin/b.wav", 4.0, 0.8]], "length_sec": 10.0}'
    (tmp_path / "spec.json").write_text(spec, encoding="utf-8")
    given = ("--scores", str(tmp_path / "run.log"), "--labels", str(tmp_path / "spec.json"), "--rule", "mlperf-tiny", "--json")
    _, out, _ = streamed(capsys, monkeypatch, *given)
    found = json.loads(out)["variants"][0]["first_phase"]
    assert (found["hits"], found["misses"], found["false_alarms"]) == (1, 1, 1)


def test_the_folder_that_is_left(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    given = ("--model", str(root / "models/commands.toml"), str(root / "recordings/joe-take.wav"), "--variant", "float32")
    labels = ("--labels", str(root / "recordings/joe/spans.csv"), "--hop-ms", "200", "--phase-ms", "100")
    for name in ("a", "b"):
        status, out, _ = streamed(capsys, monkeypatch, *given, *labels, "--out", name)
        assert status == 0
        assert out.splitlines()[-1] == f"{name}/index.html"
    page = (tmp_path / "a" / "index.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "b" / "index.html").read_text(encoding="utf-8")
    assert str(root) not in page
    assert "Fragility in a single window is not harmless here: 8 of 20 words fail in a single window" in page
    drawn = browser.new_page()
    faults: list[str] = []
    drawn.on("pageerror", lambda error: faults.append(str(error)))
    drawn.goto((tmp_path / "a" / "index.html").as_uri())
    drawn.locator("#timeline-0").scroll_into_view_if_needed()
    drawn.locator("#timeline-0 .main-svg").first.wait_for()
    seen = "() => document.querySelector('[data-figure=timeline-0]').layout.xaxis.range.map(Math.round)"
    points = "() => document.querySelector('[data-figure=timeline-0]').data[0].x.length"
    assert drawn.evaluate(seen) == [0, 24511]
    assert drawn.evaluate(points) == 2 * 613  # 2,452 stretches of 10 ms, four of them in each piece, lowest and highest
    drawn.locator("[data-move=closer]").click()
    assert drawn.evaluate(seen) == [9192, 15319]
    assert drawn.evaluate(points) == 2 * 615  # the finest scale
    drawn.locator("#mistakes [data-at]").first.click()
    at = round(float(drawn.locator("#mistakes [data-at]").first.get_attribute("data-at") or "nan"))
    low, high = drawn.evaluate(seen)
    assert low <= at <= high == low + 5000
    for name in ("phases", "latency"):
        drawn.locator(f"#{name}").scroll_into_view_if_needed()
        drawn.locator(f"#{name} .main-svg").first.wait_for()
    assert drawn.locator("#mistakes tbody tr audio").count() == drawn.locator("#mistakes tbody tr").count() > 0
    drawn.close()
    assert faults == []
    (one,) = json.loads((tmp_path / "a" / "stream.json").read_text(encoding="utf-8"))["variants"]
    again = ("--scores", "a/scores-0.parquet", "--labels", str(root / "recordings/joe/spans.csv"), "--hop-ms", "200", "--json")
    found = json.loads(streamed(capsys, monkeypatch, *again)[1])["variants"][0]  # another rule costs no forward pass
    assert found["first_phase"] == one["first_phase"]
    other = json.loads(streamed(capsys, monkeypatch, *again, "--rule", "recognize-commands-tf")[1])["variants"][0]
    assert other["settings"]["average_ms"] == 500.0


def test_without_audio_no_sound_is_kept(quiet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("--model", str(quiet / "small.toml"), str(quiet / "take.wav"), "--hop-ms", "500", "--no-audio", "--out", "kept")
    assert streamed(capsys, monkeypatch, *given)[0] == 0
    assert "data:audio" not in (quiet / "kept" / "index.html").read_text(encoding="utf-8")


def test_a_name_cannot_write_into_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.csv").write_text("time_s,label,score\n1,<img src=x onerror=alert(1)>,0.9\n", encoding="utf-8")
    assert streamed(capsys, monkeypatch, "--scores", "s.csv", "--threshold", "0.5", "--out", "kept")[0] == 0
    assert "<img src=x" not in (tmp_path / "kept" / "index.html").read_text(encoding="utf-8")


def test_mlperf_tinys_streaming_wake_word(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ai_edge_litert.interpreter")
    content = (shared / "mlperf_tiny" / "str_ww_ref_model.tflite").read_bytes()
    (tmp_path / "marvin.tflite").write_bytes(content)
    (tmp_path / "marvin.toml").write_text(MARVIN.format(hashlib.sha256(content).hexdigest()), encoding="utf-8")
    take = shared / "mlperf_tiny" / "short_wav_easy10s"
    given = ("--model", "marvin.toml", f"{take}.wav", "--hop-ms", "32", "--phase-ms", "32", "--rule", "mlperf-tiny", "--json")
    for threshold, hits in (("0.5", 3), ("0.95", 2)):
        status, out, _ = streamed(capsys, monkeypatch, *given, "--threshold", threshold)  # the specification lies beside the take
        found = json.loads(out)["variants"][0]["first_phase"]
        assert (status, found["hits"], found["words"], found["false_alarms"]) == (0, hits, 3, 0)


def test_the_tutorials_two_failures_are_caught_when_streamed(
    root: Path, shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tutorial = shared / "tutorial"
    words = [str(path) for path in sorted((tutorial / "recordings").glob("*")) if {"up", "left"} & set(path.stem.split("_"))]
    monkeypatch.setattr("sys.argv", ["robustness", "compose", *words, "--out", "take.wav"])
    assert run() == 0
    weights = ("--weights", str(tutorial / "speech_commands_model.pt"))
    given = ("--model", str(root / "models/tutorial.toml"), *weights, "take.wav", "--hop-ms", "500", "--phase-ms", "100")
    status, out, _ = streamed(capsys, monkeypatch, *given)
    assert status == 0
    for variant in out.split("tutorial, ")[1:3]:  # float32 and dynamic-int8 alike
        assert "2 of 2 words fail in a single window" in variant
        assert (
            "`up` fails in a single window (at the start: missed, unknown); streamed, it is caught at all 5 phases at H = 500 ms" in variant
        )
        assert "`left` fails in a single window (at the start: substituted, up); streamed, it is caught at all 5 phases" in variant
