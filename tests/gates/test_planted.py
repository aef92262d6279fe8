"""Cases whose verdict is known beforehand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustness.errors import CANNOT_JUDGE, DONE, RULE_FAILED, CannotJudgeError
from robustness.gates.compound import Reach
from robustness.gates.judgement import judgement
from robustness.gates.run_judgement import data_of
from robustness.gates.samples import Differences, Rate, Scores
from robustness.gates.verdicts import judge, status_of
from tests.gates.planted import NAN, Answers, Planted, moved, offset, right, rule, rules_in, verdict


@pytest.mark.parametrize(
    ("good", "bar", "scope", "outcome", "needed"),
    [
        (20, 0.90, "files", "pass", None),
        (20, 0.90, "population", "inconclusive", 35),
        (18, 0.90, "files", "pass", None),
        (18, 0.90, "population", "inconclusive", None),  # at the bar itself no number decides
        (17, 0.90, "files", "fail", None),
        (19, 0.95, "files", "pass", None),
        (19, 0.95, "population", "inconclusive", None),
        (18, 0.95, "files", "fail", None),
        (5, 0.90, "population", "fail", None),
        (20, 0.80, "population", "pass", None),
    ],
)
def test_so_many_of_twenty(tmp_path: Path, good: int, bar: float, scope: str, outcome: str, needed: int | None) -> None:
    found = verdict(tmp_path, Planted([Answers(right(good, 20))]), metric="accuracy", min=bar, scope=scope)
    assert found.outcome == outcome
    assert found.worst is not None
    assert found.worst.judgement.needed == needed
    assert (f"{needed} recordings in all would decide" in found.sentence) is (needed is not None)
    assert ("the rate seen is the bar itself" in found.sentence) is (outcome == "inconclusive" and needed is None)


@pytest.mark.parametrize(("bar", "needed"), [(0.05, 73), (0.01, 381)])
def test_how_many_without_a_flip(tmp_path: Path, bar: float, needed: int) -> None:
    planted = Planted(
        [Answers(right(20, 20)), *(Answers(right(20, 20), moved(level, kind="padding-placement")) for level in (0.0, 0.5, 1.0))]
    )
    found = verdict(tmp_path, planted, metric="right_to_wrong", perturbation="padding-placement", max=bar, scope="population")
    assert found.outcome == "inconclusive"
    assert found.worst is not None
    assert found.worst.judgement.needed == needed


@pytest.mark.parametrize("good", [0, 7, 15, 16, 19, 20])
@pytest.mark.parametrize("bar", [0.5, 0.79, 0.9])
def test_the_number_that_would_decide_decides_and_one_less_does_not(good: int, bar: float) -> None:
    """Against Wilson's interval worked out for each number."""
    scores = Scores(np.asarray(right(good, 20), dtype=float))
    needed = scores.needed(bar, 0.95)
    assert needed is not None
    assert wilson_decides(good / 20, needed, bar)
    assert needed == 1 or not wilson_decides(good / 20, needed - 1, bar)


def wilson_decides(share: float, count: int, bar: float) -> bool:
    z = 1.959963984540054
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return not center - half + 1e-12 < bar < center + half - 1e-12


def test_no_discordant_pair_in_twenty_is_never_a_pass(tmp_path: Path) -> None:
    planted = Planted([Answers(right(18, 20)), Answers(right(18, 20), variant="dynamic-int8")])
    asked: dict[str, Any] = {"metric": "accuracy_drop", "variant": "dynamic-int8", "against": "float32", "max": 0.01}
    found = verdict(tmp_path, planted, **asked, scope="population")
    assert found.outcome == "inconclusive"
    assert found.status == RULE_FAILED
    assert "381 recordings in all would decide" in found.sentence


