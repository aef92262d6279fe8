"""What can be wrong with a model that works in training and not here? One kind of finding a file, found by experiments and not by taste.

A check is given a model with recordings of known words, and says what it found, with the evidence and what to change. What may only be
the recordings' fault (noise, a room, another speaker) is never said to be the model's: a check that compares accuracies asks for a test
of significance, and a check of the front-end listens to reference sounds as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from robustness.checks.model_under_test import ModelUnderTest
from robustness.registry import Registry
from robustness.run.checks import Finding


class Check(ABC):
    """One kind of finding.

    Attributes:
        name: of the kind.
        order: what is looked for first; a cause stands before what follows from it.
        follows: kinds of which this one may be nothing but a consequence; it is not said beside them.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    follows: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """What is wrong; nothing if nothing is."""


CHECKS: Registry[Check] = Registry("check", "robustness.checks")


def findings_of(model: ModelUnderTest) -> tuple[Finding, ...]:
    """What every check finds, causes before consequences."""
    found: list[Finding] = []
    for check in sorted((cls() for cls in CHECKS.all().values()), key=lambda check: (check.order, check.name)):
        if not {one.kind for one in found if one.cause} & set(check.follows):
            found += check.find(model)
    return tuple(sorted(found, key=lambda one: not one.cause))
