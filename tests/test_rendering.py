"""Is a condition rendered alike, whoever asks, and does noise stay where it is when a recording moves in it?"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from robustness.audio.placement import Windows, batch_of, lead_of, place
from robustness.conditions import NO_WORD, Condition
from robustness.errors import UsageError
from robustness.perturbations.base import PERTURBATIONS
from robustness.perturbations.white_noise import WhiteNoise
from robustness.rendering import Renderer, reference_windows, render
from tests.builders import FRAME, RATE_HZ, recording, recordings

NOISY = Condition("white-noise", 5.0, "zeros", 2, "center")
RUN = [
    condition
    for kind in PERTURBATIONS.all().values()
    if not kind.inputs and kind().unavailable({}, FRAME) is None
    for condition in list(kind().conditions("center"))[:: 17 if kind.leads else 5]
]


@pytest.mark.parametrize("condition", RUN, ids=str)
def test_one_recording_alone_is_as_in_its_batch_and_twice_the_same(condition: Condition) -> None:
    some = recordings(4)
    renderer = Renderer.of(some, FRAME, seed=7)
    together = renderer.render(condition)
    alone = render(some[2:3], condition, FRAME, seed=7)
    assert torch.allclose(alone.samples[0], together.samples[2], atol=1e-6)
    assert alone.lead[0] == together.lead[2]
    assert torch.equal(renderer.render(condition).samples, together.samples)


def test_a_placement_is_placed_once() -> None:
    renderer = Renderer.of(recordings(2), FRAME)
    assert renderer.render(Condition(placement="end")) is renderer.render(Condition(placement="end"))


def test_the_reference_placement_is_its_lead() -> None:
    batch = batch_of(recordings(3))
    wanted = place(batch, lead_of("center", FRAME.samples - batch.lengths), FRAME)
    assert torch.equal(reference_windows(recordings(3), FRAME).samples, wanted.samples)


def test_a_lead_takes_the_place_of_the_placement_under_noise() -> None:
    heard = render([recording("one")], NOISY, FRAME, seed=1, lead_ms=120.0)
    clean = place(batch_of([recording("one")], 1), torch.tensor([1920]), FRAME)
    assert torch.equal(heard.samples, WhiteNoise()(clean, 5.0, draw=2, seed=1).samples)
    assert heard.lead.tolist() == [1920]


def test_noise_stays_where_it_is_and_as_loud_as_it_is_while_the_recording_moves() -> None:
    renderer = Renderer.of([recording("one")], FRAME, seed=1)
    leads_ms = [0.0, 55.0, 250.0, -40.0]
    here, moved = renderer.render(NOISY), renderer.moved(leads_ms, NOISY)
    assert here.added is not None
    assert here.scale is not None
    for lead_ms, samples in zip(leads_ms, moved.samples, strict=True):
        clean = place(batch_of([recording("one")], 1), torch.tensor([round(lead_ms * RATE_HZ / 1000)]), FRAME)
        assert torch.allclose(samples, (clean.samples[0] + here.added[0]) * here.scale[0], atol=1e-6)
    at_home = renderer.moved(renderer.leads_ms("center"), NOISY)
    assert torch.allclose(at_home.samples, here.samples, atol=1e-6)


def test_noise_may_be_held_where_it_was_at_another_lead() -> None:
    renderer = Renderer.of([recording("one")], FRAME, seed=1)
    there = renderer.render(NOISY, renderer.samples_of([30.0]))
    assert torch.allclose(renderer.moved([30.0], NOISY, heard_ms=30.0).samples, there.samples, atol=1e-6)


def test_what_is_no_sum_is_done_anew_with_the_same_room() -> None:
    renderer, room = Renderer.of([recording("one")], FRAME, seed=1), Condition("reverberation", 0.4, "zeros", 1, "center")
    moved = renderer.moved([0.0, 200.0], room)
    for lead_ms, samples in zip([0.0, 200.0], moved.samples, strict=True):
        assert torch.allclose(samples, render([recording("one")], room, FRAME, seed=1, lead_ms=lead_ms).samples[0], atol=1e-6)


def test_a_placement_condition_moves_in_silence_and_keeps_its_fill() -> None:
    renderer = Renderer.of([recording("one")], FRAME, seed=1)
    floor = Condition("padding-placement", 0.0, "floor", 0, "start")
    moved = renderer.moved([0.0, 100.0], floor)
    assert torch.equal(moved.samples[0], renderer.render(floor).samples[0])
    assert moved.lead.tolist() == [0, 1600]


@pytest.mark.parametrize(
    ("condition", "more", "says"),
    [
        (Condition("white-noize", 1.0), {}, "did you mean white-noise"),
        (Condition("background-noise", 1.0), {}, "--noises DIR"),
        (Condition("time-shift", 20.0), {"lead_ms": 3.0}, "give it, or a lead, but not both"),
        (Condition(NO_WORD, -20.0), {}, "hold no recording"),
    ],
)
def test_what_cannot_be_rendered_is_refused(condition: Condition, more: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        render([recording("one")], condition, FRAME, **more)


def test_several_recordings_are_not_moved_together() -> None:
    with pytest.raises(ValueError, match="2 recordings cannot be moved together"):
        Renderer.of(recordings(2), FRAME).moved([0.0])


@pytest.mark.parametrize(
    ("spoiled", "says"),
    [(lambda samples: samples[:, 1:], "gives samples"), (lambda samples: samples * float("nan"), "not a number")],
)
def test_what_an_author_gets_wrong_is_said_by_name(spoiled: Any, says: str) -> None:
    class Spoiled(WhiteNoise):
        def perturb(self, clean: Windows, level: float, random: torch.Tensor | None) -> Any:
            changed = super().perturb(clean, level, random)
            return changed._replace(samples=spoiled(changed.samples))

    clean = reference_windows(recordings(2), FRAME)
    with pytest.raises(ValueError, match=f"white-noise.*{says}"):
        Spoiled()(clean, 5.0)