def test_a_model_worse_by_five_points_on_a_thousand_clips_is_found(tmp_path: Path) -> None:
    """80 lost and 30 won of 1,000: Tango's interval is above 1 point."""
    before = right(900, 1000)
    after = [*[False] * 80, *[True] * 820, *[True] * 30, *[False] * 70]
    planted = Planted([Answers(before), Answers(after, variant="dynamic-int8")])
    found = verdict(tmp_path, planted, metric="accuracy_drop", variant="dynamic-int8", against="float32", max=0.01, scope="population")
    assert found.outcome == "fail"
    assert found.worst is not None
    assert found.worst.case.sample.tally == "80 lost and 30 won of 1000"


@pytest.mark.parametrize("speakers", [None, 40])
def test_an_equal_model_is_found_worse_no_more_often_than_stated(speakers: int | None) -> None:
    """200 resampled pairs that lose and win alike; the interval is two-sided, so half of its 5 % is on this side."""
    rng = np.random.default_rng(7)
    found, stated = 0, 0.025
    for _ in range(200):
        changed = rng.choice([1.0, -1.0, 0.0], p=[0.05, 0.05, 0.9], size=400)
        who = None if speakers is None else [str(name) for name in rng.integers(0, speakers, 400)]
        found += judgement(Differences(changed, who), None, 0.0, "population", 0.95).outcome == "fail"
    assert found / 200 <= stated + 3 * math.sqrt(stated * (1 - stated) / 200)


def test_a_worse_model_is_found_though_speakers_are_resampled() -> None:
    rng = np.random.default_rng(8)
    changed = rng.choice([1.0, -1.0, 0.0], p=[0.08, 0.03, 0.89], size=1000)
    who = [f"s{i % 25}" for i in range(1000)]
    assert judgement(Differences(changed, who), None, 0.01, "population", 0.95).outcome == "fail"


@pytest.mark.parametrize(("scope", "reason"), [("files", "not a number"), ("population", "not a number")])
def test_nan_is_never_a_pass(tmp_path: Path, scope: str, reason: str) -> None:
    found = verdict(tmp_path, Planted([Answers(right(20, 20), p=NAN)]), metric="accuracy", min=0.1, scope=scope)
    assert (found.outcome, found.status) == ("error", CANNOT_JUDGE)
    assert reason in found.sentence


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"metric": "accuracy", "perturbation": "pink-noise", "min": 0.1}, "has no rows of pink-noise"),
        ({"metric": "accuracy", "perturbation": "white-noise", "min": 0.1}, "no row of float32 under white-noise at 20"),
        ({"metric": "accuracy", "variant": "static-int8", "min": 0.1}, "no variant 'static-int8'"),
        ({"metric": "accuracy", "label": "up", "min": 0.1}, "no recording has the label 'up'"),
        ({"metric": "falsely_accepted", "max": 0.1}, "no recording is an unknown word"),
        ({"metric": "false_accepts_an_hour", "max": 100}, "no windows without a word"),
        ({"metric": "wrong_to_right", "perturbation": "padding-placement", "max": 1}, "no row of float32 under padding-placement"),
        ({"metric": "accuracy_drop", "against": "dynamic-int8", "max": 0.1}, "no variant 'dynamic-int8'"),
        ({"metric": "right_to_wrong", "against": "baseline", "max": 0.1}, "none was given"),
        ({"metric": "worst_case_accuracy", "min": 0.1}, "no shift atlas"),
        ({"metric": "layer_sqnr_db", "min": 10}, "no audit of layers"),
    ],
)
def test_what_matches_nothing_is_never_a_pass(tmp_path: Path, keys: dict[str, Any], reason: str) -> None:
    found = verdict(tmp_path, Planted([Answers(right(20, 20))]), **keys)
    assert (found.outcome, found.status) == ("error", CANNOT_JUDGE)
    assert reason in found.sentence


def test_no_slack_at_all_cannot_be_judged(tmp_path: Path) -> None:
    shifts = [Answers(right(20, 20), moved(level, kind="padding-placement")) for level in (0.0, 0.5, 1.0)]
    planted = Planted([Answers(right(20, 20)), *shifts], slack_ms=0.0)
    found = verdict(tmp_path, planted, metric="right_to_wrong", perturbation="padding-placement", max=1.0)
    assert (found.outcome, found.status) == ("error", CANNOT_JUDGE)
    assert "none of the 20 recordings has room to move" in found.sentence


