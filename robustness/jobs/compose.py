"""How does a folder of words become a take of hours, with known times? Recordings with pauses, over a background, by seed.

The recordings come in a random order, each once before any comes again; the pauses between them are drawn evenly, and a negative one lets
words overlap. A background stays at one level: that of the first word is what it is, and every word is scaled so that its signal-to-noise
ratio in the word is the one asked for. The take is written piece by piece; beside it lies its table of spans, as `segment` writes it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from robustness.audio.cutting import COLUMNS
from robustness.audio.levels import decibels, from_decibels, speech_power
from robustness.audio.noises import audio_in
from robustness.audio.placement import Frame
from robustness.audio.reading import read_audio
from robustness.audio.recordings import Recording
from robustness.audio.takes import open_take
from robustness.conditions import NONE, Condition
from robustness.errors import UsageError
from robustness.rendering import Renderer
from robustness.run.atomic import whole, write_text
from robustness.seeds import seed_of

Samples = NDArray[np.float32]
WHITE: Final = "white"
MOST_HOURS: Final = 100.0
ROOM: Final = 2  # a recording that a perturbation lengthens gets so many times its length
FULL_SCALE: Final = 32768
LEAST_POWER: Final = 1e-12
SPANS_SUFFIX: Final = ".csv"


@dataclass(frozen=True)
class Composition:
    """How a take is made.

    Attributes:
        rate_hz: of the take.
        gaps_ms: the shortest and the longest pause between two words; negative ones overlap them.
        hours: how long it gets; None is each recording once.
        noise: a file or folder of background, or `white`; None is digital silence.
        snr_db: of each word over the background.
        condition: what else is done to every recording.
        seed: of order, pauses and noise.
        inputs: folders that the perturbation needs.
    """

    rate_hz: int = 16_000
    gaps_ms: tuple[float, float] = (500.0, 1500.0)
    hours: float | None = None
    noise: str | None = None
    snr_db: float = 20.0
    condition: Condition = Condition()
    seed: int = 0
    inputs: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses times that cannot be."""
        low, high = self.gaps_ms
        if not -60_000 <= low <= high <= 3_600_000:
            raise UsageError(f"--gap-ms is {low:g} to {high:g}; expected the shorter pause first, both within an hour")
        if self.hours is not None and not 0 < self.hours <= MOST_HOURS:
            raise UsageError(f"--hours is {self.hours:g}; expected more than 0 and at most {MOST_HOURS:g}")


class Composed(NamedTuple):
    """What was written."""

    words: int
    seconds: float
    clipped: int
    spans: Path


class _Placed(NamedTuple):
    """A recording in the take, in samples."""

    recording: Recording
    samples: Samples
    start: int
    speech: tuple[int, int]


class Background(Protocol):
    """Something that sounds on and on."""

    def __call__(self, count: int) -> Samples:
        """The next samples, [count]."""


def compose(recordings: Sequence[Recording], out: Path, how: Composition, progress: Callable[[int], None] = lambda words: None) -> Composed:
    """Writes a take and its table of spans.

    Args:
        recordings: of the rate asked for, with labels; they may be read when they are asked for.
        out: the sound file, a WAV or FLAC.
        how: the pauses, the background, the length.
        progress: told how many words are placed.

    Raises:
        UsageError: the file's name is no sound file's, or a perturbation cannot be used.
        RecordingError: the background cannot be used.
        OutputError: the place cannot be written.
    """
    if out.suffix.lower() not in (".wav", ".flac"):
        raise UsageError(f"--out is {out.name}; expected the name of a take that ends in .wav or .flac")
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[list[str]] = []
    clipped = total = 0
    background, level = _background(how), _Level(how)
    with (
        whole(out) as temporary,
        soundfile.SoundFile(temporary, "w", how.rate_hz, 1, subtype="PCM_16", format=out.suffix[1:].upper()) as file,
    ):
        for placed, mixed in _mixed(_order(recordings, how), how, background, level):
            pcm = np.rint(mixed.astype(np.float64) * FULL_SCALE)
            clipped += int(((pcm > FULL_SCALE - 1) | (pcm < -FULL_SCALE)).sum())
            file.write(np.clip(pcm, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16))
            total += len(mixed)
            rows += [_row(placed, how.rate_hz)] if placed is not None else []
            progress(len(rows))
    spans = out.with_suffix(SPANS_SUFFIX)
    write_text(spans, _table(rows))
    return Composed(len(rows), total / how.rate_hz, clipped, spans)


def _order(recordings: Sequence[Recording], how: Composition) -> Iterator[tuple[Recording, float]]:
    """Each recording with the pause before it in ms, until the take is long enough."""
    rng = np.random.default_rng(seed_of(how.seed, "compose"))
    at_ms, most_ms = 0.0, None if how.hours is None else how.hours * 3_600_000
    while True:
        for place in rng.permutation(len(recordings)).tolist():
            recording, gap_ms = recordings[place], float(rng.uniform(*how.gaps_ms))
            at_ms += gap_ms + len(recording.samples) * 1000 / how.rate_hz
            if most_ms is not None and at_ms + how.gaps_ms[1] > most_ms:
                return
            yield recording, gap_ms
        if most_ms is None:
            return


class _Level:
    """What a word and the background are multiplied by."""

    def __init__(self, how: Composition) -> None:
        self.how = how
        self.noise: float | None = None

    def gains(self, word: float, noise: float) -> tuple[float, float]:
        """Of the word and of the background, from the powers of both in the word; the first word sets the background's."""
        if noise < LEAST_POWER or word < LEAST_POWER:
            return 1.0, self.noise or 0.0
        wanted = from_decibels(-self.how.snr_db)
        if self.noise is None:
            self.noise = (word / noise) ** 0.5 * wanted
            return 1.0, self.noise
        return self.noise * (noise / word) ** 0.5 / wanted, self.noise


