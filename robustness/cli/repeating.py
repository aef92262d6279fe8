"""Which command repeats a run in one process?"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

LEFT_OUT: Final = frozenset({"--out", "--shard", "--address", "--workers"})  # with their values
FLAGS_LEFT_OUT: Final = frozenset({"--resume", "--same-cpu"})


def repeated(arguments: list[str]) -> str:
    """The command that repeats a run in one process: without what says where to and how, and absolute paths by their names alone."""
    kept: list[str] = []
    waiting = iter(["report", *arguments[1:]] if arguments[:1] == ["sweep"] else arguments)
    for argument in waiting:
        option, equals, value = argument.rpartition("=") if argument.startswith("--") else ("", "", argument)
        if argument in LEFT_OUT:
            next(waiting, None)
        elif option in LEFT_OUT or argument in FLAGS_LEFT_OUT or argument == "--engine=ray":
            continue
        elif argument == "--engine":
            chosen = next(waiting, "")
            kept += [argument, chosen] if chosen != "ray" else []
        else:
            path = Path(value)
            kept.append(f"{option}{equals}{path.name if path.is_absolute() and path.exists() else value}")
    return shlex.join(["robustness", *kept])
