"""What is a draft of a model card: the keys that a file tells, and those that its owner has to fill in, as the lines of a TOML file.

What is known is written with where it is from; what is not stands as a comment with what is expected there. Texts of a foreign file are
written with their control characters escaped, so that none can begin a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from robustness.files import printable
from robustness.models.toml import to_toml

LONGEST_NOTE: Final = 200  # characters of a foreign text


class Known(NamedTuple):
    """A key that the file tells."""

    key: str
    value: Any
    note: str = ""

    def lines(self) -> list[str]:
        """Its line, with where the value is from."""
        written = to_toml({self.key: _clean(self.value)}).strip()
        return [f"{written}  # {printable(self.note)}" if self.note else written]


class Missing(NamedTuple):
    """A key to fill in.

    Attributes:
        key: of the card.
        example: what a value looks like, as TOML.
        expected: what is to be written.
        needed: whether the card is no card without it.
    """

    key: str
    example: str
    expected: str
    needed: bool = True

    def lines(self) -> list[str]:
        """What is expected, and an example, as comments."""
        asked = "fill in" if self.needed else "optional"
        return [f"# {asked}: {printable(self.expected)}", f"# {self.key} = {self.example}"]


@dataclass(frozen=True)
class DraftSection:
    """A section of the card.

    Attributes:
        name: its dotted name, empty for what stands above the first section.
        entries: its keys.
        comments: what else the file tells.
    """

    name: str
    entries: tuple[Known | Missing, ...]
    comments: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Its lines."""
        if self.name:
            yield ""
            yield f"[{self.name}]"
        for entry in self.entries:
            yield from entry.lines()
        yield from (f"# {shortened(one)}" for one in self.comments)


@dataclass(frozen=True)
class Draft:
    """A card that is begun.

    Attributes:
        sections: in their order.
        notes: what to know of it before `check` is run.
    """

    sections: tuple[DraftSection, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """The card."""
        return "\n".join(line for section in self.sections for line in section.lines()) + "\n"

    @property
    def missing(self) -> list[Missing]:
        """The keys without which it is no card, by their dotted names."""
        return [
            one._replace(key=f"{section.name}.{one.key}" if section.name else one.key)
            for section in self.sections
            for one in section.entries
            if isinstance(one, Missing) and one.needed
        ]


def shortened(text: str) -> str:
    """A foreign text on one line."""
    clean = printable(text)
    return clean if len(clean) <= LONGEST_NOTE else f"{clean[:LONGEST_NOTE]}…"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return [_clean(one) for one in value] if isinstance(value, (list, tuple)) else value
