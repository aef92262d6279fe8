"""Any program as a front-end, such as firmware code compiled on a PC: it reads 16-bit samples and writes frames.

`[frontend] kind = "command", command = "./frontend --fast"`, run in the card's folder, without a shell, once a clip: PCM16 mono,
little-endian, in; frame after frame of `bands` numbers of the type `values` out. Silence is what it gives for zeros.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS
from robustness.frontends.owned import OwnFrontend
from robustness.frontends.streamed import pcm16

TYPES: Final = {"float32": "<f4", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2"}
SHOWN: Final = 200


@FRONTENDS.register
@dataclass(frozen=True)
class Command(OwnFrontend):
    """A program that reads PCM16 and writes frames.

    Attributes:
        command: the program and its arguments, as on a command line.
        bands: numbers a frame.
        values: their type.
        timeout_s: how long one clip may take.
        folder: where it runs: the card's.
    """

    name: ClassVar[str] = "command"
    command: str = ""
    bands: int = 40
    values: Literal["float32", "int8", "uint8", "int16", "uint16"] = "float32"
    timeout_s: float = 60.0
    folder: str = ""

    def features(self, samples: Tensor) -> Tensor:
        """What the program writes for each clip, [clips time] → [clips 1 bands frames]."""
        clips = [self._run(pcm16(clip).astype("<i2").tobytes()) for clip in samples]
        return torch.stack(clips).to(samples.device)

    def _run(self, pcm: bytes) -> Tensor:
        if not self.command.strip():
            raise UsageError('the front-end command needs a program; give frontend.command, such as "./frontend"')
        try:
            done = subprocess.run(
                shlex.split(self.command), input=pcm, capture_output=True, timeout=self.timeout_s, cwd=self.folder or None, check=False
            )
        except OSError as error:
            raise UsageError(f"frontend.command: {self.command!r} cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise UsageError(f"frontend.command: {self.command!r} took more than {self.timeout_s:g} s for one clip") from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-SHOWN:]
            raise UsageError(f"frontend.command: {self.command!r} ended with status {done.returncode}: {said or 'it said nothing'}")
        return self._frames(done.stdout)

    def _frames(self, written: bytes) -> Tensor:
        """Bytes as features, → [1 bands frames]."""
        kind = np.dtype(TYPES[self.values])
        if not written or len(written) % (kind.itemsize * self.bands):
            raise UsageError(
                f"frontend.command: {self.command!r} wrote {len(written)} bytes; expected frames of {self.bands} {self.values} numbers"
            )
        frames = np.frombuffer(written, kind).reshape(-1, self.bands).astype(np.float32)
        return torch.from_numpy(frames).T[None]

    @property
    def quantized(self) -> bool:
        """Whether the program gives the 8-bit integers that the network takes."""
        return self.values in ("int8", "uint8")
