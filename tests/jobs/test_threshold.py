from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from robustness.audio.recordings import Recording
from robustness.cli.main import run
from robustness.errors import CannotJudgeError, RecordingError, UsageError
from robustness.jobs.threshold import Budget, choose_threshold, halves_of, read_budget, threshold_sentences, write_threshold
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.base import Capabilities, Network
from tests.builders import FRAME, RATE_HZ, classifier
from tests.cards import write_card


@dataclass(frozen=True)
class Loudness(Network):
    """Hears `yes` the more surely the louder the window's loudest sample is: a detector whose every answer can be said."""

    kind: str = "a detector that is planted"
    can: Capabilities = Capabilities()

    @property
    def parameters(self) -> None:
        return None

    def __call__(self, features: Tensor) -> Tensor:
        peak = features.flatten(1).abs().amax(1).clamp(1e-6, 1 - 1e-6)
        return torch.stack([peak, 1 - peak], 1).log()


def planted() -> Classifier:
    from robustness.frontends.waveform import Waveform

    own = replace(classifier(), labels=("yes", "unknown"), frontend=Waveform(rate_hz=RATE_HZ), network=Loudness(), frame=FRAME)
    return replace(own, threshold=0.5)


def click(peak: float, name: str, speaker: str | None = None) -> Recording:
    samples = torch.zeros(RATE_HZ // 4)
    samples[1000:3000] = peak * torch.sin(torch.arange(2000) * 0.3)
    samples[2000] = peak
    return Recording(name, samples, RATE_HZ, "yes", speaker, None)


def negatives(folder: Path, *peaks: float) -> Path:
    folder.mkdir()
    for at, peak in enumerate(peaks):
        samples = np.zeros(60 * RATE_HZ, np.float32) + 1e-4
        samples[30 * RATE_HZ] = peak
        soundfile.write(folder / f"room-{at}.wav", samples, RATE_HZ, subtype="FLOAT")
    return folder


def test_the_threshold_lies_above_the_negatives_and_below_the_words(tmp_path: Path) -> None:
    words = [click(0.8, f"yes-{at}.wav") for at in range(6)]
    quiet = negatives(tmp_path / "rooms", 0.7, 0.6, 0.7, 0.6)
    found = choose_threshold(planted(), words, [quiet], Budget(0.5), lambda *_: None)
    assert found.value is not None
    assert 0.7 < found.value <= 0.8 + 1e-4
    assert (found.chosen.words, found.chosen.hits, found.chosen.false_alarms) == (3, 3, 0)
    assert (found.confirmed.words, found.confirmed.hits, found.confirmed.false_alarms) == (3, 3, 0)
    first, second = threshold_sentences(found, Budget(0.5))
    assert "3 of 3 words hit with 0 false alarms" in first
    assert "which does not show that the budget holds: that takes 7.38 h with as many" in second


def test_what_was_chosen_may_fail_on_the_other_half(tmp_path: Path) -> None:
    words = [click(0.8, f"yes-{at}.wav") for at in range(6)]
    quiet = negatives(tmp_path / "rooms", 0.6, 0.9)
    found = choose_threshold(planted(), words, [quiet], Budget(0.5), lambda *_: None)
    assert (found.chosen.false_alarms, found.confirmed.false_alarms) == (0, 1)


def test_no_threshold_is_within_the_budget(tmp_path: Path) -> None:
    words = [click(0.5, f"yes-{at}.wav") for at in range(4)]
    with pytest.raises(CannotJudgeError, match=r"at no threshold does small hit a word with at most 0\.5 false alarms an hour"):
        choose_threshold(planted(), words, [negatives(tmp_path / "rooms", 0.9, 0.9)], Budget(0.5), lambda *_: None)


def test_no_speaker_is_in_both_halves() -> None:
    words = [click(0.5, f"{who}-{at}.wav", who) for who in "abcdef" for at in range(3)]
    one, other = ({str(word.speaker) for word in half} for half in halves_of(words))
    assert one | other == set("abcdef")
    assert not one & other
    assert len(one) == 3


@pytest.mark.parametrize(("text", "per_hour"), [("0.5/h", 0.5), ("3/day", 0.125), ("2", 2.0), (" 1 / hour ", 1.0)])
def test_budgets(text: str, per_hour: float) -> None:
    assert read_budget(text) == per_hour


@pytest.mark.parametrize("text", ["0/h", "often", "3/week", "-1/h"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected false alarms above 0 in a time, such as 0\.5/h"):
        read_budget(text)


def test_one_negative_leaves_none_to_confirm_on(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="1 negative take is given, and two or more are needed"):
        choose_threshold(planted(), [click(0.5, "a.wav")] * 2, [negatives(tmp_path / "rooms", 0.9)], Budget(0.5), lambda *_: None)


def test_the_card_gets_the_threshold(tmp_path: Path) -> None:
    card = write_card(tmp_path)
    write_threshold(card, 0.83, tmp_path / "new.toml")
    assert tomllib.loads((tmp_path / "new.toml").read_text(encoding="utf-8")) == tomllib.loads(card.read_text(encoding="utf-8")) | {
        "threshold": 0.83
    }
    write_threshold(tmp_path / "new.toml", 0.5, tmp_path / "again.toml")
    assert tomllib.loads((tmp_path / "again.toml").read_text(encoding="utf-8"))["threshold"] == 0.5
    with pytest.raises(UsageError, match="a card lies beside its weights"):
        write_threshold(card, 0.5, tmp_path / "elsewhere" / "new.toml")
    card.write_text(card.read_text(encoding="utf-8") + "\n[threshold]\nyes = 0.5\n", encoding="utf-8")
    write_threshold(card, {"yes": 0.61234561, "no": 1.0}, tmp_path / "other.toml")  # in place of those that it had
    found = load_classifier(tmp_path / "other.toml").threshold
    assert found == {"yes": 0.6123457, "no": 1.0}
    write_threshold(tmp_path / "other.toml", 0.25, tmp_path / "one.toml")
    assert load_classifier(tmp_path / "one.toml").threshold == 0.25


def test_the_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = negatives(tmp_path / "rooms", 0.1, 0.1)
    words = ["--model", str(root / "models/commands.toml"), "--recordings", str(root / "recordings/joe")]
    monkeypatch.setattr(
        "sys.argv", ["robustness", "threshold", *words, "--negatives", str(rooms), "--budget", "1000/h", "--hop-ms", "500", "--per-label"]
    )
    monkeypatch.chdir(tmp_path)
    assert run() == 0
    first, second, page = capsys.readouterr().out.splitlines()
    assert first.startswith("Thresholds yes ")
    assert "On the other half" in second
    text = (tmp_path / page).read_text(encoding="utf-8")
    assert "What they cost in misses" in text
    assert '<th scope="row">all</th>' in text
