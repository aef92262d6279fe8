"""Is the regression on random coalitions a ridge regression, exact where the score is linear, and near to Shapley values elsewhere?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValueSampling

from robustness.attributions.agreement import map_correlation
from robustness.attributions.deletion import DeletionCurves
from robustness.attributions.masking import Explainable
from robustness.attributions.methods.block_regression import BlockRegression, fitted, random_coalitions
from robustness.errors import UsageError
from robustness.seeds import generator_of
from tests.attributions.networks import TARGET, Flat, classifier_of, right_padded, tutorial_like


def test_a_linear_score_gives_what_each_block_is_worth() -> None:
    net = Flat(64, 101)
    classifier = classifier_of(net)
    features = torch.randn(1, 1, 64, 101, generator=generator_of("features")) * 20 - 40
    found = BlockRegression(segments=5, bands=4, coalitions=200, ridge=1e-6).attribute(classifier, features, TARGET)
    own = net.margin_weight(TARGET, 64) * (features - classifier.frontend.silence(features))[0, 0]
    rows, columns = found.settings["band_edges"], found.settings["frame_edges"]
    assert isinstance(rows, list)
    assert isinstance(columns, list)
    expected = [[own[low:high, start:end].sum() for low, high in itertools.pairwise(rows)] for start, end in itertools.pairwise(columns)]
    assert found.parts is not None
    torch.testing.assert_close(found.parts[0], torch.tensor(expected), rtol=1e-3, atol=5e-2)
    assert found.errors is not None
    assert found.errors.max() < 0.05
    assert found.gap is None  # it claims no sum


def test_the_fit_is_least_squares_with_a_ridge_and_a_free_intercept() -> None:
    rng = generator_of("fit")
    kept = torch.rand(60, 7, generator=rng) < 0.5
    scores = torch.randn(60, 2, generator=rng) + 5
    found = fitted(kept, scores, 2.0)
    x, y = kept.double().numpy(), scores.double().numpy()
    rows = np.vstack([np.hstack([np.ones((60, 1)), x]), np.hstack([np.zeros((7, 1)), np.eye(7) * 2.0**0.5])])
    slower = np.linalg.lstsq(rows, np.vstack([y, np.zeros((7, 2))]), rcond=None)[0][1:]
    np.testing.assert_allclose(found.values.numpy(), slower, atol=1e-9)


def test_coalitions_come_with_their_complements_in_every_size() -> None:
    active = torch.tensor([True] * 9 + [False] * 3)
    kept = random_coalitions(active, 400, generator_of("coalitions"))
    assert kept.shape == (800, 12)
    assert not kept[:, ~active].any()
    assert torch.equal(kept[0::2, active], ~kept[1::2, active])
    sizes = kept.sum(1).bincount(minlength=10)
    assert sizes[0] == sizes[9] == 0
    assert (sizes[1:9] > 60).all()  # uniform: a hundred each


def test_the_error_bar_holds_what_another_seed_gives() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    one, two = (BlockRegression(segments=4, bands=3, coalitions=120, seed=seed).attribute(classifier, features, TARGET) for seed in (0, 1))
    assert one.parts is not None
    assert two.parts is not None
    assert one.errors is not None
    assert two.errors is not None
    sounding = one.errors[0] > 0
    apart = (one.parts - two.parts)[0][sounding] / (one.errors[0].square() + two.errors[0].square()).sqrt()[sounding]
    assert float((apart.abs() < 2).float().mean()) >= 0.8


def test_near_to_captums_shapley_values_of_the_same_blocks() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier, 900)
    found = BlockRegression(segments=5, bands=2, coalitions=400).attribute(classifier, features, TARGET)
    rows, columns = found.settings["band_edges"], found.settings["frame_edges"]
    assert isinstance(rows, list)
    assert isinstance(columns, list)
    mask = torch.zeros(1, 1, 64, 101, dtype=torch.long)
    for place, ((low, high), (start, end)) in enumerate(itertools.product(itertools.pairwise(rows), itertools.pairwise(columns))):
        mask[..., low:high, start:end] = place
    silence = classifier.frontend.silence(features).expand_as(features)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        slower = ShapleyValueSampling(lambda x: TARGET.score(classifier.forward(x))).attribute(
            features, baselines=silence, feature_mask=mask, n_samples=30, perturbations_per_eval=16
        )
    ours = torch.zeros_like(features)
    assert found.parts is not None
    for place, value in enumerate(found.parts[0].T.flatten()):
        ours[mask == place] = value
    correlation = map_correlation(ours.flatten(), slower.flatten().float())
    assert correlation is not None
    assert correlation > 0.9


def test_its_order_is_better_than_chance() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier, 900)
    found = BlockRegression(coalitions=600).attribute(classifier, features, TARGET)
    with torch.inference_mode():
        lift = DeletionCurves(Explainable.of(classifier, features, TARGET), seed=3).lift(found.map[0])
    assert lift is not None
    assert lift.beyond


def test_one_coalition_is_no_regression() -> None:
    with pytest.raises(UsageError, match="needs two coalitions"):
        BlockRegression(coalitions=1).attribute(tutorial_like(), right_padded(tutorial_like()), TARGET)
