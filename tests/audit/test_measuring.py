"""Is what the audit says of layers and answers what a slower computation says, for dynamic and for static int8?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.ao.ns.fx.utils import compute_sqnr

from robustness.audio.placement import batch_of, lead_of, place
from robustness.audit.experiments import experiments_on
from robustness.audit.measurement import Listening, audited
from robustness.audit.simulation import rounded_weight, simulated
from robustness.frontends.waveform import Waveform
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.quantization.base import quantized
from robustness.quantization.one_by_one import RowByRow
from robustness.run.audit_records import VariantAudit
from tests.builders import FRAME, calibration, classifier, recordings

CLIPS = recordings(6)


@pytest.fixture(scope="module")
def original() -> Classifier:
    return classifier()


@pytest.fixture(scope="module")
def variants(original: Classifier) -> dict[str, Classifier]:
    return {name: quantized(original, name, calibration(8)) for name in ("dynamic-int8", "static-int8")}


@pytest.fixture(scope="module")
def found(original: Classifier, variants: dict[str, Classifier]) -> dict[str, VariantAudit]:
    rows = audited(original, list(variants.values()), Listening(original, CLIPS, 35.0, batch=4))
    return {row.variant: row for row in rows}


@pytest.fixture(scope="module")
def features(original: Classifier) -> Tensor:
    batch = batch_of(CLIPS)
    return original.features(place(batch, lead_of("center", FRAME.samples - batch.lengths), FRAME).samples)


def layers(audit: VariantAudit) -> dict[str, dict[str, Any]]:
    return {layer.name: asdict(layer) for layer in audit.layers}


def test_dynamic_int8_leaves_convolutions_in_float_bit_for_bit(found: dict[str, VariantAudit]) -> None:
    told = layers(found["dynamic-int8"])
    assert {name: layer["quantized"] for name, layer in told.items()} == {"conv1": False, "conv2": False, "fc1": True, "fc2": True}
    assert told["conv1"]["activations"]["sqnr_db"] == told["conv2"]["activations"]["sqnr_db"] == "exact"
    assert told["fc1"]["activations"]["int8_range"] is None


@pytest.mark.parametrize("name", ["dynamic-int8", "static-int8"])
def test_each_layers_sqnr_is_torchs_own(
    name: str, original: Classifier, variants: dict[str, Classifier], found: dict[str, VariantAudit], features: Tensor
) -> None:
    """Each clip alone through both networks, all clips of a layer in one tensor, and torch.ao.ns's formula."""
    compared = 0
    for layer, told in layers(found[name]).items():
        if not told["quantized"]:
            continue
        of = told["activations"]["of"]
        before = torch.cat([original.activations(row, [of])[of] for row in features.split(1)])
        after = torch.cat([variants[name].activations(row, [layer])[layer] for row in features.split(1)])
        assert told["activations"]["sqnr_db"] == pytest.approx(float(compute_sqnr(before, after)), abs=0.1)
        compared += 1
    assert compared == {"dynamic-int8": 2, "static-int8": 4}[name]


def test_the_share_clipped_is_what_lies_outside_of_the_learned_range(
    original: Classifier, found: dict[str, VariantAudit], features: Tensor
) -> None:
    told = layers(found["static-int8"])["conv1"]["activations"]
    values = original.activations(features, [told["of"]])[told["of"]]
    outside = (values < told["int8_range"]["low"]) | (values > told["int8_range"]["high"])
    assert told["int8_range"]["share"] == pytest.approx(float(outside.double().mean()))
    assert (told["low"], told["high"]) == (float(values.min()), float(values.max()))


@pytest.mark.parametrize("name", ["dynamic-int8", "static-int8"])
def test_answers_are_counted_as_one_clip_at_a_time(
    name: str, original: Classifier, variants: dict[str, Classifier], found: dict[str, VariantAudit], features: Tensor
) -> None:
    before, after = original.logits_from(features), torch.cat([variants[name].logits_from(row) for row in features.split(1)])
    told = found[name].answers
    assert told.alike == int((before.argmax(1) == after.argmax(1)).sum())
    p, q = before.double().log_softmax(1), after.double().log_softmax(1)
    assert told.kl_mean == pytest.approx(float((p.exp() * (p - q)).sum(1).mean()), rel=1e-4)  # float sums in another order


def test_no_batch_size_changes_an_audit(original: Classifier, variants: dict[str, Classifier], found: dict[str, VariantAudit]) -> None:
    (alone,) = audited(original, [variants["static-int8"]], Listening(original, CLIPS, 35.0, batch=1))
    assert alone.answers.kl_mean == pytest.approx(found["static-int8"].answers.kl_mean, rel=1e-4)
    for name, layer in layers(alone).items():
        assert layer["activations"]["sqnr_db"] == pytest.approx(layers(found["static-int8"])[name]["activations"]["sqnr_db"], abs=0.01)


def test_one_batch_is_all_that_is_held(original: Classifier, variants: dict[str, Classifier], monkeypatch: pytest.MonkeyPatch) -> None:
    """No layer is ever asked for more clips than a batch has."""
    asked: list[int] = []
    activations = Classifier.activations

    def counted(self: Classifier, features: Tensor, names: Any) -> dict[str, Tensor]:
        asked.append(len(features))
        return activations(self, features, names)

    monkeypatch.setattr(Classifier, "activations", counted)
    audited(original, [variants["dynamic-int8"]], Listening(original, CLIPS, 35.0, batch=2))
    assert asked == [2, 2] * 3  # float and variant, three batches


def spoiled(layer: str) -> Classifier:
    """A network one of whose weights is 100 times too large: the scale of that layer's weights is spent on it."""
    made = classifier()
    with torch.no_grad():
        weight = module_of(made.network).get_submodule(layer).weight
        weight.view(-1)[int(weight.abs().argmax())] *= 100  # type: ignore[operator]
    return made


