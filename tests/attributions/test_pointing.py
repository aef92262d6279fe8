"""Do maps point at a cue that was planted in a known band and time, and random ones no more often than chance?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.pointing import CUE_MS, NAMES, RANDOM_NAME, Cue, Pointed, Region, in_region, pointed, points_at
from robustness.attributions.coalitions import Parts
from robustness.attributions.masking import Explainable
from robustness.seeds import generator_of
from tests.attributions.networks import LABELS, TARGET, classifier_of

RECORDINGS = 8
CUE = Cue(1200.0, 2400.0)


class Listening(nn.Module):
    """Hears how far one part of the features rises above the rest, and a little of everything else."""

    def __init__(self, cells: Tensor) -> None:
        super().__init__()
        self.cells = cells
        weight = torch.randn(cells.shape, generator=generator_of("everything else"))
        self.weight = weight / weight.numel() ** 0.5 / 20

    def forward(self, features: Tensor) -> Tensor:
        clips = features[:, 0]
        heard = clips[:, self.cells].mean(1) - clips[:, ~self.cells].mean(1)
        margin = 4 * torch.tanh(heard / 10) + (clips * self.weight).sum((1, 2)) / 20
        return torch.stack([margin, *([torch.zeros_like(margin)] * (len(LABELS) - 1))], 1)


def case_of(name: str) -> tuple[Explainable, Region]:
    rng = generator_of("pointing", name)
    plain = torch.randn(16_000, generator=rng) * 0.05
    start = Cue.start(plain, rng)
    region = Region(CUE.low_hz, CUE.high_hz, start / 16, start / 16 + CUE_MS)
    frontend = classifier_of(nn.Identity()).frontend
    features = frontend.features(CUE.put(plain, start, rng)[None])
    classifier = classifier_of(Listening(region.cells(frontend, features.shape[2:])))
    return Explainable.of(classifier, features, TARGET), region


@pytest.fixture(scope="module")
def found() -> list[Pointed]:
    return [pointed(*case_of(str(name)), seed=str(name)) for name in range(RECORDINGS)]


@pytest.mark.parametrize("method", [name for name in NAMES if name != RANDOM_NAME])
def test_maps_point_at_what_the_network_listens_for(found: list[Pointed], method: str) -> None:
    assert sum(sum(one.hits[method]) for one in found) >= 0.8 * RECORDINGS


def test_random_maps_point_there_by_chance(found: list[Pointed]) -> None:
    hits = [hit for one in found for hit in one.hits[RANDOM_NAME]]
    chance = sum(one.chance for one in found) / len(found)
    assert 0 < chance < 0.15
    assert sum(hits) / len(hits) == pytest.approx(chance, abs=3 * (chance / len(hits)) ** 0.5)


def test_a_block_lies_in_the_cue_with_its_center() -> None:
    blocks = Parts((0, 4, 8), (0, 10, 20)).blocks()
    cells = torch.zeros(8, 20, dtype=torch.bool)
    cells[0:4, 3:8] = True  # the center of the first, and a corner of none but it
    cells[7, 19] = True
    assert in_region(blocks, cells).tolist() == [True, False, False, False]
    relevance = torch.zeros(8, 20)
    relevance[1, 1], relevance[6, 15] = 1.0, 2.0
    assert not points_at(relevance, blocks, in_region(blocks, cells))
    assert points_at(-relevance.flip(0, 1), blocks, torch.tensor([False, True, True, False]))


def test_the_burst_lies_in_its_band_and_time() -> None:
    plain = torch.randn(16_000, generator=generator_of("plain")) * 0.05
    burst = CUE.put(plain, 4000, generator_of("burst")) - plain
    assert burst[:4000].abs().max() == burst[4000 + CUE_MS * 16 :].abs().max() == 0
    power = torch.fft.rfft(burst).abs().square()
    hz = torch.arange(len(power)) * 16_000 / len(burst)
    inside = (hz > 0.8 * CUE.low_hz) & (hz < 1.25 * CUE.high_hz)
    assert float(power[inside].sum() / power.sum()) > 0.98
