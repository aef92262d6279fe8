from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from robustness.errors import CardError
from robustness.models.foreign import made_by
from tests.cards import write_card, write_recordings


def module(folder: Path, name: str, code: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(code, encoding="utf-8")
    return folder / "card.toml"


def test_modules_of_one_name_beside_two_cards_are_kept_apart_and_siblings_too(tmp_path: Path) -> None:
    cards = []
    for which in ("a", "b"):
        module(tmp_path / which, "sibling.py", f"ANSWER = {which!r}")
        cards.append(module(tmp_path / which, "doorbell.py", "from sibling import ANSWER\ndef made(): return ANSWER"))
    assert [made_by(card, "doorbell:made", {}) for card in (*cards, cards[0])] == ["a", "b", "a"]


@pytest.mark.parametrize("name", ["json", "numpy", "colorsys"])  # in use, in use, and not yet imported
def test_a_file_with_the_name_of_an_installed_module_is_not_taken_for_it(tmp_path: Path, name: str) -> None:
    card = module(tmp_path, f"{name}.py", "raise RuntimeError('the wrong file')\ndef made(): return 1")
    module(tmp_path, "uses.py", f"import {name}\ndef made(): return {name}.__file__")
    assert str(tmp_path) not in str(made_by(card, "uses:made", {}))
    with pytest.raises(CardError, match=rf"{name} has no callable made.*it is the installed one: {name}\.py beside the card.*rename it"):
        made_by(card, f"{name}:made", {})
    assert json.loads("[1]") == [1]


def test_nothing_beside_the_card_takes_over_what_the_card_names_as_installed(tmp_path: Path) -> None:
    card = write_card(tmp_path / "model")
    for name in ("robustness", "torch", "torchaudio", "pandas"):
        (card.parent / name).mkdir()
        (card.parent / name / "__init__.py").write_text("raise RuntimeError('the wrong folder')")
    voices = write_recordings(tmp_path / "voices")
    command = ["from robustness.cli.main import main; main()", "check", str(card), "--recordings", str(voices)]
    done = subprocess.run([sys.executable, "-P", "-c", *command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
