"""Has the model a label for other words or for no word that the card does not declare, so that it counts as a command?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.run.checks import Finding

ROLES: Final = {"unknown": "unknown", "silence": "silence", "background noise": "silence"}
MEANING: Final = {"unknown": "other words", "silence": "windows without a word"}


@CHECKS.register
@dataclass(frozen=True)
class RejectionLabels(Check):
    """A label called unknown or silence that carries out a command."""

    name: ClassVar[str] = "rejection-labels"
    order: ClassVar[int] = 5

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """Each label of such a name that the card does not declare."""
        declared = {"unknown": model.classifier.unknown, "silence": model.classifier.silence}
        for label in model.classifier.labels:
            role = ROLES.get(label.casefold().strip("_ ").replace("_", " "))
            if role is None or label in declared.values():
                continue
            yield Finding(
                self.name,
                f"the label {label!r} is declared neither as `unknown` nor as `silence`: it counts as a command that is carried out",
                f'write {role} = "{label}" above the first section of the card: it is then the label of {MEANING[role]}',
                about=f"an undeclared label {label}",
                evidence={"label": label, "role": role},
            )
