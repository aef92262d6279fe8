"""How is a take of hours read? Block by block, so that memory does not grow with it.

Samples are mono, float32, full scale ±1, at the rate that is asked for; blocks follow each other without a gap. A recording of a word is
read whole by `reading` instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from robustness.audio.decoding import RATES_HZ, UNKNOWN_FRAMES, UNSCALED_PEAK
from robustness.audio.sniffing import LOOKED_AT, unread_kind
from robustness.errors import RecordingError

Samples = NDArray[np.float32]
BLOCK: Final = 2**18  # samples of a channel that are decoded at once
QUALITY: Final = "VHQ"


@dataclass(frozen=True)
class Take:
    """A sound file that is read as a stream.

    Attributes:
        path: of the file.
        native_hz: its own rate.
        frames: its length at that rate.
        channels: of the file; they are averaged.
        rate_hz: the rate at which it is read.
    """

    path: Path
    native_hz: int
    frames: int
    channels: int
    rate_hz: int

    @property
    def name(self) -> str:
        """The file's."""
        return self.path.name

    @property
    def duration_ms(self) -> float:
        """How long it lasts."""
        return self.frames * 1000 / self.native_hz

    @property
    def samples(self) -> int:
        """How many there are at the rate at which it is read."""
        return self.frames * self.rate_hz // self.native_hz

    @property
    def notices(self) -> list[str]:
        """What is done to it."""
        found = [f"mixed down from {self.channels} channels"] if self.channels > 1 else []
        return [*found, f"resampled from {self.native_hz} to {self.rate_hz} Hz"] if self.native_hz != self.rate_hz else found

    def blocks(self) -> Iterator[Samples]:
        """All of it, [time] each.

        Raises:
            RecordingError: it is truncated, damaged, silent, or holds what is no sound.
        """
        resampler = None
        if self.native_hz != self.rate_hz:
            resampler = soxr.ResampleStream(self.native_hz, self.rate_hz, 1, dtype="float32", quality=QUALITY)
        left, peak = self.samples, 0.0
        for native in self._native():
            peak = max(peak, float(np.abs(native).max(initial=0.0)))
            block = native if resampler is None else resampler.resample_chunk(native)
            yield block[:left]
            left -= len(block[:left])
        if resampler is not None:
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)[:left]
        if peak == 0:
            raise RecordingError(f"{self.path} is digital silence; give a take with sound in it")

    def part(self, start_ms: float, end_ms: float) -> Samples:
        """A stretch of it, [time]; only that is read."""
        first = min(self.frames, max(0, round(start_ms * self.native_hz / 1000)))
        last = min(self.frames, max(first, round(end_ms * self.native_hz / 1000)))
        with self._opened() as file:
            file.seek(first)
            native = self._mono(file.read(last - first, dtype="float32", always_2d=True), first)
        if self.native_hz == self.rate_hz or not len(native):
            return native
        resampled: Samples = soxr.resample(native, self.native_hz, self.rate_hz, quality=QUALITY)
        return resampled

    def _native(self) -> Iterator[Samples]:
        count = 0
        with self._opened() as file:
            while count < self.frames:
                block = file.read(min(BLOCK, self.frames - count), dtype="float32", always_2d=True)
                if not len(block):
                    raise RecordingError(f"{self.path} is truncated: its header promises {self.frames} samples and {count} are there")
                yield self._mono(block, count)
                count += len(block)

    def _opened(self) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(self.path)
        except (OSError, soundfile.LibsndfileError) as error:
            raise RecordingError(f"{self.path} cannot be read any more ({error})") from error

    def _mono(self, block: NDArray[np.float32], first: int) -> Samples:
        if not np.isfinite(block).all():
            at = (first + int(np.argwhere(~np.isfinite(block))[0, 0])) / self.native_hz
            raise RecordingError(f"{self.path} holds a sample at {at:.2f} s that is NaN or infinite; export it again")
        if float(np.abs(block).max(initial=0.0)) > UNSCALED_PEAK:
            raise RecordingError(f"{self.path} goes far above full scale; it seems to hold integers stored as floats: scale it")
        return np.ascontiguousarray(block[:, 0]) if block.shape[1] == 1 else block.mean(1)


def open_take(path: Path, rate_hz: int) -> Take:
    """Looks at a take's header.

    Args:
        path: of the file.
        rate_hz: at which it is wanted.

    Raises:
        RecordingError: it is not there, or no sound that is read.
    """
    if path.is_dir():
        raise RecordingError(f"{path} is a folder and a take is one file; `robustness compose` makes a take of a folder of words")
    try:
        with path.open("rb") as file:
            kind = unread_kind(file.read(LOOKED_AT))
        if kind:
            raise RecordingError(f"{path} {kind}")
        about = soundfile.info(path)
    except OSError as error:
        raise RecordingError(f"the take {path} cannot be opened: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        raise RecordingError(f"{path} is damaged, empty or no sound: {error.error_string.rstrip('.')}") from error
    if not RATES_HZ[0] <= about.samplerate <= RATES_HZ[1]:
        raise RecordingError(f"{path} is sampled at {about.samplerate} Hz, and from {RATES_HZ[0]} to {RATES_HZ[1]} Hz is read")
    if about.frames >= UNKNOWN_FRAMES:
        raise RecordingError(f"{path} does not say how long it is; write it again with its length, as in `ffmpeg -i FILE FILE.wav`")
    return Take(path, about.samplerate, about.frames, about.channels, rate_hz)
