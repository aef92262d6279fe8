"""Do the recordings' headers name another rate than they were made at, so that they are too slow or too fast?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import soundfile

from robustness.audio.recordings import Recording
from robustness.audio.resampling import resampled
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.checks.paired_accuracy import PairedAccuracy, paired_accuracy
from robustness.checks.trials import candidates, tried_on
from robustness.rendering import reference_windows
from robustness.run.checks import Finding

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
        commands = model.sample_commands
        if model.sample_right[commands].sum() > commands.sum() - 2:
            return
        found = _best_speed(model)
        if found is None or _bands_restore(model, found[1]):
            return
        rates, right = found
        true, said = rates
        yield Finding(
            self.name,
            f"the recordings run at another speed: {true / said:.3f} times as fast, {right.after} of {right.of} commands are recognised in "
            f"place of {right.before}; so sounds a recording at {true} Hz whose header says {said} Hz",
            f"see at which rate they were made, and write that into the header ({true} in place of {said} Hz, or in that ratio)",
            about="the rate in the recordings' headers",
            evidence={"speed": true / said, **right._asdict()},
        )


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