def _mixed(
    order: Iterator[tuple[Recording, float]], how: Composition, background: Background | None, level: _Level
) -> Iterator[tuple[_Placed | None, Samples]]:
    """The take piece by piece: what lies before each word, with the word that was placed then; the last piece is what is left."""
    start, written = 0, 0
    pending: list[_Placed] = []
    noise = np.zeros(0, np.float32)  # of the background, from `written` on
    lead = max(0.0, how.gaps_ms[1])
    for recording, gap_ms in order:
        samples, speech = _changed(recording, how)
        start = max(written, start + round((gap_ms if pending or written else lead) * how.rate_hz / 1000))
        noise = _reaching(noise, start + len(samples) - written, background)
        placed = _scaled(_Placed(recording, samples, start, speech), noise[start - written :], background, level)
        yield placed, _mix(pending, noise[: start - written], written, level)
        noise, written = noise[start - written :], start
        pending = [one for one in [*pending, placed] if one.start + len(one.samples) > written]
        start += len(samples)
    end = max([start, *(one.start + len(one.samples) for one in pending)]) + round(lead * how.rate_hz / 1000)
    yield None, _mix(pending, _reaching(noise, end - written, background)[: end - written], written, level)


def _reaching(noise: Samples, count: int, background: Background | None) -> Samples:
    missing = max(0, count - len(noise))
    return np.concatenate([noise, np.zeros(missing, np.float32) if background is None else background(missing)])


def _scaled(placed: _Placed, noise: Samples, background: Background | None, level: _Level) -> _Placed:
    if background is None:
        return placed
    span = torch.tensor([placed.speech])
    word, other = (
        float(speech_power(torch.from_numpy(np.ascontiguousarray(one[: len(placed.samples)]))[None], span, level.how.rate_hz)[0])
        for one in (placed.samples, noise)
    )
    gain, _ = level.gains(word, other)
    return placed._replace(samples=(placed.samples * gain).astype(np.float32))


def _mix(pending: Sequence[_Placed], noise: Samples, written: int, level: _Level) -> Samples:
    """The background with the words that reach into it."""
    mixed = (noise * (level.noise or 0.0)).astype(np.float32)
    for one in pending:
        first, last = max(0, one.start - written), min(len(mixed), one.start + len(one.samples) - written)
        if first < last:
            mixed[first:last] += one.samples[first + written - one.start : last + written - one.start]
    return mixed


def _changed(recording: Recording, how: Composition) -> tuple[Samples, tuple[int, int]]:
    """A recording under the condition, [time], and where its word lies in it."""
    long = len(recording.samples) * (1 if how.condition.perturbation == NONE else ROOM)
    renderer = Renderer.of([recording], Frame(long, how.rate_hz, "start"), seed=how.seed, inputs=how.inputs)
    windows = renderer.render(how.condition)
    start, end = (int(max(0, edge)) for edge in windows.speech[0].tolist())
    samples: Samples = windows.samples[0].numpy()
    heard = np.flatnonzero(samples)
    last = max(end, int(heard[-1]) + 1) if len(heard) else len(samples)
    return samples[:last], (start, min(end, last))


def _background(how: Composition) -> Background | None:
    """The next samples of the background, whenever they are asked for; None is silence."""
    if how.noise is None:
        return None
    if how.noise == WHITE:
        return _White(how)
    path = Path(how.noise)
    files = audio_in(path, "noise") if path.is_dir() else [path]
    for file in files:
        open_take(file, how.rate_hz)
    return _Loop(files, how)


class _White:
    """Gaussian noise with equal power at every frequency."""

    def __init__(self, how: Composition) -> None:
        self.rng = np.random.default_rng(seed_of(how.seed, "compose", "white"))

    def __call__(self, count: int) -> Samples:
        return self.rng.standard_normal(count, np.float32)


class _Loop:
    """Files one after the other, in a random order, again and again, from a random place of the first."""

    def __init__(self, files: Sequence[Path], how: Composition) -> None:
        self.files, self.rate_hz = files, how.rate_hz
        self.rng = np.random.default_rng(seed_of(how.seed, "compose", "background"))
        self.rest = self._next()
        self.rest = self.rest[int(self.rng.integers(len(self.rest))) :]

    def __call__(self, count: int) -> Samples:
        parts = []
        while count > len(self.rest):
            parts.append(self.rest)
            count -= len(self.rest)
            self.rest = self._next()
        parts.append(self.rest[:count])
        self.rest = self.rest[count:]
        return np.concatenate(parts)

    def _next(self) -> Samples:
        samples: Samples = read_audio(self.files[int(self.rng.integers(len(self.files)))], self.rate_hz).samples.numpy()
        return samples


def _row(placed: _Placed, rate_hz: int) -> list[str]:
    start, end = (placed.start + edge for edge in placed.speech)
    power = float(np.square(placed.samples[placed.speech[0] : placed.speech[1]].astype(np.float64)).mean()) if end > start else 0.0
    edges = (start, end, placed.start, placed.start + len(placed.samples))
    numbers = [*(edge * 1000 / rate_hz for edge in edges), decibels(power)]
    return [placed.recording.id, placed.recording.label or "", *(f"{number:.4f}" for number in numbers)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(rows)
    return text.getvalue()
