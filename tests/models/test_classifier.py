"""A classifier can be asked what its layers give, in float and in int8 alike."""

from __future__ import annotations

import pytest
import torch

from robustness.errors import UsageError
from robustness.quantization.base import quantized
from tests.builders import FRAME, classifier

CLIPS = torch.randn(3, FRAME.samples, generator=torch.Generator().manual_seed(0)) / 10


@pytest.mark.parametrize("scheme", ["float32", "dynamic-int8"])
def test_the_last_layers_activations_lead_to_the_logits(scheme: str) -> None:
    model = quantized(classifier(), scheme)
    features = model.features(CLIPS)
    seen = model.activations(features, ["conv1", "fc2"])
    assert seen["conv1"].shape[0] == 3
    torch.testing.assert_close(seen["fc2"].log_softmax(1), model.logits_from(features))


def test_only_the_layers_named_are_quantized() -> None:
    assert quantized(classifier(), "dynamic-int8", only=["fc2"]).about["quantized_layers"] == ["fc2"]


def test_an_unknown_layer_is_refused_with_those_there_are() -> None:
    model = classifier()
    with pytest.raises(UsageError, match=r"no layer 'fc9'; it has conv1, .*fc2"):
        model.activations(model.features(CLIPS), ["fc9"])
