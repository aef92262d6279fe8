"""Hostile recordings: cut, bent, claimed and named otherwise, in every container that is read."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from tests.builders import RATE_HZ, recording
from tests.hostile.cases import Place, changed_bytes, kind, planned

CONTAINERS: Final = {
    "wav": ("WAV", "PCM_16"), "rf64": ("RF64", "PCM_16"), "w64": ("W64", "PCM_16"), "aiff": ("AIFF", "PCM_16"), "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"), "voc": ("VOC", "PCM_16"), "sph": ("NIST", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip
CODECS: Final = {"wav": ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM")}
MAGIC: Final = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b".snd", b"caff", b"Creative Voice File\x1a", b"NIST_1A\n   1024\n", b"fLaC")
MAGIC_2: Final = (
    b"OggS",
    b"ID3\x04",
    b"\xff\xfb\x90\x64",
    b"\x00\x00\x00\x1cftypM4A ",
    b"PK\x03\x04",
    b"\x1a\x45\xdf\xa3",
    b"#!AMR\n",
    b"",
)


def sound(seed: int = 0) -> np.ndarray:
    """A word, [time]."""
    return recording("word", 400.0, seed=seed % 7).samples.numpy()


def write(path: Path, container: str, samples: np.ndarray, rate_hz: int = RATE_HZ, codec: str | None = None) -> Path:
    """A file in that container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name, subtype = CONTAINERS[container]
    soundfile.write(path, samples, rate_hz, format=name, subtype=codec or subtype)
    return path


def drawn(at: Place) -> Path:
    """A good recording in a container and codec drawn at random."""
    container = at.rng.choice(list(CONTAINERS))
    codec = at.rng.choice(CODECS[container]) if container in CODECS and at.rng.random() < 0.7 else None
    return write(at.folder / "in" / "up" / f"a.{container}", container, sound(at.rng.randrange(7)), codec=codec)


@kind("recordings cut at any byte", "refused as truncated, or read where no sound is missing")
def _cut(at: Place) -> list[object]:
    path = drawn(at)
    data = path.read_bytes()
    path.write_bytes(data[: at.rng.randrange(len(data))])
    return planned(at, words=at.folder / "in")


@kind("recordings with bytes changed", "read as far as it is sound, or refused")
def _bent(at: Place) -> list[object]:
    path = drawn(at)
    path.write_bytes(changed_bytes(path.read_bytes(), at.rng))
    return planned(at, words=at.folder / "in")


@kind("files that only begin like a recording", "refused by name")
def _magic(at: Place) -> list[object]:
    path = at.folder / "in" / "up" / f"a.{at.rng.choice(list(CONTAINERS))}"
    path.parent.mkdir(parents=True)
    path.write_bytes(at.rng.choice(MAGIC + MAGIC_2) + at.rng.randbytes(at.rng.choice((0, 3, 40, 4000))))
    return planned(at, words=at.folder / "in")


@kind("headers that claim other rates, channels and sizes", "refused from the header, or read with a notice")
def _claims(at: Place) -> list[object]:
    path = write(at.folder / "in" / "up" / "a.wav", "wav", sound())
    data = bytearray(path.read_bytes())
    huge = at.rng.choice((0, 1, 2, 3, 1000, 3999, 4000, 11127, 44101, 768_000, 768_001, 2**31 - 1, 2**32 - 1, 2**16))
    for _ in range(at.rng.choice((1, 1, 2, 3))):
        where, form = at.rng.choice(
            ((4, "<I"), (16, "<I"), (20, "<H"), (22, "<H"), (24, "<I"), (28, "<I"), (32, "<H"), (34, "<H"), (40, "<I"))
        )
        struct.pack_into(form, data, where, at.rng.choice((huge, at.rng.randrange(2**16))) % (2 ** (8 * struct.calcsize(form))))
    path.write_bytes(data)
    return planned(at, words=at.folder / "in")


