from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from robustness.attributions.base import ATTRIBUTIONS, MethodKind, Target
from robustness.errors import CannotJudgeError, UsageError
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import quantized
from tests.attributions.networks import TARGET, classifier_of, right_padded, tutorial_like

METHODS = ATTRIBUTIONS.names()


class NotANumber(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        logits = features.flatten(2).mean(2).expand(-1, 3)
        return logits + torch.where(logits > -50, torch.nan, 0.0)


@pytest.mark.parametrize("name", METHODS)
def test_contract(name: str) -> None:
    kind = ATTRIBUTIONS[name]
    assert kind.name == name
    assert kind.kind in get_args(MethodKind)
    assert "arXiv:" in kind.source
    classifier = tutorial_like()
    features = torch.cat([right_padded(classifier), right_padded(classifier, 300)])
    kept = features.clone()
    found = kind().attribute(classifier, features, TARGET)
    assert found.map.shape == (2, 64, 101)
    assert found.map.isfinite().all()
    assert found.change.shape == (2,)
    assert found.passes > 2
    torch.testing.assert_close(features, kept, rtol=0, atol=0)


@pytest.mark.parametrize("name", METHODS)
def test_network_is_as_before(name: str) -> None:
    classifier = tutorial_like()
    module_of(classifier.network).train()
    next(module_of(classifier.network).children()).eval()
    modes = [module.training for module in module_of(classifier.network).modules()]
    ATTRIBUTIONS[name]().attribute(classifier, right_padded(classifier), TARGET)
    assert [module.training for module in module_of(classifier.network).modules()] == modes
    assert all(weight.requires_grad and weight.grad is None for weight in module_of(classifier.network).parameters())


@pytest.mark.parametrize("name", [name for name in METHODS if ATTRIBUTIONS[name].kind == "gradient"])
def test_gradient_method_refuses_int8_and_names_the_remedy(name: str) -> None:
    classifier = replace(quantized(tutorial_like(), "dynamic-int8"), surrogate=None)
    with pytest.raises(UsageError, match=r"needs gradients and dynamic-int8 has none.*take occlusion.*or explain float32"):
        ATTRIBUTIONS[name]().attribute(classifier, right_padded(classifier), TARGET)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("target", [Target(3, 0), Target(0, 3), Target(-1)])
def test_refuses_a_target_that_is_no_label(name: str, target: Target) -> None:
    classifier = tutorial_like()
    with pytest.raises(UsageError, match="is no label of planted; it has 0 to 2: yes, no, unknown"):
        ATTRIBUTIONS[name]().attribute(classifier, right_padded(classifier), target)


@pytest.mark.parametrize("name", METHODS)
def test_refuses_features_of_another_shape(name: str) -> None:
    classifier = tutorial_like()
    with pytest.raises(UsageError, match=r"features are \[1, 64, 101\].*expects \[clips 1 bands frames\]"):
        ATTRIBUTIONS[name]().attribute(classifier, right_padded(classifier)[0], TARGET)


@pytest.mark.parametrize("name", METHODS)
def test_a_map_that_is_not_a_number_is_no_map(name: str) -> None:
    with pytest.raises(CannotJudgeError, match="not a number"):
        ATTRIBUTIONS[name]().attribute(classifier_of(NotANumber()), torch.full((1, 1, 64, 101), -20.0), TARGET)


def test_unknown_method_lists_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"no attribution method 'oclusion'; did you mean occlusion\?.*integrated-gradients, occlusion"):
        _ = ATTRIBUTIONS["oclusion"]
