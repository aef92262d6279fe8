"""What does a codec do to a window? Encoded and decoded in memory by libsndfile, or FFmpeg; its delay is measured and undone.

Telephone codecs run at 8 kHz between two resamplings. A delay is measured once for a codec, setting and rate, by the peak of the cross-
correlation with a noise that sounds like speech, and a decoded window is moved back by it. Bit rates count the file beyond an empty
one's.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import scipy.signal
import soundfile
import torch
import torchaudio.functional as audio
from numpy.typing import NDArray
from torch import Tensor

from robustness.perturbations.packets import decoded, encoded

TELEPHONE_HZ: Final = 8000
PROBE_S: Final = 2.0
MPEG_1_KBIT_S: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG_2_KBIT_S: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
FFMPEG: Final = "FFmpeg"
SETTLED: Final = 12  # halvings of the range of a codec's setting


@dataclass(frozen=True)
class Codec:
    """A format of libsndfile, or an encoder of FFmpeg.

    Attributes:
        format: of the file, such as WAV; `FFmpeg` for an encoder of it.
        subtype: of the samples, such as GSM610; the encoder's and the decoder's name.
        setting: libsndfile's compression level, from 0 to 1, or FFmpeg's bits a second; None where there is none.
    """

    format: str
    subtype: str
    setting: float | None = None


class Coded(NamedTuple):
    """What a codec gave back: the samples, [clips time], and the bit rate of each clip, [clips] in kbit/s."""

    samples: Tensor
    kbit_s: Tensor


def coded(samples: Tensor, rate_hz: int, codec: Codec) -> Coded:
    """Windows after a codec, as long as they were and in their place, [clips time]."""
    delay, count = delay_of(codec, rate_hz), samples.shape[1]
    through = [_through(clip, rate_hz, codec) for clip in samples.numpy()]
    heard = [torch.from_numpy(back)[delay : delay + count] for back, _ in through]
    padded = torch.stack([torch.nn.functional.pad(one, (0, count - len(one))) for one in heard])
    return Coded(padded, torch.tensor([kbit_s for _, kbit_s in through], dtype=torch.float64))


def telephoned(samples: Tensor, rate_hz: int, codec: Codec) -> Coded:
    """Windows after a codec that runs at 8 kHz, between two resamplings."""
    return coded_at(samples, rate_hz, codec, TELEPHONE_HZ)


def coded_at(samples: Tensor, rate_hz: int, codec: Codec, codec_hz: int) -> Coded:
    """Windows after a codec that runs at a rate of its own, between two resamplings."""
    narrow = coded(audio.resample(samples, rate_hz, codec_hz), codec_hz, codec)
    wide = audio.resample(narrow.samples, codec_hz, rate_hz)[:, : samples.shape[1]]
    return Coded(torch.nn.functional.pad(wide, (0, samples.shape[1] - wide.shape[1])), narrow.kbit_s)


@lru_cache
def delay_of(codec: Codec, rate_hz: int) -> int:
    """By how many samples a codec gives back its input late, by cross-correlation."""
    return late_by(_through(speech_like(rate_hz), rate_hz, codec)[0], speech_like(rate_hz))


def late_by(found: NDArray[np.float32], probe: NDArray[np.float32]) -> int:
    """By how many samples what was found comes later than the probe, [time], [time]: the peak of their cross-correlation."""
    size = 2 * max(len(probe), len(found))
    product = np.fft.rfft(found, size) * np.conj(np.fft.rfft(probe, size))
    return int(np.argmax(np.fft.irfft(product, size)[: len(found)]))


@lru_cache
def codec_at(format: str, subtype: str, kbit_s: float, rate_hz: int) -> Codec:
    """The codec whose bit rate on speech-like noise is nearest to the one asked for: the range of its setting is halved again and again."""
    low, high, probe = 0.0, 0.999, speech_like(rate_hz)  # from many bits to few; libsndfile refuses 1 for MP3
    for _ in range(SETTLED):
        middle = (low + high) / 2
        _, found = _through(probe, rate_hz, Codec(format, subtype, middle))
        low, high = (middle, high) if found > kbit_s else (low, middle)
    return Codec(format, subtype, high)


def kbit_per_s(content: bytes, codec: Codec, count: int, rate_hz: int) -> float:
    """The bit rate of a file that holds `count` samples, in kbit/s: that of its frames for MP3, else what is in it beyond an empty one.

    An MP3 names its rate in the head of each frame (ISO/IEC 11172-3, 2.4.2.3): 11 bits of ones, the version, and the place in a table.
    """
    if codec.format != "MP3":
        return (len(content) - _empty(codec, rate_hz)) * 8 * rate_hz / count / 1000
    head = next(at for at in range(len(content) - 2) if content[at] == 0xFF and content[at + 1] >= 0xE0)
    table = MPEG_1_KBIT_S if content[head + 1] & 0x08 else MPEG_2_KBIT_S
    return float(table[(content[head + 2] >> 4) - 1])


@lru_cache
def _empty(codec: Codec, rate_hz: int) -> int:
    return len(_encoded(np.zeros(0, np.float32), rate_hz, codec))


@lru_cache
def speech_like(rate_hz: int) -> NDArray[np.float32]:
    """Noise with a band and a course like speech, the same every time."""
    rng = np.random.default_rng(0)
    white = rng.normal(size=round(PROBE_S * rate_hz))
    sections = scipy.signal.butter(2, [200, min(3000, 0.4 * rate_hz)], "band", fs=rate_hz, output="sos")
    course = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * np.arange(len(white)) / rate_hz)
    noise = scipy.signal.sosfilt(sections, white) * course
    return np.asarray(0.1 * noise / noise.std(), np.float32)


def _encoded(samples: NDArray[np.float32], rate_hz: int, codec: Codec) -> bytes:
    file = io.BytesIO()
    more: dict[str, Any] = {} if codec.setting is None else {"compression_level": codec.setting}
    more |= {"bitrate_mode": "CONSTANT"} if codec.format == "MP3" else {}
    soundfile.write(file, samples, rate_hz, format=codec.format, subtype=codec.subtype, **more)
    return file.getvalue()


def _through(samples: NDArray[np.float32], rate_hz: int, codec: Codec) -> tuple[NDArray[np.float32], float]:
    """What comes back, and the bit rate in kbit/s."""
    if codec.format == FFMPEG:
        return _through_ffmpeg(samples, rate_hz, codec)
    content = _encoded(samples, rate_hz, codec)
    samples_back, found_hz = soundfile.read(io.BytesIO(content), dtype="float32")
    if found_hz != rate_hz:
        samples_back = audio.resample(torch.from_numpy(samples_back), found_hz, rate_hz).numpy()
    return samples_back, kbit_per_s(content, codec, len(samples), rate_hz)


def _through_ffmpeg(samples: NDArray[np.float32], rate_hz: int, codec: Codec) -> tuple[NDArray[np.float32], float]:
    """The same by FFmpeg, packet by packet, without a file."""
    coder, _, decoder = codec.subtype.partition(" ")
    packets = encoded(samples, rate_hz, coder, int(codec.setting or 0))
    return decoded(packets, decoder or coder).samples, packets.kbit_s
