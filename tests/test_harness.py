"""Do benchmarks measure and show what they say?"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.harness import Contender, Spread, Table, Timing, finish, interleaved, placed, process


def test_contenders_take_turns_and_each_round_begins_with_another() -> None:
    said: list[str] = []
    timings = interleaved([Contender(name, lambda name=name: said.append(name)) for name in "abc"], runs=2, warm=1)  # type: ignore[misc]
    assert "".join(said) == "abcbcacab"
    assert [(timing.name, len(timing.seconds)) for timing in timings] == [("a", 2), ("b", 2), ("c", 2)]


def test_what_prepares_a_run_is_not_timed() -> None:
    (timing,) = interleaved([Contender("quick", lambda: None, prepare=lambda: time.sleep(0.05))], runs=1, warm=0)
    assert timing.seconds[0] < 0.04


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that is ten times slower in one round changes the times and not the ratio."""
    slow, fast = Timing("slow", (2.0, 20.0, 2.0)), Timing("fast", (1.0, 10.0, 0.5))
    assert fast.faster_than(slow) == Spread(2.0, 2.0, 4.0)
    assert slow.spread == Spread(2.0, 2.0, 20.0)


def test_a_table_has_a_row_a_contender_in_its_unit() -> None:
    table = Table.of([Timing("a", (4.0, 4.0)), Timing("b", (2.0, 1.0))], per=2, unit="ms a clip", scale=1000, notes=["Said below."])
    assert str(table).splitlines() == [
        "| what | ms a clip | times faster than a |",
        "| --- | --- | --- |",
        "| a | 2,000 (2,000 – 2,000) | 1 |",
        "| b | 750 (500 – 1,000) | 3 (2 – 4) |",
        "",
        "Said below.",
    ]


def test_a_process_is_measured_with_its_memory() -> None:
    took = process([sys.executable, "-c", "print('x' * 3, len(bytearray(200_000_000)))"])
    assert took.output == "xxx 200000000\n"
    assert 0.2 < took.memory_gb < 0.4
    assert took.seconds > 0


def test_a_process_that_fails_is_shown() -> None:
    with pytest.raises(SystemExit, match="ended with 3:\nbecause"):
        process([sys.executable, "-c", "import sys; print('because'); sys.exit(3)"])


def test_tables_are_kept_in_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n\nWords.\n", encoding="utf-8")
    monkeypatch.setattr(harness, "README", readme)
    table = Table(("what",), (("it",),))
    monkeypatch.setattr(sys, "argv", ["x", "--clips", "3"])
    finish("benchmarks/one.py", "How much?", [table])
    assert "`python -m benchmarks.one --clips 3`: torch" in capsys.readouterr().out
    assert readme.read_text(encoding="utf-8") == "# Title\n\nWords.\n"
    monkeypatch.setattr(sys, "argv", ["x", "--keep"])
    for name in ("one", "two", "one"):
        finish(f"benchmarks/{name}.py", f"How much is {name}?", [table])
    kept = readme.read_text(encoding="utf-8")
    assert [line for line in kept.splitlines() if line.startswith("##")] == ["## How much is one?", "## How much is two?"]
    assert kept.startswith("# Title\n\nWords.\n")
    assert placed(kept, "one", "again \\1").count("<!-- one -->\nagain \\1\n<!-- end of one -->") == 1
