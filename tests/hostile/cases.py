"""What is a hostile case: a kind, a number, and a maker that spoils a place of its own and says which command meets it.

Everything is drawn from the kind's name and the case's number, so that a case that failed can be made again by itself.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tests.cards import write_card, write_recordings


class Base(NamedTuple):
    """What every case may use and none may change."""

    root: Path

    @property
    def card(self) -> Path:
        return self.root / "model" / "small.toml"

    @property
    def words(self) -> Path:
        return self.root / "words"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def rules(self) -> Path:
        return self.root / "rules.toml"


class Place(NamedTuple):
    """A case's own folder, its random numbers, and what it may use."""

    folder: Path
    rng: random.Random
    base: Base

    @property
    def out(self) -> Path:
        return self.folder / "out" / "run"


class Kind(NamedTuple):
    """One way to be hostile.

    Attributes:
        name: as the table in docs/inputs.md names it.
        gets: what such a case gets, in words.
        make: spoils a place; the command that meets it.
    """

    name: str
    gets: str
    make: Callable[[Place], list[object]]


KINDS: Final[dict[str, Kind]] = {}
EXAMPLE: Final = Path(__file__).resolve().parents[2] / "reports" / "example"
VARIANT: Final = ("--variant", "float32")  # int8 versions are made and measured by other tests
RULES: Final = 'version = 2\n\n[rule.any]\nmetric = "accuracy"\nmin = 0.0\n'


def kind(name: str, gets: str) -> Callable[[Callable[[Place], list[object]]], Callable[[Place], list[object]]]:
    """Registers a kind."""

    def register(make: Callable[[Place], list[object]]) -> Callable[[Place], list[object]]:
        KINDS[name] = Kind(name, gets, make)
        return make

    return register


def planned(at: Place, *arguments: object, card: Path | None = None, words: Path | None = None) -> list[object]:
    """A report that reads everything and computes nothing."""
    return ["report", "--model", card or at.base.card, "--recordings", words or at.base.words, "--dry-run", *VARIANT, *arguments]


def reported(at: Place, *arguments: object, card: Path | None = None, words: Path | None = None) -> list[object]:
    """A small report that is computed."""
    given = ["--model", card or at.base.card, "--recordings", words or at.base.words, "--out", at.out]
    return ["report", *given, *VARIANT, "--perturbation", "sample-shift", *arguments]


def write_base(root: Path) -> Base:
    """A card, recordings, rules, and the run that is in the repository."""
    base = Base(root)
    write_card(root / "model")
    write_recordings(base.words)
    shutil.copytree(EXAMPLE, base.run, ignore=shutil.ignore_patterns("index.html", "gate"))
    base.rules.write_text(RULES, encoding="utf-8")
    return base


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few of them changed, cut, doubled, or zeroed."""
    spoiled = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(spoiled)) if rng.random() < 0.5 else rng.randrange(min(len(spoiled), 200))
        spoiled[at] = rng.choice((0, 255, 0x7F, 0x80, rng.randrange(256)))
    if rng.random() < 0.25:
        start = rng.randrange(len(spoiled))
        del spoiled[start : start + rng.choice((1, 4, 1000))]
    if rng.random() < 0.1:
        start = rng.randrange(max(1, len(spoiled)))
        spoiled[start:start] = bytes(rng.choice((1, 3, 500)))
    return bytes(spoiled)
