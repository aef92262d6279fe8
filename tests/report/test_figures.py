"""Whether arrays survive being packed, and names stay names."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from robustness.report import figures


def unpacked(packed: dict[str, object]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What the browser does: low + step · integer."""
    kind = np.dtype(str(packed["kind"])).newbyteorder("<")
    integers = np.frombuffer(base64.b64decode(str(packed["packed"])), kind)
    return (float(str(packed["low"])) + float(str(packed["step"])) * integers).reshape(packed["shape"])  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(("low", "high"), [(-70.0, 12.0), (0.0, 1e-3), (-2.0, -1.0)])
def test_a_range_is_kept_to_a_255th(low: float, high: float) -> None:
    values = np.linspace(low, high, 300).reshape(20, 15)
    assert unpacked(figures.packed_range(values)) == pytest.approx(values, abs=(high - low) / 255 + 1e-5)


def test_one_value_everywhere_is_kept() -> None:
    assert unpacked(figures.packed_range(np.full((2, 3), -70.0))) == pytest.approx(np.full((2, 3), -70.0))


def test_a_signed_map_keeps_its_zero_and_its_sign() -> None:
    values = np.array([[-1.4, 0.0, 0.7], [1.4, -0.02, 0.001]])
    found = unpacked(figures.packed_signed(values, 1.4))
    assert found == pytest.approx(values, abs=1.4 / 254 + 1e-9)
    assert found[0, 1] == 0.0


def test_what_does_not_fit_ends_at_the_scales_end() -> None:
    assert unpacked(figures.packed(np.array([-400.0, 400.0]), low=0.0, step=1.0, kind="i1")).tolist() == [-128.0, 127.0]


def test_names_lose_their_tags() -> None:
    assert figures.plain("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"


def test_frequency_ticks_are_round_and_lie_between_the_right_bands() -> None:
    band_hz = [100.0, 300.0, 700.0, 1500.0, 3500.0, 7800.0]
    ticks = figures.frequency_ticks(band_hz)
    assert ticks["ticktext"] == ["250", "500", "1k", "2k", "4k", "8k"]
    for place, hertz in zip(ticks["tickvals"][:-1], (250, 500, 1000, 2000, 4000), strict=True):
        below, above = int(np.floor(place)), int(np.ceil(place))
        assert band_hz[below] <= hertz <= band_hz[above]


def test_no_two_variants_differ_by_colour_alone() -> None:
    drawn = [figures.stroke(mark) for mark in range(6)]
    assert len({(style["line"]["dash"], style["marker"]["symbol"]) for style in drawn}) == 6
