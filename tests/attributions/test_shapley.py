from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import Target
from robustness.attributions.coalitions import Parts, coalition_scores, exact_values
from robustness.attributions.masking import any_along
from robustness.attributions.methods.shapley import Shapley
from robustness.attributions.methods.shapley_blocks import ShapleyBlocks
from robustness.errors import UsageError
from robustness.quantization.base import quantized
from robustness.seeds import generator_of
from tests.attributions.networks import TARGET, Flat, classifier_of, right_padded, tutorial_like


def by_all_orders(classifier_score: object, players: int) -> list[float]:
    """The definition: the mean gain of a player over every order in which they come."""
    values = [0.0] * players
    for order in itertools.permutations(range(players)):
        kept: set[int] = set()
        for player in order:
            before = classifier_score(frozenset(kept))  # type: ignore[operator]
            kept.add(player)
            values[player] += classifier_score(frozenset(kept)) - before  # type: ignore[operator]
    return [value / math.factorial(players) for value in values]


@pytest.mark.parametrize("known", [slice(None), slice(1, None, 3), slice(0, 1)])
def test_the_cells_of_parts_that_are_not_kept_are_masked(known: slice) -> None:
    rng = generator_of("kept")
    blocks = Parts.of(torch.zeros(1, 1, 64, 101), 6, 13).blocks()[known]
    kept = torch.rand(9, len(blocks), generator=rng) < 0.5
    given: list[Tensor] = []

    def masked(masks: Tensor) -> Tensor:
        given.append(masks)
        return torch.zeros(len(masks), 1, 2)

    assert coalition_scores(masked, blocks, kept).shape == (9, 2)  # type: ignore[arg-type]
    expected = torch.stack([sum((block for block, one in zip(blocks, row, strict=True) if not one), torch.zeros(64, 101)) for row in kept])
    assert torch.equal(given[0], expected > 0)
    assert torch.equal(any_along(given[0], 1), given[0].any(1))


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_exact_values_equal_brute_force_on_four_segments(scheme: str) -> None:
    classifier = quantized(tutorial_like(), scheme)
    features = right_padded(classifier, 900)
    silence = classifier.frontend.silence(features).expand_as(features)
    edges = [0, 25, 50, 75, 101]

    def score(kept: frozenset[int]) -> float:
        mixed = silence.clone()
        for segment in kept:
            mixed[..., edges[segment] : edges[segment + 1]] = features[..., edges[segment] : edges[segment + 1]]
        return float(TARGET.score(classifier.logits_from(mixed))[0])

    found = Shapley(segments=4).attribute(classifier, features, TARGET)
    assert found.settings["frame_edges"] == edges
    assert found.parts is not None
    torch.testing.assert_close(found.parts[0, :, 0], torch.tensor(by_all_orders(score, 4)), rtol=1e-4, atol=1e-4)
    assert found.passes <= 2**4


@pytest.mark.parametrize("method", [Shapley(), ShapleyBlocks(pairs=2)])
def test_linear_network_gives_the_closed_form(method: Shapley | ShapleyBlocks) -> None:
    net = Flat(64, 101)
    classifier = classifier_of(net)
    features = torch.randn(1, 1, 64, 101, generator=generator_of("features")) * 20 - 40
    found = method.attribute(classifier, features, TARGET)
    own = net.margin_weight(TARGET, 64) * (features - classifier.frontend.silence(features))[0, 0]
    rows, columns = found.settings["band_edges"], found.settings["frame_edges"]
    assert isinstance(rows, list)
    assert isinstance(columns, list)
    expected = [[own[low:high, start:end].sum() for low, high in itertools.pairwise(rows)] for start, end in itertools.pairwise(columns)]
    assert found.parts is not None
    torch.testing.assert_close(found.parts[0], torch.tensor(expected), rtol=1e-3, atol=2e-2)
    torch.testing.assert_close(found.map.sum((1, 2)), found.change, rtol=1e-4, atol=2e-2)
    if found.errors is not None:
        assert found.errors.max() < 1e-2  # the gain of a part of a linear score is the same in every order