def test_untestable_recordings_are_counted_in_the_verdict(tmp_path: Path) -> None:
    shifts = [Answers(right(20, 20), moved(level, kind="padding-placement")) for level in (0.0, 0.5, 1.0)]
    run = Planted([Answers(right(20, 20)), *shifts]).write(tmp_path / "run")
    table = run.recordings()
    table.loc[:2, "untestable"] = True
    table.to_parquet(run.path / "recordings.parquet")
    rules = rule(tmp_path, metric="accuracy", perturbation="padding-placement", min=0.9)
    (found,) = judge(rules, data_of(run, rules))
    assert found.untestable == 3
    assert "without 3 untestable recordings" in found.sentence
    assert "17 of 17" in found.sentence


def test_a_missing_row_is_never_a_pass(tmp_path: Path) -> None:
    """Half of the draws were not run."""
    noise = [Answers(right(20, 20), moved(level, 0, "white-noise")) for level in (20.0, 10.0, 0.0)]
    found = verdict(tmp_path, Planted([Answers(right(20, 20)), *noise]), metric="accuracy", perturbation="white-noise", min=0.1)
    assert found.status == CANNOT_JUDGE
    assert "20 recordings in 2 draws make 40" in found.sentence


def test_draws_are_one_score_a_recording(tmp_path: Path) -> None:
    """10 of 20 wrong in one of two draws: 0.75 of 20 recordings, and never 40."""
    noise = [Answers(right(20 if draw else 10, 20), moved(level, draw, "white-noise")) for level in (20.0, 10.0, 0.0) for draw in (0, 1)]
    found = verdict(tmp_path, Planted([Answers(right(20, 20)), *noise]), metric="accuracy", perturbation="white-noise", min=0.76)
    assert found.outcome == "fail"
    assert "75 % (15 of 20)" in found.sentence


def test_of_several_levels_the_worst_is_judged(tmp_path: Path) -> None:
    goods = {20.0: 20, 10.0: 17, 0.0: 3}
    noise = [Answers(right(good, 20), moved(level, draw, "white-noise")) for level, good in goods.items() for draw in (0, 1)]
    planted = Planted([Answers(right(20, 20)), *noise])
    asked: dict[str, Any] = {"metric": "accuracy", "perturbation": "white-noise", "level": ">= 10"}
    found = verdict(tmp_path, planted, **asked, min=0.85)
    assert found.outcome == "pass"
    assert "white noise at 10 dB" in found.sentence
    assert verdict(tmp_path, planted, **asked, min=0.86).outcome == "fail"


@pytest.mark.parametrize(
    ("wrong_at", "value", "outcome"), [((), 40.0, "pass"), ((-40.0,), 20.0, "pass"), ((-20.0,), 0.0, "fail"), ((0.0,), -math.inf, "fail")]
)
def test_tolerance_counts_up_to_the_first_level_that_does_not_hold(
    tmp_path: Path, wrong_at: tuple[float, ...], value: float, outcome: str
) -> None:
    shifts = [Answers(right(10 if level in wrong_at else 20, 20), moved(level)) for level in (0.0, *(-20.0, -40.0, 20.0, 40.0))]
    found = verdict(tmp_path, Planted([Answers(right(20, 20)), *shifts]), metric="tolerance_early_ms", at=0.9, min=20)
    assert found.outcome == outcome
    assert found.worst is not None
    assert found.worst.case.sample.value == value


@pytest.mark.parametrize(("good", "outcome", "needed"), [(20, "inconclusive", 35), (40, "pass", None), (10, "fail", None)])
def test_the_tolerance_of_a_population_holds_at_the_bad_end(good: int, outcome: str, needed: int | None) -> None:
    count = 20 if good < 40 else 40
    curve = tuple(Scores(np.asarray(right(n, count), dtype=float)) for n in (count, good, good))
    found = judgement(Reach((0.0, 20.0, 40.0), curve, 0.9), 40, None, "population", 0.95)
    assert (found.outcome, found.needed) == (outcome, needed)


