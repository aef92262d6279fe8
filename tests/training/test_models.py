"""Are the shipped models what their cards and their page say?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from robustness.models.card import load_classifier, read_card
from robustness.training.data import VOCABULARIES
from robustness.training.recipes import RECIPES
from robustness.training.summary import results_table

SHIPPED: Final = ("digits", "commands", "digits-hardened", "commands-hardened", "commands-pooled")
MOST_BYTES: Final = 1_000_000
MODELS: Final = Path(__file__).resolve().parents[2] / "models"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_loads_and_is_small(name: str) -> None:
    classifier = load_classifier(MODELS / f"{name}.toml")
    assert classifier.name == name
    assert tuple(classifier.labels) == VOCABULARIES[name.split("-", maxsplit=1)[0]]
    assert (MODELS / f"{name}.pt").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_says_recipe_data_limits_and_accuracy_of_both_variants(name: str) -> None:
    about = read_card(MODELS / f"{name}.toml").about
    assert about["training"]["recipe"] == (name.split("-")[1] if "-" in name else "tutorial")
    assert about["training"]["recipe"] in RECIPES
    assert all(source["licence"] for source in about["data"].values())
    assert about["not_for"]
    for measured_on in ("speech_commands", "fsdd", "synthetic", "joe", "heart"):
        for variant in ("float32", "dynamic-int8"):
            words = about["accuracy"][measured_on][variant]["as_recorded"]["words"]
            assert all(part["low"] <= part["value"] <= part["high"] for part in words.values())


def test_class_2_is_two_and_up() -> None:
    assert read_card(MODELS / "digits.toml").labels[2] == "two"
    assert read_card(MODELS / "commands.toml").labels[2] == "up"


def test_the_page_of_the_models_shows_what_the_cards_say() -> None:
    page = (MODELS / "README.md").read_text(encoding="utf-8")
    for variant in ("float32", "dynamic-int8"):
        assert results_table([MODELS / f"{name}.toml" for name in SHIPPED], variant) in page
