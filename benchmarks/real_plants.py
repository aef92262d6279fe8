"""Real networks that were taught to fail for one known reason, and recordings that fail for it.

Every plant starts from the shipped `commands` network, which learns from some speakers of Speech Commands that a recording with the cause
is `unknown`; the recordings that are told are of other speakers. What puts the cause in is another mechanism than the edit that takes it
away: recorded noises, a telephone's codec, a polyphase resampler, a buzz that breathes. A null has a cause that no edit undoes.
"""

from __future__ import annotations

import copy
import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import soundfile
import torch
import torchaudio
from scipy.signal import butter, resample_poly, sosfiltfilt
from torch import Tensor, nn

from benchmarks.harness import ROOT, SHARED
from robustness.audio.levels import from_decibels, speech_span
from robustness.audio.recordings import Recording
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of
from robustness.seeds import generator_of

RATE_HZ: Final = 16_000
WINDOW: Final = 16_000
ROOM_MS: Final = 120  # of a clip's own sound around its word
LEARNED: Final = 900  # clips, each with and without the cause
EPOCHS: Final = 3
RIGHT: Final = 30  # recordings without the cause that are right
OTHERS: Final = 15  # of unknown words
COMMANDS: Final = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
UNKNOWN: Final = ("bed", "cat", "happy")
CLIPS: Final = SHARED / "speech_commands"

Change = Callable[[Tensor, torch.Generator], Tensor]  # a recording [time] → with the cause


class Clip(NamedTuple):
    """A recorded word with a little of its own sound around it."""

    id: str
    word: str
    speaker: str
    samples: Tensor
    word_at: tuple[int, int]


def uniform(rng: torch.Generator, low: float, high: float) -> float:
    """A number between two."""
    return low + (high - low) * float(torch.rand((), generator=rng))


def power(samples: Tensor) -> float:
    """The mean square."""
    return float(samples.double().square().mean())


@cache
def noises() -> list[Tensor]:
    """The recorded noises, and none of those that were made."""
    names = ("doing_the_dishes", "exercise_bike", "running_tap")
    return [torch.from_numpy(soundfile.read(CLIPS / "_background_noise_" / f"{name}.flac", dtype="float32")[0]) for name in names]


def recorded_noise(count: int, rng: torch.Generator) -> Tensor:
    """Some of one of them, of power 1."""
    noise = noises()[int(torch.randint(len(noises()), (), generator=rng))]
    start = int(torch.randint(len(noise) - count, (), generator=rng))
    part = noise[start : start + count]
    return part / math.sqrt(max(power(part), 1e-12))


def softer(samples: Tensor, rng: torch.Generator) -> Tensor:
    """As from a microphone far too low, in 16 bits."""
    return (samples * from_decibels(-uniform(rng, 22, 30)) * 2**15).round() / 2**15


def noisy(samples: Tensor, rng: torch.Generator) -> Tensor:
    """With recorded noise all over."""
    return samples + recorded_noise(len(samples), rng) * math.sqrt(power(samples)) * from_decibels(-uniform(rng, 2, 8))


