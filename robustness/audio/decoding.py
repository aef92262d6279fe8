"""How a file becomes samples: decoded, mixed down, resampled, and refused where it cannot be trusted.

Samples are mono, [time], float32, full scale ±1.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final, NamedTuple

import soundfile
import torch
from torch import Tensor
from torchaudio.functional import resample

from robustness.audio.files import UNREAD, counted
from robustness.audio.levels import FRAME_MS
from robustness.audio.truncation import missing

RESAMPLING_WIDTH: Final = 64  # zero crossings on each side of the filter; torchaudio's 6 leaks across the band's edge
UNSCALED_PEAK: Final = 100.0  # 40 dB over full scale is no recording, but integers stored as floats
SHORTEST_MS: Final = FRAME_MS


class Audio(NamedTuple):
    """A decoded file.

    Attributes:
        samples: [time], mono, at the rate asked for.
        notices: what was done to it, as in "resampled from 44100 to 16000 Hz".
        sha256: of the file's bytes.
    """

    samples: Tensor
    notices: tuple[str, ...]
    sha256: str


class UnusableError(Exception):
    """Why a file cannot be used; its text continues a sentence that begins with the file's name."""


def decode(path: Path, rate_hz: int, longest_samples: int | None) -> Audio:
    """The samples of a file, at that rate.

    Args:
        path: the file.
        rate_hz: the rate wanted.
        longest_samples: longer than this, at that rate, is refused; None takes any length.

    Raises:
        UnusableError: it cannot be used.
    """
    data = _bytes(path)
    channels, native_hz = _decoded(data)  # [time channels]
    mono = channels.mean(1)
    _check(channels, mono)
    notices = []
    if float(channels.abs().max()) > 1.0:
        notices.append("above full scale")
    if channels.shape[1] > 1:
        notices.append(f"mixed down from {channels.shape[1]} channels")
    if native_hz != rate_hz:
        mono = _resampled(mono, native_hz, rate_hz)
        limit = f", with nothing above {native_hz / 2:g} Hz" if native_hz < rate_hz else ""
        notices.append(f"resampled from {native_hz} to {rate_hz} Hz{limit}")
    if len(mono) * 1000 < SHORTEST_MS * rate_hz:
        raise UnusableError(f"lasts {len(mono) * 1000 / rate_hz:.1f} ms, less than the {SHORTEST_MS:g} ms over which a level is measured")
    if longest_samples is not None and len(mono) > longest_samples:
        lasts_ms, window_ms = len(mono) * 1000 / rate_hz, longest_samples * 1000 / rate_hz
        raise UnusableError(
            f"lasts {lasts_ms:.0f} ms ({len(mono)} samples) and the model's window {window_ms:.0f} ms ({longest_samples}); "
            "cut it into words with `robustness segment`"
        )
    return Audio(mono.contiguous(), tuple(notices), hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() in UNREAD:
        raise UnusableError(f"is a {path.suffix[1:].lower()} file, which is not read here; convert it to wav or flac")
    try:
        if path.exists() and not path.is_file():
            raise UnusableError("is no regular file")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise UnusableError(f"cannot be opened: {getattr(error, 'strerror', error)}") from error
    if not data:
        raise UnusableError("is empty (0 bytes)")
    return data


def _decoded(data: bytes) -> tuple[Tensor, int]:
    lost = missing(data)
    if lost:
        raise UnusableError(f"is truncated: {lost}")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            promised, rate_hz = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UnusableError(f"is damaged, truncated or no audio: {error.error_string.rstrip('.')}") from error
    if len(samples) < promised:
        raise UnusableError(f"is truncated: its header promises {promised} samples and {len(samples)} are there")
    return torch.from_numpy(samples), rate_hz


def _check(channels: Tensor, mono: Tensor) -> None:
    if not len(mono):
        raise UnusableError("holds no samples")
    broken = int((~channels.isfinite()).any(1).sum())
    if broken:
        raise UnusableError(f"holds {counted(broken, 'sample')} that {'is' if broken == 1 else 'are'} NaN or infinite, of {len(mono)}")
    peak = float(channels.abs().max())
    if peak > UNSCALED_PEAK:
        raise UnusableError(f"reaches {peak:g} where full scale is 1; it seems to hold integers stored as floats: scale it")
    if peak == 0:
        raise UnusableError("is digital silence")
    if bool((channels == channels[0]).all()):
        raise UnusableError(f"holds one value only, {float(mono[0]):g}, which is silence")
    if bool((mono == mono[0]).all()):
        raise UnusableError("is digital silence once mixed down: its channels cancel")


def _resampled(mono: Tensor, native_hz: int, rate_hz: int) -> Tensor:
    exact: Tensor = resample(mono, native_hz, rate_hz, lowpass_filter_width=RESAMPLING_WIDTH)
    # Rounded down, so that a clip of one window at its own rate is one window here.
    return exact[: max(1, len(mono) * rate_hz // native_hz)]
