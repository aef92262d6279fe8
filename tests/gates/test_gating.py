"""The gate's own sweep evaluates what some rule needs, and nothing else."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from robustness.errors import RunError, UsageError
from robustness.gates.rules import RulesError
from robustness.gates.run_judgement import JudgedBeside, judge_run
from robustness.gates.verdicts import status_of
from robustness.jobs.assess import execute, prepare
from robustness.jobs.gate import Gate, gated_variants
from robustness.jobs.request import Request
from robustness.run.folder import Run, RunWriter
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings
from tests.gates.planted import rule, rules_in


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("given")
    return Request((write_card(folder / "model"),), (write_recordings(folder / "recordings", 3),))


def gated(request_: Request, folder: Path, text: str) -> tuple[Run, Gate]:
    gate = Gate(rules_in(folder, text))
    run = gate.run(gate.prepare(request_), RunWriter(folder / "run"), lambda doing, done, total: None)
    return run, gate


def evaluated(run: Run) -> set[tuple[str, float | None, str, str, int]]:
    """Every condition of the run, with its draw."""
    rows = run.trials(columns=["perturbation", "level", "placement", "fill", "draw"]).drop_duplicates()
    return {(p, None if math.isnan(lv) else lv, place, fill, draw) for p, lv, place, fill, draw in rows.itertuples(index=False)}


CLEAN = ("none", None, "center", "zeros", 0)
NEEDED: dict[str, tuple[str, set[tuple[str, float | None, str, str, int]]]] = {
    "clean": ('metric = "accuracy"\nmin = 0.0', {CLEAN}),
    "noise": (
        'metric = "accuracy"\nperturbation = "white-noise"\nlevel = ">= 20"\nmin = 0.0',
        {("white-noise", level, "center", "zeros", draw) for level in (20.0, 30.0) for draw in range(5)},
    ),
    "one side": (
        'metric = "tolerance_late_ms"\nat = 0.1\nmin = 0',
        {("time-shift", float(level), "center", "zeros", 0) for level in range(0, 201, 20)},
    ),
    "end": (
        'metric = "right_to_wrong"\nperturbation = "padding-placement"\nplacement = "end"\nfill = "zeros"\nmax = 1.0',
        {CLEAN, ("padding-placement", 1.0, "end", "zeros", 0)},
    ),
    "nothing": ('metric = "size_bytes"\nmax = 1e9', set()),
}


@pytest.mark.parametrize("name", NEEDED)
def test_what_a_rule_needs_is_evaluated_and_nothing_else(request_: Request, tmp_path: Path, name: str) -> None:
    text, conditions = NEEDED[name]
    run, gate = gated(request_, tmp_path, f'[rule.r]\nvariant = "float32"\n{text}\n')
    assert evaluated(run) == conditions
    assert set(run.trials(columns=["variant"])["variant"]) <= {"float32"}
    assert run.manifest["plan"]["no_word"] == {}
    assert (run.path / "index.html").exists()
    assert (run.path / "gate" / "junit.xml").exists()
    assert gate.verdicts[0].outcome != "error" or "no recording was right" in gate.verdicts[0].sentence


def test_windows_without_a_word_are_heard_where_a_rule_is_about_them(request_: Request, tmp_path: Path) -> None:
    run, gate = gated(request_, tmp_path, '[rule.r]\nmetric = "false_accepts_in_noise"\nvariant = "float32"\nmax = 1.0\n')
    assert {condition[0] for condition in evaluated(run)} == {"no-word"}
    assert status_of(gate.verdicts) == 0


def test_the_answers_are_those_of_a_whole_report(request_: Request, tmp_path: Path) -> None:
    """The same rows, whichever else was run."""
    few, _ = gated(request_, tmp_path, '[rule.r]\nmetric = "accuracy"\nperturbation = "white-noise"\nlevel = 10\nmin = 0.0\n')
    (tmp_path / "more").mkdir()
    more, _ = gated(request_, tmp_path / "more", '[rule.r]\nmetric = "accuracy"\nperturbation = "white-noise"\nmin = 0.0\n')
    pd.testing.assert_frame_equal(at_ten(few), at_ten(more))


def at_ten(run: Run) -> pd.DataFrame:
    rows = run.trials(columns=["variant", "recording", "draw", "predicted", "margin"], level=10.0)
    words = rows.astype({"variant": str, "recording": str, "predicted": str})
    return words.sort_values(["variant", "recording", "draw"], ignore_index=True)


def test_report_and_gate_judge_one_figure_in_a_window_of_two_seconds(root: Path, tmp_path: Path) -> None:
    """The leads within the slack reach farther than in a window of one second, in both."""
    card = (root / "models" / "commands-pooled.toml").read_text(encoding="utf-8").replace("duration_ms = 1000", "duration_ms = 2000")
    (tmp_path / "commands-pooled.pt").symlink_to(root / "models" / "commands-pooled.pt")
    (tmp_path / "long.toml").write_text(card.partition("[golden]")[0], encoding="utf-8")  # it is of a window of one second
    request = Request((tmp_path / "long.toml",), (write_recordings(tmp_path / "recordings", 2),), variants=("float32",))
    text = '[rule.steady]\nmetric = "consistency"\nvariant = "float32"\nmin = 0.999\n'
    gated_run, gate = gated(request, tmp_path, text)
    job = prepare(replace(request, settings=Settings(perturbations=("time-shift",))))
    swept = execute(job, RunWriter(tmp_path / "swept"), lambda doing, done, total: None, lambda job, run, progress: None)
    judged = judge_run(swept, rules_in(tmp_path, text), JudgedBeside(), tmp_path / "judged")
    assert [verdict.sentence for verdict in gate.verdicts] == [verdict.sentence for verdict in judged]
    leads = [{c[1] or 0.0 for c in evaluated(run) if c[2] == "offset"} for run in (gated_run, swept)]
    assert leads[0] < leads[1]
    assert max(leads[0]) > 1400


@pytest.mark.parametrize(
    ("keys", "variants"),
    [
        ({"metric": "accuracy", "min": 0.1}, ("float32", "dynamic-int8")),
        ({"metric": "accuracy", "variant": "dynamic-int8", "min": 0.1}, ("dynamic-int8",)),
        ({"metric": "agreement", "variant": "dynamic-int8", "against": "float32", "min": 0.1}, ("float32", "dynamic-int8")),
        ({"metric": "right_to_wrong", "variant": "float32", "against": "baseline", "max": 0.1}, ("float32",)),
    ],
)
def test_only_variants_that_rules_name_are_run(tmp_path: Path, keys: dict[str, object], variants: tuple[str, ...]) -> None:
    assert gated_variants(rule(tmp_path, **keys), ("float32", "dynamic-int8")) == variants


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ('perturbation = "white-noise"\nlevel = 12', RulesError, "rule r: key `level`: white-noise: level 12 is not on the grid"),
        ('perturbation = "background-noise"', UsageError, "give their folder by --noises DIR"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is(
    request_: Request, tmp_path: Path, text: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        Gate(rules_in(tmp_path, f'[rule.r]\nmetric = "accuracy"\nmin = 0.1\n{text}\n')).prepare(request_)


@pytest.fixture
def robustness(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, in this process."""
    from robustness.cli.main import run

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["robustness", *map(str, arguments)])
        return run()

    return call


