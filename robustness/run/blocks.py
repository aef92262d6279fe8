"""Into which blocks is a sweep divided, and which of them are a shard's? A block's rows are the same wherever they are computed.

A block is some recordings in a row under every condition; the windows without a word are a block of their own, the last. Loads no torch.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from robustness.errors import UsageError
from robustness.run.schema import HEARD, NO_WORD_PART, TRIALS, block_name

MODULUS: Final = 1 << 256
FOLDERS: Final = ("trials", "heard")  # of the parts of a block


class SweepBlock(NamedTuple):
    """Recordings from `first` up to `end`; none in the block of the windows without a word."""

    name: str
    first: int
    end: int

    @property
    def no_word(self) -> bool:
        """Whether it holds the windows without a word."""
        return self.name == NO_WORD_PART

    def __str__(self) -> str:
        """As in "block 00000064 (recordings 65 to 128)"."""
        return f"block {self.name}" + ("" if self.no_word else f" (recordings {self.first + 1:,} to {self.end:,})")


class SweepLayout(NamedTuple):
    """How a sweep is divided: so many recordings, so many of them a part, and whether windows without a word are computed."""

    recordings: int
    a_part: int
    no_word: bool

    @property
    def blocks(self) -> list[SweepBlock]:
        """All blocks in their order."""
        firsts = range(0, self.recordings, self.a_part)
        found = [SweepBlock(block_name(first), first, min(first + self.a_part, self.recordings)) for first in firsts]
        return [*found, SweepBlock(NO_WORD_PART, self.recordings, self.recordings)] if self.no_word else found


class Shard(NamedTuple):
    """The shard `number`, from 1, of `total`."""

    number: int
    total: int

    @classmethod
    def read(cls, text: str) -> Shard:
        """A shard from text like 3/40.

        Raises:
            UsageError: it is not of that form, or the number is beyond the count.
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if found is None:
            raise UsageError(f"--shard {text} is no shard; give its number and how many there are, such as 3/40")
        shard = cls(int(found[1]), int(found[2]))
        if not 1 <= shard.number <= shard.total:
            raise UsageError(f"--shard {text} is beyond its count; shards are numbered from 1/{shard.total} to {shard.total}/{shard.total}")
        return shard

    @property
    def places(self) -> slice:
        """Which of some things are its: every `total`-th, so that all shards have as many but for one."""
        return slice(self.number - 1, None, self.total)

    def of(self, blocks: Sequence[SweepBlock]) -> list[SweepBlock]:
        """Its blocks."""
        return list(blocks[self.places])

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


@dataclass(eq=False)
class WaitingRows:
    """Rows of trials and marks of what was heard, until a block is whole."""

    waiting: dict[str, list[pa.Table]] = field(default_factory=lambda: {name: [] for name in FOLDERS})

    def add(self, columns: dict[str, pa.Array]) -> None:
        """Rows of trials, a column each.

        Copied into Arrow's memory: thousands of small columns that wait in the memory they were computed in would keep it in pieces, too
        small for the windows that come after (measured: three times the memory).
        """
        rows = pa.Table.from_pydict(columns, schema=TRIALS)
        self.waiting["trials"].append(rows.take(pa.array(range(len(rows)), pa.int64())))

    def add_heard(self, condition: str, recordings: Sequence[str], marks: Sequence[int]) -> None:
        """The mark of what was heard of each recording under a condition."""
        count = len(recordings)
        columns = {"condition": [condition] * count, "recording": list(recordings), "mark": list(marks)}
        self.waiting["heard"].append(pa.Table.from_pydict(columns, schema=HEARD))

    def taken(self) -> dict[str, pa.Table]:
        """What waits, a table a folder; nothing waits after."""
        found = {name: pa.concat_tables(tables).unify_dictionaries().combine_chunks() for name, tables in self.waiting.items() if tables}
        for tables in self.waiting.values():
            tables.clear()
        return found


def part_bytes(table: pa.Table) -> bytes:
    """The file of a part: the same rows are the same bytes."""
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()


def combined(*digests: str) -> str:
    """The digest of all windows that these are of, whatever their order: their sum modulo 2²⁵⁶.

    Source: Bellare & Micciancio (1997), A New Paradigm for Collision-Free Hashing, AdHash.
    """
    return f"{sum(int(digest or '0', 16) for digest in digests) % MODULUS:064x}"


KERNEL_COUNTS: Final = ("windows", "both", "differ", "checked")  # of answers, by which kernels gave them


@dataclass
class Total:
    """What all blocks together learned: digests of what was heard by condition, windows without a word by kind, the self-check, kernels."""

    audio: dict[str, str] = field(default_factory=dict)
    no_word: dict[str, int] = field(default_factory=dict)
    checked: int = 0
    flips: int = 0
    kernels: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, state: Mapping[str, Any]) -> None:
        """Takes in what a sweep learned of one block."""
        for condition, digest in state["audio"].items():
            self.audio[condition] = combined(self.audio.get(condition, ""), digest)
        for kind, count in state["no_word"].items():
            self.no_word[kind] = self.no_word.get(kind, 0) + count
        self.checked += state["checked"]
        self.flips += state["flips"]
        for variant, facts in state.get("kernels", {}).items():
            own = self.kernels.setdefault(variant, {**facts, **dict.fromkeys(KERNEL_COUNTS, 0)})
            for name in KERNEL_COUNTS:
                own[name] += facts[name]
