"""How long does it take to ask every sample of lead, and how many of the tutorial's takes hold at each?

The twenty takes of `../shared/tutorial`, ± 100 ms around the middle of the window: float with what windows share, the same window by
window on the first takes, and dynamic int8, which shares nothing. Seconds are of processor time, so that a busy machine says the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.harness import ROOT, SHARED, Table, arguments, finish
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.quantization.base import quantized
from robustness.run.every_sample import EverySample
from robustness.sweep.every_sample import Enumeration, every_sample
from robustness.sweep.plan import Settings
from robustness.sweep.sweep import placeable

WITHIN_MS = 100.0
RANGES_MS = (20.0, 50.0, 100.0)


class Timed(NamedTuple):
    """What was found, and the processor time of it."""

    found: EverySample
    cpu_s: float


def timed(classifier: Classifier, recordings: Sequence[Recording]) -> Timed:
    """Every sample of lead of these recordings."""
    began = time.process_time()
    found = every_sample([classifier], recordings, WITHIN_MS)
    return Timed(found, time.process_time() - began)


def alone_s(classifier: Classifier, recordings: Sequence[Recording]) -> float:
    """The processor time of the same, each window computed by itself."""
    enumeration = Enumeration(classifier, _tried=True)
    began = time.process_time()
    for recording in recordings:
        enumeration.of(recording, WITHIN_MS)
    return time.process_time() - began


def shares(classifier: Classifier, found: EverySample) -> list[str]:
    """How many hold in each range, of those with the room."""
    cells = []
    for within_ms in RANGES_MS:
        room = found.of(classifier.name, classifier.variant, within_ms)
        cells.append(f"{sum(one.holds(found.steps(within_ms)) for one in room)} of {len(room)}")
    return cells


def main() -> None:
    """Prints both tables."""
    given = arguments(__doc__, alone=5)
    original = load_classifier(ROOT / "models" / "tutorial.toml", weights=SHARED / "tutorial" / "speech_commands_model.pt")
    reading = read_recordings([SHARED / "tutorial" / "recordings"], rate_hz=16_000, longest_samples=16_000)
    takes = list(placeable(reading.recordings, original.frame, Settings()))
    shared, whole = timed(original, takes), timed(quantized(original, "dynamic-int8"), takes)
    some = takes[: given.alone]
    rows = [
        ("float32, shared", f"{shared.cpu_s / len(takes):.2f}", str(len(takes))),
        ("float32, window by window", f"{alone_s(original, some) / len(some):.2f}", str(len(some))),
        ("dynamic-int8, window by window", f"{whole.cpu_s / len(takes):.2f}", str(len(takes))),
    ]
    held = [("float32", *shares(original, shared.found)), ("dynamic-int8", *shares(quantized(original, "dynamic-int8"), whole.found))]
    widest = max(shared.found.recordings, key=lambda one: one.grid - one.worst)
    note = (
        f"The grid of 10 ms is optimistic by up to {widest.grid - widest.worst:.2f}: {widest.recording} keeps an outcome margin of "
        f"{widest.grid:.2f} on it, and {widest.worst:.2f} at {widest.worst_step:+d} samples."
    )
    tables = [
        Table(("what", "s on a CPU a take", "takes"), tuple(rows), (f"{2 * 1600 + 1:,} leads where a take has the room.",)),
        Table(("holds at every sample, of those with the room", *(f"± {ms:g} ms" for ms in RANGES_MS)), tuple(held), (note,)),
    ]
    finish(__file__, "How long does every sample of lead take, and which takes hold?", tables)


if __name__ == "__main__":
    main()
