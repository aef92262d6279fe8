"""How does sound go through FFmpeg's codecs packet by packet? By PyAV, in memory, without a file; a packet may be lost on the way.

Opus has a packet of 20 ms, and libopus conceals what is lost as a receiver does: it is given the packet's first byte alone, which stands
for a frame that did not come (RFC 6716, section 3.2.1).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Packets(NamedTuple):
    """Sound as it is sent.

    Attributes:
        content: of each packet.
        head: what a decoder is told before the first.
        samples: of the sound, with the frame of silence after it that is encoded too.
        rate_hz: its rate.
    """

    content: tuple[bytes, ...]
    head: bytes | None
    samples: int
    rate_hz: int

    @property
    def kbit_s(self) -> float:
        """The bit rate of all packets."""
        return sum(map(len, self.content)) * 8 * self.rate_hz / self.samples / 1000


def encoded(samples: NDArray[np.float32], rate_hz: int, encoder: str, bits_s: int) -> Packets:
    """The packets of a window, [time], with one frame of silence after it for what comes late."""
    import av

    made: Any = av.CodecContext.create(encoder, "w")
    made.sample_rate, made.layout, made.format, made.bit_rate = rate_hz, "mono", "s16", bits_s
    made.open()
    pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    step = made.frame_size or len(pcm)
    pcm = np.pad(pcm, (0, -len(pcm) % step + step))
    packets: list[Any] = []
    for first in range(0, len(pcm), step):
        frame: Any = av.AudioFrame.from_ndarray(pcm[None, first : first + step], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, first
        packets += made.encode(frame)
    packets += made.encode(None)
    return Packets(tuple(map(bytes, packets)), made.extradata, len(pcm), rate_hz)


class Decoded(NamedTuple):
    """Sound as it is received: [time], and its rate."""

    samples: NDArray[np.float32]
    rate_hz: int


def decoded(packets: Packets, decoder: str, lost: NDArray[np.bool_] | None = None) -> Decoded:
    """What comes out of the packets.

    Args:
        packets: as they were sent.
        decoder: of FFmpeg.
        lost: which of them are, [packets]; those beyond its end arrive. For libopus alone, which conceals them.
    """
    import av

    made: Any = av.CodecContext.create(decoder, "r")
    made.sample_rate, made.layout = packets.rate_hz, "mono"
    if packets.head is not None:
        made.extradata = packets.head
    frames: list[Any] = []
    for at, content in enumerate(packets.content):
        gone = lost is not None and at < len(lost) and bool(lost[at])
        frames += made.decode(av.Packet(content[:1] if gone else content))
    frames += made.decode(None)
    parts = [np.asarray(frame.to_ndarray()).reshape(-1) for frame in frames]
    scaled = [part.astype(np.float32) / 32768 if part.dtype == np.int16 else part.astype(np.float32) for part in parts]
    return Decoded(np.concatenate(scaled), int(frames[0].sample_rate))
