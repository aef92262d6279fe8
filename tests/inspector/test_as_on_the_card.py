"""Does the command that a card prints say what the card says: the same verdict, edits, counterpart and maps?"""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from robustness.errors import DONE
from tests.commands import run_here

WORDS: Final = ("one", "seven", "nine")
REPORT: Final = (
    "report --model models/digits.toml --recordings joe --threshold 0.6 --trim never --speech-threshold-db 30 --seed 3"
    " --perturbation padding-placement --perturbation pink-noise --out run"
)
BESIDE: Final = {"shares"}  # needs conditions of the sweep that combine placement, fill and cut


def said(folder: Path, arguments: str) -> None:
    """Runs a command of ours in a folder."""
    done = run_here(*shlex.split(arguments), folder=folder)
    assert done.returncode == DONE, done.stderr


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def alike(one: object, other: object) -> bool:
    """Equal, but for the last digits of numbers: the same windows are asked in other batches."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one.keys() - BESIDE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == pytest.approx(other, abs=1e-4) if isinstance(one, float) else one == other


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a few shipped recordings, at another operating point than the card's."""
    made = tmp_path_factory.mktemp("cards")
    (made / "models").symlink_to(root / "models")
    (made / "joe").mkdir()
    shutil.copy(root / "recordings" / "joe" / "spans.csv", made / "joe")
    for word in WORDS:
        shutil.copy(root / "recordings" / "joe" / f"synthetic_joe_piper_clean_{word}_1.wav", made / "joe")
    said(made, REPORT)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("perturbation", ["padding-placement", "pink-noise"])
def test_a_cards_command_says_what_the_card_says(perturbation: str, folder: Path) -> None:
    cards = read(folder / "run" / "evidence" / "failures.json")["failures"]
    card = next(one for one in cards if one["condition"]["perturbation"] == perturbation)
    page = html.unescape((folder / "run" / "index.html").read_text(encoding="utf-8"))
    printed = next(text for text in re.findall(r"robustness (explain [^<]*)", page) if f"joe/{card['recording']} " in text)
    said(folder, f"{printed} --untested --method occlusion --method integrated-gradients --out {perturbation}")

    found = read(folder / perturbation / "explanation.json")
    restored = read(folder / "run" / "evidence" / "restoring.json")["cards"][card["id"]]
    assert set(restored) == {"float32", "dynamic-int8"} == set(found["wrong"])
    for variant, answer in restored.items():
        assert answer["naming"] == found["restored"][variant]["naming"]
        assert alike(answer, found["restored"][variant])
    assert card["counterpart"]["offset_ms"] == found["counterpart_ms"]
    target = f"{card['target']['label']}-{card['target']['rival']}"
    assert found["targets"][0] == target
    with np.load(folder / "run" / "evidence" / card["arrays"]) as drawn, np.load(folder / perturbation / "maps.npz") as again:
        for name in ("occlusion/float32", "occlusion/dynamic-int8", "integrated-gradients/float32"):
            np.testing.assert_allclose(drawn[name], again[f"{name}/{target}"], atol=1e-4)
