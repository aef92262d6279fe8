"""Do all methods keep what the door promises: many targets at once, named targets, baselines, and a surrogate that says it is one?"""

from __future__ import annotations

from dataclasses import replace

import captum.attr
import pytest
import torch

from robustness.attributions.base import ATTRIBUTIONS, Target
from robustness.attributions.baselines import BASELINES, baseline_of
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.attributions.methods.occlusion import Occlusion
from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import quantized
from robustness.seeds import generator_of
from tests.attributions.networks import LABELS, TARGET, Flat, classifier_of, right_padded, tutorial_like

EVERY = [Target(i) for i in range(len(LABELS))]


@pytest.mark.parametrize("name", ATTRIBUTIONS.names())
def test_all_targets_together_are_each_alone(name: str) -> None:
    classifier = tutorial_like()
    features = right_padded(classifier, 250)
    method = ATTRIBUTIONS[name]()
    together = method.attribute_all(classifier, features, [*EVERY, TARGET])
    assert len(together) == 4
    for target, found in zip([*EVERY, TARGET], together, strict=True):
        torch.testing.assert_close(found.map, method.attribute(classifier, features, target).map, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(together[0].map - together[2].map, together[3].map, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_occlusion_of_all_targets_equals_plain_captum_called_for_each(scheme: str) -> None:
    classifier = quantized(tutorial_like(), scheme)
    features = right_padded(classifier)
    silence = classifier.frontend.silence(features).expand_as(features)
    for found, target in zip(Occlusion().attribute_all(classifier, features, EVERY), EVERY, strict=True):
        plain = captum.attr.Occlusion(classifier.logits_from).attribute(
            features, (1, 8, 11), strides=(1, 4, 5), baselines=silence, target=target.label
        )
        assert plain.abs().max() > 0.1
        torch.testing.assert_close(found.map, plain[:, 0], rtol=0, atol=1e-4)


def test_integrated_gradients_equal_plain_captum() -> None:
    classifier = tutorial_like()
    features = right_padded(classifier)
    silence = classifier.frontend.silence(features).expand_as(features)
    plain = captum.attr.IntegratedGradients(module_of(classifier.network)).attribute(
        features.clone(), silence.clone(), target=0, n_steps=50
    )
    found = IntegratedGradients(steps=(50,)).attribute(classifier, features, Target(0))
    torch.testing.assert_close(found.map, plain.detach()[:, 0], rtol=0, atol=1e-4)


def test_marginals_of_occlusion_replace_whole_columns_and_rows() -> None:
    net = Flat(64, 101)
    classifier = classifier_of(net)
    features = torch.randn(1, 1, 64, 101, generator=generator_of("features")) * 20 - 40
    own = (net.margin_weight(TARGET, 64) * (features - classifier.frontend.silence(features))[:, 0])[0]
    found = Occlusion().attribute(classifier, features, TARGET)
    first = own[:, :11].sum()  # only the first patch covers the first five frames
    torch.testing.assert_close(found.over_time[0, :5], first.expand(5), rtol=1e-3, atol=2e-2)
    torch.testing.assert_close(found.over_bands[0, :4], own[:8].sum().expand(4), rtol=1e-3, atol=2e-2)
    second = (own[:, :11].sum() + own[:, 5:16].sum()) / 2
    torch.testing.assert_close(found.over_time[0, 5:10], second.expand(5), rtol=1e-3, atol=2e-2)


@pytest.mark.parametrize("name", [name for name in ATTRIBUTIONS.names() if name != "occlusion"])
def test_marginals_of_the_others_are_sums(name: str) -> None:
    classifier = tutorial_like()
    found = ATTRIBUTIONS[name]().attribute(classifier, right_padded(classifier, 200), TARGET)
    torch.testing.assert_close(found.over_time.sum(1), found.map.sum((1, 2)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.over_bands.sum(1), found.map.sum((1, 2)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "target"), [("up", Target(0)), ("up-unknown", Target(0, 1)), ("no-way-up", Target(2, 0)), ("up-no-way", Target(0, 2))]
)
def test_targets_are_named(text: str, target: Target) -> None:
    assert Target.named(text, ("up", "unknown", "no-way")) == target


@pytest.mark.parametrize("text", ["upp", "up-up", "up-", "", "up-unknown-no-way"])
def test_a_target_that_is_none_lists_the_labels(text: str) -> None:
    with pytest.raises(UsageError, match=r"no target '.*'; give a label, or two with a dash.*up, unknown, no-way"):
        Target.named(text, ("up", "unknown", "no-way"))


def with_surrogate() -> Classifier:
    """An int8 variant, and beside it a float network that stands in for it."""
    real = tutorial_like()
    return replace(quantized(real, "dynamic-int8"), surrogate=replace(real, variant="fake-int8"))


@pytest.mark.parametrize("name", [name for name in ATTRIBUTIONS.names() if ATTRIBUTIONS[name].kind == "gradient"])
def test_a_surrogate_stands_in_for_gradients_and_says_so(name: str) -> None:
    classifier = with_surrogate()
    features = right_padded(classifier)
    method = ATTRIBUTIONS[name]()
    found = method.attribute(classifier, features, TARGET)
    assert method.explains(classifier)
    assert not method.explains(replace(classifier, surrogate=None))
    assert found.surrogate == "fake-int8"
    assert found.logit_gap is not None
    assert classifier.surrogate is not None
    gap = (classifier.logits_from(features) - classifier.surrogate.logits_from(features)).abs().max()
    assert gap > 0
    assert float(found.logit_gap) == float(gap)
    torch.testing.assert_close(found.map, method.attribute(classifier.surrogate, features, TARGET).map)


@pytest.mark.parametrize("name", [name for name in ATTRIBUTIONS.names() if ATTRIBUTIONS[name].kind == "perturbation"])
def test_perturbation_methods_run_the_variant_itself(name: str) -> None:
    classifier = with_surrogate()
    features = right_padded(classifier, 200)
    found = ATTRIBUTIONS[name]().attribute(classifier, features, TARGET)
    assert found.surrogate is None
    assert torch.equal(found.map, ATTRIBUTIONS[name]().attribute(replace(classifier, surrogate=None), features, TARGET).map)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_is_one(name: str) -> None:
    classifier = tutorial_like()
    features = torch.cat([right_padded(classifier), right_padded(classifier, 300) + 12.0])
    found = baseline_of(name, classifier, features, donor=features.roll(7, -1))
    together = found.expand_as(features)
    alone = [baseline_of(name, classifier, x, donor=x.roll(7, -1)).expand_as(x) for x in features.split(1)]
    assert torch.equal(together, torch.cat(alone))
    assert together.isfinite().all()
    assert (together <= features.amax((1, 2, 3), keepdim=True)).all()


def test_the_floor_is_a_low_quantile_of_what_sounds() -> None:
    classifier = tutorial_like()
    features = torch.full((1, 1, 2, 101), -80.0)
    features[0, 0, 0, :51] = torch.arange(51.0) - 50
    found = baseline_of("floor", classifier, features)
    assert found.flatten().tolist() == pytest.approx([-45.0, -80.0])


@pytest.mark.parametrize(
    ("name", "message"),
    [("silense", "no baseline 'silense'; those that exist: silence, band-mean, floor, counterpart"), ("counterpart", "take")],
)
def test_a_baseline_that_cannot_be_had(name: str, message: str) -> None:
    classifier = tutorial_like()
    with pytest.raises(UsageError, match=message):
        baseline_of(name, classifier, right_padded(classifier))
