"""Is something wrong with the model's card, front-end or recordings, so that no answer should be explained by anything else first?

A run keeps what was found (`run/checks.py`). The page opens with it, before any sentence on placement. Loads no torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from robustness.report.view import View
from robustness.report.words import capital, listed
from robustness.run.checks import read_checks

SHOWN: Final = 3


class Setup(NamedTuple):
    """What is wrong, for the page's first lines.

    Attributes:
        about: in a few words.
        says: what is wrong, a sentence each.
        changes: what to change, a sentence each.
        changes_all: whether every answer is another because of it; then the page opens with nothing else.
        kind: that of a verdict.
        heading: that of a verdict.
    """

    about: str
    says: tuple[str, ...]
    changes: tuple[str, ...]
    changes_all: bool = True
    kind: str = "found"
    heading: str = "PROBLEM FOUND"

    @property
    def caveat(self) -> str:
        """What stands before explanations of single answers."""
        return f"{capital(self.about)} (the page's first lines): as long as that is so, what restores a single answer says nothing."


@lru_cache(maxsize=4)
def setup_of(view: View) -> Setup | None:
    """What makes answers wrong before any recording is moved or perturbed; None if nothing was found."""
    causes = read_checks(view.run.evidence).causes
    if not causes:
        return None
    abouts = list(dict.fromkeys(one.about or one.kind.replace("-", " ") for one in causes))
    says, changes = (tuple(_sentence(getattr(one, part)) for one in causes[:SHOWN]) for part in ("says", "change"))
    return Setup(listed(abouts, 2), says, changes, any(one.changes_all for one in causes))


def _sentence(text: str) -> str:
    return f"{capital(text)}."
