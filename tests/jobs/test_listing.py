"""The stored tables are what the registries say, and a plug-in file more makes them be read again."""

from __future__ import annotations

import json

import pytest

from robustness.errors import UsageError
from robustness.jobs import listing
from robustness.jobs.catalogue import TABLES, contents


def test_the_stored_catalogue_is_the_registries() -> None:
    """`make readme` writes it anew."""
    assert json.loads(listing.STORED.read_text(encoding="utf-8")) == contents()
    assert set(listing.NAMES) == set(TABLES)


def test_another_plug_in_is_listed_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = json.loads(listing.STORED.read_text(encoding="utf-8"))
    monkeypatch.setattr(listing, "plugin_files", lambda: [*stored["files"], "perturbations/mine.py"])
    monkeypatch.setattr("robustness.jobs.catalogue.contents", lambda: {"tables": {"variants": [{"name": "mine"}]}})
    assert listing.rows("variants") == [{"name": "mine"}]


def test_a_preset_chooses_perturbations_alone() -> None:
    quick, full = (listing.rows("perturbations", preset) for preset in ("quick", "full"))
    assert 0 < len(quick) < len(full)
    assert quick[-1]["name"] == "no-word"
    assert listing.rows("variants", "quick") == listing.rows("variants", "full")


def test_there_is_no_other_table() -> None:
    with pytest.raises(UsageError, match="nothing called 'models' to list; give one of perturbations, frontends"):
        listing.rows("models")
