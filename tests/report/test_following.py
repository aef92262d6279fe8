"""Whether what is said of the layers is what their numbers say."""

from __future__ import annotations

from typing import Any

import pytest

from robustness.report.cards.layers import followed, stop_of
from robustness.report.sections.base import fill
from robustness.run.evidence import LayerTracking
from tests.evidence_records import tracking_record

NAMES = {"float32": "float32", "dynamic-int8": "int8"}
IMAGE = "<img src=x onerror=hacked=1>"


def row(layer: str, error: float | None, other: float | None = None, stride_ms: float | None = 10.0, **more: Any) -> dict[str, Any]:
    measured = {"floor": None, "lost": None} | {name: more.pop(name) for name in ("floor", "lost") if name in more}
    variants = {"float32": {"error": error, **measured}, "dynamic-int8": {"error": error if other is None else other, **measured}}
    return {"layer": layer, "stride_ms": stride_ms, "variants": variants, "patched": None} | more


def patched(whole: float | None, spans: list[float] = [], channels: list[float] = [], of: int = 8) -> dict[str, Any]:  # noqa: B006 - read only
    by_span = [{"start_ms": 100.0 * i, "end_ms": 100.0 * i + 100, "share": share} for i, share in enumerate(spans)]
    by_channel = [{"channel": i, "share": share} for i, share in enumerate(channels)]
    return {"all": whole, "spans": by_span, "channels": by_channel, "tried": 5 if channels else 0, "of": of}


def facts(*rows: dict[str, Any], **more: Any) -> LayerTracking:
    told = {"variant": "float32", "here_ms": 0.0, "there_ms": 200.0, "whole": True, "wanted": [], "layers": list(rows)}
    return tracking_record(told | more)


@pytest.mark.parametrize(
    ("errors", "stop"),
    [
        ([0.0, 0.0, 0.9, 0.95], "c"),
        ([0.0, 0.1, 0.25, 0.4], None),
        ([0.3, 0.4, 0.45, 0.5], "a"),
        ([0.1, 0.29, 0.0, 0.45], None),
        ([0.1, 0.35, 0.9, 0.9], "b"),
        ([0.0, None, 0.2, 0.9], "c"),
        ([None, None, None, None], None),
    ],
)
def test_it_stops_at_the_first_layer_whose_error_jumps(errors: list[float | None], stop: str | None) -> None:
    given = facts(*(row(name, error) for name, error in zip("abcd", errors, strict=True)))
    assert stop_of(given, "float32") == stop
    said = followed(given, NAMES)
    assert said is not None
    assert (said.heading == "no layer stops following the word") is (stop is None)


def said(*rows: dict[str, Any], **more: Any) -> str:
    found = followed(facts(*rows, **more), NAMES)
    assert found is not None
    return " ".join(found.lines)


def test_where_it_stops_and_beside_what() -> None:
    rows = (row("features", 0.01), row("conv1", 0.02), row("fc1", 0.8, stride_ms=None, floor=0.74))
    text = said(*rows)
    assert "In float32, between leads of 0 and 200 ms, up to conv1 it follows the word (error 0.02 at most)" in text
    assert "at fc1 it stops: 0.80; another word is 0.74 off. It has no axis of time" in text
    assert "int8 does the same: no error differs by more than 0.01." in text
    assert "grid" not in text
    assert "a part of each error is the frames’ grid" in said(*rows, whole=False)


def test_what_int8_does_otherwise() -> None:
    text = said(row("features", 0.0), row("conv1", 0.0, 0.5), row("fc1", 0.8, 0.9))
    assert "int8 stops at conv1; they differ most at conv1: 0.50 against 0.00." in text
    assert "int8 stops at none; they differ most at fc1: 0.10 against 0.80." in said(row("features", 0.0), row("fc1", 0.8, 0.1))


def test_what_lies_outside_and_what_parts_bring_back() -> None:
    rows = (
        row("features", 0.0),
        row("conv1", 0.3, lost=0.42, patched=patched(0.6, [0.0, 0.31], [0.2, 0.1, 0.01])),
        row("fc1", 0.5, patched=patched(None, channels=[0.4], of=128)),
        row("fc2", 0.5),
    )
    text = said(*rows)
    assert "Of what conv1 says of the word there, 42\u00a0% lies in frames that the window here has not." in text
    assert "of what conv1 gives there, moved with the word, conv1 brings back most: 60\u00a0% of the margin" in text
    assert "its best span is 100–200 ms in conv1, 31\u00a0%" in text
    assert "of single channels those of fc1 bring back most: 0 (40\u00a0%)." in text
    table = followed(facts(*rows), NAMES)
    assert table is not None
    cells = {line[0]: dict(zip(table.table.head, line, strict=True)) for line in table.table.rows}
    assert cells["conv1"]["best channels"] == "0: 20\u00a0%, 1: 10\u00a0% (5 of 8 tried)"
    assert "another word" not in table.table.head
    assert cells["fc2"]["brings back"] == "–"


def test_wanted_layers_alone_have_rows_and_the_sentence_is_of_all() -> None:
    found = followed(facts(row("features", 0.0), row("conv1", 0.0), row("fc1", 0.9), wanted=["conv1"]), NAMES)
    assert found is not None
    assert [line[0] for line in found.table.rows] == ["features", "conv1"]
    assert found.heading == "it stops following the word at fc1"


def test_without_layers_nothing_is_said() -> None:
    assert followed(None, NAMES) is None
    assert followed(facts(row("features", 0.1)), NAMES) is None


def test_names_of_layers_stay_text() -> None:
    html = fill("{{ following(f) }}", f=followed(facts(row("features", 0.0), row(IMAGE, 0.9)), NAMES))
    assert IMAGE not in html
    assert "&lt;img src=x" in html
