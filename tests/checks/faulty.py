"""Models with one fault each, as their users had them: a shipped model and shipped recordings, of which one thing is wrong.

`FAULTS` is the list; `made(fault, folder)` writes card, weights, code and recordings into a folder.
"""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.audio.resampling import resampled
from tests.conftest import ROOT

Sounds = dict[str, tuple[Tensor, int]]  # path in the folder: samples and the header's rate
State = dict[str, Any]
VOICES: Final = ("joe", "heart")
DIGITS: Final = "zero one two three four five six seven eight nine unknown".split()
COMMANDS: Final = "yes no up down left right on off stop go unknown".split()
HEAD: Final = """import torch
from torch.nn import functional
from robustness.models.architectures import {net}

class Net({net}):
"""


class Made(NamedTuple):
    """A faulty model on disk."""

    card: Path
    recordings: Path


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        name: of the fault.
        kind: the check that should name it; or a part of the sentence with which the card is refused.
        model: the shipped model that it is made of.
        words: that the finding has among its own.
        card: changes the card's text.
        state: changes the weights.
        code: of a class `Net` over the model's own.
        sounds: changes the recordings.
        voices: of the recordings.
        modules: code beside the card, by name.
    """

    name: str
    kind: str
    model: str = "digits"
    words: str = ""
    card: Callable[[str], str] = lambda text: text
    state: Callable[[State], State] = lambda state: state
    code: str = ""
    sounds: Callable[[Sounds], Sounds] = lambda sounds: sounds
    modules: dict[str, str] = field(default_factory=dict)
    voices: tuple[str, ...] = VOICES[:1]


def labels(*order: str) -> Callable[[str], str]:
    """The card with its labels in this order."""

    def change(text: str) -> str:
        first, _, rest = text.partition("\nlabels = ")
        return f"{first}\nlabels = {list(order)}".replace("'", '"') + "\n" + rest.partition("\n")[2]

    return change


def swapped(order: Sequence[str], *pairs: tuple[str, str]) -> Callable[[str], str]:
    other = dict([*pairs, *((b, a) for a, b in pairs)])
    return labels(*(other.get(label, label) for label in order))


def shuffled(order: Sequence[str], seed: int) -> Callable[[str], str]:
    return labels(*(order[i] for i in np.random.default_rng(seed).permutation(len(order))))


def line(old: str, new: str) -> Callable[[str], str]:
    """One line of the card in place of another."""

    def change(text: str) -> str:
        assert f"\n{old}\n" in text
        return text.replace(f"\n{old}\n", f"\n{new}\n", 1)

    return change


def frontend(*keys: str) -> Callable[[str], str]:
    return line("n_fft = 320", "\n".join(["n_fft = 320", *keys]))


def forward(body: str) -> str:
    return "    def forward(self, features):\n" + "".join(f"        {one}\n" for one in body.splitlines())


def weights(name: str, change: Callable[[Tensor], Tensor]) -> Callable[[State], State]:
    return lambda state: {**state, name: change(state[name])}


def all_weights(kind: torch.dtype) -> Callable[[State], State]:
    return lambda state: {name: value.to(kind) if value.is_floating_point() else value for name, value in state.items()}


def without(*names: str) -> Callable[[State], State]:
    return lambda state: {name: value for name, value in state.items() if name not in names}


def untrained_norms(state: State) -> State:
    fresh = {"running_mean": torch.zeros_like, "running_var": torch.ones_like}
    return {name: fresh.get(name.rpartition(".")[2], lambda value: value)(value) for name, value in state.items()}


def own_frontend(text: str) -> str:
    """The card with a front-end of one's own."""
    before, _, rest = text.partition("[frontend]")
    after = rest.partition("[window]")[2]
    return f'{before}[frontend]\nfactory = "ours:make"\nrate_hz = 16000\n\n[window]{after}'


