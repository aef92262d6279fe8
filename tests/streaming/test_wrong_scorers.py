from __future__ import annotations

from pathlib import Path

from tests.streaming.wrong_scorers import (
    SCORERS,
    WORDS,
    Counted,
    hit_per_frame,
    last_frame,
    never_groups,
    ours,
    table,
    take,
    tolerance_twice,
)


def test_each_wrong_scorer_differs_where_its_fault_says() -> None:
    right = ours(take(), WORDS)
    assert right == Counted(3, 1, 1)
    assert never_groups(take(), WORDS) == right._replace(false_alarms=10)  # an alarm of ten frames
    assert hit_per_frame(take(), WORDS) == Counted(11, -7, 1)
    assert tolerance_twice(take(), WORDS) == Counted(2, 2, 1)
    assert last_frame(take(), WORDS) == Counted(0, 4, None)


def test_the_table_of_the_documentation_is_theirs(root: Path) -> None:
    text = (root / "docs" / "streaming.md").read_text(encoding="utf-8")
    assert len(table()) == len(SCORERS)
    assert [row for row in table() if row not in text.splitlines()] == []
