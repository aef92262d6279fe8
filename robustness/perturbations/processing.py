"""What does a device's own processing make of a window? WebRTC's, in steps of 10 ms at 16 kHz; its delay is measured and undone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import torch
import torchaudio.functional as audio
from numpy.typing import NDArray
from torch import Tensor

PROCESSED_HZ: Final = 16_000
STEP: Final = PROCESSED_HZ // 100
MOST_LATE: Final = 1600  # samples: a delay above 100 ms would be no delay of this processing
FULL_SCALE: Final = 32_768


class Processing(NamedTuple):
    """What is in the path.

    Attributes:
        suppression: of noise, 0 (none) to 4.
        gain_control: whether the gain follows the level.
    """

    suppression: int = 0
    gain_control: bool = False


def processed(samples: Tensor, rate_hz: int, how: Processing, earlier: Sequence[Tensor] | None = None) -> Tensor:
    """Windows after the processing, as long as they were and in their place, [clips time].

    Args:
        samples: the windows.
        rate_hz: their rate.
        how: what is in the path.
        earlier: what it has heard before each window, [time]; None is the window itself.
    """
    late, wide = delay_of(how), _wide(samples, rate_hz)
    before = wide if earlier is None else [_wide(one, rate_hz) for one in earlier]
    heard = [_heard(clip.numpy(), how, sound.numpy())[late : late + len(clip)] for clip, sound in zip(wide, before, strict=True)]
    through = torch.from_numpy(np.stack(heard))
    back = audio.resample(through, PROCESSED_HZ, rate_hz) if rate_hz != PROCESSED_HZ else through
    return torch.nn.functional.pad(back, (0, max(0, samples.shape[1] - back.shape[1])))[:, : samples.shape[1]]


@lru_cache
def delay_of(how: Processing) -> int:
    """By how many samples the processing gives back its input late, by cross-correlation with bursts of noise."""
    rng = np.random.default_rng(0)
    bursts = np.repeat(rng.random(20) > 0.5, STEP * 5)
    probe = (0.1 * rng.normal(size=len(bursts)) * bursts).astype(np.float32)
    found = _heard(probe, how, probe)
    size = 2 * len(found)
    product = np.fft.rfft(found, size) * np.conj(np.fft.rfft(probe, size))
    return int(np.argmax(np.fft.irfft(product, size)[:MOST_LATE]))


def _wide(samples: Tensor, rate_hz: int) -> Tensor:
    return audio.resample(samples, rate_hz, PROCESSED_HZ) if rate_hz != PROCESSED_HZ else samples


def _heard(clip: NDArray[np.float32], how: Processing, earlier: NDArray[np.float32]) -> NDArray[np.float32]:
    """What comes out while a clip is heard, and as long after it as a delay may last, [time]; in whole steps, what came earlier too."""
    from webrtc_noise_gain import AudioProcessor

    before = len(earlier) + -len(earlier) % STEP
    heard = np.concatenate([np.pad(earlier, (0, before - len(earlier))), clip, np.zeros(MOST_LATE, np.float32)])
    heard = np.pad(heard, (0, -len(heard) % STEP))
    pcm = np.clip(np.round(heard * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    processor = AudioProcessor(int(how.gain_control), how.suppression)  # any gain above 0 turns the same control on
    out = b"".join(processor.Process10ms(step.tobytes()).audio for step in pcm.reshape(-1, STEP))
    return np.asarray(np.frombuffer(out, np.int16)[before:] / FULL_SCALE, dtype=np.float32)
