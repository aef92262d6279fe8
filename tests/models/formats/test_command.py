"""Does a program by a pipe answer as it should, is it started once more, and is each mistake a sentence?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from robustness.errors import CardError
from robustness.models.card import load_classifier

# A spotter of loud windows: the scores are the window's mean power and a constant.
SPOTTER = """
import array, json, os, sys
print(json.dumps({"labels": ["loud", "quiet"], "version": "0.1", "samples": 800}), flush=True)
while pcm := sys.stdin.buffer.read(1600):
    BEFORE
    values = array.array("h", pcm)
    power = sum(value * value for value in values) / len(values) / 32768**2
    print(power * 100, 0.5, flush=True)
"""


def card_of(
    folder: Path, before: str = "pass", *, program: str = SPOTTER, labels: str = '["loud", "quiet"]', timeout_s: float = 20
) -> Path:
    (folder / "spotter.py").write_text(program.replace("BEFORE", before), encoding="utf-8")
    card = folder / "spotter.toml"
    card.write_text(
        f'name = "spotter"\nlabels = {labels}\nunknown = "quiet"\noutput = "logits"\n'
        f'[model]\ncommand = "{sys.executable} spotter.py"\ntimeout_s = {timeout_s}\n'
        '[frontend]\nkind = "waveform"\nrate_hz = 16000\n[window]\nduration_ms = 50\n',
        encoding="utf-8",
    )
    return card


def test_the_scores_are_the_programs(tmp_path: Path) -> None:
    classifier = load_classifier(card_of(tmp_path))
    windows = torch.stack([torch.zeros(800), torch.full((800,), 0.25), torch.full((800,), 0.5)])
    wanted = [[0.0, 0.5], [6.25, 0.5], [25.0, 0.5]]
    assert classifier.logits(windows).tolist() == wanted
    assert classifier.network.copied()(classifier.features(windows)).tolist() == wanted
    assert "version 0.1" in classifier.about["engine"]
    assert classifier.deployed


def test_a_program_that_ends_is_started_once_more(tmp_path: Path) -> None:
    once = "if not os.path.exists('ended'): open('ended', 'w').close(); sys.exit(3)"
    classifier = load_classifier(card_of(tmp_path, once))
    assert (tmp_path / "ended").exists()
    assert classifier.logits(torch.full((1, 800), 0.5)).tolist() == [[25.0, 0.5]]


@pytest.mark.parametrize(
    ("before", "timeout_s", "words"),
    [
        ("sys.exit('no such model')", 20, "failed twice; it ended with status 1: no such model"),
        ("import time; time.sleep(60)", 1, "failed twice; it wrote no line in 1 s: it said nothing"),
        ("print('nonsense', flush=True)", 20, "wrote 'nonsense'; expected 2 numbers"),
        ("print(1.0, flush=True)", 20, r"wrote '1\.0'; expected 2 numbers"),
        ("print('nan 1', flush=True)", 20, "wrote 'nan 1'; expected 2 numbers"),
    ],
)
def test_what_a_program_does_wrong_is_said(tmp_path: Path, before: str, timeout_s: float, words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_classifier(card_of(tmp_path, before, timeout_s=timeout_s))


def test_a_hello_line_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="wrote 'hello' as its first line; expected a line such as"):
        load_classifier(card_of(tmp_path, program="print('hello')"))


def test_other_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"has the labels .*'loud', 'quiet'.* and the card .*'on', 'quiet'"):
        load_classifier(card_of(tmp_path, labels='["on", "quiet"]'))


def test_a_window_of_another_length_is_refused(tmp_path: Path) -> None:
    card = card_of(tmp_path)
    card.write_text(card.read_text(encoding="utf-8").replace("duration_ms = 50", "duration_ms = 60"), encoding="utf-8")
    with pytest.raises(CardError, match="takes 800 samples and a window has 960"):
        load_classifier(card)


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    card = card_of(tmp_path)
    card.write_text(card.read_text(encoding="utf-8").replace(sys.executable, "./nowhere"), encoding="utf-8")
    with pytest.raises(CardError, match="it cannot be run"):
        load_classifier(card)


def test_a_command_says_all_of_the_network(tmp_path: Path) -> None:
    card = card_of(tmp_path)
    card.write_text(card.read_text(encoding="utf-8") + '[network]\ncallable = "m:f"\n', encoding="utf-8")
    with pytest.raises(CardError, match=r"\[model\] says all of the network; leave \[network\] out"):
        load_classifier(card)
