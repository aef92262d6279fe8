"""Does taking reverberation away restore answers that reverberation took?

Real commands of speakers that the taught network has not learned from, right as they were recorded, are put in a synthetic room; of those
that are no longer right, so many are dereverberated by weighted prediction error (Yoshioka & Nakatani 2012; nara-wpe, MIT). The control
takes the same sound away, turned round in time. Asked are the shipped `commands` network, and one that was taught to fail by reverberation.

`python -m benchmarks.dereverberation` prints the table, and `--keep` puts it into docs/diagnosis.md. It needs the extra `bench`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from scipy.signal import istft, stft
from torch import Tensor

from benchmarks.diagnosis import DOC
from benchmarks.harness import ROOT, Table, arguments, machine, shared, tell
from benchmarks.real_plants import PLANTS, WINDOW, Clip, is_right, network, reverberant, split, window
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.seeds import generator_of

TAPS, DELAY = 10, 3  # frames of the past from which late sound is predicted, and how far back they begin
ITERATIONS: Final = 3
FRAME, HOP = 512, 128
ROOM: Final = 800  # samples of the window that a word and its ringing leave
HALF: Final = 0.5


class Tried(NamedTuple):
    """Whether an answer comes back, by the edit and by its control, and the share of the loss that the edit recovers."""

    restored: bool
    by_control: bool
    share: float


def dereverberated(samples: Tensor) -> Tensor:
    """A recording [time] without what its past predicts of it, as long as it was."""
    from nara_wpe.wpe import wpe_v8  # an extra

    spectrum = stft(samples.numpy(), nperseg=FRAME, noverlap=FRAME - HOP)[2]
    dry = wpe_v8(spectrum[:, None, :], taps=TAPS, delay=DELAY, iterations=ITERATIONS)[:, 0]
    sound = istft(dry, nperseg=FRAME, noverlap=FRAME - HOP)[1]
    return torch.from_numpy(np.pad(sound, (0, max(0, len(samples) - len(sound))))[: len(samples)].astype(np.float32))


def margin(classifier: Classifier, samples: Tensor, label: str) -> float:
    """By how many logits the label leads the others where words normally lie."""
    logits, at = classifier.logits(window(samples, max(0, WINDOW - len(samples)) // 2)[None])[0], classifier.labels.index(label)
    return float(logits[at] - torch.cat([logits[:at], logits[at + 1 :]]).max())


def tried(classifier: Classifier, clips: list[Clip], seed: str) -> Iterator[Tried]:
    """Each clip that is right and is not in a room."""
    for clip in clips:
        wet = reverberant(clip.samples, generator_of("take", seed, "reverberant", clip.id))
        fits = len(wet) < WINDOW - ROOM
        if not fits or not is_right(classifier, clip.samples, clip.word) or is_right(classifier, wet, clip.word):
            continue
        dry = dereverberated(wet)
        before, after, whole = (margin(classifier, sound, clip.word) for sound in (wet, dry, clip.samples))
        control = wet - (wet - dry).flip(0)
        yield Tried(after > 0, margin(classifier, control, clip.word) > 0, (after - before) / (whole - before))


def row(name: str, found: list[Tried]) -> tuple[str, ...]:
    """How many come back."""
    alone = [one for one in found if one.restored and not one.by_control]
    counts: tuple[Any, ...] = (
        len(found),
        sum(one.restored for one in found),
        sum(one.by_control for one in found),
        sum(one.share >= HALF for one in alone),
    )
    return (name, *map(str, counts))


def main() -> None:
    """Prints the table; with --keep it takes its place in docs/diagnosis.md."""
    asked = arguments(__doc__, takes=100)
    shared("speech_commands")
    torch.set_num_threads(1)
    plant = next(one for one in PLANTS if one.name == "reverberation")
    _, _, told, _ = split(plant)
    nets = {"as shipped": load_classifier(ROOT / "models" / "commands.toml"), "taught to fail by it": network(plant)}
    rows = []
    for name, classifier in nets.items():
        found = [one for one, _ in zip(tried(classifier, told, plant.seed), range(asked.takes), strict=False)]
        rows.append(row(name, found))
    head = ("network", "answers taken", "restored", "by the control", "by the edit alone, and half of the loss")
    text = f"`python -m benchmarks.dereverberation`: {machine('nara-wpe', 'scipy')}\n\n{Table(head, tuple(rows))}"
    tell(DOC, "dereverberation", text)


if __name__ == "__main__":
    main()
