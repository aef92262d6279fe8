"""Is what a bounded search finds a real window, and no better than the grid that it starts from?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from robustness.conditions import Condition
from robustness.rendering import Renderer
from robustness.sweep.every_sample import Enumeration
from robustness.sweep.trials import answer_of
from robustness.sweep.worst_found import worst_found
from tests.builders import LABELS, classifier, recording


@pytest.mark.parametrize(("beside", "low", "high"), [("gain", -12.0, 12.0), ("white-noise", 10.0, 30.0)])
def test_the_worst_found_is_the_margin_of_that_window(beside: str, low: float, high: float) -> None:
    model, word = classifier(), recording("word.wav")
    found = worst_found(Enumeration(model), word, 20.0, beside)
    assert found is not None
    assert low <= found.level <= high
    assert abs(found.step) <= 320
    renderer = Renderer.of([word], model.frame)
    label = torch.tensor([LABELS.index("up")])

    def margin(step: int, level: float) -> float:
        samples = renderer.render(Condition(beside, level), renderer.leads("center") + step).samples
        return float(answer_of(model.logits(samples), label).margin)

    assert found.margin == pytest.approx(margin(found.step, found.level), abs=1e-3)
    assert all(found.margin <= margin(step, level) + 1e-3 for step in (-320, 0, 320) for level in (low, (low + high) / 2, high))
    assert 153 <= found.windows < 300


def test_a_recording_without_a_label_is_not_searched() -> None:
    assert worst_found(Enumeration(classifier()), replace(recording("word.wav"), label=None), 20.0, "gain") is None
