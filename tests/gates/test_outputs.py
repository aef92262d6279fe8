"""What a gate writes can be read by others, and is whole at every moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml

from robustness.errors import OutputError
from robustness.gates.outputs import JSON, JUNIT, MARKDOWN
from robustness.gates.run_judgement import JudgedBeside, judge_run
from robustness.report.banner import BEGIN, END, addresses_in, insert
from robustness.run.folder import Run
from tests.gates.planted import Answers, Planted, right, rules_in

ISSUE = """
[defaults]
scope = "files"
confidence = 0.95
on_inconclusive = "fail"

[rule.accepted]
metric = "accepted_right"
variant = "float32"
min = 0.90

[rule.wrong-commands]
metric = "substituted"
max = 0.00

[rule.early-word]
metric = "tolerance_early_ms"
perturbation = "time-shift"
at = 0.90
variant = "*"
min = 100

[rule.padding]
metric = "right_to_wrong"
perturbation = "padding-placement"
max = 0.05

[rule.noise]
metric = "accuracy"
perturbation = "white-noise"
level = ">= 10"
scope = "population"
min = 0.80

[rule.int8]
metric = "accuracy_drop"
variant = "dynamic-int8"
against = "float32"
max = 0.01

[rule.regression]
metric = "right_to_wrong"
against = "baseline"
max = 0.02
severity = "warn"
"""
HOSTILE = """
[rule."<b>|`x`\\u0001"]
metric = "accuracy"
min = 0.9
[rule.passes]
metric = "accuracy"
min = 0.1
[rule.inconclusive]
metric = "accuracy"
scope = "population"
min = 0.7
on_inconclusive = "warn"
[rule.cannot]
metric = "layer_sqnr_db"
min = 10
"""


@pytest.fixture
def judged(tmp_path: Path) -> Run:
    run = Planted([Answers(right(15, 20))]).write(tmp_path / "run")
    judge_run(run, rules_in(tmp_path, HOSTILE), JudgedBeside(), run.path)
    return run


def test_junit_is_read_by_a_junit_reader(judged: Run) -> None:
    found = JUnitXml.fromfile(str(judged.path / "gate" / JUNIT))
    cases = {case.name: case for suite in found for case in suite}
    assert list(cases) == ["<b>|`x`�", "passes", "inconclusive", "cannot"]
    assert [type(result) for case in cases.values() for result in case.result] == [Failure, Error]
    assert (found.tests, found.failures, found.errors) == (4, 1, 1)
    assert "75 % (15 of 20)" in str(cases["<b>|`x`�"].result[0].message)
    assert all(case.time is not None and case.time >= 0 for case in cases.values())
    assert found.time == pytest.approx(sum(case.time for case in cases.values()), abs=0.005)
    assert cases["<b>|`x`�"].system_out is None  # its text stands once
    assert cases["inconclusive"].system_out.startswith("inconclusive (warning only): ")


def test_json_holds_every_number(judged: Run) -> None:
    found = json.loads((judged.path / "gate" / JSON).read_text())
    assert found["status"] == 3
    assert [verdict["outcome"] for verdict in found["verdicts"]] == ["error", "fail", "inconclusive", "pass"]
    worst = found["verdicts"][2]["worst"]
    assert worst["observed"] == 0.75
    assert worst["low"] == pytest.approx(0.5313, abs=1e-4)  # Wilson, 15 of 20
    assert worst["high"] == pytest.approx(0.8881, abs=1e-4)
    assert len(worst["behind"]) == 5
    assert str(judged.path) not in json.dumps(found)


def test_markdown_is_a_table_that_no_name_can_break(judged: Run) -> None:
    lines = (judged.path / "gate" / MARKDOWN).read_text().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}
    assert len(rows) == 2 + 4
    assert lines[2:4] == ["- planted 00000000, the most probable label counts", "- 20 recordings (planted)"]
    assert "<b>" not in "".join(lines)


def test_the_page_gets_the_banner_and_keeps_the_rest(judged: Run, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    rest = '<main>\n{}\n<section id="recordings">x</section></main>'
    page.write_text(rest.format(BEGIN + "a stale banner" + END))
    insert(judged, page)
    text = page.read_text()
    assert text.index("could not be judged") < text.index("FAIL") < text.index("<details")
    assert "&lt;b&gt;|`x`" in text
    assert 'href="#recordings"' in text
    assert "a stale banner" not in text
    assert {f'href="#{address}"' for address in addresses_in(text)} >= {part.split(">")[0] for part in text.split("<a ")[1:]}
    assert rest.format("") == text[: text.index(BEGIN)] + text[text.index(END) + len(END) :]


def test_a_folder_that_cannot_be_written_is_named(judged: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        judge_run(judged, rules_in(tmp_path, HOSTILE), JudgedBeside(), tmp_path / "file")


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from robustness.gates.run_judgement import JudgedBeside, judge_run
from robustness.gates.rules import read_rules
from robustness.run.folder import Run
run, folder = Run.open(Path(sys.argv[2])), Path(sys.argv[3])
rules = [read_rules(folder / name) for name in ("one.toml", "many.toml")]
print("ready", flush=True)
while True:
    for each in rules:
        judge_run(run, each, JudgedBeside(), folder)
"""


def test_killing_the_process_leaves_every_output_whole(tmp_path: Path, root: Path) -> None:
    """Old or new, at twelve moments."""
    run = Planted([Answers(right(15, 20))]).write(tmp_path / "run")
    one = '[rule.r{}]\nmetric = "accuracy"\nmin = 0.9\n'
    (tmp_path / "one.toml").write_text(one.format(0))
    (tmp_path / "many.toml").write_text("".join(one.format(i) for i in range(30)))
    for attempt in range(3):
        command = [sys.executable, "-c", WRITER, str(root), str(run.path), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for moment in range(4):
            time.sleep(0.05 + 0.013 * attempt + 0.007 * moment)
            process.send_signal(signal.SIGSTOP)  # what a reader sees at this moment is what a kill would leave
            assert _whole(tmp_path / "gate")
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        process.stdout.close()
        assert _whole(tmp_path / "gate")


def _whole(folder: Path) -> bool:
    """Whether each file that is there is that of one rule or of thirty."""
    counts = []
    if (folder / JSON).exists():
        counts.append(len(json.loads((folder / JSON).read_text())["verdicts"]))
    if (folder / JUNIT).exists():
        counts.append(JUnitXml.fromfile(str(folder / JUNIT)).tests)
    if (folder / MARKDOWN).exists():
        text = (folder / MARKDOWN).read_text()
        counts.append(text.count("| FAIL |"))
        assert text.endswith("\n")
        assert text.count("\n- ") == counts[-1] + 2  # and the model and the recordings
    return set(counts) <= {1, 30}
