"""Does each perturbation reach what was asked? Asked against measured, by instruments that are written out here.

Signal-to-noise ratios and gains are powers in the word. T60 is by Schroeder's curve of what a click becomes, and so is the ratio of direct
to reverberant sound. A filter's corner is where the spectrum of a click has lost 3 dB. A codec's bit rate is that of its packets or file,
its delay that of a cross-correlation with noise. Loss is the share of samples of a window of noise that are gone. The table stands in
docs/physics.md: `python -m benchmarks.physics --keep`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from benchmarks.harness import ROOT, Table
from robustness.audio.placement import Frame, Windows
from robustness.audio.reading import read_recordings
from robustness.perturbations.base import PERTURBATIONS, WindowPerturbation
from robustness.rendering import Renderer

RATE_HZ = 16_000
FRAME = Frame(RATE_HZ, RATE_HZ)
DOCUMENT = ROOT / "docs" / "physics.md"
Measure = Callable[[Windows, Windows], float]
BEGIN, END = "<!-- python -m benchmarks.physics --keep -->", "<!-- end of the table -->"


def words() -> Windows:
    """Four words of the first voice in the middle of the window."""
    found = list(read_recordings([ROOT / "recordings" / "joe"], rate_hz=RATE_HZ, longest_samples=FRAME.samples).recordings)
    return Renderer.of(found[:4], FRAME).placed("center")


def like(samples: torch.Tensor) -> Windows:
    """Other sound in the windows of the words."""
    one = words()
    return replace(one, samples=samples[None], ids=one.ids[:1], lead=one.lead[:1], speech=one.speech[:1])


def noise(level: float = 0.05) -> Windows:
    """A window of white noise."""
    return like(torch.randn(FRAME.samples, generator=torch.Generator().manual_seed(3)) * level)


def click() -> Windows:
    """A window with one click at its start."""
    return like(torch.eye(1, FRAME.samples)[0] * 0.5)


def power_db(samples: torch.Tensor) -> float:
    """Mean power in dB."""
    return 10 * math.log10(float(samples.double().square().mean()))


def snr_db(clean: Windows, heard: Windows) -> float:
    """Power in the words of what was there over what was added, the mean over words."""
    assert heard.scale is not None  # noqa: S101 - a changed window says by how much it was scaled back
    found = []
    for before, after, (start, end), scale in zip(clean.samples, heard.samples, clean.speech.tolist(), heard.scale, strict=True):
        found.append(power_db(before[start:end]) - power_db((after / scale - before)[start:end]))
    return float(np.mean(found))


def gain_db(clean: Windows, heard: Windows) -> float:
    """Power after over power before."""
    return power_db(heard.samples) - power_db(clean.samples)


def t60_s(clean: Windows, heard: Windows) -> float:
    """Three times the time in which Schroeder's curve falls from −5 to −25 dB."""
    energy = heard.samples[0].double().square()[round(0.0025 * RATE_HZ) :].flip(0).cumsum(0).flip(0)
    decay = 10 * (energy / energy[0]).log10()
    five, late = (int((decay <= level).nonzero()[0]) for level in (-5.0, -25.0))
    return 3 * (late - five) / RATE_HZ


def drr_db(clean: Windows, heard: Windows) -> float:
    """The energy of the first 2.5 ms of what a click becomes over the rest."""
    energy, first = heard.samples[0].double().square(), round(0.0025 * RATE_HZ)
    return 10 * math.log10(float(energy[:first].sum() / energy[first:].sum()))


def corner_hz(clean: Windows, heard: Windows) -> float:
    """Where the spectrum of a click is 3 dB under its largest value, nearest to the end that is cut."""
    levels = 20 * np.log10(np.abs(np.fft.rfft(heard.samples[0].double().numpy())) + 1e-12)
    inside = np.flatnonzero(levels >= levels.max() - 3.0103)
    hz = np.fft.rfftfreq(FRAME.samples, 1 / RATE_HZ)
    return float(hz[inside[0]] if inside[-1] == len(levels) - 1 else hz[inside[-1]])


def lost_percent(clean: Windows, heard: Windows) -> float:
    """The share of the samples of a window of noise that are zero."""
    return 100 * float((heard.samples == 0).double().mean())


def reached(clean: Windows, heard: Windows) -> float:
    """What the codec itself counted."""
    assert heard.measured is not None  # noqa: S101 - asked of codecs that count
    return float(heard.measured.mean())


def late_samples(clean: Windows, heard: Windows) -> float:
    """The lag of the largest cross-correlation."""
    size = 2 * FRAME.samples
    product = np.fft.rfft(heard.samples[0].numpy(), size) * np.conj(np.fft.rfft(clean.samples[0].numpy(), size))
    lag = int(np.argmax(np.fft.irfft(product, size)))
    return float(lag if lag < FRAME.samples else lag - size)


ROWS: tuple[tuple[str, str, str, Callable[[], Windows], Measure, float], ...] = (
    ("signal-to-noise ratio", "white-noise pink-noise brown-noise speech-shaped-noise hum impulsive-noise", "dB", words, snr_db, 1.0),
    ("gain", "gain", "dB", lambda: noise(0.001), gain_db, 1.0),
    ("T60", "reverberation shoebox-room", "s", click, t60_s, 1.0),
    ("corner at −3 dB", "low-pass high-pass", "Hz", click, corner_hz, 1.0),
    ("bit rate", "adpcm ima-adpcm mp3 opus vorbis amr", "kbit/s", noise, reached, 1.0),
    ("packets lost", "packet-loss", "%", noise, lost_percent, 1.0),
    (
        "delay, asked 0",
        "adpcm ima-adpcm mp3 opus vorbis amr gsm opus-loss noise-suppression gain-control",
        "samples",
        noise,
        late_samples,
        0.0,
    ),
)


def measured() -> Table:
    """A row a quantity and perturbation, a cell a level."""
    rows = []
    for quantity, names, unit, sound, measure, asked in ROWS:
        for name in names.split():
            made = PERTURBATIONS[name]()
            assert isinstance(made, WindowPerturbation)  # noqa: S101 - all of the table are
            clean = sound()
            cells = [(level * asked if asked else level, measure(clean, made(clean, level))) for level in made.axis.grid]
            if asked:
                text = ", ".join(f"{level:g} → {round(found, 3) + 0.0:.4g}" for level, found in cells)
            else:
                text = ", ".join(f"{found:.0f}" for _, found in cells)
            rows.append((quantity, name, unit, text))
    far, clean = PERTURBATIONS["far-field"](), click()
    assert isinstance(far, WindowPerturbation)  # noqa: S101 - it is
    wanted = [(-20 * math.log10(level), drr_db(clean, far(clean, level))) for level in far.axis.grid]
    rows.append(("direct-to-reverberant ratio", "far-field", "dB", ", ".join(f"{a + 0.0:.1f} → {b + 0.0:.1f}" for a, b in wanted)))
    return Table(("quantity", "perturbation", "unit", "asked → measured, level by level"), tuple(rows))


def main() -> None:
    """Prints the table; with --keep it takes its place in the document."""
    table = str(measured())
    print(table)
    if "--keep" in sys.argv[1:]:
        document = DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = document.partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
