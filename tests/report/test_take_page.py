from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustness.report.take_page import CutTake, CutWord, opening_of, take_page
from tests.browser import Watched


def words(*lengths_ms: float, odd: tuple[int, ...] = ()) -> list[CutWord]:
    return [
        CutWord(f"word{at}", 1000.0 * at, 1000.0 * at + length, 1000.0 * at, 1000.0 * at + 600, -12.0, f"{at}.wav", at in odd)
        for at, length in enumerate(lengths_ms)
    ]


@pytest.mark.parametrize(
    ("lengths", "odd", "kind", "says"),
    [
        ((300, 310, 290), (), "none", "None is much shorter or longer than the others."),
        ((300, 310, 100), (2,), "found", "By length word2 (100 ms) stands out from the usual 300 ms."),
        ((300, 700, 310, 100), (1, 3), "found", "By length word1 (700 ms) and word3 (100 ms) stand out from the usual 305 ms."),
    ],
)
def test_the_words_that_stand_out_are_named(lengths: tuple[float, ...], odd: tuple[int, ...], kind: str, says: str) -> None:
    opening = opening_of(words(*lengths, odd=odd))
    assert opening.kind == kind
    assert says in str(opening.finding)
    assert f"as were given: {len(lengths)}." in str(opening.finding)


def test_the_page_draws_the_take_and_loads_nothing(watched: Watched, tmp_path: Path) -> None:
    waves = np.linspace(-0.5, 0.5, 300)
    take = CutTake(
        "<b>take</b>", 3000.0, -np.abs(waves), np.abs(waves), np.full(300, -50.0), -51.2, -11.2, -31.2, -45.2, 80, 180, words(300, 310)
    )
    path = tmp_path / "take.html"
    path.write_text(take_page(take), encoding="utf-8")
    page = watched.open(path)
    page.wait_for_selector("#take .main-svg")
    assert page.locator("h1").inner_text() == "<b>take</b>: 2 words"
    assert page.locator("tbody tr").count() == 2