@pytest.mark.parametrize("method", [Shapley(), ShapleyBlocks(pairs=2)])
def test_the_difference_of_two_variants_sums_to_what_quantization_changed(method: Shapley | ShapleyBlocks) -> None:
    one = tutorial_like()
    other = quantized(one, "dynamic-int8")
    features = right_padded(one)
    silence = one.frontend.silence(features).expand_as(features)
    maps = [method.attribute(c, features, TARGET).map for c in (other, one)]
    changes = [TARGET.score(c.logits_from(features)) - TARGET.score(c.logits_from(silence)) for c in (other, one)]
    torch.testing.assert_close((maps[0] - maps[1]).sum((1, 2)), changes[0] - changes[1], rtol=0, atol=1e-4)


def test_sampled_values_lie_within_their_error_of_the_exact_ones() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier, 500)
    exact = Shapley().attribute(classifier, features, TARGET).parts
    found = ShapleyBlocks(bands=1, pairs=24).attribute(classifier, features, TARGET)
    assert exact is not None
    assert found.parts is not None
    assert found.errors is not None
    away = (found.parts - exact).abs()
    assert (away <= 4 * found.errors + 1e-5).all()
    assert (found.errors[0, :5] > 0).all()
    assert found.errors.max() < exact.abs().max() / 4


def test_silent_segments_cost_nothing_and_get_exactly_zero() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier, 380)
    found = Shapley().attribute(classifier, features, TARGET)
    assert found.parts is not None
    assert found.passes <= 2**4
    assert (found.parts[0, 4:] == 0).all()
    assert (found.parts[0, :4] != 0).all()


def test_a_clip_that_is_its_baseline_has_nothing_to_share() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    found = Shapley().attribute(classifier, features, TARGET, baseline=features)
    assert not found.map.any()
    assert found.change.tolist() == [0.0]


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_orders_depend_on_the_seed_alone(seed: int, same: bool) -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    one, two = (ShapleyBlocks(pairs=2, seed=s).attribute(classifier, features, TARGET).map for s in (0, seed))
    assert torch.equal(one, two) == same


@pytest.mark.parametrize("segments", [0, 15])
def test_refuses_what_cannot_be_exact(segments: int) -> None:
    classifier = tutorial_like()
    with pytest.raises(UsageError, match=f"over {segments} segments take .*give 1 to 14"):
        Shapley(segments=segments).attribute(classifier, right_padded(classifier), TARGET)


@pytest.mark.parametrize("pairs", [0, 1])
def test_refuses_an_error_bar_of_one_pair(pairs: int) -> None:
    classifier = tutorial_like()
    with pytest.raises(UsageError, match=f"needs two pairs of orders and {pairs} is given"):
        ShapleyBlocks(pairs=pairs).attribute(classifier, right_padded(classifier), TARGET)


def test_no_player_no_value() -> None:
    assert exact_values(torch.ones(1, 2), 0).shape == (0, 2)


class Product(nn.Module):
    """A score that two segments make together."""

    def forward(self, features: Tensor) -> Tensor:
        both = features[..., :10].mean((1, 2, 3)) * features[..., 90:].mean((1, 2, 3)) / 100
        return torch.stack([both, 0 * both, 0 * both], 1)


def test_what_two_segments_do_together_is_shared_equally() -> None:
    features = torch.zeros(1, 1, 64, 101)
    features[..., :10] = features[..., 90:] = 10.0
    classifier = replace(classifier_of(Product()))
    found = Shapley().attribute(classifier, features, Target(0), baseline=torch.zeros(1))
    assert found.parts is not None
    assert found.parts[0, :, 0].tolist() == pytest.approx([0.5, *[0.0] * 8, 0.5])