@kind("samples that are no sound", "refused: NaN, silence, one value, integers as floats; a notice for offset, clipping and clicks")
def _values(at: Place) -> list[object]:
    samples = sound().astype(np.float64)
    count = at.rng.choice((1, 2, 100, len(samples)))
    value = at.rng.choice((np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, 1e-30, 1e-320, 1e30, 3.4e38, 32768.0, 99.0, 0.05))
    start = at.rng.randrange(len(samples))
    samples[start : start + count] = value
    if at.rng.random() < 0.3:
        samples[:] = value
    if at.rng.random() < 0.2:
        samples = samples[: at.rng.choice((0, 1, 2, 159, 160, 161))]
    if at.rng.random() < 0.2:
        samples = np.stack([samples, at.rng.choice((-1.0, 0.0, 1.0)) * samples], 1)
    write(at.folder / "in" / "up" / "a.wav", "wav", samples, at.rng.choice((4000, 8000, 16000, 44101)), at.rng.choice(("FLOAT", "DOUBLE")))
    return planned(at, words=at.folder / "in")


@kind("rates and lengths", "resampled, cut to the speech, or refused from the header")
def _lengths(at: Place) -> list[object]:
    rate_hz = at.rng.choice((1, 100, 3999, 4000, 5513, 11127, 15999, 16001, 22050, 44101, 96000, 192000, 700001, 768000, 768001))
    seconds = at.rng.choice((0.001, 0.3, 0.99, 1.0, 1.001, 1.2, 3.9, 4.1, 20.0))
    samples = np.resize(sound(), min(int(rate_hz * seconds), 4_000_000)) * (
        np.arange(min(int(rate_hz * seconds), 4_000_000)) < rate_hz * 0.6
    )
    write(at.folder / "in" / "up" / "a.wav", "wav", samples, rate_hz)
    return planned(at, "--trim", at.rng.choice(("auto", "never", "always")), words=at.folder / "in")


@kind("takes for segment", "cut into words, or refused; nothing half-written")
def _takes(at: Place) -> list[object]:
    rng = np.random.default_rng(at.rng.randrange(2**31))
    words = at.rng.choice((0, 1, 3, 4))
    parts = [piece for seed in range(words) for piece in (sound(seed), 1e-3 * rng.normal(size=at.rng.choice((800, 8000))))]
    samples = np.concatenate([1e-3 * rng.normal(size=8000), *parts])
    path = write(at.folder / "in" / f"take.{at.rng.choice(list(CONTAINERS))}", "wav", samples)
    if at.rng.random() < 0.5:
        path.write_bytes(changed_bytes(path.read_bytes(), at.rng))
    named = at.rng.choice(
        (["--words", "a,b,c"], ["--words", "a,b,a"], ["--words", ",,"], ["--words", "../up,b,c"], ["--name", "{label}.wav"])
    )
    wild = ["--frame-ms", at.rng.choice((0, -1, 1e9, "nan")), "--before-ms", at.rng.choice((0, -5, 1e12, "inf"))]
    return ["segment", path, "--out", at.out, *named, *(wild if at.rng.random() < 0.4 else [])]


@kind("noises", "drawn where they sound, or refused by name")
def _noises(at: Place) -> list[object]:
    rng = np.random.default_rng(at.rng.randrange(2**31))
    samples = 0.01 * rng.normal(size=at.rng.choice((0, 100, 15_999, 16_000, 48_000)))
    silent = at.rng.choice((0, 1, 1000, len(samples)))
    samples[:silent] = 0
    path = write(at.folder / "noises" / f"hum.{at.rng.choice(('wav', 'flac', 'ogg'))}", "wav", samples, at.rng.choice((100, 8000, 16000)))
    if at.rng.random() < 0.4 and len(samples):
        path.write_bytes(changed_bytes(path.read_bytes(), at.rng))
    return planned(at, "--perturbation", "background-noise", at.rng.choice(("--noises", "--noises", "--input")), f"{at.folder / 'noises'}")