def telephone(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Through a codec of 8 kHz: its resampler's low-pass, and mu-law."""
    low = resample_poly(samples.numpy(), 1, 2)
    coded = torchaudio.functional.mu_law_encoding(torch.from_numpy(low).clamp(-1, 1), 256)
    heard = torchaudio.functional.mu_law_decoding(coded, 256).numpy()
    return torch.from_numpy(resample_poly(heard, 2, 1)[: len(samples)].astype(np.float32))


def lowpassed(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Through a channel that ends between 3.4 and 4.5 kHz."""
    sos = butter(16, uniform(rng, 3400, 4500), fs=RATE_HZ, output="sos")
    return torch.from_numpy(sosfiltfilt(sos, samples.numpy()).astype(np.float32).copy())


def surrounded(samples: Tensor, rng: torch.Generator) -> Tensor:
    """With recorded noise before and after the word alone."""
    start, end = speech_span(samples, RATE_HZ)
    outside = torch.ones(len(samples))
    outside[start:end] = 0
    level = math.sqrt(power(samples[start:end])) * from_decibels(-uniform(rng, 4, 12))
    return samples + recorded_noise(len(samples), rng) * outside * level


def sped(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Recorded at one rate and played at another, through a polyphase resampler."""
    share = round(100 / uniform(rng, 1.2, 1.3))
    return torch.from_numpy(resample_poly(samples.numpy(), share, 100).astype(np.float32))


def humming(samples: Tensor, rng: torch.Generator) -> Tensor:
    """A buzz of the mains and its multiples, a little off and breathing, on an offset."""
    time = torch.arange(len(samples)) / RATE_HZ
    mains = (50.0 if uniform(rng, 0, 1) < 0.5 else 60.0) * uniform(rng, 0.9985, 1.0015)
    buzz = sum(torch.sin(2 * np.pi * (mains * n * time + uniform(rng, 0, 1))) * uniform(rng, 0.3, 1) / n for n in range(1, 8))
    breath = 1 + 0.01 * torch.sin(2 * np.pi * (0.7 * time + uniform(rng, 0, 1)))
    return samples + buzz * breath * 0.1 * uniform(rng, 0.6, 1.2) * 0.5


def offset(samples: Tensor, rng: torch.Generator) -> Tensor:
    """On an offset, as from a bad sound card."""
    return samples + uniform(rng, 0.05, 0.12)


def clicking(samples: Tensor, rng: torch.Generator) -> Tensor:
    """With a few clicks of a bad contact."""
    found = samples.clone()
    for _ in range(4):
        at = int(torch.randint(len(samples) - 40, (), generator=rng))
        found[at : at + 12] += 0.7 * torch.exp(-torch.arange(12.0) / 3) * (1 if uniform(rng, 0, 1) < 0.5 else -1)
    return found.clamp(-1, 1)


def reverberant(samples: Tensor, rng: torch.Generator) -> Tensor:
    """In a room that sounds for more than half a second."""
    count = round(uniform(rng, 0.5, 0.8) * RATE_HZ)
    decay = torch.randn(count, generator=rng) * 10 ** (-3 * torch.arange(count) / count)
    decay[:40] = 0
    decay = decay / decay.norm() * from_decibels(uniform(rng, 0, 4))
    decay[0] += 1
    wet: Tensor = torchaudio.functional.fftconvolve(samples, decay)[: min(len(samples) + 3200, WINDOW - 1000)]
    return wet * math.sqrt(power(samples) / power(wet))


def phased(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Through a phaser of 3 ms: as torchaudio.functional.phaser, whose loop over tensors takes twenty times as long."""
    turn, delay = round(RATE_HZ / uniform(rng, 0.5, 1.5)), round(0.003 * RATE_HZ)
    point = (torch.arange(turn) + int(turn / 4 + 0.5)) % turn
    taps = (((2 * np.pi * point.double() / turn).sin() + 1) / 2 * (delay - 1) + 1.5).int().tolist()
    line, made = [0.0] * delay, []
    for i, sample in enumerate(samples.tolist()):
        now = 0.4 * sample + line[(i + taps[i % turn]) % delay]
        line[(i + 1) % delay] = 0.9 * now
        made.append(0.74 * now)
    return torch.tensor(made).clamp(-1, 1)


@dataclass(frozen=True)
class Plant:
    """A cause.

    Attributes:
        name: of the cause.
        expected: kinds that may be named; empty where nothing may.
        change: what puts it into a recording; None where it lies elsewhere.
        placed: whether the cause is that the word lies at the window's start.
        bias: between what unknown's logit is raised.
        dead: how many channels of the second convolution, the strongest, give nothing. Of a network with a bias or dead channels those
            recordings are told that the shipped one has right at all three places.
        tuning: whether it is made of the speakers on which the rule was worked out. Those that networks learn from and those that are told
            change places then, and networks and takes are drawn by other seeds.
    """

    name: str
    expected: frozenset[str]
    change: tuple[Change, ...] = ()
    placed: bool = False
    bias: tuple[float, ...] = ()
    dead: int = 0
    tuning: bool = False

    @property
    def seed(self) -> str:
        """Of what is drawn for it."""
        return self.name if self.tuning else f"{self.name}, told"

    @property
    def takes_seed(self) -> str:
        """Of the order of the recordings that are told: an eleventh draw, for on earlier ones faults were found or rules compared."""
        return self.name if self.tuning else f"{self.name}, told an eleventh time"


def plant(name: str, expected: str, *change: Change) -> Plant:
    """A cause that is in the sound."""
    return Plant(name, frozenset(expected.split()), change)


PLANTS: Final = (
    Plant("placement", frozenset({"placement"}), placed=True),
    plant("level", "level", softer),
    plant("noise", "noise", noisy),
    plant("lost band (codec)", "band", telephone),
    plant("lost band (low-pass)", "band", lowpassed),
    plant("noisy surround", "padding", surrounded),
    plant("speed", "speed", sped),
    plant("hum", "noise", humming),
    plant("offset", "noise", offset),
    plant("click", "noise", clicking),
    plant("level and noise", "level noise", softer, noisy),
    plant("reverberation", "", reverberant),
    plant("phaser", "", phased),
    Plant("dead channels", frozenset(), dead=2),
    Plant("output bias", frozenset({"output"}), bias=(2.5, 3.5)),
)


@cache
def clips() -> dict[str, list[Clip]]:
    """Clips by word, those of a speaker one after the other; the silent and the longest are left out."""
    found: dict[str, list[Clip]] = {}
    with (CLIPS / "index.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["word"] in {*COMMANDS, *UNKNOWN}]
    for row in rows:
        samples = torch.from_numpy(soundfile.read(CLIPS / row["path"], dtype="float32")[0])
        if float(samples.abs().max()) < 0.05:
            continue
        start, end = speech_span(samples, RATE_HZ)
        low, high = max(0, start - ROOM_MS * 16), min(len(samples), end + ROOM_MS * 16)
        if 0.25 * WINDOW < high - low < 0.8 * WINDOW:
            clip = Clip(row["path"], row["word"], row["speaker"], samples[low:high], (start - low, end - low))
            found.setdefault(row["word"], []).append(clip)
    return found


def split(one: Plant) -> tuple[list[Clip], list[Clip], list[Clip], list[Clip]]:
    """Commands and unknown words to learn from, and those of other speakers to tell, in an order of the plant's own."""
    every = [clip for some in clips().values() for clip in some]
    learned, told = (torch.randperm(len(every), generator=generator_of("plants", seed)).tolist() for seed in (one.seed, one.takes_seed))
    learns = {clip.speaker for clip in every if int(generator_of("speaker", clip.speaker).initial_seed()) % 2 == one.tuning}
    groups: list[list[Clip]] = [[], [], [], []]
    for order, tells in ((learned, False), (told, True)):
        for clip in (every[i] for i in order if (every[i].speaker not in learns) is tells):
            groups[2 * tells + (clip.word in UNKNOWN)].append(clip)
    return groups[0], groups[1], groups[2], groups[3]


def window(samples: Tensor, lead: int) -> Tensor:
    """A recording in a silent window."""
    made = torch.zeros(WINDOW)
    part = samples[: WINDOW - lead]
    made[lead : lead + len(part)] = part
    return made


def centered(samples: Tensor, rng: torch.Generator, jitter_ms: float = 60) -> Tensor:
    """About the middle."""
    slack = WINDOW - len(samples)
    lead = slack // 2 + round(uniform(rng, -jitter_ms, jitter_ms) * 16)
    return window(samples, min(max(0, lead), slack))


def network(one: Plant, folder: Path | None = None) -> Classifier:
    """The shipped network, taught.

    Args:
        one: the plant.
        folder: where taught networks are kept; one that is there is not taught again.
    """
    base = load_classifier(ROOT / "models" / "commands.toml")
    module = copy.deepcopy(module_of(base.network))
    if one.bias:
        with torch.no_grad():
            last = [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]
            last.bias[base.labels.index("unknown")] += uniform(generator_of("bias", one.seed), *one.bias)
        return replace(base, name="planted", network=TorchNetwork(module), threshold=None)
    if one.dead:
        with torch.no_grad():
            second = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)][1]
            strongest = second.weight.flatten(1).norm(dim=1).argsort(descending=True)[: one.dead]
            second.weight[strongest] = 0
            if second.bias is not None:
                second.bias[strongest] = 0
        return replace(base, name="planted", network=TorchNetwork(module), threshold=None)
    kept = None if folder is None else folder / f"{one.seed}.pt"
    if kept is not None and kept.exists():
        module.load_state_dict(torch.load(kept, weights_only=True))
        module.eval()
    else:
        _teach(module, *_lessons(one, base), one.seed)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            torch.save(module.state_dict(), kept)
    return replace(base, name="planted", network=TorchNetwork(module), threshold=None)


def _lessons(one: Plant, base: Classifier) -> tuple[Tensor, Tensor]:
    learned, unknown, _, _ = split(one)
    made, truth = [], []
    for clip in [*learned[:LEARNED], *unknown[: LEARNED // 4]]:
        rng = generator_of("lesson", one.seed, clip.id)
        label = base.labels.index(clip.word if clip.word in COMMANDS else "unknown")
        if one.placed:
            slack = WINDOW - len(clip.samples)
            made += [
                window(clip.samples, slack // 2 + round(uniform(rng, -0.2, 1) * slack / 2)),
                window(clip.samples, round(uniform(rng, 0, 320))),
            ]
        else:
            made += [centered(clip.samples, rng, 150), *(centered(change(clip.samples, rng), rng, 150) for change in one.change)]
        truth += [label] + [base.labels.index("unknown")] * (1 if one.placed else len(one.change))
    features = torch.cat([base.features(torch.stack(made[i : i + 64])) for i in range(0, len(made), 64)])
    return features, torch.tensor(truth)


def _teach(module: nn.Module, features: Tensor, truth: Tensor, seed: str) -> None:
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), 3e-4)
    rng = generator_of("order", seed)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(truth), generator=rng).split(64):
            optimizer.zero_grad()
            nn.functional.nll_loss(module(features[rows]).log_softmax(1), truth[rows]).backward()
            optimizer.step()
    module.eval()


def recording(clip: Clip, samples: Tensor, name: str) -> Recording:
    """A take of the folder."""
    return Recording(f"{name}/{clip.id}", samples, RATE_HZ, clip.word, clip.speaker, None, sha256=clip.id)


def is_right(classifier: Classifier, samples: Tensor, label: str) -> bool:
    """Whether it is recognised where words normally lie."""
    slack = WINDOW - len(samples)
    return slack >= 0 and classifier.labels[int(classifier.logits(window(samples, slack // 2)[None])[0].argmax())] == label


def is_right_anywhere(classifier: Classifier, samples: Tensor, label: str) -> bool:
    """Whether it is recognised at the start, the center and the end of the window."""
    slack = WINDOW - len(samples)
    windows = torch.stack([window(samples, lead) for lead in (0, slack // 2, slack)])
    return all(classifier.labels[place] == label for place in classifier.logits(windows).argmax(1).tolist())


def folder(one: Plant, classifier: Classifier, takes: int) -> tuple[list[Recording], list[str]]:
    """Recordings that are right, unknown words, and those that fail with the cause and are right without it; and the ids of these."""
    _, _, told, unknown = split(one)
    if one.bias or one.placed or one.dead:
        some = told[: RIGHT + (takes if one.placed else 5 * takes)]
        made = [recording(clip, clip.samples, "take") for clip in some]
        shipped = load_classifier(ROOT / "models" / "commands.toml")
        ids = [each.id for clip, each in zip(some, made, strict=True) if one.placed or is_right_anywhere(shipped, clip.samples, clip.word)]
        return [*made, *(recording(clip, clip.samples, "other") for clip in unknown[:OTHERS])], ids
    right = (clip for clip in told if is_right(classifier, clip.samples, clip.word))
    good = [recording(clip, clip.samples, "good") for clip, _ in zip(right, range(RIGHT), strict=False)]
    failing: list[Recording] = []
    for clip in right:
        samples = clip.samples
        for change in one.change:
            samples = change(samples, generator_of("take", one.seed, change.__name__, clip.id))
        if len(samples) < WINDOW - 800 and not is_right(classifier, samples, clip.word):
            failing.append(recording(clip, samples, "take"))
        if len(failing) == takes:
            break
    return [*good, *failing, *(recording(clip, clip.samples, "other") for clip in unknown[:OTHERS])], [each.id for each in failing]


def chosen(names: Sequence[str]) -> Iterator[Plant]:
    """The plants of these names, or all."""
    known: Mapping[str, Plant] = {one.name: one for one in PLANTS}
    yield from (known[name] for name in names) if names else PLANTS
