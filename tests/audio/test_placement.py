from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import torch

from robustness.audio.placement import RecordingBatch, Windows, batch_of, lead_of, place, slack_ms, span_of, trimmed
from robustness.audio.recordings import Recording
from robustness.conditions import Fill
from tests.builders import FRAME, RATE_HZ, recording, recordings


def slow_place(batch: RecordingBatch, clip: int, lead: int) -> torch.Tensor:
    """Sample by sample: what leaves the window is lost, what enters is zero."""
    window = torch.zeros(FRAME.samples)
    for i in range(int(batch.lengths[clip])):
        if 0 <= i + lead < FRAME.samples:
            window[i + lead] = batch.samples[clip, i]
    return window


@dataclass(frozen=True)
class ReadWhenAsked(Sequence[Recording]):
    """Recordings that count how often they are read."""

    kept: list[Recording]
    read: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, place: int) -> Recording:  # type: ignore[override]
        self.read.append(self.kept[place].id)
        return self.kept[place]


def test_each_recording_is_read_once_for_a_batch() -> None:
    some = ReadWhenAsked(recordings(3))
    assert batch_of(some).ids == tuple(some.read) == tuple(one.id for one in some.kept)


@pytest.mark.parametrize("lead", [0, 1, 160, 3000, 12_000, 15_999, 16_000, -1, -160, -7000, -16_000])
def test_a_placed_recording_is_the_definition(lead: int) -> None:
    batch = batch_of(recordings(3))
    windows = place(batch, torch.full((3,), lead), FRAME)
    for clip in range(3):
        assert torch.equal(windows.samples[clip], slow_place(batch, clip, lead))


@pytest.mark.parametrize(("placement", "leads"), [("start", [0, 0]), ("center", [4250, 4249]), ("end", [8500, 8499]), ("offset", [0, 0])])
def test_the_lead_of_each_placement(placement: str, leads: list[int]) -> None:
    padding = torch.tensor([8500, 8499])
    assert lead_of(placement, padding).tolist() == leads  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "lost"),
    [(0, 16_000, (0, 0)), (-100, 5000, (100, 0)), (12_000, 16_300, (0, 300)), (-900, -100, (800, 0)), (16_500, 17_000, (0, 500))],
)
def test_lost_speech_is_what_lies_outside(start: int, end: int, lost: tuple[int, int]) -> None:
    windows = Windows(torch.zeros(1, 16_000), RATE_HZ, torch.zeros(1), torch.tensor([[start, end]]), ("a",))
    assert tuple(windows.lost[0].tolist()) == lost


def test_the_speech_span_moves_with_the_recording() -> None:
    batch = batch_of(recordings(2))
    windows = place(batch, torch.tensor([100, -40]), FRAME)
    assert torch.equal(windows.speech, batch.speech + torch.tensor([[100], [-40]]))


def test_floor_fill_reaches_only_the_padding_and_does_not_depend_on_the_batch() -> None:
    some = recordings(3)
    lead = torch.tensor([500, 500, 500])
    together = place(batch_of(some), lead, FRAME, "floor")
    for clip, one in enumerate(some):
        alone = place(batch_of([one]), lead[:1], FRAME, "floor")
        assert torch.equal(alone.samples[0], together.samples[clip])
        assert torch.equal(together.samples[clip, 500 : 500 + len(one.samples)], one.samples)
        assert together.samples[clip, :500].any()


@pytest.mark.parametrize("fill", ["zeros", "floor"])
def test_another_seed_changes_only_the_fill(fill: Fill) -> None:
    lead = torch.tensor([500])
    a, b = (place(batch_of([recording("a")], seed=seed), lead, FRAME, fill).samples for seed in (0, 1))
    assert torch.equal(a, b) == (fill == "zeros")


@pytest.mark.parametrize(
    ("length", "trim", "cut"),
    [(15_360, "auto", False), (15_361, "auto", True), (16_000, "never", False), (8_000, "always", True), (8_000, "auto", False)],
)
def test_a_recording_is_cut_to_its_speech_where_it_has_no_slack(length: int, trim: str, cut: bool) -> None:
    one = recording("a", length / 16 - 1e-9)
    assert len(one.samples) == length
    quiet = torch.cat([torch.zeros(2000), one.samples[2000:-2000], torch.zeros(2000)])
    given = type(one)(one.id, quiet, one.rate_hz, one.label)
    assert (len(trimmed(given, FRAME, trim).samples) < length) == cut  # type: ignore[arg-type]


def test_slack_is_the_room_in_the_window() -> None:
    assert slack_ms(12_000, FRAME) == 250.0
    assert slack_ms(17_600, FRAME) == -100.0


def test_the_speech_span_is_found_once_and_kept_when_the_recording_is_cut() -> None:
    one = recording("a", 900, seed=3)
    start, end = span_of(one)
    cut = trimmed(one, FRAME, "always")
    assert span_of(cut) == (0, end - start)
    assert batch_of([cut]).speech.tolist() == [[0, end - start]]
