from __future__ import annotations

from pathlib import Path

import pytest

from robustness.gates.rules import RulesError
from robustness.gates.stream_rules import StreamRule, judge_stream, read_stream_rules, stream_status
from robustness.streaming.rules.plain import Plain
from robustness.streaming.streams import VariantStream, stream_of
from tests.streaming.planted import WORDS, planted


def stream(hop: int = 1) -> VariantStream:
    """Two of four words are hit, with a wrong command and two false alarms in 54 s."""
    return stream_of([planted()], [WORDS], Plain(0.5), steps=hop, tolerance_ms=1000.0, alone={})


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
    (verdict,) = judge_stream({"a": StreamRule.model_validate(said)}, [stream()])
    assert (verdict.outcome, verdict.status) == (outcome, status), verdict.sentence
    assert stream_status([verdict]) == status


def test_the_worst_phase_and_the_mean() -> None:
    rule = StreamRule(metric="stream_latency_ms", max=100)
    worst, mean = (judge_stream({"a": rule.model_copy(update={"phase": phase})}, [stream(5)])[0] for phase in ("worst", "mean"))
    assert "is 180 ms" in worst.sentence  # an answer every 100 ms: 100, 120 … 180 ms after the words
    assert "is 140 ms" in mean.sentence


def test_hits_at_a_fixed_rate_of_false_alarms() -> None:
    none = StreamRule(metric="stream_hit_rate", min=0.1, alarms_per_hour=1)
    assert (
        "is 0 % (0 of 4) where false alarms are at most 1 an hour" in judge_stream({"a": none}, [stream()])[0].sentence
    )  # all scores are 1
    assert judge_stream({"a": none.model_copy(update={"alarms_per_hour": 200.0})}, [stream()])[0].outcome == "pass"


def test_what_needs_words_is_not_judged_without() -> None:
    silent = stream_of([planted()], [[]], Plain(0.5), steps=1, tolerance_ms=1000.0, alone={})
    (verdict,) = judge_stream({"a": StreamRule(metric="stream_hit_rate", min=0.5)}, [silent])
    assert (verdict.outcome, verdict.status) == ("error", 3)
    assert "give labels" in verdict.sentence


def test_the_rules_of_the_documentation_are_read(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "streaming.md").read_text(encoding="utf-8")
    (tmp_path / "avs-like.toml").write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    assert {rule.metric for rule in read_stream_rules(tmp_path / "avs-like.toml").values()} >= {
        "stream_hit_rate",
        "stream_false_alarms_per_hour",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no rule"),
        ("[rule.a]\nmetric = 'accuracy'\nmin = 1\n", "rule a: key `metric`: .*; metrics: stream_hit_rate"),
        ("[rule.a]\nmetric = 'stream_hit_rate'\n", "rule a: it has no bar; give `min`, `max` or both"),
        ("[rule.a]\nmetric = 'stream_hit_rate'\nmin = 1\nlevel = 3\n", "rule a: key `level`: .*; keys: metric, variant, phase"),
        ("[rule.a]\nmetric = 'stream_latency_ms'\nmax = 1\nalarms_per_hour = 3\n", "goes with stream_hit_rate alone"),
        ("[rule.a\n", "is not TOML"),
    ],
)
def test_rules_that_cannot_be(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=says):
        read_stream_rules(tmp_path / "rules.toml")
