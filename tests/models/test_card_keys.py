"""Does docs/card.md have every key that a card may hold?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from robustness.models.card import Card, CardVariant, Golden, ModelSection, NetworkSection, Weights, Window
from robustness.models.streaming_settings import Streaming

SECTIONS: tuple[type[BaseModel], ...] = (Card, CardVariant, Golden, ModelSection, NetworkSection, Streaming, Weights, Window)


def keys() -> Iterator[str]:
    for section in SECTIONS:
        yield from section.model_fields


@pytest.mark.parametrize("key", sorted(set(keys())))
def test_the_page_of_keys_has_it(root: Path, key: str) -> None:
    text = (root / "docs" / "card.md").read_text(encoding="utf-8")
    code = text.replace("[", " ").replace("]", " ").replace(",", " ").replace("`", " ").replace(".", " ").split()
    assert key in code