def test_the_tutorials_checkpoint_fails_the_shipped_rules_on_placement(
    shared: Path, root: Path, tmp_path: Path, robustness: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--model", root / "models" / "tutorial.toml", "--weights", shared / "tutorial" / "speech_commands_model.pt")
    heard = ("--recordings", shared / "tutorial" / "recordings")
    assert robustness("gate", *given, *heard, "--rules", root / "gates.toml", "--out", tmp_path / "run") == 1
    said = capsys.readouterr().out
    failing = [line.split()[1] for line in said.splitlines() if line.startswith("FAIL")]
    assert "placement" in failing
    assert all(name.startswith(("placement", "noise")) for name in failing), said
    page = (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    assert page.index('id="verdict"') < page.index('id="summary"')


@pytest.mark.parametrize(("model", "status"), [("digits", 1), ("digits-hardened", 0)])
def test_the_shipped_rules_refuse_the_fragile_model_and_let_the_hardened_one_ship(
    root: Path, tmp_path: Path, robustness: Callable[..., int], capsys: pytest.CaptureFixture[str], model: str, status: int
) -> None:
    given = ("--model", root / "models" / f"{model}.toml", "--recordings", root / "recordings" / "joe")
    assert robustness("gate", *given, "--rules", root / "gates.toml", "--out", tmp_path / "run") == status
    said = capsys.readouterr().out
    failing = [line.split()[1] for line in said.splitlines() if line.startswith("FAIL")]
    assert ("placement" in failing) == bool(status), said


def test_the_command_judges_a_stored_run_and_explains_its_rules(
    request_: Request, tmp_path: Path, robustness: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = gated(request_, tmp_path, '[rule.r]\nmetric = "accuracy"\nmin = 0.0\n')
    strict = tmp_path / "strict.toml"
    strict.write_text('[rule.strict]\nmetric = "size_bytes"\nmax = 1\n')
    assert robustness("gate", "--rules", strict, "--explain-rules") == 0
    assert "strict: for every variant, the size of the saved state_dict" in capsys.readouterr().out
    assert robustness("gate", "--rules", strict, "--from", run.path) == 1
    assert "strict" in (run.path / "index.html").read_text(encoding="utf-8")
    assert robustness("gate", "--rules", strict) == 2
    assert robustness("gate", "--rules", strict, "--from", tmp_path / "nowhere") == 2
    assert robustness("gate") == 2


def test_an_interrupted_gate_goes_on_and_judges_the_same(request_: Request, tmp_path: Path) -> None:
    text, other_text = (f"[rule.r]\n{NEEDED[name][0]}" for name in ("noise", "clean"))
    whole, first = gated(request_, tmp_path, text)
    gate, out = Gate(rules_in(tmp_path, text)), tmp_path / "again"

    def interrupted(doing: str, done: int, total: int) -> None:
        if doing.startswith("judge"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gate.run(gate.prepare(request_), RunWriter(out), interrupted)
    assert not out.exists()
    for _ in range(2):  # what is left; then what is there as a whole
        gate = Gate(rules_in(tmp_path, text))
        run = gate.run(gate.prepare(request_), RunWriter(out, resume=True), lambda doing, done, total: None)
        assert [(one.outcome, one.sentence) for one in gate.verdicts] == [(one.outcome, one.sentence) for one in first.verdicts]
        assert [part.read_bytes() for part in sorted((run.path / "trials").iterdir())] == [
            part.read_bytes() for part in sorted((whole.path / "trials").iterdir())
        ]
    other = Gate(rules_in(tmp_path, other_text))
    with pytest.raises(RunError, match="conditions"):
        other.run(other.prepare(request_), RunWriter(out, resume=True), lambda doing, done, total: None)
