"""Does the first line of a card name what is wrong with a take, before any network has heard it?

Ten takes of `recordings/joe` are spoiled in each way, and each is measured beside the takes as they were. *Named*: the measurement that the
fault is about stands in the sentence that opens the card; *alone*: no other does. Nothing is drawn at random.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import soundfile
import torch
from scipy.signal import butter, resample_poly, sosfiltfilt
from torch import Tensor

from benchmarks.harness import ROOT, Table, arguments, finish
from robustness.audio.levels import speech_span
from robustness.explanations.good_recordings import values_of
from robustness.explanations.standing import Standing, standings
from robustness.report.cards.measured import WORDS, measured_sentence
from robustness.run.measured_values import MeasuredValue

JOE: Final = ROOT / "recordings" / "joe"
TAKES: Final = 10


class Take(NamedTuple):
    """A recorded word."""

    name: str
    samples: Tensor
    rate_hz: int


class Fault(NamedTuple):
    """What is done to a take, and what of it is measured then."""

    name: str
    measured: str
    spoil: Callable[[Tensor, int], Tensor]


def hum(samples: Tensor, rate_hz: int) -> Tensor:
    """50 Hz and its odd multiples, 20 dB under full scale."""
    time = torch.arange(len(samples)) / rate_hz
    return samples + 0.1 * sum(torch.sin(2 * torch.pi * 50 * n * time) / n for n in (1, 3, 5))


def offset(samples: Tensor, rate_hz: int) -> Tensor:
    """A constant of 0.05."""
    return samples + 0.05


def click(samples: Tensor, rate_hz: int) -> Tensor:
    """One sample at full scale in the middle of the silence before the word's end."""
    spoiled = samples.clone()
    spoiled[len(samples) // 3] = 1.0
    return spoiled


def low_pass(samples: Tensor, rate_hz: int) -> Tensor:
    """Nothing above 4 kHz."""
    return torch.from_numpy(sosfiltfilt(butter(16, 4000, fs=rate_hz, output="sos"), samples.numpy()).astype(np.float32).copy())


def cut_tail(samples: Tensor, rate_hz: int) -> Tensor:
    """Cut off after two thirds of the word."""
    start, end = speech_span(samples, rate_hz)
    return samples[: start + 2 * (end - start) // 3]


def at_speed(percent: int) -> Callable[[Tensor, int], Tensor]:
    """Played so much faster, or slower."""
    return lambda samples, rate_hz: torch.from_numpy(resample_poly(samples.numpy(), 100, 100 + percent).astype(np.float32))


FAULTS: Final = (
    Fault("50 Hz hum", "hum_dbfs", hum),
    Fault("offset", "offset_dbfs", offset),
    Fault("click", "clicks", click),
    Fault("4 kHz low-pass", "highest_hz", low_pass),
    Fault("cut tail", "last_dbfs", cut_tail),
    Fault("20 % faster", "pitch_hz", at_speed(20)),
    Fault("20 % slower", "pitch_hz", at_speed(-20)),
)


def takes() -> list[Take]:
    """Joe's words."""
    with (JOE / "spans.csv").open(encoding="utf-8") as file:
        names = [row["path"] for row in csv.DictReader(file)]
    found = [(name, *soundfile.read(JOE / name, dtype="float32")) for name in names]
    return [Take(name, torch.from_numpy(samples), rate) for name, samples, rate in found]


def values(samples: Tensor, rate_hz: int) -> dict[str, float]:
    """What is measured of a take."""
    return values_of(samples, rate_hz, speech_span(samples, rate_hz))


def told(fault: Fault, every: list[Take]) -> tuple[str, ...]:
    """A row: how often the fault is named, alone, and the line of the first take."""
    named = alone = 0
    lines = []
    clean = {one.name: values(one.samples, one.rate_hz) for one in every}
    for take in every[:TAKES]:
        others = [one for name, one in clean.items() if name != take.name]
        stands = standings(values(fault.spoil(take.samples, take.rate_hz), take.rate_hz), others)
        lines.append(measured_sentence([shown(one) for one in stands]))
        named += WORDS[fault.measured].name in lines[-1]
        alone += [one.name for one in stands if one.outside is not None] == [fault.measured]
    return fault.name, WORDS[fault.measured].name, f"{named} of {TAKES}", f"{alone}", lines[0]


def shown(one: Standing) -> MeasuredValue:
    """As a card has it."""
    return MeasuredValue(*one[:6], one.kind, one.beyond)


def main() -> None:
    """Prints the table; with --keep it takes its place in benchmarks/README.md."""
    arguments(__doc__)
    every = takes()
    rows = (Fault("nothing", "level_dbfs", lambda samples, rate_hz: samples), *FAULTS)
    table = Table(("done to a take", "measured", "named", "alone", "the line of the first take"), tuple(told(one, every) for one in rows))
    finish(__file__, "Does a card's first line name what is wrong with a take?", [table])


if __name__ == "__main__":
    main()
