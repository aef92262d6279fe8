"""What does a device's own processing make of a window? WebRTC's, in steps of 10 ms at 16 kHz; its delay is measured and undone."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import torch
import torchaudio.functional as audio
from numpy.typing import NDArray
from torch import Tensor

PROCESSED_HZ: Final = 16_000
STEP: Final = PROCESSED_HZ // 100
MOST_LATE: Final = 1600  # samples: a delay above 100 ms would be no delay of this processing


def suppressed(samples: Tensor, rate_hz: int, suppression: int) -> Tensor:
    """Windows after the processing, as long as they were and in their place, [clips time].

    Args:
        samples: the windows.
        rate_hz: their rate.
        suppression: of noise, 0 (none) to 4.
    """
    wide = audio.resample(samples, rate_hz, PROCESSED_HZ) if rate_hz != PROCESSED_HZ else samples
    late = delay_of(suppression)
    through = torch.from_numpy(np.stack([_twice(clip, suppression)[late : late + len(clip)] for clip in wide.numpy()]))
    back = audio.resample(through, PROCESSED_HZ, rate_hz) if rate_hz != PROCESSED_HZ else through
    return torch.nn.functional.pad(back, (0, max(0, samples.shape[1] - back.shape[1])))[:, : samples.shape[1]]


@lru_cache
def delay_of(suppression: int) -> int:
    """By how many samples the processing gives back its input late, by cross-correlation with bursts of noise."""
    rng = np.random.default_rng(0)
    bursts = np.repeat(rng.random(20) > 0.5, STEP * 5)
    probe = (0.1 * rng.normal(size=len(bursts)) * bursts).astype(np.float32)
    found = _twice(probe, suppression)
    size = 2 * len(found)
    product = np.fft.rfft(found, size) * np.conj(np.fft.rfft(probe, size))
    return int(np.argmax(np.fft.irfft(product, size)[:MOST_LATE]))


def _twice(clip: NDArray[np.float32], suppression: int) -> NDArray[np.float32]:
    """What comes out while a clip is heard for the second time, and as long after it as a delay may last."""
    from webrtc_noise_gain import AudioProcessor

    pcm = np.clip(np.round(clip * 32768), -32768, 32767).astype(np.int16)
    heard = np.concatenate([np.pad(pcm, (0, -len(pcm) % STEP)), pcm, np.zeros(MOST_LATE, np.int16)])
    heard = np.pad(heard, (0, -len(heard) % STEP))
    processor = AudioProcessor(0, suppression)  # no gain: its gain control takes many seconds to settle
    out = b"".join(processor.Process10ms(step.tobytes()).audio for step in heard.reshape(-1, STEP))
    second = np.frombuffer(out, np.int16)[len(pcm) + -len(pcm) % STEP :]
    return np.asarray(second / 32768, dtype=np.float32)
