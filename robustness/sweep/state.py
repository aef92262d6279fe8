"""What a sweep learns of itself on the way, kept so that a later process can go on from it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from robustness.run.blocks import combined

MARK: Final = 8  # hexadecimal digits


@dataclass
class Tally:
    """What a sweep learns of itself.

    Attributes:
        audio: a digest of what was heard under each condition, which depends neither on the order of the windows nor on where they were
            computed (`run.blocks.combined`).
        no_word: the number of windows without a word, by kind.
        engine: what the engine chose: batch, workers, and how each network is run.
        checked: answers compared under a neutral level.
        flips: those of them that differed from the clean answer.
        recordings: how many are done.
        kernels: of each variant that quick kernels answer first, which they are, the bound, and how many answers were compared.
    """

    audio: dict[str, str] = field(default_factory=dict)
    no_word: Counter[str] = field(default_factory=Counter)
    engine: dict[str, Any] = field(default_factory=dict)
    checked: int = 0
    flips: int = 0
    recordings: int = 0
    kernels: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Mapping[str, Any] | None) -> Tally:
        """The tally with this `state`; an empty one where there is none."""
        return cls() if state is None else cls(**{**state, "no_word": Counter(state["no_word"])})

    @property
    def state(self) -> dict[str, Any]:
        """All of it in plain values."""
        return {**{each.name: getattr(self, each.name) for each in fields(self)}, "no_word": dict(self.no_word)}

    def compared(self, variant: str, counts: Mapping[str, int]) -> None:
        """Takes the counts of one condition."""
        found = self.kernels[variant]
        for name, count in counts.items():
            found[name] += count

    def heard(self, condition: str, names: Sequence[str], samples: Tensor) -> list[int]:
        """Takes windows into the digest of a condition.

        Args:
            condition: which.
            names: of the recordings, [clips].
            samples: [clips time].

        Returns:
            A mark of each window, the first 32 bits of its digest: enough to say which window differs where the digest says that one does.
        """
        digests = [digest_of(name, window) for name, window in zip(names, samples.contiguous().numpy(), strict=True)]
        self.audio[condition] = combined(self.audio.get(condition, ""), *digests)
        return [int(digest[:MARK], 16) for digest in digests]


def digest_of(name: str, window: npt.NDArray[np.float32]) -> str:
    """SHA-256 of one window of one recording, in hexadecimal digits."""
    digest = hashlib.sha256(name.encode() + b"\0")
    digest.update(window.data)
    return digest.hexdigest()
