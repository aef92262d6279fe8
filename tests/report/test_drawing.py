"""Does a text in a small figure stand where no curve crosses it and nothing cuts it?"""

from __future__ import annotations

import re

import pytest

from robustness.report.drawing import Curve, PlotFrame, PlotText

FRAME = PlotFrame(400, 200, (0, 100), (0, 100))
WORDS = "here: 12 %"
FLAT: Curve = ([0, 100], [50, 50])


def place_of(drawn: str) -> tuple[float, float, bool]:
    found = re.fullmatch(r'<text class="([^"]+)" x="([^"]+)" y="([^"]+)">[^<]+</text>', drawn)
    assert found is not None
    return float(found[2]), float(found[3]), "end" in found[1].split()


@pytest.mark.parametrize(
    ("x", "y", "curve", "right", "above"),
    [
        (50, 50, FLAT, True, True),
        (50, 50, ([0, 50, 100], [50, 50, 100]), True, False),  # it rises to the right
        (50, 50, ([0, 50, 52, 60, 61, 100], [20, 50, 80, 80, 20, 20]), False, True),  # up and down to the right
        (50, 50, ([60, 100], [80, 0]), True, False),  # a curve that begins to the right
        (50, 50, ([0, 50, 60, 100], [float("nan"), 50, 50, float("nan")]), True, True),
        (98, 50, FLAT, False, True),  # no room to the right
        (50, 100, ([0, 100], [100, 100]), True, True),
        (2, 1, ([0, 100], [0, 0]), True, True),  # and none below
    ],
)
def test_a_text_stands_beside_its_point_where_it_is_free(x: float, y: float, curve: Curve, right: bool, above: bool) -> None:
    dot = FRAME.at(x, y)
    left_of, up, ends = place_of(str(FRAME.beside(x, y, WORDS, "name", curves=[curve]).drawn))
    assert (left_of > dot.x) is right
    assert ends is not right
    assert (up < dot.y) is above


def test_where_every_place_is_crossed_it_is_the_first() -> None:
    zigzag: Curve = ([float(i) for i in range(101)], [100.0 * (i % 2) for i in range(101)])
    dot = FRAME.at(50, 50)
    across, up, _ = place_of(str(FRAME.beside(50, 50, WORDS, "name", curves=[zigzag]).drawn))
    assert across > dot.x
    assert up < dot.y


def test_two_texts_of_one_point_do_not_lie_on_one_another() -> None:
    texts: list[PlotText] = []
    for _ in range(4):
        texts.append(FRAME.beside(50, 50, WORDS, "name", curves=[FLAT], others=texts))
    assert len({one.place for one in texts}) == 4
    assert not any(one.overlaps(other) for i, one in enumerate(texts) for other in texts[:i])
