"""Is something wrong with the model's card, front-end or recordings, so that no answer should be explained by anything else first?

A run keeps what was found (`run/checks.py`). The page opens with it, before any sentence on placement. Loads no torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from robustness.report.view import View
from robustness.report.words import listed
from robustness.run.checks import read_checks

SHOWN: Final = 3


class Setup(NamedTuple):
    """What is wrong, for the page's first lines; `kind` and `heading` are those of a verdict."""

    about: str
    says: tuple[str, ...]
    changes: tuple[str, ...]
    kind: str = "found"
    heading: str = "PROBLEM FOUND"

    @property
    def caveat(self) -> str:
        """What stands before explanations of single answers."""
        return f"{_capital(self.about)} (the page's first lines): as long as that is so, what restores a single answer says nothing."


@lru_cache(maxsize=4)
def setup_of(view: View) -> Setup | None:
    """What makes answers wrong before any recording is moved or perturbed; None if nothing was found."""
    causes = read_checks(view.run.evidence).causes
    if not causes:
        return None
    abouts = list(dict.fromkeys(one.about or one.kind.replace("-", " ") for one in causes))
    return Setup(
        listed(abouts, 2), tuple(_sentence(one.says) for one in causes[:SHOWN]), tuple(_sentence(one.change) for one in causes[:SHOWN])
    )


def _sentence(text: str) -> str:
    return f"{_capital(text)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
