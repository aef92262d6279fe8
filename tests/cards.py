"""A model on disk, as a user has one: a card and its weights; and a folder of recordings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import soundfile
import torch

from robustness.models.formats.torch_module import module_of
from tests.builders import LABELS, RATE_HZ, classifier, recordings

CARD = """
name = "{name}"
labels = {labels}
unknown = "unknown"
output = "log-probabilities"

[weights]
file = "small.pt"
sha256 = "{sha256}"

[network]
factory = "robustness.models.architectures:TutorialNet"
arguments = {{ labels = 11 }}

[frontend]
kind = "log-mel"
rate_hz = 16000
n_fft = 320
hop_samples = 160
n_mels = 64
top_db = 80.0

[window]
duration_ms = 1000.0
placement = "center"
"""


def write_card(folder: Path, name: str = "small", seed: int = 0) -> Path:
    """A card beside its weights: the tutorial's network with seeded weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "small.pt"
    torch.save(module_of(classifier(seed).network).state_dict(), weights)
    text = CARD.format(name=name, labels=list(LABELS), sha256=hashlib.sha256(weights.read_bytes()).hexdigest()).replace("'", '"')
    card = folder / "small.toml"
    card.write_text(text, encoding="utf-8")
    return card


def write_recordings(folder: Path, count: int = 4) -> Path:
    """Recordings in folders by word."""
    for one in recordings(count):
        path = folder / str(one.label) / one.id
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, one.samples.numpy(), RATE_HZ)
    return folder
