"""What a sweep learns of itself on the way, kept so that a later process can go on from it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from torch import Tensor


@dataclass
class Tally:
    """What a sweep learns of itself.

    Attributes:
        audio: a digest of what was heard under each condition: a chain over the windows in their order, each SHA-256(digest so far,
            samples), so that it depends neither on how many were computed together nor on where a sweep was taken up again.
        no_word: the number of windows without a word, by kind.
        engine: what the engine chose: batch, workers, and how each network is run.
        checked: answers compared under a neutral level.
        flips: those of them that differed from the clean answer.
        recordings: how many are done.
    """

    audio: dict[str, str] = field(default_factory=dict)
    no_word: Counter[str] = field(default_factory=Counter)
    engine: dict[str, Any] = field(default_factory=dict)
    checked: int = 0
    flips: int = 0
    recordings: int = 0

    @classmethod
    def of(cls, state: Mapping[str, Any] | None) -> Tally:
        """The tally with this `state`; an empty one where there is none."""
        return cls() if state is None else cls(**{**state, "no_word": Counter(state["no_word"])})

    @property
    def state(self) -> dict[str, Any]:
        """All of it in plain values."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def heard(self, condition: str, samples: Tensor) -> None:
        """Takes windows into the digest of a condition, [clips time]."""
        digest = bytes.fromhex(self.audio.get(condition, ""))
        for window in samples.contiguous().numpy():
            chain = hashlib.sha256(digest)
            chain.update(window)
            digest = chain.digest()
        self.audio[condition] = digest.hex()
