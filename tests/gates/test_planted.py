"""Cases whose verdict is known beforehand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from robustness.errors import CANNOT_JUDGE, DONE, RULE_FAILED, CannotJudgeError
from robustness.gates.compound import LevelReach
from robustness.gates.judgement import Judgement, corrected, judgement
from robustness.gates.run_judgement import data_of
from robustness.gates.samples import Differences, Interval, Rate, ScoreSample
from robustness.gates.verdicts import judge, status_of
from tests.gates.planted import NAN, Answers, Planted, moved, offset, right, rule, rules_in, verdict


@pytest.mark.parametrize(
    ("good", "bar", "scope", "outcome", "needed"),
    [
        (20, 0.90, "files", "pass", ""),
        (
            20,
            0.90,
            "population",
            "inconclusive",
            "230 recordings in all would pass in 4 of 5 samples if the truth were 95 %, 70 if it were 98 %",
        ),
        (18, 0.90, "files", "pass", ""),
        (18, 0.90, "population", "inconclusive", "230 recordings"),  # at assumed truths, whatever was seen
        (17, 0.90, "files", "fail", ""),
        (19, 0.95, "files", "pass", ""),
        (19, 0.95, "population", "inconclusive", "if the truth were 97.5 %, 145 if it were 99 %"),
        (20, 1.0, "population", "inconclusive", "no number would decide, because the bar leaves no room"),
        (18, 0.95, "files", "fail", ""),
        (5, 0.90, "population", "fail", ""),
        (20, 0.80, "population", "pass", ""),
    ],
)
def test_so_many_of_twenty(tmp_path: Path, good: int, bar: float, scope: str, outcome: str, needed: str) -> None:
    found = verdict(tmp_path, Planted([Answers(right(good, 20))]), metric="accuracy", min=bar, scope=scope)
    assert found.outcome == outcome
    assert needed in found.sentence
    assert ("would" in found.sentence) is (outcome == "inconclusive")


@pytest.mark.parametrize(("bar", "needed"), [(0.05, "465 recordings"), (0.10, "230 recordings")])
def test_how_many_for_few_flips(tmp_path: Path, bar: float, needed: str) -> None:
    planted = Planted(
        [Answers(right(20, 20)), *(Answers(right(20, 20), moved(level, kind="padding-placement")) for level in (0.0, 0.5, 1.0))]
    )
    found = verdict(tmp_path, planted, metric="right_to_wrong", perturbation="padding-placement", max=bar, scope="population")
    assert found.outcome == "inconclusive"
    assert needed in found.sentence


def test_no_discordant_pair_in_twenty_is_never_a_pass(tmp_path: Path) -> None:
    planted = Planted([Answers(right(18, 20)), Answers(right(18, 20), variant="dynamic-int8")])
    asked: dict[str, Any] = {"metric": "accuracy_drop", "variant": "dynamic-int8", "against": "float32", "max": 0.01}
    found = verdict(tmp_path, planted, **asked, scope="population")
    assert found.outcome == "inconclusive"
    assert found.status == RULE_FAILED
    assert "recordings in all would pass in 4 of 5 samples if the truth were 0 points" in found.sentence


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


def test_a_worse_model_is_found_though_intervals_go_by_speakers() -> None:
    rng = np.random.default_rng(8)
    changed = rng.choice([1.0, -1.0, 0.0], p=[0.16, 0.03, 0.81], size=1000)
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


@pytest.mark.parametrize(("good", "outcome", "needed"), [(20, "inconclusive", (230, 70)), (40, "pass", ()), (10, "fail", ())])
def test_the_tolerance_of_a_population_holds_at_the_bad_end(good: int, outcome: str, needed: tuple[int, ...]) -> None:
    count = 20 if good < 40 else 40
    curve = tuple(ScoreSample(np.asarray(right(n, count), dtype=float)) for n in (count, good, good))
    found = judgement(LevelReach((0.0, 20.0, 40.0), curve, 0.9), 40, None, "population", 0.95)
    assert (found.outcome, tuple(effort.count for effort in found.needed)) == (outcome, needed)


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


@pytest.mark.parametrize(
    ("metric", "sound", "says"),
    [
        ("false_accepts_an_hour", "silence", "those have no hours"),
        ("false_accepts_an_hour", "fan.wav", "is 360 an hour (1 of 10 windows)"),
        ("false_accepts_in_noise", "fan.wav", "no window of made noise"),
        ("false_accepts_in_noise", "pink noise", "is 10 % (1 of 10)"),
    ],
)
def test_made_noise_has_windows_and_recorded_sound_hours(tmp_path: Path, metric: str, sound: str, says: str) -> None:
    planted = Planted([Answers(right(4, 4))], no_word=(10, 1), sound=sound)
    found = verdict(tmp_path, planted, metric=metric, max=0.2, scope="population")
    assert says in found.sentence
    assert (found.outcome == "error") is ("no " in says)
    if says.endswith("(1 of 10)"):
        assert "465 windows" not in found.sentence
        assert "windows in all would pass in 4 of 5 samples if the truth were 10 %" in found.sentence


def test_speakers_count_where_all_are_known(tmp_path: Path) -> None:
    """Two of twenty speakers are wrong throughout: for speakers the interval is far wider than for 400 recordings."""
    asked: dict[str, Any] = {"metric": "accuracy", "min": 0.84, "scope": "population"}
    answers = [Answers(right(360, 400))]
    unknown = verdict(tmp_path, Planted(answers, speakers=[None] * 400), **asked)
    assert unknown.outcome == "pass"
    assert "take every recording as independent" in unknown.warnings[0]
    found = verdict(tmp_path, Planted(answers, speakers=[f"s{i // 20}" for i in range(400)]), **asked)
    assert (found.outcome, found.warnings) == ("inconclusive", ())
    assert "speakers in all would pass in 4 of 5 samples" in found.sentence
    few = verdict(tmp_path, Planted(answers, speakers=[f"s{i // 40}" for i in range(400)]), **asked)
    assert few.outcome == "inconclusive"
    assert "there are 10 speakers" in few.warnings[0]


def test_one_speaker_is_no_population(tmp_path: Path) -> None:
    planted = Planted([Answers(right(400, 400))], speakers=["one"] * 400)
    found = verdict(tmp_path, planted, metric="accuracy", min=0.5, scope="population")
    assert (found.outcome, found.status) == ("inconclusive", RULE_FAILED)
    assert "the recordings are of one speaker, who is no sample of a population" in found.sentence
    assert "interval is" not in found.sentence
    assert verdict(tmp_path, planted, metric="accuracy", min=0.5, scope="files").outcome == "pass"


@pytest.mark.parametrize("speakers", [None, 30])
def test_none_lost_passes_where_one_lost_does(tmp_path: Path, speakers: int | None) -> None:
    """0 of 300 was inconclusive, and 1 of 300 a pass."""
    who = [None if speakers is None else f"s{i % speakers}" for i in range(300)]
    asked: dict[str, Any] = {"metric": "accuracy_drop", "variant": "int8", "against": "float32", "max": 0.06, "scope": "population"}
    for lost in (0, 1):
        answers = [Answers(right(300, 300)), Answers(right(300 - lost, 300), variant="int8")]
        assert verdict(tmp_path, Planted(answers, speakers=who), **asked).outcome == "pass"


def test_a_failure_is_corrected_for_how_many_cases_are_judged(tmp_path: Path) -> None:
    """By hand: 12 of 20 at a bar of 0.8 breaks it alone (p .013); of six cases the worst is allowed .025 / 6, and 10 of 20 has .0004."""
    conditions = [moved(level) for level in (-40.0, -20.0, 20.0, 40.0)]

    def judged(goods: list[int]) -> Any:
        answers = [Answers(right(20, 20)), *(Answers(right(n, 20), c) for n, c in zip(goods, conditions, strict=True))]
        asked: dict[str, Any] = {"metric": "accuracy", "perturbation": "time-shift", "level": [-40, -20, 20, 40]}
        return verdict(tmp_path, Planted(answers), **asked, min=0.8, scope="population")

    one = judged([12, 19, 19, 19])
    assert (one.outcome, one.worst.judgement.among) == ("inconclusive", 4)
    assert "alone it breaks the bar, but one of 4 cases judged together may do so by chance (Holm)" in one.sentence
    assert judged([10, 19, 19, 19]).outcome == "fail"
    both = judged([10, 12, 12, 12])
    assert [case.judgement.outcome for case in both.judged] == ["fail", "inconclusive", "inconclusive", "inconclusive"]
    assert judged([10, 10, 10, 11]).outcome == "fail"


@pytest.mark.parametrize(
    ("errors", "among", "outcomes"),
    [
        ([0.2, 0.4], 2, ["fail", "fail"]),  # .2 ≤ 1/2, then .4 ≤ 1
        ([0.6, 0.4], 2, ["fail", "fail"]),
        ([0.6, 0.9], 2, ["inconclusive", "inconclusive"]),  # the smallest is over 1/2, so that none is sure
        ([0.3], 4, ["inconclusive"]),
        ([0.25, 0.34], 4, ["fail", "inconclusive"]),
    ],
)
def test_holms_steps(errors: list[float], among: int, outcomes: list[str]) -> None:
    alone = [Judgement("fail", Interval(0, 0), None, (), 0.1, error) for error in errors]
    passed = Judgement("pass", Interval(1, 1), None, (), -0.1)
    assert [one.outcome for one in corrected([passed, *alone], among)] == ["pass", *outcomes]


def test_the_error_of_a_failure_is_that_of_the_score_statistic() -> None:
    """12 of 20 at a bar of 0.8: z = −0.2 / √(0.8 · 0.2 / 20)."""
    found = judgement(ScoreSample(np.asarray(right(12, 20), dtype=float)), 0.8, None, "population", 0.95)
    z = 0.2 / math.sqrt(0.16 / 20)
    assert found.error == pytest.approx(stats.norm.sf(z) / 0.025, rel=1e-6)


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
        (LEFT_OUT, {"if_variant": "present"}, "skipped", DONE, "there is no dynamic-int8, because it quantizes nothing"),
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
