"""Is what is said of every sample of lead what a window at a time gives?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, place
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.errors import UsageError
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.quantization.base import quantized
from robustness.sweep.every_sample import every_sample, lead_range
from robustness.sweep.trials import answer_of
from tests.builders import LABELS, RATE_HZ, classifier, recording
from tests.networks import SeparableNet


def of_network(net: nn.Module) -> Classifier:
    return replace(classifier(), network=TorchNetwork(net.eval()), output="logits")


@pytest.mark.parametrize(
    ("name", "length_ms", "shared"),
    [("inside", 500.0, False), ("at the edge", 985.0, True), ("partly", 955.0, True), ("far", 500.0, True), ("pads", 500.0, False)],
)
def test_every_sample_is_what_each_window_gives(name: str, length_ms: float, shared: bool) -> None:
    model = of_network(SeparableNet()) if name == "pads" else classifier()
    word = recording("word.wav", length_ms)
    within_ms = 6.0 if name == "inside" else 15.0  # of less than two hops nothing is shared
    (one,) = every_sample([model], [word], within_ms).recordings
    there = lead_range(word, model, within_ms, SPEECH_THRESHOLD_DB)
    assert there is not None
    windows = place(there.batch.repeated(len(there.leads)), there.leads, model.frame)
    assert int(windows.lost.sum()) == 0
    answer = answer_of(
        torch.cat([model.logits(window[None]) for window in windows.samples]), torch.full((len(there.leads),), LABELS.index("up"))
    )
    good, steps = answer.margin > 0, there.leads - there.leads[there.reference]
    bad = steps[~good]
    assert one.shared is shared
    assert (one.leads, one.good) == (len(steps), int(good.sum()))
    assert one.worst == pytest.approx(float(answer.margin.min()), abs=1e-4)
    assert one.bad_late == (int(bad[bad >= 0].min()) if (bad >= 0).any() else None)
    assert one.bad_early == (int(-bad[bad <= 0].max()) if (bad <= 0).any() else None)
    assert one.grid == pytest.approx(float(answer.margin[steps % 160 == 0].min()), abs=1e-4)


def test_a_quantized_variant_is_asked_window_by_window() -> None:
    (one,) = every_sample([quantized(classifier(), "dynamic-int8")], [recording("word.wav")], 1.0).recordings
    assert (one.shared, one.leads) == (False, 33)


@pytest.mark.parametrize(
    ("early", "late", "bad", "within", "room", "holds"),
    [
        (100, 100, (None, None), 100, True, True),
        (99, 100, (None, None), 100, False, True),
        (100, 100, (None, 50), 50, True, False),
        (100, 100, (None, 51), 50, True, True),
        (100, 100, (0, 0), 1, True, False),
        (100, 100, (10, None), 9, True, True),
    ],
)
def test_the_range_that_holds_ends_before_the_first_bad_sample(
    early: int, late: int, bad: tuple[int | None, int | None], within: int, room: bool, holds: bool
) -> None:
    (one,) = every_sample([classifier()], [recording("word.wav")], 1.0).recordings
    made = replace(one, early=early, late=late, bad_early=bad[0], bad_late=bad[1])
    assert (made.has_room(within), made.holds(within)) == (room, holds)


@pytest.mark.parametrize("within_ms", [0.0, -1.0, 1001.0, float("nan")])
def test_no_range_is_refused(within_ms: float) -> None:
    with pytest.raises(UsageError, match="give more than 0 and at most 1000 ms to each side"):
        every_sample([classifier()], [recording("word.wav")], within_ms)


def test_what_has_no_label_or_no_room_is_left_out() -> None:
    words: list[Recording] = [replace(recording("none.wav"), label=None), recording("long.wav", 1400.0)]
    assert every_sample([classifier()], words, 1.0).recordings == ()


def test_the_tutorials_no_is_better_on_the_grid_than_73_samples_away(shared: Path, root: Path) -> None:
    original = load_classifier(root / "models" / "tutorial.toml", weights=shared / "tutorial" / "speech_commands_model.pt")
    take = shared / "tutorial" / "recordings" / "SCRIC20_ragh_imac_clean_no_1.wav"
    words = read_recordings([take], rate_hz=RATE_HZ, longest_samples=Frame(RATE_HZ, RATE_HZ).samples).recordings
    (one,) = every_sample([original], list(words), 100.0).recordings
    assert (one.leads, one.good, one.shared) == (3201, 3201, True)
    assert (round(one.grid, 2), round(one.worst, 2), one.worst_step) == (2.0, 0.87, -73)
