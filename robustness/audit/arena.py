"""How much working memory does TFLite Micro need for a file? Its own allocator says so, run on this PC.

A process of its own is asked (the extra `tflite-micro`): what TFLM says goes to its standard error, and a file that it cannot bear ends
that process alone. A PC's pointers take 8 bytes, those of a microcontroller 4, so a device needs somewhat less.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from typing import Final, NamedTuple

ASKED: Final = (
    "import sys; from tflite_micro.python.tflite_micro import runtime; "
    "runtime.Interpreter.from_bytes(sys.stdin.buffer.read(), arena_size=2**26).print_allocations()"
)
TOTAL: Final = re.compile(r"Arena allocation total (\d+) bytes")
LONGEST_S: Final = 60.0
MISSING: Final = "the arena that TFLite Micro needs is not known: pip install 'speech-robustness[tflite-micro]'"


class Arena(NamedTuple):
    """The bytes of an arena; None if TFLite Micro does not run the file, or is not there. In words, in either case."""

    bytes: int | None
    says: str


def arena_of(content: bytes) -> Arena:
    """The arena that TFLite Micro allocates for a file's content."""
    if find_spec("tflite_micro") is None:
        return Arena(None, MISSING)
    try:
        done = subprocess.run([sys.executable, "-c", ASKED], input=content, capture_output=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return Arena(None, f"TFLite Micro did not allocate the file's tensors within {LONGEST_S:.0f} s")
    said = done.stderr.decode(errors="replace")
    found = TOTAL.search(said)
    if found is None:
        return Arena(None, f"TFLite Micro refuses the file ({_reason(said)})")
    count = int(found[1])
    return Arena(count, f"TFLite Micro needs an arena of {count:,} bytes, as its allocator counts on a PC, whose pointers are 8 bytes long")


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line.rpartition(".cc ")[2].rstrip(".") for line in lines if ".cc " in line), lines[0] if lines else "it says nothing")