@pytest.mark.parametrize("layer", ["fc1", "fc2"])
def test_the_layer_that_was_spoiled_is_ranked_first(layer: str) -> None:
    made = spoiled(layer)
    heard = Listening(made, CLIPS, 35.0)
    (audit,) = audited(made, [quantized(made, "dynamic-int8")], heard, thorough=True)
    alone = {one.layer: one.logits_sqnr_db for one in audit.experiments if one.kind == "alone"}
    assert min(alone, key=lambda name: alone[name]) == layer
    left = {one.layer: one.logits_sqnr_db for one in audit.experiments if one.kind == "left"}
    assert max(left, key=lambda name: left[name]) == layer


def test_weights_and_activations_simulated_together_are_the_kernel(
    original: Classifier, variants: dict[str, Classifier], features: Tensor
) -> None:
    """What is called simulated is what the kernels do: as near to them as rounding in another order allows."""
    least_db = {"dynamic-int8": 80.0, "static-int8": 30.0}  # static kernels add in integers and round once more
    for name, variant in variants.items():
        both = simulated(original, variant, variant.about["quantized_layers"], "both").logits_from(features)
        assert float(compute_sqnr(variant.logits_from(features), both)) > least_db[name]


def test_simulating_leaves_the_float_network_as_it_was(original: Classifier, variants: dict[str, Classifier], features: Tensor) -> None:
    before = original.logits_from(features)
    simulated(original, variants["static-int8"], ["conv1"], "both").logits_from(features)
    assert torch.equal(original.logits_from(features), before)


def test_a_weight_is_rounded_to_255_levels_at_most() -> None:
    weight = torch.linspace(-1, 0.5, 4000).view(4, 1000)
    assert len(rounded_weight(weight, per_channel=False).unique()) <= 256
    assert all(len(row.unique()) <= 256 for row in rounded_weight(weight, per_channel=True))
    assert float((rounded_weight(weight, per_channel=True) - weight).abs().max()) <= 0.5 / 127.5


def test_an_experiment_on_each_layer(original: Classifier, variants: dict[str, Classifier]) -> None:
    found = [(one.kind, one.layer, one.simulated) for one in experiments_on(original, variants["dynamic-int8"], None)]
    assert found == [
        *(("alone", "fc1", False), ("alone", "fc2", False), ("left", "fc1", False), ("left", "fc2", False)),
        *(("weights", None, True), ("activations", None, True), ("both", None, True)),
        *(("weights", "fc1", True), ("activations", "fc1", True), ("weights", "fc2", True), ("activations", "fc2", True)),
    ]


def test_a_calibrated_variant_without_its_calibration_is_not_made_again(original: Classifier, variants: dict[str, Classifier]) -> None:
    assert list(experiments_on(original, variants["static-int8"], None)) == []


class Mixing(nn.Module):
    """Its linear layer sees [time clips features], so that only the network as a whole can run a clip at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 11)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features.squeeze(1).permute(2, 0, 1))
        return logits.mean(0)


def test_a_network_that_runs_as_a_whole_a_clip_at_a_time_is_compared_clip_by_clip() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = replace(classifier(), network=TorchNetwork(Mixing()), output="logits")
    variant = quantized(made, "dynamic-int8")
    (audit,) = audited(made, [variant], Listening(made, CLIPS, 35.0))
    decibels = layers(audit)["linear"]["activations"]["sqnr_db"]
    assert 25 < decibels < 80  # of values in another order it would be near 0


class Energies(nn.Module):
    """Takes samples: the energy of each 10 ms, then linear layers, which alone are run a clip at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(100, 16)
        self.fc2 = nn.Linear(16, 11)

    def forward(self, samples: Tensor) -> Tensor:
        energies = samples.squeeze(1).unflatten(-1, (100, 160)).square().sum(-1)
        logits: Tensor = self.fc2(torch.relu(self.fc1(energies)))
        return logits


@pytest.mark.parametrize("scheme", ["dynamic-int8", "static-int8"])
def test_a_network_that_takes_samples_is_audited_layer_by_layer(scheme: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Waveform().fitted(Energies()).eval()
    made = replace(classifier(), network=TorchNetwork(net), frontend=Waveform(), output="logits")
    variant = quantized(made, scheme, calibration())
    assert not isinstance(module_of(variant.network), RowByRow), "as a whole it would have other names"
    (audit,) = audited(made, [variant], Listening(made, CLIPS, 35.0), calibration=calibration(), thorough=True)
    assert {name for name, layer in layers(audit).items() if layer["quantized"]} == {"module.fc1", "module.fc2"}
    assert all(layer["activations"]["sqnr_db"] > 15 for layer in layers(audit).values())
    assert {(one.kind, one.layer) for one in audit.experiments} >= {
        ("alone", "module.fc1"),
        ("weights", "module.fc2"),
        ("both", None),
    }


def test_an_audit_says_how_far_it_is(original: Classifier, variants: dict[str, Classifier]) -> None:
    told: list[tuple[int, int]] = []
    heard = Listening(original, CLIPS, 35.0, batch=4)
    audited(original, [variants["dynamic-int8"]], heard, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 6), (6, 6)]


def batches(heard: Listening) -> Iterator[int]:
    return (len(batch.ids) for batch in heard)


def test_recordings_come_in_batches_with_their_labels(original: Classifier) -> None:
    assert list(batches(Listening(original, CLIPS, 35.0, batch=4))) == [4, 2]
    labels = torch.cat([heard.labels for heard in Listening(original, CLIPS, 35.0, batch=4)])
    assert [original.labels[int(i)] for i in labels] == [one.label for one in CLIPS]
