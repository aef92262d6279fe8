"""Who writes a folder now? One process at a time; a second is refused with the name of the first, a dead one's place is taken over.

The lock is a file beside the folder, `.NAME.lock`, with the process, the machine and since when. Loads no torch.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from filelock import SoftFileLock, Timeout

from robustness.errors import OutputError

SINCE: Final = "%Y-%m-%d %H:%M:%S"


class FolderLock:
    """The right to write a folder, from `acquire` to `release`.

    Args:
        out: the folder; it need not be there.
    """

    def __init__(self, out: Path) -> None:
        named = out if out.name and out.name != ".." else out.resolve()
        self.out = out
        self.path = named.parent / f".{named.name}.lock"
        self._lock = SoftFileLock(self.path, thread_local=False)
        self._made: list[Path] = []

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            OutputError: another process holds it, or the place cannot be written.
        """
        try:
            self._made += [folder for folder in self.path.parents if not folder.exists()]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise OutputError(f"{self.out} is being written by {self._owner()}; wait until that is done, or give another --out") from error
        except OSError as error:
            raise OutputError(f"{self.out} cannot be written ({error.strerror}); give another --out") from error

    def release(self) -> None:
        """Gives the lock back, with the folders that were made for it and are empty; nothing happens where it is not held."""
        self._lock.release()
        with suppress(OSError):
            while self._made:
                self._made.pop(0).rmdir()

    def _owner(self) -> str:
        """As in "process 12 on host, since 2026-01-31 12:00:00"."""
        try:
            process, host = self.path.read_text(encoding="utf-8").splitlines()[:2]
            since = time.strftime(SINCE, time.localtime(self.path.stat().st_mtime))
        except (OSError, ValueError):
            return "another process"
        return f"process {process} on {host}, since {since}"

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(self, *ended: object) -> None:
        self.release()
