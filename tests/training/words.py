"""A tiny folder of words for the tests of training: each word is a chord, each speaker a pitch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 16_000
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "bed")
SPEAKERS = ("ann", "ben", "cem", "dana", "eli")


def chord(word: str, speaker: str, *, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A quarter of a second of two partials amid quiet noise."""
    number, pitch = sum(map(ord, word)), 1 + 0.05 * len(speaker)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    middle = seconds / 2
    envelope = np.exp(-(((time_s - middle) / 0.08) ** 4))
    tones = np.sin(2 * np.pi * (200 + 7 * (number % 100)) * pitch * time_s) + np.sin(
        2 * np.pi * (900 + 11 * (number % 90)) * pitch * time_s
    )
    noise = np.random.default_rng(number + len(speaker)).standard_normal(len(time_s))
    return np.asarray(0.2 * tones * envelope + 0.001 * noise, dtype=np.float32)


def write_words(folder: Path, words: tuple[str, ...] = WORDS, speakers: tuple[str, ...] = SPEAKERS, *, rate_hz: int = RATE_HZ) -> Path:
    """`<word>/<speaker>_nohash_0.wav` for each word and speaker."""
    for word in words:
        (folder / word).mkdir(parents=True)
        for speaker in speakers:
            soundfile.write(folder / word / f"{speaker}_nohash_0.wav", chord(word, speaker, rate_hz=rate_hz), rate_hz)
    return folder
