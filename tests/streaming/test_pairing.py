from __future__ import annotations

import math
from dataclasses import replace

import pytest

from robustness.analysis.intervals import mcnemar
from robustness.streaming.pairing import paired_hits
from robustness.streaming.rules.plain import Plain
from robustness.streaming.streams import VariantStream, stream_of
from tests.streaming.planted import SAID, WORDS, planted


def variant(name: str, said: tuple[tuple[float, str], ...], sure: float = 1.0) -> VariantStream:
    made = replace(planted(said), model=name)
    made = replace(made, values=made.values * made.values.dtype.type(sure))
    return stream_of([made], [WORDS], Plain(0.5), steps=1, tolerance_ms=1000.0, alone={})


def test_words_are_paired_at_equal_false_alarms_and_not_at_equal_thresholds() -> None:
    more = (*SAID, (15_600.0, "yes"))  # the missed word too, and every score half as high
    (none, all_) = paired_hits([variant("a", SAID), variant("b", more, 0.4)], (1.0, 200.0))
    assert (none.both, none.neither, none.thresholds) == (0, 4, (math.inf, math.inf))  # all scores of one are alike
    assert (all_.both, all_.first_only, all_.second_only, all_.neither) == (2, 0, 1, 1)
    assert list(all_.thresholds) == pytest.approx([1.0, 0.4])
    assert all_.difference.value == pytest.approx(0.25)
    assert all_.p_value == mcnemar(0, 1)


def test_one_variant_has_no_pair() -> None:
    assert paired_hits([variant("a", SAID)]) == []
