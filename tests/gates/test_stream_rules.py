from __future__ import annotations

from pathlib import Path

import pytest

from robustness.gates.metrics.base import Data
from robustness.gates.rule_checks import checked_rules
from robustness.gates.rules import Rule, Rules, RulesError, named_rules, read_rules
from robustness.gates.verdicts import Verdict, judge
from robustness.streaming.rules.plain import Plain
from robustness.streaming.streams import VariantStream, stream_of
from tests.streaming.planted import WORDS, planted


def stream(hop: int = 1) -> VariantStream:
    """Two of four words are hit, with a wrong command and two false alarms in 54 s."""
    return stream_of([planted()], [WORDS], Plain(0.5), steps=hop, tolerance_ms=1000.0, alone={})


def judged(rule: Rule, *variants: VariantStream) -> Verdict:
    (verdict,) = judge(Rules(rule={"a": rule}, version=2), Data(None, given_streams=variants))
    return verdict


@pytest.mark.parametrize(
    ("said", "outcome", "status"),
    [
        ({"metric": "stream_hit_rate", "min": 0.5}, "pass", 0),
        ({"metric": "stream_hit_rate", "min": 0.51}, "fail", 1),
        ({"metric": "stream_hit_rate", "min": 0.51, "severity": "warn"}, "fail", 0),
        ({"metric": "stream_hit_rate", "min": 0.5, "scope": "population"}, "inconclusive", 1),
        ({"metric": "stream_hit_rate", "min": 0.5, "scope": "population", "on_inconclusive": "warn"}, "inconclusive", 0),
        ({"metric": "stream_hit_rate", "min": 0.5, "phase": "mean"}, "pass", 0),
        ({"metric": "stream_wrong_commands", "max": 0.25}, "pass", 0),
        ({"metric": "stream_wrong_commands", "max": 0.24}, "fail", 1),
        ({"metric": "stream_false_alarms_per_hour", "max": 134}, "pass", 0),  # 2 in 54 s are 133.3 an hour
        ({"metric": "stream_false_alarms_per_hour", "max": 133}, "fail", 1),
        ({"metric": "stream_false_alarms_per_hour", "max": 134, "scope": "population"}, "inconclusive", 1),
        ({"metric": "stream_false_alarms_per_hour", "max": 482, "scope": "population"}, "pass", 0),  # 7.22 in 54 s: Garwood's end
        ({"metric": "stream_false_alarms_per_hour", "max": 481, "scope": "population"}, "inconclusive", 1),
        ({"metric": "stream_false_alarms_per_hour", "max": 10, "scope": "population"}, "fail", 1),
        ({"metric": "stream_latency_ms", "max": 100}, "pass", 0),
        ({"metric": "stream_latency_ms", "max": 99}, "fail", 1),
        ({"metric": "stream_hit_rate", "min": 0.1, "variant": "int8"}, "error", 3),
    ],
)
def test_verdicts(said: dict[str, object], outcome: str, status: int) -> None:
    rule = Rule.model_validate({"scope": "files", "confidence": 0.95, "on_inconclusive": "fail", **said})
    verdict = judged(rule, stream())
    assert (verdict.outcome, verdict.status) == (outcome, status), verdict.sentence


def test_the_worst_phase_and_the_mean() -> None:
    rule = Rule(metric="stream_latency_ms", max=100)
    worst, mean = (judged(rule.model_copy(update={"phase": phase}), stream(5)) for phase in ("worst", "mean"))
    assert "is 180 ms" in worst.sentence  # an answer every 100 ms: 100, 120 … 180 ms after the words
    assert "at the worst phase" in worst.sentence
    assert "is 140 ms" in mean.sentence


def test_hits_at_a_fixed_rate_of_false_alarms() -> None:
    none = Rule(metric="stream_hit_rate", min=0.1, alarms_per_hour=1)
    verdict = judged(none, stream())  # all scores are 1
    assert "is 0 % (0 of 4)" in verdict.sentence
    assert "where false alarms are at most 1 an hour" in verdict.sentence
    assert judged(none.model_copy(update={"alarms_per_hour": 200.0}), stream()).outcome == "pass"


def test_what_needs_words_is_not_judged_without() -> None:
    silent = stream_of([planted()], [[]], Plain(0.5), steps=1, tolerance_ms=1000.0, alone={})
    verdict = judged(Rule(metric="stream_hit_rate", min=0.5), silent)
    assert (verdict.outcome, verdict.status) == ("error", 3)
    assert "give labels" in verdict.sentence


def test_rules_about_takes_of_a_name() -> None:
    assert judged(Rule(metric="stream_hit_rate", min=0.5, take="plant*"), stream()).outcome == "pass"
    verdict = judged(Rule(metric="stream_hit_rate", min=0.5, take="*music*"), stream())
    assert verdict.status == 3
    assert "there are planted.wav" in verdict.sentence


def test_what_is_not_there_is_said() -> None:
    (about_windows,) = judge(Rules(rule={"a": Rule(metric="good", min=0.5)}, version=2), Data(None, given_streams=(stream(),)))
    assert "give --from RUN, or --model CARD" in about_windows.sentence
    (about_streams,) = judge(Rules(rule={"a": Rule(metric="stream_hit_rate", min=0.5)}, version=2), Data(None))
    assert "give its folder as --stream FOLDER" in about_streams.sentence
    assert (about_windows.status, about_streams.status) == (3, 3)


def test_the_rules_that_come_with_the_package_make_sense() -> None:
    rules = checked_rules(read_rules(named_rules(Path("avs-like"))))
    assert {rule.take for rule in rules.rule.values()} >= {"*silence*", "*noise*", "*music*", "*playback*"}
    assert {rule.metric for rule in rules.rule.values()} == {
        "stream_hit_rate", "stream_false_alarms_per_hour", "stream_wrong_commands", "stream_latency_ms",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rule.a]\nmetric = 'good'\nmin = 0.5\nphase = 'mean'\n", "key `phase` is about a stream, and good is about single windows"),
        ("[rule.a]\nmetric = 'stream_hit_rate'\n", "it has no bar; give key `min`, `max` or both"),
        ("[rule.a]\nmetric = 'stream_hit_rate'\nmin = 1\nlevel = 3\n", "key `level`"),
        ("[rule.a]\nmetric = 'stream_latency_ms'\nmax = 1\nalarms_per_hour = 3\n", "goes with stream_hit_rate alone"),
    ],
)
def test_rules_that_cannot_be(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(f"version = 2\n{text}", encoding="utf-8")
    with pytest.raises(RulesError, match=says):
        checked_rules(read_rules(tmp_path / "rules.toml"))
