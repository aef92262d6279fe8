"""Any engine by a pipe: `[model] command = "./kws_host"`, such as firmware built for a PC, or a vendor's library behind a small program.

The program is run in the card's folder, without a shell, and stays up. It first writes a hello line of JSON, such as
`{"labels": ["yes", "no"], "version": "1.2", "samples": 16000}`. It is then given windows of that many samples, PCM16 mono, little-endian,
and writes a line of scores for each, one a label, separated by spaces. `[frontend] kind = "waveform"` gives it the samples.
It is time-limited. If it ends or is late it is started once more and asked the same window again; then its own words are shown.
"""

from __future__ import annotations

import contextlib
import json
import math
import queue
import shlex
import subprocess
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from robustness.errors import CardError, UsageError
from robustness.frontends.streamed import pcm16
from robustness.models.formats.base import FORMATS, Capabilities, Format, Network, Sought

if TYPE_CHECKING:
    from robustness.models.card import Card

SHOWN: Final = 300  # characters of what a program says of its failure
HELLO: Final = '{"labels": ["yes", "no"], "version": "1.2", "samples": 16000}'


class Failed(Exception):
    """A program ended, was late, or cannot be run; it may be started once more."""


class AnsweringProgram:
    """A program that runs, with its hello line read.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        timeout_s: how long it may take for a line.

    Raises:
        Failed: it cannot be started, or says nothing in time.
    """

    def __init__(self, command: str, folder: Path, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the program
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, cwd=folder
            )
        except (OSError, ValueError) as error:
            self._errors.close()
            raise Failed(f"it cannot be run: {error}") from error
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
        self._end = weakref.finalize(self, _ended, self._process, self._errors)
        self.hello = self._line()

    def scores(self, pcm: bytes) -> str:
        """The line that is given to a window of 16-bit samples.

        Raises:
            Failed: it ended, or is late.
        """
        pipe = self._process.stdin
        try:
            if pipe is not None:
                pipe.write(pcm)
                pipe.flush()
        except OSError as error:
            raise Failed(self._said("it ended")) from error
        return self._line()

    def close(self) -> None:
        """Ends the program."""
        self._end()

    def _line(self) -> str:
        try:
            line = self._lines.get(timeout=self.timeout_s)
        except queue.Empty as error:
            raise Failed(self._said(f"it wrote no line in {self.timeout_s:g} s")) from error
        if not line:
            self._process.wait(self.timeout_s)
            raise Failed(self._said(f"it ended with status {self._process.returncode}"))
        return line.decode(errors="replace").strip()

    def _said(self, what: str) -> str:
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()[-SHOWN:]
        return f"{what}: {said or 'it said nothing'}"


def _pump(written: IO[bytes] | None, lines: queue.SimpleQueue[bytes]) -> None:
    """Lines as they come; an empty one at the end."""
    with contextlib.suppress(ValueError, OSError):
        for line in written or ():
            lines.put(line)
    lines.put(b"")


def _ended(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, errors):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


@dataclass(frozen=True, eq=False)
class CommandNetwork(Network):
    """A program that answers windows.

    Attributes:
        command: the program and its arguments.
        folder: where it runs.
        timeout_s: how long it may take for a window.
        labels: how many scores it gives.
        samples: of a window.
        known: what its hello line says.
        running: the program, once it is started; one thread at a time.
    """

    command: str
    folder: Path
    timeout_s: float
    labels: int
    samples: int
    known: dict[str, Any]
    running: list[AnsweringProgram] = field(default_factory=list)
    kind: str = "a program"
    _turn: Lock = field(default_factory=Lock)

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """It answers, and each thread can have a program of its own."""
        return Capabilities(copies=True, kernels=self.facts["engine"])

    @property
    def parameters(self) -> None:
        """Nobody can count them."""
        return None

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the program."""
        engine = f"the program {shlex.split(self.command)[0]}, version {self.known['version']}"
        nothing: dict[str, Any] = {"quantized_layers": [], "float_layers": [], "quantized_share": 0.0, "bytes": None}
        return {"engine": engine, "type": "not known", **nothing, "notes": ["what is int8 inside of a program is not known"]}

    def __call__(self, features: Tensor) -> Tensor:
        """What the program writes for each window, [clips 1 1 time] → [clips labels].

        Raises:
            CardError: it fails twice, or writes other than a number a label.
        """
        windows = features.detach().cpu().flatten(1)
        if windows.shape[1] != self.samples:
            raise CardError(
                f"model.command takes {self.samples} samples and a window has {windows.shape[1]}; correct window.duration_ms, and give "
                '[frontend] kind = "waveform"'
            )
        with self._turn:
            return torch.stack([self._answer(pcm16(window).astype("<i2").tobytes()) for window in windows])

    def copied(self) -> CommandNetwork:
        """The same with a program of its own."""
        return CommandNetwork(self.command, self.folder, self.timeout_s, self.labels, self.samples, self.known)

    def _answer(self, pcm: bytes) -> Tensor:
        """What is written for one window, [labels]; a program that fails is started once more."""
        try:
            line = self._engine().scores(pcm)
        except Failed:
            self._stop()
            try:
                line = self._engine().scores(pcm)
            except Failed as error:
                self._stop()
                raise CardError(f"model.command: {self.command!r} failed twice; {error}") from error
        try:
            scores = [float(one) for one in line.split()]
        except ValueError:
            scores = []
        if len(scores) != self.labels or not all(map(math.isfinite, scores)):
            raise CardError(f"model.command: {self.command!r} wrote {line[:SHOWN]!r}; expected {self.labels} numbers, one a label")
        return torch.from_numpy(np.asarray(scores, np.float32))

    def _engine(self) -> AnsweringProgram:
        if not self.running:
            self.running.append(AnsweringProgram(self.command, self.folder, self.timeout_s))
        return self.running[0]

    def _stop(self) -> None:
        while self.running:
            self.running.pop().close()


@FORMATS.register
@dataclass(frozen=True)
class Command(Format):
    """A program that the card names."""

    name: ClassVar[str] = "command"
    key: ClassVar[str | None] = "command"

    def load(self, sought: Sought) -> CommandNetwork:
        """The program, started, with its labels compared to the card's. This runs what the card names."""
        path, said, _, weights, _ = sought
        if said.model is None:
            raise TypeError("a card without model.command was taken for one with it")
        if weights is not None:
            raise UsageError(f"{path}: --weights {weights} is given, and model.command has no weights; leave that out")
        command, timeout_s = said.model.command, said.model.timeout_s
        try:
            engine = AnsweringProgram(command, path.parent, timeout_s)
        except Failed as error:
            raise CardError(f"{path}: model.command: {command!r}: {error}") from error
        try:
            known = hello_of(engine.hello, said)
        except CardError as error:
            engine.close()
            raise CardError(f"{path}: model.command: {command!r} {error}") from error
        return CommandNetwork(command, path.parent, timeout_s, len(said.labels), known["samples"], known, [engine])

    def digest(self, path: Path, said: Card) -> str | None:
        """Nothing: a program may be several files."""
        del path, said
        return None


def hello_of(line: str, said: Card) -> dict[str, Any]:
    """What a hello line says.

    Raises:
        CardError: it is no JSON with labels, version and samples, or its labels are not the card's.
    """
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"labels", "version", "samples"} <= found.keys() or not isinstance(found["samples"], int):
        raise CardError(f"wrote {line[:SHOWN]!r} as its first line; expected a line such as {HELLO}")
    if found["labels"] != list(said.labels):
        raise CardError(f"has the labels {found['labels']} and the card {list(said.labels)}; write the program's, in its order")
    return found
