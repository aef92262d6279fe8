"""Where does a file lie from its card, and by which SHA-256 is it known?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from robustness.errors import CardError
from robustness.files import UnreadableError, sha256_of
from robustness.models.checkpoints import MOST_BYTES
from robustness.models.drafts.draft import Known


class Place(NamedTuple):
    """A file as a card names it."""

    file: str
    sha256: str

    @classmethod
    def of(cls, file: Path, card: Path) -> Place:
        """The place of a file.

        Raises:
            CardError: it cannot be read.
        """
        try:
            digest = sha256_of(file, MOST_BYTES)
        except (OSError, UnreadableError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise CardError(f"{file} cannot be read: {why}; give a model's file, or ESPHome's manifest of one") from error
        return cls(Path(os.path.relpath(file, card.parent)).as_posix(), digest)

    def entries(self) -> tuple[Known, ...]:
        """The two keys of a card."""
        return Known("file", self.file), Known("sha256", self.sha256)