def each(change: Callable[[Tensor], Tensor], header_hz: int = 16_000) -> Callable[[Sounds], Sounds]:
    return lambda sounds: {path: (change(samples), header_hz) for path, (samples, _) in sounds.items()}


def renamed(old: str, new: str) -> Callable[[Sounds], Sounds]:
    return lambda sounds: {path.replace(f"{old}/", f"{new}/"): sound for path, sound in sounds.items()}


def also(path: str, twin: str) -> Callable[[Sounds], Sounds]:
    return lambda sounds: {**sounds, twin: sounds[path]}


def numerals(sounds: Sounds) -> Sounds:
    names = {word: str(place) for place, word in enumerate(DIGITS[:10])}
    return {"/".join([names.get(path.partition("/")[0], path.partition("/")[0]), path.partition("/")[2]]): s for path, s in sounds.items()}


def short(sounds: Sounds, most: int) -> Sounds:
    return {path: sound for path, sound in sounds.items() if len(sound[0]) <= most}


def slowed(sounds: Sounds) -> Sounds:
    """At 22,050 Hz, with a header that says 16,000."""
    return {path: (resampled(samples, 16_000, 22_050), 16_000) for path, (samples, _) in short(sounds, 11_600).items()}


COMPOSED: Final = unicodedata.normalize("NFC", "fünf")
OWN: Final = """from robustness.frontends.log_mel import LogMel

def make():
    mel = LogMel(top_db=80.0)
    return lambda samples: mel.features(samples * 32768)
"""
IN_LAYERS: Final = "    def __init__(self, labels):\n        super().__init__(labels)\n"
AS_LOGITS: Final = line('output = "log-probabilities"', 'output = "logits"')
AS_PROBABILITIES: Final = line('output = "log-probabilities"', 'output = "probabilities"')
AS_SIGMOIDS: Final = line('output = "log-probabilities"', 'output = "sigmoids"')
UNDECLARED: Final = line('unknown = "unknown"', "")
MODEL_LOGITS: Final = "logits = super().forward(features)\n"
FAULTS: Final = (
    # labels
    Fault("labels sorted by folder", "label-order", card=labels(*sorted(DIGITS)), words="zero"),
    Fault("commands sorted by folder", "label-order", "commands", card=labels(*sorted(COMMANDS))),
    Fault("labels permuted", "label-order", "commands-pooled", card=shuffled(COMMANDS, 0)),
    Fault("labels permuted otherwise", "label-order", "digits-hardened", card=shuffled(DIGITS, 1)),
    Fault("labels reversed", "label-order", "commands-hardened", card=labels(*COMMANDS[::-1])),
    Fault("two labels exchanged", "label-order", "commands-pooled", card=swapped(COMMANDS, ("left", "right"))),
    Fault("two digits exchanged", "label-order", "digits", card=swapped(DIGITS, ("three", "eight"))),
    Fault("two pairs exchanged", "label-order", "digits-hardened", card=swapped(DIGITS, ("one", "nine"), ("two", "six"))),
    Fault("labels shifted by one", "label-order", "digits", card=labels(*DIGITS[-1:], *DIGITS[:-1]), words="shifted by one"),
    Fault("labels shifted the other way", "label-order", "commands", card=labels(*COMMANDS[1:], *COMMANDS[:1]), words="shifted by one"),
    # what the outputs are
    Fault("logits as log-probabilities", "they look like logits", code=forward(MODEL_LOGITS + "return logits * 2 + 3")),
    Fault("probabilities as logits", "they look like probabilities", card=AS_LOGITS, code=forward(MODEL_LOGITS + "return logits.exp()")),
    Fault(
        "sigmoids as logits",
        "output-kind",
        card=AS_LOGITS,
        code=forward(MODEL_LOGITS + "return torch.sigmoid(logits + 3)"),
        words="sigmoids",
    ),
    Fault(
        "sigmoids as probabilities",
        "they look like sigmoids",
        card=AS_PROBABILITIES,
        code=forward(MODEL_LOGITS + "return torch.sigmoid(logits + 3)"),
    ),
    Fault("a softmax as sigmoids", "output-kind", card=AS_SIGMOIDS, code=forward(MODEL_LOGITS + "return logits.exp()"), words="softmax"),
    Fault("log-probabilities as logits", "output-kind", card=AS_LOGITS, words="log-probabilities"),
    Fault("log-probabilities as probabilities", "they look like log-probabilities", card=AS_PROBABILITIES),
    # the card's decisions
    Fault("a threshold that is never reached", "threshold-reach", card=line("threshold = 0.8", "threshold = 0.99999")),
    Fault(
        "a softmax of a tenth of the logits",
        "threshold-reach",
        code=forward(MODEL_LOGITS + "return functional.log_softmax(logits / 10, 1)"),
    ),
    Fault("unknown not declared", "rejection-labels", card=UNDECLARED),
    Fault(
        "_unknown_ not declared", "rejection-labels", "commands", card=lambda text: labels(*COMMANDS[:-1], "_unknown_")(UNDECLARED(text))
    ),
    Fault("silence not declared", "rejection-labels", card=labels("_silence_", *DIGITS[1:]), words="_silence_"),
    # how the network computes
    Fault(
        "dropout always", "training-mode", code=forward("return super().forward(functional.dropout(features, 0.1, True))"), words="dropout"
    ),
    Fault(
        "a dropout layer in training mode",
        "training-mode",
        code=IN_LAYERS
        + "        self.drop = torch.nn.Dropout(0.3)\n"
        + forward("self.drop.train()\nreturn super().forward(self.drop(features))"),
        words="drop draws at random",
    ),
    Fault("BatchNorm in training mode", "training-mode", code=forward("self.bn1.train()\nreturn super().forward(features)"), words="bn1"),
    Fault(
        "BatchNorm without running statistics",
        "training-mode",
        code=IN_LAYERS + "        self.bn2 = torch.nn.BatchNorm2d(8, track_running_stats=False)\n",
        state=without("bn2.running_mean", "bn2.running_var", "bn2.num_batches_tracked"),
        words="bn2",
    ),
    Fault("BatchNorm statistics not saved", "training-mode", state=untrained_norms, words="bn1"),
    # the front-end
    Fault("int16 samples", "front-end", card=frontend('samples = "int16"'), words='samples = "full-scale"'),
    Fault(
        "int16 samples to a hardened model",
        "front-end",
        "commands-hardened",
        card=frontend('samples = "int16"'),
        words='samples = "full-scale"',
    ),
    Fault("ln for dB", "front-end", card=frontend('log = "ln"'), words='log = "dB"'),
    Fault("ln for dB to a pooled model", "front-end", "commands-pooled", card=frontend('log = "ln"'), words='log = "dB"'),
    Fault("log10 for dB", "front-end", "digits-hardened", card=frontend('log = "log10"'), words='log = "dB"'),
    Fault("no logarithm", "front-end", voices=VOICES, card=frontend('log = "none"'), words='log = "dB"'),
    Fault("features halved", "front-end", "commands", card=frontend("scale = 0.5"), words="times 2"),
    Fault("features normalised", "front-end", "commands-pooled", card=frontend('normalise = "clip"'), words='normalise = "none"'),
    Fault(
        "each clip's maximum as the reference",
        "front-end",
        "digits-hardened",
        voices=VOICES,
        card=frontend('reference = "maximum"'),
        words='reference = "one"',
    ),
    Fault(
        "Slaney's mels and norm",
        "front-end",
        "digits-hardened",
        voices=VOICES,
        card=frontend('mel_scale = "slaney"', 'mel_norm = "slaney"'),
        words='mel_scale = "htk", mel_norm = "none"',
    ),
    Fault(
        "a front-end of one's own with 16-bit samples",
        "front-end",
        card=own_frontend,
        modules={"ours": OWN},
        words="divided by 32768",
    ),
    Fault(
        "features in the other order of axes",
        "front-end",
        "commands",
        code=forward("return super().forward(features.reshape(-1, 1, features.shape[3], features.shape[2]).transpose(2, 3))"),
        words="order",
    ),
    # the recordings
    Fault("recordings at −55 dB", "recording-level", "commands-hardened", sounds=each(lambda samples: samples * 10 ** (-40 / 20))),
    Fault("a header of half the rate", "recording-rate", "digits-hardened", sounds=each(lambda samples: samples, 32_000)),
    Fault("a header of 22,050 Hz", "recording-rate", "commands", voices=VOICES, sounds=each(lambda samples: samples, 22_050)),
    Fault("22,050 Hz with a header of 16,000", "recording-rate", "commands", voices=VOICES, sounds=slowed),
    Fault("a constant offset", "dc-offset", sounds=each(lambda samples: samples * 0.5 + 0.1)),
    Fault("one file under two words", "same-file", sounds=also("five/joe.wav", "nine/again.wav"), words="another word"),
    Fault("identical files", "same-file", sounds=also("five/joe.wav", "five/again.wav"), words="same word"),
    Fault("capitals", "label-spelling", sounds=renamed("five", "Five"), words="'five'"),
    Fault("numerals", "label-spelling", sounds=numerals, words="'0', '1'"),
    Fault(
        "another Unicode form",
        "label-spelling",
        card=labels(*DIGITS[:5], COMPOSED, *DIGITS[6:]),
        sounds=renamed("five", unicodedata.normalize("NFD", COMPOSED)),
    ),
    # the weights
    Fault("half precision", "weight-precision", state=all_weights(torch.float16), words="float16"),
    Fault("bfloat16", "weight-precision", "commands-pooled", state=all_weights(torch.bfloat16), words="bfloat16"),
    Fault("always one answer", "one-answer", state=weights("fc2.bias", lambda bias: bias + torch.eye(11)[4] * 60)),
    Fault("a last layer of zeros", "one-answer", "commands", state=weights("fc2.weight", torch.zeros_like)),
)


