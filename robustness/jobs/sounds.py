"""What is kept to be heard of each perturbation of a run? One recording, a few levels, the first draw; not if no audio is to be kept."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import soundfile
from torch import Tensor

from robustness.audio.recordings import Recording
from robustness.audio.resampling import resampled
from robustness.conditions import Condition
from robustness.run.folder import Run
from robustness.run.sounds import ConditionSound, ConditionSounds, write_sounds
from robustness.sweep.plan import Plan
from robustness.sweep.sweep import renderer_of

if TYPE_CHECKING:
    from robustness.audio.placement import Frame
    from robustness.jobs.assess import Job

LEVELS: Final = 3  # of each perturbation: the mildest, one in the middle, the harshest; of many perturbations the middle alone
MANY: Final = 16  # perturbations, from which on a page has fewer sounds and coarser ones: all of them stay within 150 kB
MP3_HZ: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OTHERWISE_HZ: Final = 16_000
FINE, COARSE = 0.9, 0.95  # compression levels of libsndfile: 24 and 16 kbit/s at 16 kHz, 3 and 2 kB a second


def write_condition_sounds(job: Job, run: Run) -> None:
    """Keeps what the first labelled recording sounds like under each perturbation of the run."""
    if not job.request.audio:
        return
    recording = next((one for one in job.placed if one.label is not None), None)
    if recording is not None:
        write_sounds(run.evidence, sounds_of(recording, job.plan, job.frame))


def sounds_of(recording: Recording, plan: Plan, frame: Frame) -> ConditionSounds:
    """One recording at a few levels of each perturbation of a plan, as it is heard in the sweep."""
    renderer, found = renderer_of([recording], plan, frame), []
    compression = FINE if len(plan.perturbations) <= MANY else COARSE
    for condition in heard_conditions(plan, frame):
        sound = renderer.render(condition).heard[0]
        found.append(ConditionSound(condition.perturbation, float(condition.level or 0.0), mp3_of(sound, frame.rate_hz, compression)))
    return ConditionSounds(recording.id, tuple(found))


def heard_conditions(plan: Plan, frame: Frame) -> list[Condition]:
    """The conditions that are kept: of each perturbation with levels some that the sweep has, in the order of its grid."""
    there, found = set(plan.conditions), []
    for name, perturbation in plan.perturbations.items():
        grid = [] if perturbation.placements else perturbation.axis.grid
        conditions = [Condition(name, level, placement=frame.reference) for level in grid]
        here = [condition for condition in conditions if condition in there]
        found += spread(here, LEVELS if len(plan.perturbations) <= MANY else 1)
    return found


def spread(levels: Sequence[Condition], count: int) -> list[Condition]:
    """Some of the levels: all if they are so few, else the mildest, the harshest and those between; of one the middle."""
    if len(levels) <= count:
        return list(levels)
    return [levels[len(levels) // 2]] if count == 1 else [levels[round(at * (len(levels) - 1) / (count - 1))] for at in range(count)]


def mp3_of(samples: Tensor, rate_hz: int, compression: float = FINE) -> str:
    """A sound as MP3 in base64, [time]."""
    known = rate_hz if rate_hz in MP3_HZ else OTHERWISE_HZ
    sound, file = samples if known == rate_hz else resampled(samples, rate_hz, known), io.BytesIO()
    settings = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": compression}
    soundfile.write(file, sound.numpy(), known, **settings)
    return b64encode(file.getvalue()).decode()
