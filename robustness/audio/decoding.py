"""How a file becomes samples: decoded, mixed down, resampled, and refused where it cannot be trusted.

Samples are mono, [time], float32, full scale ±1. A length is judged by the header before anything is read, and again while it is read.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustness.audio.files import UNREAD, counted
from robustness.audio.levels import FRAME_MS, speech_span
from robustness.audio.mpeg import with_length
from robustness.audio.resampling import resampled
from robustness.audio.sniffing import COMMAND, unread_kind
from robustness.audio.truncation import whole

UNSCALED_PEAK: Final = 100.0  # 40 dB over full scale is no recording, but integers stored as floats
SHORTEST_MS: Final = FRAME_MS
RATES_HZ: Final = (4_000, 768_000)
LARGEST_BYTES: Final = 2**29
LARGEST_SAMPLES: Final = 2**26  # of one channel: 70 minutes at 16 kHz, 23 at 48 kHz; a quarter of a GB
MOST_WINDOWS: Final = 4  # a recording up to so many windows long is looked at: its speech may fit into one
BLOCK: Final = 2**20  # samples of all channels that are decoded at once
FLAT_TOP: Final = 3  # so many equal samples at the peak are clipped
LOUD_PEAK: Final = 0.5
AT_PEAK: Final = 0.98
UNKNOWN_FRAMES: Final = 2**62


class Wish(NamedTuple):
    """How a recording is wanted.

    Attributes:
        rate_hz: its rate.
        longest_samples: what is longer than this, at that rate, is cut to its speech if that fits, and else refused; None takes any
            length up to `LARGEST_SAMPLES`.
        cut: whether anything is cut; if not, what is longer is refused.
    """

    rate_hz: int
    longest_samples: int | None = None
    cut: bool = True


class Audio(NamedTuple):
    """A decoded file.

    Attributes:
        samples: [time], mono, at the rate asked for.
        notices: what was done to it, as in "resampled from 44100 to 16000 Hz".
        sha256: of the file's bytes.
        clipped: whether a channel stayed at its peak, as it was recorded.
    """

    samples: Tensor
    notices: tuple[str, ...]
    sha256: str
    clipped: bool = False


class UnusableError(Exception):
    """Why a file cannot be used; its text continues a sentence that begins with the file's name."""


class _Sound(NamedTuple):
    """What was decoded: mono [time], the peak of each channel, and what was guessed."""

    mono: Tensor
    rate_hz: int
    peaks: NDArray[np.float32]
    notices: list[str]
    clipped: bool


def decode(path: Path, wish: Wish) -> Audio:
    """The samples of a file as they are wanted.

    Raises:
        UnusableError: it cannot be used.
    """
    data, rate_hz, longest = _bytes(path), wish.rate_hz, wish.longest_samples
    try:
        sound = _decoded(data, rate_hz, longest)
        mono = sound.mono
        notices = [*sound.notices, *_of_channels(sound.peaks)]
        if sound.rate_hz != rate_hz:
            mono = resampled(mono, sound.rate_hz, rate_hz)
            limit = f", with nothing above {sound.rate_hz / 2:g} Hz" if sound.rate_hz < rate_hz else ""
            notices.append(f"resampled from {sound.rate_hz} to {rate_hz} Hz{limit}")
    except MemoryError as error:
        raise UnusableError("needs more memory than there is; cut it into shorter files") from error
    if len(mono) * 1000 < SHORTEST_MS * rate_hz:
        raise UnusableError(f"lasts {len(mono) * 1000 / rate_hz:.1f} ms, less than the {SHORTEST_MS:g} ms over which a level is measured")
    if longest is not None and len(mono) > longest:
        mono = _cut_to_speech(mono, wish)
        notices.append("longer than the window, cut to the speech in it")
    return Audio(mono.contiguous(), tuple(notices), hashlib.sha256(data).hexdigest(), sound.clipped)


def _cut_to_speech(mono: Tensor, wish: Wish) -> Tensor:
    longest = wish.longest_samples or 0
    if not wish.cut:
        raise UnusableError(f"{_lasts(len(mono), wish.rate_hz, longest)}, and --trim never cuts nothing; leave that out to keep its speech")
    start, end = speech_span(mono, wish.rate_hz)
    if end - start > longest:
        raise UnusableError(_too_long(len(mono), wish.rate_hz, longest))
    return mono[start:end].clone()


def _too_long(samples: int, rate_hz: int, longest: int) -> str:
    return (
        f"{_lasts(samples, rate_hz, longest)}, and its speech does not fit; cut it into words with `robustness segment`, "
        "a folder of single words with its --one"
    )


def _lasts(samples: int, rate_hz: int, longest: int) -> str:
    lasts_ms, window_ms = samples * 1000 / rate_hz, longest * 1000 / rate_hz
    return f"lasts {lasts_ms:.0f} ms ({samples} samples) and the model's window {window_ms:.0f} ms ({longest})"


def _bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UnusableError("is no regular file")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise UnusableError(f"has {size / 2**20:.0f} MiB, and at most {LARGEST_BYTES // 2**20} are read; cut it into shorter files")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise UnusableError(f"cannot be opened: {getattr(error, 'strerror', error)}") from error
    if not data:
        raise UnusableError("is empty (0 bytes)")
    kind = unread_kind(data)
    if kind:
        raise UnusableError(kind)
    if path.suffix.lower() in UNREAD:
        raise UnusableError(f"is a {path.suffix[1:].lower()} file, which is not read here; {COMMAND}")
    return data


