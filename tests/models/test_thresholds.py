"""Are the thresholds of a card read as one number or one a label, and refused where they cannot be?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robustness.analysis.outcomes import OUTCOMES
from robustness.errors import CardError
from robustness.models.card import load_classifier, read_card
from robustness.models.formats.torch_module import TorchNetwork
from robustness.models.probing import output_contradiction
from tests.cards import write_card


def changed(card: Path, old: str, new: str) -> Path:
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new), encoding="utf-8")
    return card


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path)


def test_one_number_and_one_a_label_are_read(card: Path) -> None:
    one = load_classifier(changed(card, 'unknown = "unknown"', 'unknown = "unknown"\nthreshold = 0.8')).point
    assert (one.threshold_of("yes"), one.threshold_of("no"), one.words) == (0.8, 0.8, "0.8")
    changed(changed(card, "threshold = 0.8\n", ""), "[window]", "[threshold]\nyes = 0.8\nno = 0.7\n\n[window]")
    several = load_classifier(card).point
    assert (several.threshold_of("yes"), several.threshold_of("no"), several.threshold_of("up")) == (0.8, 0.7, None)
    assert several.words == "no 0.7, yes 0.8"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[window]", "[threshold]\nyes = 1.5\n[window]", r"`threshold\.yes` is 1\.5; expected a probability from 0 to 1"),
        ("[window]", '[threshold]\nyes = "high"\n[window]', r"`threshold\.yes` is 'high'; expected a probability"),
        ("[window]", "[threshold]\n[window]", r"`threshold` is an empty section"),
        (
            "[window]",
            "[threshold]\nhush = 0.5\n[window]",
            r"`threshold\.hush` is given, and 'hush' is no command; the commands are",
        ),
        ("[window]", "[threshold]\nunknown = 0.5\n[window]", r"`threshold\.unknown` is given, and 'unknown' is no command"),
        ('unknown = "unknown"', 'unknown = "unknown"\nthreshold = true', r"`threshold` is True; expected a probability"),
        ('"log-probabilities"', '"sigmoids"', r"`threshold` is missing for yes, no, .*: give threshold = 0\.5"),
        ('"log-probabilities"', '"sigmoids"\nthreshold = {yes = 0.5}', r"`threshold` is missing for no, up"),
    ],
)
def test_a_mistake_is_named(card: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(CardError, match=words):
        read_card(changed(card, old, new))


def test_one_label_is_enough_for_sigmoids_alone(card: Path) -> None:
    labels = next(line for line in card.read_text().splitlines() if line.startswith("labels"))
    changed(changed(card, labels, 'labels = ["yes"]'), 'unknown = "unknown"\n', "")
    with pytest.raises(CardError, match=r"`labels` is \['yes'\]; expected two or more"):
        read_card(card)
    said = read_card(changed(card, '"log-probabilities"', '"sigmoids"\nthreshold = 0.5'))
    assert (said.labels, said.threshold, said.output) == (("yes",), 0.5, "sigmoids")


def test_a_sigmoids_logits_are_its_log_odds(card: Path) -> None:
    """They keep what the device compares; 0 and 1 stay numbers."""

    class Given(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return torch.tensor([[0.0, 0.25, 1.0]])

    model = replace(
        load_classifier(card), network=TorchNetwork(Given()), output="sigmoids", labels=("a", "b", "c"), unknown=None, threshold=0.25
    )
    logits = model.logits_from(torch.zeros(1, 1, 64, 101))
    assert logits.isfinite().all()
    assert model.probabilities(logits)[0] == pytest.approx([0, 0.25, 1], abs=2e-7)
    assert OUTCOMES[model.decide(logits, torch.tensor([2])).outcome[0]] == "accepted right"


@pytest.mark.parametrize(("values", "contradicts"), [([[0.0, 1.0]], False), ([[0.7, 0.9]], False), ([[-2.0, 3.0]], True)])
def test_sigmoids_lie_between_0_and_1(values: list[list[float]], contradicts: bool) -> None:
    assert (output_contradiction(torch.tensor(values), "sigmoids") is not None) is contradicts
