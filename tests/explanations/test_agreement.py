"""Do a card of the page and the command that the card prints say the same: outcome, answers, counterpart, classes of the maps?"""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from robustness.cli.main import app
from robustness.report.cards.command import command_for
from robustness.report.view import View
from robustness.run.evidence import FailureCard
from tests.made_once import digits_reported


@pytest.fixture(scope="module")
def view(root: Path, tmp_path_factory: pytest.TempPathFactory) -> View:
    """A report on the shipped model and the recordings beside it."""
    return View(digits_reported(tmp_path_factory, root))


def command_of(view: View, card: FailureCard, root: Path) -> list[str]:
    """The words of the card's command; a run keeps the names of files alone, so the folders are put before them."""
    command = command_for(view, card)
    assert command is not None
    words = shlex.split(command)
    assert words[:4] == ["robustness", "explain", "--model", "digits.toml"]
    assert words[4].startswith("joe/")
    folder = str(root / "recordings" / "joe")
    rest = [folder if before == "--recordings" else word for before, word in pairwise(words[4:])]
    return ["explain", "--model", str(root / "models" / words[3]), str(root / "recordings" / words[4]), *rest]


def explained(words: list[str], out: Path) -> dict[str, Any]:
    app([*words, "--untested", "--method", "occlusion", "--layer", "fc1", "--no-audio", "--out", str(out)], standalone_mode=False)
    found: dict[str, Any] = json.loads((out / "explanation.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_every_card_and_its_own_command_agree(view: View, root: Path, tmp_path: Path) -> None:
    cards = view.failures.failures
    assert len(cards) >= 4
    assert any(v.outcome == "missed" and v.predicted == card.label for card in cards for v in card.variants.values())
    changed = [card.condition.perturbation for card in cards if not view.at_a_place(card.condition)]
    assert "reverberation" in changed
    of_each_kind = {card.condition.perturbation: card for card in cards}
    for card in [*cards[:2], *of_each_kind.values()]:
        found = explained(command_of(view, card, root), tmp_path / card.id)
        answers = found["answers"]["heard"]
        bad = [name for name, v in card.variants.items() if v.outcome != "right"]
        assert sorted(found["wrong"]) == sorted(bad) == sorted(name for name, v in card.variants.items() if v.wrong)
        for name, v in card.variants.items():
            said = answers[name]
            assert (said["predicted"], said["right"]) == (v.predicted, not v.wrong), card.id
            assert v.outcome == ("right" if said["right"] else said["outcome"]), card.id
            assert said["p_predicted"] == pytest.approx(v.p_predicted, abs=1e-4), card.id
            assert said["margin"] == pytest.approx(v.margin, abs=1e-3), card.id
        assert found["offset_ms"] == pytest.approx(card.offset_ms), card.id
        assert card.counterpart is not None
        assert found["counterpart_ms"] == pytest.approx(card.counterpart.offset_ms), card.id
        assert found["targets"][0] == f"{card.target.label}-{card.target.rival}", card.id
        wanted = None if view.at_a_place(card.condition) else (card.condition.perturbation, card.condition.level, card.condition.draw)
        made = found["condition"]
        assert (None if made is None else (made["perturbation"], made["level"], made["draw"])) == wanted, card.id


def test_what_a_card_names_is_good_when_it_is_carried_out(view: View, root: Path, tmp_path: Path) -> None:
    """The place that restores, by the command with that lead: nothing is bad there, in the variants that the card speaks of."""
    for card in view.failures.failures[:3]:
        words = command_of(view, card, root)
        at = words.index("--placement")
        for name, v in card.variants.items():
            assert v.restored_at_ms is not None
            there = ["--offset-ms", f"{v.restored_at_ms:g}", "--variant", name]
            assert explained([*words[:at], *words[at + 2 :], *there], tmp_path / f"{card.id}-{name}")["wrong"] == []