def made(fault: Fault, folder: Path) -> Made:
    """The faulty model in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = ROOT / "models" / f"{fault.model}.toml"
    text, _, _ = source.read_text(encoding="utf-8").partition("[golden]")
    said = tomllib.loads(text)
    state = fault.state(torch.load(source.parent / said["weights"]["file"], weights_only=True))
    torch.save(state, folder / "model.pt")
    text = text.replace(said["weights"]["sha256"], hashlib.sha256((folder / "model.pt").read_bytes()).hexdigest())
    text = text.replace(said["weights"]["file"], "model.pt")
    if fault.code:
        net = said["network"]["factory"].partition(":")[2]
        module = "net_" + hashlib.sha256(fault.name.encode()).hexdigest()[:12]
        (folder / f"{module}.py").write_text(HEAD.format(net=net) + fault.code, encoding="utf-8")
        text = text.replace(said["network"]["factory"], f"{module}:Net")
    for name, code in fault.modules.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    (folder / "model.toml").write_text(fault.card(text), encoding="utf-8")
    for path, (samples, header_hz) in fault.sounds(shipped_sounds(*fault.voices)).items():
        (folder / "words" / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "words" / path, samples.numpy(), header_hz, subtype="FLOAT")
    return Made(folder / "model.toml", folder / "words")


@cache
def shipped_sounds(*voices: str) -> Sounds:
    """The recordings of voices of the repository, in folders by word."""
    return {f"{one.label}/{voice}.wav": (one.samples, one.rate_hz) for voice in voices for one in shipped(voice)}


@cache
def shipped(voice: str) -> list[Recording]:
    """The recordings of a voice of the repository."""
    return list(read_recordings([ROOT / "recordings" / voice], rate_hz=16_000, longest_samples=16_000).recordings)
