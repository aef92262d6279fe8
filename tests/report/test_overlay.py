"""Does the figure of a map show it over what was heard, on the scale it shares, with its strongest cells outlined?"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustness.report.cards.figures import CardFigures
from robustness.report.map_figure import Scale, overlaid, scale_of, top_cells
from tests.report.test_explained import card_of

KEY = "occlusion/float32"
OTHER = "occlusion/dynamic-int8"


def unpacked(values: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    integers = np.frombuffer(base64.b64decode(values["packed"]), np.dtype(values["kind"]).newbyteorder("<"))
    found: np.ndarray[Any, np.dtype[np.float64]] = values["low"] + values["step"] * integers.astype(float)
    return found.reshape(values["shape"])


@pytest.fixture
def card(tmp_path: Path) -> CardFigures:
    rng = np.random.default_rng(0)
    arrays = {key: rng.normal(size=(64, 101)).astype(np.float32) for key in ("log_mel", KEY, OTHER)}
    arrays[OTHER] *= 3
    arrays[f"time/{KEY}"] = np.linspace(-5, 5, 101, dtype=np.float32)
    method: dict[str, Any] = {
        "name": "occlusion",
        "variants": ["float32", "dynamic-int8"],
        "passes": 1,
        "baseline": "silence",
        "source": "none",
    }
    method |= {"settings": {}, "max_abs": {"float32": 1.0, "dynamic-int8": 1.0}}
    noise = {"condition": {"perturbation": "padding-placement"}, "recording": "nothing.wav", "sound": None, "word": "up"}
    return card_of(tmp_path, arrays, methods=[method], **noise)


def test_what_is_compared_has_one_scale_and_it_is_printed(card: CardFigures) -> None:
    maps = [figure for figure in card.figures() if "occlusion" in figure.id]
    largest = float(max(np.abs(card.arrays[key]).max() for key in (KEY, OTHER)))
    assert [figure.data[1]["zmax"] for figure in maps] == [largest, largest]
    assert [figure.data[1]["zmin"] for figure in maps] == [-largest, -largest]
    assert all(figure.title.endswith(f"±{largest:.2g}") for figure in maps)
    assert maps[0].layout["yaxis2"] == maps[1].layout["yaxis2"]
    assert maps[0].layout["xaxis2"] == maps[1].layout["xaxis2"]


def test_a_figure_holds_the_map_what_was_heard_the_outline_and_both_margins(card: CardFigures) -> None:
    grey, over, outline, above, beside = overlaid(card, KEY, "occlusion", scale_of(card.arrays, [KEY])).data
    array = card.arrays[KEY]
    np.testing.assert_allclose(unpacked(over["z"]), array, atol=float(np.abs(array).max()) / 127)
    np.testing.assert_allclose(unpacked(grey["z"]), card.arrays["log_mel"], atol=float(np.ptp(card.arrays["log_mel"])) / 255)
    assert (unpacked(outline["z"]) == top_cells(array)).all()
    assert top_cells(array).sum() == round(array.size / 10)
    np.testing.assert_allclose(unpacked(above["y"]), card.arrays[f"time/{KEY}"], atol=5 / 127)  # as it was asked apart
    np.testing.assert_allclose(unpacked(beside["x"]), array.sum(1), atol=float(np.abs(array.sum(1)).max()) / 127)


def test_a_map_of_zeros_is_drawn_on_a_scale_of_one(card: CardFigures) -> None:
    nothing = np.zeros((64, 101), np.float32)
    assert scale_of({KEY: nothing}, [KEY]) == Scale(1.0, 1.0, 1.0)
    assert not top_cells(nothing).any()