def test_worst_case_and_consistency_look_within_the_slack_alone(tmp_path: Path) -> None:
    """Wrong at 40 ms, where a slack of 30 ms does not reach; at 20 ms one recording of four is wrong."""
    atlas = [Answers(right(good, 4), offset(lead)) for lead, good in ((-20.0, 0), (0.0, 4), (20.0, 3), (40.0, 0))]
    planted = Planted([Answers(right(4, 4)), *atlas], slack_ms=30.0)
    assert "75 % (3 of 4)" in verdict(tmp_path, planted, metric="worst_case_accuracy", min=0.5).sentence
    assert "75 % (3 of 4)" in verdict(tmp_path, planted, metric="consistency", min=0.5).sentence


@pytest.mark.parametrize(("events", "windows", "outcome"), [(0, 40, "inconclusive"), (0, 3600 * 4, "pass"), (100, 3600, "fail")])
def test_false_accepts_an_hour_have_a_poisson_interval(events: int, windows: int, outcome: str) -> None:
    """None in 40 s still allows 270 an hour (332 two-sided); none in 4 hours less than 1."""
    assert judgement(Rate(events, windows, 1000.0), None, 10, "population", 0.95).outcome == outcome


def test_the_windows_that_would_decide_decide() -> None:
    rate = Rate(0, 40, 1000.0)
    needed = rate.needed(10, 0.95)
    assert needed is not None
    assert Rate(0, needed, 1000.0).interval(0.95).high <= 10 < Rate(0, needed - 1, 1000.0).interval(0.95).high


def test_speakers_are_resampled_where_twenty_are_known(tmp_path: Path) -> None:
    """Two of twenty speakers are wrong throughout: for speakers the interval is far wider than for 400 recordings."""
    speakers = [f"s{i // 20}" for i in range(400)]
    asked: dict[str, Any] = {"metric": "accuracy", "min": 0.84, "scope": "population"}
    answers = [Answers(right(360, 400))]
    assert verdict(tmp_path, Planted(answers, speakers=[None] * 400), **asked).outcome == "pass"
    found = verdict(tmp_path, Planted(answers, speakers=speakers), **asked)
    assert found.outcome == "inconclusive"
    assert found.warnings == ()
    few = verdict(tmp_path, Planted(answers, speakers=[f"s{i % 19}" for i in range(400)]), **asked)
    assert few.outcome == "pass"
    assert "19 speakers, fewer than the 20" in few.warnings[0]


def test_adding_a_rule_changes_no_other_verdict(tmp_path: Path) -> None:
    run = Planted([Answers(right(20, 20))]).write(tmp_path / "run")
    one = '[rule.a]\nmetric = "accuracy"\nmin = 0.9\nscope = "population"\n'
    alone = rules_in(tmp_path, one)
    many = rules_in(tmp_path, one + "".join(f'[rule.b{i}]\nmetric = "missed"\nmax = 0.5\nscope = "population"\n' for i in range(20)))
    before, after = judge(alone, data_of(run, alone)), judge(many, data_of(run, many))
    assert before[0].sentence == after[0].sentence
    assert before[0].outcome == after[0].outcome


