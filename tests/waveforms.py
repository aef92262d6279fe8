"""A model on disk that takes samples and has no front-end: a module, a card and weights; and words that it half knows."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

import soundfile
import torch

from robustness.audio.placement import batch_of, lead_of, place
from robustness.models.card import load_classifier
from tests.builders import FRAME, LABELS, RATE_HZ, recordings

MODULE = "hears_samples"
NETWORK = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, labels):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 16, 80, stride=40, bias=False)
        self.conv2 = nn.Conv1d(16, 24, 5, stride=4, bias=False)
        self.fc1 = nn.Linear(24 * 99, 32, bias=False)
        self.fc2 = nn.Linear(32, labels, bias=False)

    def forward(self, samples):
        seen = torch.relu(self.conv2(torch.relu(self.conv1(samples)))).flatten(1)
        return 400 * self.fc2(torch.relu(self.fc1(seen)))
"""
CARD = """
name = "samples"
labels = {labels}
unknown = "unknown"
output = "logits"

[weights]
file = "samples.pt"
sha256 = "{sha256}"

[network]
factory = "hears_samples:Net"
arguments = {{ labels = 11 }}

[frontend]
kind = "waveform"
rate_hz = 16000

[window]
duration_ms = 1000.0
placement = "center"
"""


def write_waveform_card(folder: Path, seed: int = 0) -> Path:
    """A card beside its weights, which are drawn, and the module that its network is in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MODULE}.py").write_text(NETWORK, encoding="utf-8")
    sys.modules.pop(MODULE, None)  # of another test's folder
    sys.path.insert(0, str(folder))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = importlib.import_module(MODULE).Net(len(LABELS))
    finally:
        sys.path.remove(str(folder))
    torch.save(net.state_dict(), folder / "samples.pt")
    digest = hashlib.sha256((folder / "samples.pt").read_bytes()).hexdigest()
    card = folder / "samples.toml"
    card.write_text(CARD.format(labels=list(LABELS), sha256=digest).replace("'", '"'), encoding="utf-8")
    return card


def write_known_words(folder: Path, card: Path, count: int = 3) -> Path:
    """Recordings in folders by the word that the model answers at the center of its window."""
    batch = batch_of(recordings(count))
    windows = place(batch, lead_of("center", FRAME.samples - batch.lengths), FRAME)
    model = load_classifier(card)
    for one, answer in zip(recordings(count), model.logits(windows.samples).argmax(1).tolist(), strict=True):
        path = folder / LABELS[answer] / one.id
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, one.samples.numpy(), RATE_HZ)
    return folder
