from __future__ import annotations

from pathlib import Path

import pytest

from robustness.errors import CardError, UsageError
from robustness.jobs.stream import AskedDecisions, StreamRequest, stream_models
from tests.builders import classifier
from tests.cards import write_card
from tests.sweep.test_takes import take_of

SAID = """
[streaming]
rule = "esphome"
hop_ms = 30.0
threshold = 0.9
tolerance_ms = 250.0
settings = { sliding_window = 3, cool_off = false }
"""


def with_streaming(folder: Path, text: str = SAID) -> Path:
    card = write_card(folder)
    card.write_text(card.read_text() + text)
    return card


def test_rule_and_hop_are_the_cards_where_nothing_else_is_asked(tmp_path: Path) -> None:
    request = StreamRequest().by_card(with_streaming(tmp_path), AskedDecisions())
    assert (request.rule, request.hop_ms, request.threshold, request.tolerance_ms) == ("esphome", 30.0, 0.9, 250.0)
    assert request.settings == {"sliding_window": "3", "cool_off": "false"}


@pytest.mark.parametrize("hop_ms", [0.0, -5.0, float("nan"), 1001.0])
def test_a_hop_of_nothing_is_not_the_cards_and_none_is_above_the_window(hop_ms: float, tmp_path: Path) -> None:
    request = StreamRequest().by_card(with_streaming(tmp_path, "\n[streaming]\nhop_ms = 30.0\n"), AskedDecisions(hop_ms=hop_ms))
    with pytest.raises(UsageError, match=r"--hop-ms is .*; expected"):
        stream_models([classifier()], [take_of(tmp_path)], [], request, lambda what, done, total: None)


def test_another_rule_takes_none_of_the_cards_settings(tmp_path: Path) -> None:
    request = StreamRequest(rule="plain", settings={"window": "2"}).by_card(with_streaming(tmp_path), AskedDecisions("plain", 50.0))
    assert (request.rule, request.hop_ms, request.threshold, request.settings) == ("plain", 50.0, None, {"window": "2"})


def test_a_card_without_it_is_streamed_as_before(tmp_path: Path) -> None:
    assert StreamRequest().by_card(write_card(tmp_path), AskedDecisions()) == StreamRequest()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('rule = "plane"', "there is no decision rule 'plane'; did you mean plain"),
        ("settings = { windows = 3 }", "the rule plain has no setting 'windows'"),
        ("hop_ms = 0.0", "from one answer to the next in ms"),
        ("hop = 10.0", "hop"),
    ],
)
def test_what_a_card_cannot_say(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CardError, match=says):
        StreamRequest().by_card(with_streaming(tmp_path, f"\n[streaming]\n{text}\n"), AskedDecisions())