def test_of_several_statuses_three_is_before_one_and_two_before_three(tmp_path: Path) -> None:
    run = Planted([Answers(right(5, 20))]).write(tmp_path / "run")
    texts = {
        "fails": '[rule.a]\nmetric = "accuracy"\nmin = 0.9\n',
        "passes": '[rule.b]\nmetric = "accuracy"\nmin = 0.1\n',
        "cannot": '[rule.c]\nmetric = "layer_sqnr_db"\nmin = 1\n',
        "wrong": '[rule.d]\nmetric = "accuracy"\nperturbation = "white-noise"\nlevel = 11\nmin = 0.1\n',
    }
    for names, status in ((("passes",), 0), (("fails", "passes"), 1), (("fails", "cannot"), 3), (("fails", "cannot", "wrong"), 2)):
        rules = rules_in(tmp_path, "".join(texts[name] for name in names))
        assert status_of(judge(rules, data_of(run, rules))) == status
    with pytest.raises(CannotJudgeError, match="no rule was judged"):
        status_of([])


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ({"severity": "warn"}, DONE),
        ({}, RULE_FAILED),
        ({"scope": "population", "on_inconclusive": "warn", "min": 0.6}, DONE),
        ({"scope": "population", "min": 0.6}, RULE_FAILED),
    ],
)
def test_a_warning_does_not_stop_a_model(tmp_path: Path, keys: dict[str, Any], status: int) -> None:
    found = verdict(tmp_path, Planted([Answers(right(11, 20))]), **{"metric": "accuracy", "min": 0.9, **keys})
    assert found.status == status
    assert ("warning only" in found.word) is (status == DONE)


def test_an_interrupted_run_is_never_a_pass(tmp_path: Path) -> None:
    with pytest.raises(CannotJudgeError, match="was interrupted"):
        verdict(tmp_path, Planted([Answers(right(20, 20))], manifest={"complete": False}), metric="accuracy", min=0.1)


LEFT_OUT = {"left_out": {"dynamic-int8": "it quantizes nothing"}}


@pytest.mark.parametrize(
    ("model", "keys", "outcome", "status", "words"),
    [
        (LEFT_OUT, {}, "error", CANNOT_JUDGE, "no variant 'dynamic-int8', for it quantizes nothing; with if_variant"),
        (LEFT_OUT, {"if_variant": "present"}, "skipped", DONE, "there is no dynamic-int8, for it quantizes nothing"),
        ({}, {"if_variant": "present"}, "error", CANNOT_JUDGE, "no variant 'dynamic-int8'; it has float32"),  # a name that nobody knows
    ],
)
def test_a_rule_about_a_variant_that_is_none(
    tmp_path: Path, model: dict[str, Any], keys: dict[str, Any], outcome: str, status: int, words: str
) -> None:
    planted = Planted([Answers(right(20, 20))], model=model)
    found = verdict(tmp_path, planted, metric="accuracy_drop", variant="dynamic-int8", against="float32", max=0.05, **keys)
    assert (found.outcome, found.status) == (outcome, status)
    assert words in found.sentence


def test_one_that_is_there_is_judged_all_the_same(tmp_path: Path) -> None:
    planted = Planted([Answers(right(20, 20)), Answers(right(10, 20), variant="dynamic-int8")])
    keys: dict[str, Any] = {
        "metric": "accuracy_drop",
        "variant": "dynamic-int8",
        "against": "float32",
        "max": 0.05,
        "if_variant": "present",
    }
    assert verdict(tmp_path, planted, **keys).outcome == "fail"


def test_a_rule_on_the_variant_that_it_is_compared_with_is_skipped_too(tmp_path: Path) -> None:
    planted = Planted([Answers(right(20, 20))], model=LEFT_OUT)
    keys: dict[str, Any] = {
        "metric": "accuracy_drop",
        "variant": "float32",
        "against": "dynamic-int8",
        "max": 0.05,
        "if_variant": "present",
    }
    assert verdict(tmp_path, planted, **keys).outcome == "skipped"


def test_a_gate_that_skips_every_rule_does_not_pass(tmp_path: Path) -> None:
    planted = Planted([Answers(right(20, 20))], model=LEFT_OUT)
    skipped = verdict(tmp_path, planted, metric="accuracy", variant="dynamic-int8", min=0.5, if_variant="present")
    with pytest.raises(CannotJudgeError, match="no rule was judged"):
        status_of([skipped])
    passed = verdict(tmp_path, planted, metric="accuracy", min=0.5)
    assert status_of([skipped, passed]) == DONE