def _decoded(data: bytes, rate_hz: int, longest: int | None) -> _Sound:
    mended, lost, notice = whole(data)
    mpeg = with_length(mended)
    if lost or mpeg.missing:
        raise UnusableError(f"is truncated: {lost or mpeg.missing}")
    try:
        with _Forward(io.BytesIO(mpeg.data)) as file:
            most = _most(file, rate_hz, longest)
            tally = _Tally()
            file.read(mpeg.skip)
            for block in _blocks(file, most):
                tally.take(block)
            promised, native_hz = file.frames - mpeg.skip, file.samplerate
    except soundfile.LibsndfileError as error:
        raise UnusableError(f"is damaged, truncated or no audio: {error.error_string.rstrip('.')}") from error
    if tally.count < promised < UNKNOWN_FRAMES:
        raise UnusableError(f"is truncated: its header promises {promised} samples and {tally.count} are there")
    mono = tally.checked()
    guessed = ["without a length in its header, which was counted"] if mpeg.skip or promised >= UNKNOWN_FRAMES else []
    return _Sound(mono, native_hz, tally.peaks, [*([notice] if notice else []), *guessed], tally.clipped)


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read from its start to its end: soundfile seeks after each read, which fails where the length is not known."""

    def seekable(self) -> bool:
        """Never."""
        return False


def _most(file: soundfile.SoundFile, rate_hz: int, longest: int | None) -> int:
    """How many samples may be there; a file whose header says more is refused before they are read."""
    if not RATES_HZ[0] <= file.samplerate <= RATES_HZ[1]:
        raise UnusableError(f"is sampled at {file.samplerate} Hz, and from {RATES_HZ[0]} to {RATES_HZ[1]} Hz is read; is its header right?")
    most = LARGEST_SAMPLES
    if longest is not None:
        most = min(most, MOST_WINDOWS * longest * file.samplerate // rate_hz)
    if most < file.frames < UNKNOWN_FRAMES:
        raise _over(file.frames, file.samplerate, rate_hz, longest)
    return most


def _over(frames: int, native_hz: int, rate_hz: int, longest: int | None) -> UnusableError:
    if longest is not None:
        return UnusableError(_too_long(frames * rate_hz // native_hz, rate_hz, longest))
    return UnusableError(
        f"lasts {frames / native_hz / 60:.0f} minutes, and at {native_hz} Hz at most {LARGEST_SAMPLES // native_hz // 60} are read; "
        "cut it into shorter files"
    )


def _blocks(file: soundfile.SoundFile, most: int) -> Iterator[NDArray[np.float32]]:
    """[time channels] each, until nothing comes."""
    count, size = 0, max(1, min(most + 1, BLOCK // file.channels))
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        count += len(block)
        if count > most:
            raise UnusableError(f"goes on after {most / file.samplerate:.1f} s, the most that is read; cut it into shorter files")
        yield block


class _Tally:
    """What is known of the blocks read so far."""

    def __init__(self) -> None:
        self.mono: list[NDArray[np.float32]] = []
        self.count = self.broken = 0
        self.peaks: NDArray[np.float32] = np.zeros(1, np.float32)
        self.first: NDArray[np.float32] | None = None
        self.constant = True
        self.flat = 0.0  # the largest value at which a channel stays for FLAT_TOP samples

    def take(self, block: NDArray[np.float32]) -> None:
        if self.first is None:
            self.first, self.peaks = block[0].copy(), np.zeros(block.shape[1], np.float32)
        self.count += len(block)
        self.broken += int((~np.isfinite(block)).any(1).sum())
        self.peaks = np.maximum(self.peaks, np.abs(block).max(0))
        self.constant = self.constant and bool((block == self.first).all())
        self.flat = max(self.flat, flat_top(block))
        self.mono.append(block[:, 0].copy() if block.shape[1] == 1 else block.mean(1))

    @property
    def clipped(self) -> bool:
        """Whether a channel stays at the peak for some samples."""
        return float(self.peaks.max()) >= LOUD_PEAK and self.flat >= AT_PEAK * float(self.peaks.max())

    def checked(self) -> Tensor:
        """The channels' mean, [time].

        Raises:
            UnusableError: it is no sound that can be used.
        """
        if self.first is None:
            raise UnusableError("holds no samples")
        if self.broken:
            are = "is" if self.broken == 1 else "are"
            raise UnusableError(f"holds {counted(self.broken, 'sample')} that {are} NaN or infinite, of {self.count}")
        mono, peak = np.concatenate(self.mono), float(self.peaks.max())
        if peak > UNSCALED_PEAK:
            raise UnusableError(f"reaches {peak:g} where full scale is 1; it seems to hold integers stored as floats: scale it")
        if peak == 0:
            raise UnusableError("is digital silence")
        if self.constant:
            raise UnusableError(f"holds one value only, {float(mono[0]):g}, which is silence")
        if bool((mono == mono[0]).all()):
            raise UnusableError("is digital silence once mixed down: its channels cancel")
        return torch.from_numpy(mono)


def flat_top(block: NDArray[np.float32]) -> float:
    """The largest magnitude at which a channel of [time channels] stays for `FLAT_TOP` samples; 0 where none does."""
    same = block[1:] == block[:-1]
    stays = np.abs(block[2:])[same[1:] & same[:-1]]
    return float(stays.max(initial=0.0))


def _of_channels(peaks: NDArray[np.float32]) -> list[str]:
    notices = ["above full scale"] if float(peaks.max()) > 1.0 else []
    if len(peaks) > 1:
        silent = [str(number) for number, peak in enumerate(peaks, 1) if peak == 0]
        dead = f", of which {', '.join(silent)} {'is' if len(silent) == 1 else 'are'} silent" if silent else ""
        notices.append(f"mixed down from {len(peaks)} channels{dead}")
    return notices
