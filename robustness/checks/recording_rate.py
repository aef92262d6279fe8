"""Do the recordings' headers name another rate than they were made at, so that they are too slow or too fast?

A speed that restores most answers says so. Where few are lost, their sound may: one at the model's rate that plays too slowly ends at half
of that rate times the speed, and nothing is above. Beside such an edge it is enough that the true labels' margins rise at that speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import soundfile
import torch

from robustness.audio.recordings import Recording
from robustness.audio.resampling import resampled
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.paired_accuracy import LEVEL, PairedAccuracy, paired_accuracy
from robustness.checks.trials import candidates, tried_on
from robustness.rendering import reference_windows
from robustness.run.checks import Finding

POINTS: Final = 1024  # of a spectrum
SMOOTHED: Final = 8  # bins
BELOW: Final = 4  # of these
ABOVE: Final = 3
EDGE_DB: Final = 30.0
SAME_EDGE: Final = 0.02  # of half the rate: two and a half of them
SMALLEST: Final = 1e-14
EDGES: Final = frozenset(("f_min_hz", "f_max_hz", "mel_scale"))
LOOKED_AT: Final = 5  # files
RATES_HZ: Final = (  # in truth, and as the header has it
    (22_050, 16_000),
    (16_000, 11_025),
    (16_000, 8_000),
    (48_000, 16_000),
    (16_000, 22_050),
    (11_025, 16_000),
    (8_000, 16_000),
    (16_000, 48_000),
)


@CHECKS.register
@dataclass(frozen=True)
class RecordingRate(Check):
    """Recordings that another speed restores."""

    name: ClassVar[str] = "recording-rate"
    order: ClassVar[int] = 45
    follows: ClassVar[tuple[str, ...]] = ("front-end", "training-mode", "label-order")

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """The speed that restores most, if it restores most answers."""
        commands, edge_hz = model.sample_commands, band_edge_hz(model.sample)
        found = _speed_of_edge(model, edge_hz)
        if found is None and model.sample_right[commands].sum() <= commands.sum() - 2:
            found, edge_hz = _best_speed(model), None
            found = None if found is None or _bands_restore(model, found[1]) else found
        if found is None:
            return
        (true, said), right = found
        ends = "" if edge_hz is None else f"; their sound ends at {edge_hz:,.0f} Hz, as that of a recording so slowed does"
        yield Finding(
            self.name,
            f"the recordings run at another speed: {true / said:.3f} times as fast, {right.after} of {right.of} commands are recognised in "
            f"place of {right.before}; so sounds a recording at {true} Hz whose header says {said} Hz{ends}",
            f"see at which rate they were made, and write that into the header ({true} in place of {said} Hz, or in that ratio)",
            about="the rate in the recordings' headers",
            evidence={"speed": true / said, **right._asdict()} | ({} if edge_hz is None else {"edge_hz": edge_hz}),
        )


def band_edge_hz(recordings: Sequence[Recording]) -> float | None:
    """Where the recordings' sound ends: all of the spectrum above is 30 dB weaker than just below; None if it has no such edge.

    Args:
        recordings: of one rate; their spectra are averaged, each over its loudest bin.
    """
    whole = [one for one in recordings if len(one.samples) >= POINTS and bool(one.samples.any())]
    if not whole:
        return None
    powers = [
        torch.fft.rfft(one.samples.unfold(0, POINTS, POINTS // 2) * torch.hann_window(POINTS)).abs().square().mean(0) for one in whole
    ]
    mean = torch.stack([power / power.max() for power in powers]).mean(0)
    levels = 10 * mean[:-1].reshape(-1, SMOOTHED).mean(1).clamp_min(SMALLEST).log10()  # one every 125 Hz, at 16 kHz
    width = whole[0].rate_hz / POINTS * SMOOTHED
    for at in range(BELOW, len(levels) - ABOVE):
        if levels[at - BELOW : at].median() - levels[at + ABOVE - 1 :].max() >= EDGE_DB:
            return (at + 0.5) * width
    return None


def _speed_of_edge(model: ModelUnderTest, edge_hz: float | None) -> tuple[tuple[int, int], PairedAccuracy] | None:
    """The rates by which a recording at the model's rate ends there, if margins rise at that speed."""
    if edge_hz is None:
        return None
    share = edge_hz / (model.classifier.frame.rate_hz / 2)
    near = [rates for rates in RATES_HZ if abs(share - rates[1] / rates[0]) <= SAME_EDGE]
    for rates in near:
        right = _at_speed(model, *rates)
        if right.after >= right.before and right.p_margins <= LEVEL:
            return rates, right
    return None


def _bands_restore(model: ModelUnderTest, right: PairedAccuracy) -> bool:
    """Whether other edges of the mel bands restore as much as the speed: they stretch a spectrum too, and no header is wrong then."""
    tried = [tried_on(model, one) for one in candidates(model, EDGES)]
    return any(one.accuracy.after >= right.after and _believed(one.accuracy, len(tried)) for one in tried)


def _best_speed(model: ModelUnderTest) -> tuple[tuple[int, int], PairedAccuracy] | None:
    """The rates, in truth and as said, that restore the answers; a header that is not of the model's rate is the nearest reason."""
    header = _header_hz(model)
    if header is not None and _believed(right := _at_speed(model, *header), 1):
        return header, right
    tried = [(rates, _at_speed(model, *rates)) for rates in RATES_HZ]
    rates, right = max(tried, key=lambda pair: (pair[1].after, -pair[1].p_margins))
    return (rates, right) if _believed(right, len(tried)) else None


def _believed(right: PairedAccuracy, tried: int) -> bool:
    return right.restores(tried) or right.raises_margins(tried)


def _header_hz(model: ModelUnderTest) -> tuple[int, int] | None:
    """The model's rate and that of the first recordings' files, if it is another."""
    own = model.classifier.frame.rate_hz
    try:
        found = {int(soundfile.info(one.path).samplerate) for one in model.sample[:LOOKED_AT] if one.path is not None}
    except (OSError, soundfile.LibsndfileError):
        return None
    return (own, found.pop()) if len(found) == 1 and own not in found else None


def _at_speed(model: ModelUnderTest, true_hz: int, said_hz: int) -> PairedAccuracy:
    commands = model.sample_commands
    windows = reference_windows([_faster(one, true_hz, said_hz) for one in model.sample], model.classifier.frame).samples
    logits = model.classifier.logits(windows)
    margins = model.sample_margins[commands], model.margins(logits)[commands]
    return paired_accuracy(model.sample_right[commands], model.right_by(logits, model.sample_truth)[commands], margins)


def _faster(recording: Recording, true_hz: int, said_hz: int) -> Recording:
    """The recording as it sounds if its samples are true_hz / said_hz times as many a second."""
    return replace(recording, samples=resampled(recording.samples, true_hz, said_hz), speech=None)
