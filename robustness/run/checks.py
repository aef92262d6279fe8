"""What was found to be wrong with a model, its card or its recordings, as a run keeps it: `evidence/checks.json`. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record

CHECKS_FILE: Final = "checks.json"
ALL_ANSWERS: Final = frozenset(  # kinds that change every answer; others touch some recordings, or the decision
    ("label-order", "front-end", "output-kind", "training-mode", "one-answer", "recording-level", "recording-rate", "threshold-reach")
)
MISNAMED: Final = "label-order"  # then no answer can be explained at all: what is called wrong is right


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or would surprise.

    Attributes:
        kind: the check that found it.
        says: what is wrong, with the evidence, in a sentence.
        change: what to change, in a sentence.
        cause: whether answers are wrong because of it; else it is good to know.
        about: a few words for a headline, such as `labels in another order`.
        evidence: the numbers behind the sentence.
    """

    kind: str
    says: str
    change: str
    cause: bool = True
    about: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def changes_all(self) -> bool:
        """Whether every answer is another because of it."""
        return self.cause and self.kind in ALL_ANSWERS


@dataclass(frozen=True)
class CheckedModel:
    """The findings about one model of a run, those first that explain others."""

    model: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class CheckedModels:
    """Those of all models of a run."""

    models: tuple[CheckedModel, ...] = ()

    @property
    def misnamed(self) -> bool:
        """Whether the answers of a model are called by other labels than they have."""
        return any(one.kind == MISNAMED for model in self.models for one in model.findings)

    @property
    def causes(self) -> list[Finding]:
        """What makes answers wrong, of the first model that has such a finding."""
        found = ([one for one in model.findings if one.cause] for model in self.models)
        return next((causes for causes in found if causes), [])


def read_checks(evidence: Path) -> CheckedModels:
    """The findings of a run; none where it was made before there were any.

    Raises:
        RunError: they are damaged.
    """
    if not (evidence / CHECKS_FILE).exists():
        return CheckedModels()
    return read_record(evidence.parent, f"{evidence.name}/{CHECKS_FILE}", CheckedModels)


def write_checks(evidence: Path, found: CheckedModels) -> None:
    """Writes the findings of a run, whole or not at all."""
    write_json(evidence / CHECKS_FILE, plain(CheckedModels, found))
