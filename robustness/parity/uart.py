"""What did a device print on its serial line? The log of MLPerf Tiny's runner, of the tasks with a probability a label.

A clip is loaded (`db load 490`, then `db` with bytes in hexadecimal: what the network takes, an int8 as two's complement), asked
(`infer 1`), and answered (`m-results-[0.000,0.007,…]`, cut or rounded to the digits printed). Prefixes of relays (`RX:[dut]:`, times,
`dut`) are passed over, and so is what an interface board echoes. Of several answers to one load the last counts. Recordings are those
given in their order, unless the runner's own list of files stands at the end.
Source: MLCommons Tiny v1.3, benchmark/runner/README.md and the reference's submitter_implemented.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robustness.errors import UsageError
from robustness.parity.dump import Dump

RESULTS: Final = re.compile(r"m-results-\[([^\]\r\n]*)(\]?)")
LOAD: Final = re.compile(r"(?:^|[\s%>])(?:dut )?db load (\d+)")
BYTES: Final = re.compile(r"(?:^|[\s%>])(?:dut )?db ([0-9a-fA-F]+)%?\s*$")
ECHO: Final = "m-dut-passthrough"
FILE: Final = re.compile(r"'file': '([^']+)'")


def is_log(path: Path) -> bool:
    """Whether a dump goes by the name of a log."""
    return path.suffix.lower() in (".log", ".txt")


def read_log(path: Path, labels: Sequence[str]) -> Dump:
    """The answers in a log, with the inputs that were loaded, if all were.

    Raises:
        UsageError: it cannot be read, holds no answer, one that is cut or damaged, or one of another number of labels.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"--dump {path} cannot be opened: {error.strerror or error}") from error
    answers: list[list[float]] = []
    inputs: list[bytes] = []
    loaded, wanted, fresh, digits = b"", 0, True, 0
    for number, line in enumerate(text.splitlines(), 1):
        if ECHO in line:
            continue
        if found := LOAD.search(line):
            loaded, wanted, fresh = b"", int(found[1]), True
        elif found := BYTES.search(line):
            loaded += bytes.fromhex(found[1][: len(found[1]) // 2 * 2])
        elif found := RESULTS.search(line):
            row, places = _row(found[1], labels, f"--dump {path}, line {number}", whole=bool(found[2]))
            digits = max(digits, places)
            if not fresh:
                answers.pop(), inputs.pop()
            answers.append(row)
            inputs.append(loaded if wanted and len(loaded) == wanted else b"")
            fresh = not wanted  # without loads each answer is of another clip
    if not answers:
        raise UsageError(f"--dump {path} holds no line with m-results-[…]; give the log of an accuracy run of MLPerf Tiny's runner")
    ids = tuple(FILE.findall(text))
    return Dump(ids if len(ids) == len(answers) else None, np.asarray(answers), inputs=_inputs(inputs), resolution=10.0**-digits)


def _row(text: str, labels: Sequence[str], where: str, *, whole: bool) -> tuple[list[float], int]:
    """The numbers of one answer, and how many digits they have after the point."""
    parts = [part.strip() for part in text.split(",")]
    try:
        row = [float(part) for part in parts]
    except ValueError:
        row, whole = [], False
    if not whole:
        raise UsageError(
            f"{where}: the answer m-results-[{text[:40]} is cut or damaged; record the serial line again, or leave that clip out"
        )
    if len(row) != len(labels):
        raise UsageError(f"{where}: the answer has {len(row)} numbers and the model {len(labels)} labels ({', '.join(labels)})")
    return row, max(len(part.partition(".")[2]) for part in parts)


def _inputs(loaded: Sequence[bytes]) -> NDArray[np.int8] | None:
    """The bytes of every clip, [clips bytes]; None if one is missing or shorter."""
    if not loaded or not loaded[0] or len({len(one) for one in loaded}) != 1:
        return None
    return np.frombuffer(b"".join(loaded), np.int8).reshape(len(loaded), -1)
