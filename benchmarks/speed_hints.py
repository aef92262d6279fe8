"""What tells a word that is played too fast or too slow from one that is spoken so: its length, its pitch, or its spectrum as well?

Real commands, one of each speaker and word, are resampled so that they play faster or slower, and measured as they were recorded too. Each
is compared with 30 others of other speakers, as with the good recordings of a run: how much shorter its word is than the mean
(logarithms), how much higher its pitch, and by how much its spectrum is warped upwards. The warp is the shift along a logarithmic axis of
frequency at which the frames of the word lie nearest to frames of the others. Measurements are added in units of their standard deviation
over the clips as recorded. *AUC* is the chance that a changed clip is told from one that is not; *at 3 in 10* the share of changed clips
that lie further out than seven in ten of the others, which is what the rule of names asks of the length.

`python -m benchmarks.speed_hints` prints the table, and `--keep` puts it into docs/diagnosis.md. The interval is of a bootstrap over clips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch import Tensor

from benchmarks.diagnosis import DOC
from benchmarks.harness import Table, arguments, machine, shared, tell
from benchmarks.real_plants import COMMANDS, RATE_HZ, Clip, clips
from robustness.audio.levels import speech_span
from robustness.audio.measurements import pitch_hz
from robustness.seeds import generator_of

SPEEDS: Final = (1.2, 1.3, 1 / 1.2, 1 / 1.3)  # times as fast
OTHERS: Final = 30  # recordings with which one is compared
LOW_HZ, OCTAVES, AN_OCTAVE = 200.0, 5, 24  # of the axis
SMOOTHED: Final = 1 / 8  # octaves
WARPS: Final = 14  # steps of the axis to each side, 0.58 octaves
NEAREST: Final = 5  # frames
LOUD_DB: Final = 25.0  # below the loudest frame
SOFTEST: Final = 1e-10  # power of a frame's bin: less is silence
FRAME, HOP, FFT = 400, 160, 512
DRAWS: Final = 300  # of the bootstrap
TOGETHER: Final = {
    "length": ("length",),
    "length and pitch": ("length", "pitch"),
    "length, pitch and spectrum": ("length", "pitch", "spectrum"),
}
Floats = NDArray[np.float64]


class Word(NamedTuple):
    """What is measured of a word: its length and pitch as logarithms, NaN where it has no pitch, and its spectra in dB, [frames steps]."""

    length: float
    pitch: float
    spectra: Tensor


def measured(samples: Tensor) -> Word:
    """The word of a recording [time]."""
    start, end = speech_span(samples, RATE_HZ)
    word = samples[start:end] if end - start > 2 * FRAME else samples
    pitch = pitch_hz(word, RATE_HZ)
    return Word(math.log(len(word)), math.log(pitch) if pitch else math.nan, spectra(word))


def spectra(word: Tensor) -> Tensor:
    """The levels of its loud frames along a logarithmic axis of frequency, smoothed over an eighth of an octave, [frames steps], in dB."""
    frames = word.double().unfold(0, FRAME, HOP) * torch.hann_window(FRAME, dtype=torch.float64)
    power = torch.fft.rfft(frames, n=FFT).abs().square() + SOFTEST
    level = 10 * power.sum(1).log10()
    hz = torch.arange(FFT // 2 + 1) * RATE_HZ / FFT
    axis = LOW_HZ * 2 ** (torch.arange(OCTAVES * AN_OCTAVE, dtype=torch.float64) / AN_OCTAVE)
    weight = torch.exp(-0.5 * ((hz.clamp_min(20).log2() - axis[:, None].log2()) / SMOOTHED) ** 2)
    smooth = power[level > level.max() - LOUD_DB] @ (weight / weight.sum(1, keepdim=True)).T
    found: Tensor = 10 * smooth.log10()
    return found


def shapes(levels: Tensor, shift: int) -> Tensor:
    """Spectra moved down by some steps, without their level, over the part of the axis that every shift leaves, [frames steps]."""
    part = levels[:, WARPS + shift : levels.shape[1] - WARPS + shift]
    return part - part.mean(1, keepdim=True)


def warp(word: Word, others: Sequence[Word]) -> float:
    """By how much its spectrum is moved up beside that of the others, as a logarithm."""
    known = torch.cat([shapes(one.spectra, 0) for one in others])[::2]
    shifts = range(-WARPS, WARPS + 1)
    far = [torch.cdist(shapes(word.spectra, shift), known).topk(NEAREST, largest=False).values.mean() for shift in shifts]
    return (int(torch.stack(far).argmin()) - WARPS) * math.log(2) / AN_OCTAVE


def beside(word: Word, others: Sequence[Word]) -> dict[str, float]:
    """How much faster a word seems than the others are, by what is measured."""
    pitch = word.pitch - float(np.nanmedian([one.pitch for one in others]))
    length = float(np.mean([one.length for one in others])) - word.length
    return {"length": length, "pitch": 0.0 if math.isnan(pitch) else pitch, "spectrum": warp(word, others)}


def played(clip: Clip, speed: float) -> Tensor:
    """A recording [time] at another speed, by a polyphase resampler."""
    return torch.from_numpy(resample_poly(clip.samples.numpy(), round(100 / speed), 100).astype(np.float32))


def halves() -> tuple[list[Clip], list[Clip]]:
    """Commands, one of each speaker and word, in a random order: of half of the speakers, and of the other half."""
    each = {(clip.word, clip.speaker): clip for word in COMMANDS for clip in clips()[word]}
    order = torch.randperm(len(each), generator=generator_of("speed hints")).tolist()
    every = [list(each.values())[i] for i in order]
    first = {clip.speaker for clip in every if int(generator_of("speaker", clip.speaker).initial_seed()) % 2}
    return [clip for clip in every if clip.speaker in first], [clip for clip in every if clip.speaker not in first]


def measures(count: int) -> Iterator[Mapping[float, Mapping[str, float]]]:
    """What is measured of each clip, by its speed and the measurement."""
    compared, told = halves()
    words = [measured(clip.samples) for clip in compared]
    for clip in told[:count]:
        drawn = torch.randperm(len(words), generator=generator_of("speed hints", clip.id))[:OTHERS].tolist()
        others = [words[i] for i in drawn]
        yield {speed: beside(measured(played(clip, speed)), others) for speed in (1.0, *SPEEDS)}


def auc(plain: Floats, changed: Floats) -> float:
    """The chance that a changed clip has more than one that is not; ties count half."""
    return float((changed[:, None] > plain).mean() + (changed[:, None] == plain).mean() / 2)


def table(found: Sequence[Mapping[float, Mapping[str, float]]]) -> Table:
    """A row for what is taken together, with the AUC and the share of changed clips at each speed."""
    every = {name: np.array([[one[speed][name] for speed in (1.0, *SPEEDS)] for one in found]) for name in TOGETHER[max(TOGETHER, key=len)]}
    scaled = {name: (values - values[:, 0].mean()) / values[:, 0].std() for name, values in every.items()}
    sums = {name: np.sum([scaled[one] for one in parts], axis=0) * [1, 1, 1, -1, -1] for name, parts in TOGETHER.items()}
    plains = {name: np.outer(values[:, 0], [0, 1, 1, -1, -1]) for name, values in sums.items()}  # on the side that is asked

    def cell(name: str, at: int) -> str:
        share = (sums[name][:, at] > np.quantile(plains[name][:, at], 0.7)).mean()
        return f"{auc(plains[name][:, at], sums[name][:, at]):.2f}, {100 * share:.0f} %"

    def mean_auc(name: str, rows: NDArray[np.intp]) -> float:
        return float(np.mean([auc(plains[name][rows, at], sums[name][rows, at]) for at in range(1, len(SPEEDS) + 1)]))

    rng = np.random.default_rng(0)
    gains: dict[str, list[float]] = {name: [] for name in TOGETHER}
    for _ in range(DRAWS):
        rows = rng.integers(0, len(found), len(found))
        for name, known in gains.items():
            known.append(mean_auc(name, rows) - mean_auc("length", rows))
    lines = [
        (name, *(cell(name, at) for at in range(1, len(SPEEDS) + 1)), "–" if name == "length" else _gain(gains[name])) for name in TOGETHER
    ]
    head = ("what is measured", *(f"× {speed:.2f}: AUC, at 3 in 10" for speed in SPEEDS), "mean AUC more than by length")
    return Table(head, tuple(lines), (f"{len(found)} clips.",))


def _gain(drawn: Sequence[float]) -> str:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{np.mean(drawn):.3f} ({low:.3f}–{high:.3f})"


def main() -> None:
    """Prints the table; with --keep it takes its place in docs/diagnosis.md."""
    asked = arguments(__doc__, clips=400)
    shared("speech_commands")
    text = f"`python -m benchmarks.speed_hints`: {machine('scipy')}\n\n{table(list(measures(asked.clips)))}"
    tell(DOC, "speed_hints", text)


if __name__ == "__main__":
    main()
