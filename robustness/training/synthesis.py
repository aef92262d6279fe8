"""Which words can be spoken by machine, by how many voices, with nothing to download.

Speech synthesizers of Debian's packages (espeak-ng, flite, festival with festvox-kallpc16k, festvox-kdlpc16k and festvox-us-slt-hts)
speak single words at random rates and pitches into a folder of words, `<word>/<speaker>_nohash_<take>.flac`, 16 kHz, cut to the speech.
A speaker is one voice whatever engine renders it, so that a voice held out is held out in all of them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample

from robustness.audio.levels import speech_span
from robustness.errors import UsageError
from robustness.seeds import seed_of

RATE_HZ: Final = 16_000
TARGET_TAKES: Final = 180  # of each of the twenty words
OTHER_TAKES: Final = 45  # of each word that is `unknown` in every vocabulary
ESPEAK_SHARE: Final = 0.6  # formant synthesis has the most voices, and sounds least like a person
ESPEAK_ACCENTS: Final = ("en", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
# Variants that stand for a person; robots, whispers and croaks are left out.
ESPEAK_VARIANTS: Final = tuple(
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario "
    "Michael Mike adam anika antonio aunty belinda benjamin boris caleb david ed edward edward2 grandma grandpa gustave iven iven2 iven3 "
    "iven4 john kaukovalta klatt klatt2 klatt3 klatt4 linda marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro "
    "shelby steph steph2 steph3 travis victor zac".split()
)
TARGET_WORDS: Final = tuple("zero one two three four five six seven eight nine yes no up down left right on off stop go".split())
OTHER_WORDS: Final = tuple(
    "backward bed bird cat dog follow forward happy house learn marvin sheila tree visual wow water table green yellow window music "
    "summer paper garden morning orange people money sister yesterday again always because coffee doctor early family hello island "
    "jacket kitchen lemon mother number open please quiet river school thank under very winter young ready slow fast high low near far "
    "new boy girl back light ten hundred nice step top lift load hat big man play day now know".split()
)


@dataclass(frozen=True)
class Voice:
    """One voice of one engine; `speaker` is the person or variant it stands for."""

    engine: str
    name: str
    speaker: str
    base_hz: float = 0.0  # its own fundamental frequency, where the engine takes one


FLITE: Final = (
    Voice("flite", "kal16", "kal", 105),
    Voice("flite", "awb", "awb", 130),
    Voice("flite", "rms", "rms", 100),
    Voice("flite", "slt", "slt", 180),
)
FESTIVAL: Final = (
    Voice("festival", "voice_kal_diphone", "kal", 105),
    Voice("festival", "voice_ked_diphone", "ked", 105),
    Voice("festival", "voice_cmu_us_slt_arctic_hts", "slt"),
)
PACKAGES: Final = {"espeak-ng": "espeak-ng", "flite": "flite", "festival": "festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts"}


class Utterance(NamedTuple):
    """One take of a word: who says it, how fast (1 = the engine's own rate) and how high (1 = the voice's own pitch)."""

    word: str
    take: int
    voice: Voice
    rate: float
    pitch: float


def plan(seed: int = 0) -> Iterator[Utterance]:
    """Every utterance of the folder; a take depends on the seed, the word and its number alone."""
    for word in (*TARGET_WORDS, *OTHER_WORDS):
        for take in range(TARGET_TAKES if word in TARGET_WORDS else OTHER_TAKES):
            rng = np.random.default_rng(seed_of(seed, word, take))
            yield Utterance(word, take, _voice(rng), float(np.exp(rng.uniform(-0.3, 0.25))), float(np.exp(rng.uniform(-0.25, 0.25))))


def synthesize(folder: Path, seed: int = 0, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Speaks what is not in the folder yet, and returns the folder.

    Args:
        folder: where `<word>/<speaker>_nohash_<take>.flac` go.
        seed: of voices, rates and pitches.
        progress: called with how many are done and how many there are.

    Raises:
        UsageError: where a synthesizer is not installed; the message names its Debian package.
    """
    for command, packages in PACKAGES.items():
        if shutil.which(command) is None:
            raise UsageError(
                f"synthetic speech needs the program {command}, which is not installed: apt-get install {packages}, or train with "
                "--no-synthetic"
            )
    utterances = list(plan(seed))
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done, _ in enumerate(pool.map(lambda utterance: _speak(utterance, folder), utterances), start=1):
            progress(done, len(utterances))
    return folder


def _voice(rng: np.random.Generator) -> Voice:
    if rng.random() < ESPEAK_SHARE:
        variant = ESPEAK_VARIANTS[rng.integers(len(ESPEAK_VARIANTS))]
        return Voice("espeak-ng", f"{ESPEAK_ACCENTS[rng.integers(len(ESPEAK_ACCENTS))]}+{variant}", f"espeak-{variant.lower()}")
    others = (*FLITE, *FESTIVAL)
    return others[rng.integers(len(others))]


def _speak(utterance: Utterance, folder: Path) -> None:
    path = folder / utterance.word / f"{utterance.voice.speaker}_nohash_{utterance.take}.flac"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wav = Path(scratch) / "word.wav"
        subprocess.run(_command(utterance, wav), check=True, capture_output=True, input=_scheme(utterance, wav), text=True, timeout=60)
        read, rate_hz = soundfile.read(wav, dtype="float32")
        samples = resample(torch.from_numpy(read), rate_hz, RATE_HZ)
        start, end = speech_span(samples, RATE_HZ)
        whole = Path(scratch) / "word.flac"
        soundfile.write(whole, samples[start:end].numpy(), RATE_HZ, subtype="PCM_16")
        shutil.move(whole, path)


def _command(utterance: Utterance, wav: Path) -> Sequence[str]:
    voice = utterance.voice
    if voice.engine == "espeak-ng":
        words_a_minute, pitch = round(150 * utterance.rate), round(50 * utterance.pitch)
        return ["espeak-ng", "-v", voice.name, "-s", str(words_a_minute), "-p", str(pitch), "-w", str(wav), utterance.word]
    if voice.engine == "flite":
        stretch, base_hz = 1 / utterance.rate, voice.base_hz * utterance.pitch
        settings = ["--setf", f"duration_stretch={stretch:.3f}", "--setf", f"int_f0_target_mean={base_hz:.1f}"]
        return ["flite", "-voice", voice.name, *settings, "-t", utterance.word, "-o", str(wav)]
    return ["festival", "--pipe"]


def _scheme(utterance: Utterance, wav: Path) -> str | None:
    """What festival reads from its standard input; the other engines read nothing."""
    voice = utterance.voice
    if voice.engine != "festival":
        return None
    base_hz = voice.base_hz * utterance.pitch
    pitch = f"(set! int_lr_params '((target_f0_mean {base_hz:.1f}) (target_f0_std 14) (model_f0_mean 170) (model_f0_std 34)))"
    return "\n".join(
        [
            f"({voice.name})",
            f"(Parameter.set 'Duration_Stretch {1 / utterance.rate:.3f})",
            pitch if voice.base_hz else "",
            f'(utt.save.wave (utt.synth (Utterance Text "{utterance.word}")) "{wav}" \'riff)',
        ]
    )
