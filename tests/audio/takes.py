"""Takes whose words lie where a test put them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float32]
RATE_HZ = 16000


class Take(NamedTuple):
    """Samples, [time], and where each word begins and ends in them, in ms."""

    samples: Samples
    words: list[tuple[float, float]]


def take_of(pieces: Sequence[tuple[str, float, float]], *, floor_dbfs: float = -60.0, seed: int = 0, rate_hz: int = RATE_HZ) -> Take:
    """A take of pauses and of bursts of noise under 4 kHz.

    Args:
        pieces: ("pause" or "word", duration in ms, level in dBFS); a pause's level is not used.
        floor_dbfs: level of the white noise under all of it.
        seed: of both noises.
        rate_hz: sampling rate.
    """
    rng = np.random.default_rng(seed)
    parts, words, now = [], [], 0
    for kind, duration_ms, level_dbfs in pieces:
        count = round(duration_ms * rate_hz / 1000)
        if kind == "word":
            words.append((now * 1000 / rate_hz, (now + count) * 1000 / rate_hz))
            parts.append(_at(signal.lfilter([1, 1], [1, -0.5], rng.standard_normal(count)), level_dbfs))
        else:
            parts.append(np.zeros(count))
        now += count
    clean = np.concatenate(parts)
    return Take((clean + _at(rng.standard_normal(now), floor_dbfs)).astype(np.float32), words)


def spoken_take(folder: Path, *, speaker: str, seed: int, snr_db: float, noise: Samples | None = None) -> Take:
    """Twenty spoken digits of one speaker, with pauses of 300 to 1200 ms, over a noise (white where none is given) that fills the take.

    A word is where the clip is within 20 dB of its loudest 10 ms: some of these clips begin or end with silence.
    """
    rng = np.random.default_rng(seed)
    files = sorted(folder.glob(f"*_{speaker}_*.flac"))
    parts: list[NDArray[np.float64]] = [np.zeros(RATE_HZ // 2)]
    words, spoken, now = [], [], RATE_HZ // 2
    for index in rng.integers(len(files), size=20):
        word = _at(signal.resample_poly(soundfile.read(files[index])[0], 2, 1), -25 + rng.uniform(-3, 3))
        pause = np.zeros(round(rng.uniform(0.3, 1.2) * RATE_HZ))
        start, end = _core(word)
        words.append(((now + start) * 1000 / RATE_HZ, (now + end) * 1000 / RATE_HZ))
        spoken.append(word[start:end])
        parts += [word, pause]
        now += len(word) + len(pause)
    under = rng.standard_normal(now) if noise is None else np.resize(noise, now)
    level = 10 * np.log10(np.mean(np.square(np.concatenate(spoken)))) - snr_db
    return Take((np.concatenate(parts) + _at(under, level)).astype(np.float32), words)


def _core(word: NDArray[np.float64]) -> tuple[int, int]:
    frames = np.square(word[: len(word) // 160 * 160]).reshape(-1, 160).mean(1)
    loud = np.flatnonzero(frames > frames.max() / 100)
    return int(loud[0]) * 160, (int(loud[-1]) + 1) * 160


def _at(samples: NDArray[np.floating], level_dbfs: float) -> NDArray[np.float64]:
    return np.asarray(samples / np.sqrt(np.mean(np.square(samples))) * 10 ** (level_dbfs / 20))
