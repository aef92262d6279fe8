"""Where and when was a run made? Loads no torch."""

from __future__ import annotations

import datetime
import platform
import shlex
import sys


def provenance() -> dict[str, str]:
    """Where and when; the only part of a run that differs between two runs of the same thing."""
    return {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "where": f"{platform.system()} {platform.machine()}",
        "command": shlex.join(["robustness", *sys.argv[1:]]),
    }
