"""How large are a model's errors under perturbations beside those of a named reference model? CE and mCE.

CE_p = Σ_s E_{p,s} / Σ_s E^ref_{p,s}, mCE = the mean of CE_p over the perturbations (Hendrycks & Dietterich 2019, arXiv:1903.12261).
s runs over a perturbation's conditions that both runs have, but those that change nothing. E is the share of recordings with a bad outcome,
or by "label" of those whose winning label is wrong, draws averaged. A zero denominator is undefined, never 0. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from robustness.analysis.accuracy import By
from robustness.analysis.pairing import refuse_unlike
from robustness.analysis.sums import Sums
from robustness.conditions import Condition
from robustness.errors import RobustnessError, RunError
from robustness.run.damage import read_record
from robustness.run.evidence import FiniteNumber
from robustness.run.folder import Run, write_json

FILE: Final = "reference.json"  # in the run folder: the reference's errors, so that the page can be drawn again without it
ErrorRates = Mapping[str, Mapping[str, Mapping[str, float]]]  # by variant, perturbation and condition


class CorruptionError(NamedTuple):
    """One perturbation's errors of a variant and of the reference, both as means over the conditions they share."""

    perturbation: str
    error: float
    reference: float
    conditions: int

    @property
    def ce(self) -> float:
        """CE; NaN where it is undefined, for the reference makes no error."""
        return self.error / self.reference if self.reference > 0 else math.nan


def errors_of(run: Run, by: By = "outcome") -> ErrorRates:
    """A run's errors under each condition that changes something."""
    sums, found = Sums.of(run), {}
    counted = sums.good if by == "outcome" else sums.right
    for mark, variant in enumerate(sums.variants):
        errors: dict[str, dict[str, float]] = {}
        for name, grid in run.manifest["plan"]["grids"].items():
            for i in sums.among(name):
                condition = sums.conditions[i]
                share = sums.share(counted, mark, i)
                changes = condition.level != float(grid["neutral"]) or condition.fill != "zeros"
                if changes and not np.isnan(share).all():
                    errors.setdefault(name, {})[_key(condition)] = 1 - float(np.nanmean(share))
        found[variant] = errors
    return found


def _key(condition: Condition) -> str:
    level = "" if condition.level is None else f"{condition.level:g}"
    return f"{level}/{condition.placement}/{condition.fill}"


def write_reference(run: Run, reference: Run) -> None:
    """Keeps the errors of a reference in a run's folder, where the page finds them.

    Args:
        run: the run that is drawn.
        reference: a run of the reference model on the same recordings.

    Raises:
        CannotJudgeError: where the two were not made from the same recordings with the same settings.
        RunError: where they share no perturbation.
    """
    notes = refuse_unlike(run, reference)
    theirs = errors_of(reference)
    shared = set(run.manifest["plan"]["grids"]) & {name for errors in theirs.values() for name in errors}
    if not shared:
        raise RunError(f"{reference.path} has no perturbation that {run.path} has, so it is no reference; make both with the same ones")
    model = " · ".join(model["name"] for model in reference.manifest["models"])
    write_json(run.path / FILE, {"model": model, "errors": theirs, "notes": list(notes)})


def try_reference(run: Run, reference: Path) -> None:
    """Keeps a reference's errors; where they cannot be compared, why not: what was computed is not lost for it."""
    try:
        write_reference(run, Run.open(reference))
    except RobustnessError as error:
        write_json(run.path / FILE, {"refused": str(error)})


@dataclass(frozen=True)
class ReferenceErrors:
    """What was kept of a reference.

    Attributes:
        refused: why it could not be compared; None where it could.
        model: its name.
        errors: its errors by variant, perturbation and condition.
        notes: what else is to be known.
    """

    refused: str | None = None
    model: str = ""
    errors: Mapping[str, Mapping[str, Mapping[str, FiniteNumber]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Holds that there are errors of a model, or a reason why there are none.

        Raises:
            ValueError: where there is neither.
        """
        if self.refused is None and not (self.model and self.errors):
            raise ValueError("it has no errors of a model")


def read_reference(run: Run) -> ReferenceErrors | None:
    """What was kept of a reference; None where none was given.

    Raises:
        RunError: where it is damaged.
    """
    return read_record(run.path, FILE, ReferenceErrors) if (run.path / FILE).exists() else None


def beside(variant: str, reference: ErrorRates) -> str:
    """The reference's variant that a variant is compared with: that of its name, or the first."""
    short = variant.rpartition(" · ")[2]
    return next((name for name in reference if name.rpartition(" · ")[2] == short), next(iter(reference)))


def corruption_errors(own: Mapping[str, Mapping[str, float]], reference: Mapping[str, Mapping[str, float]]) -> list[CorruptionError]:
    """CE of each perturbation that both have, over the conditions that both have.

    Args:
        own: errors of one variant by perturbation and condition.
        reference: those of the reference's variant.
    """
    found = []
    for name in sorted(own.keys() & reference.keys()):
        keys = sorted(own[name].keys() & reference[name].keys())
        if keys:
            mine, theirs = (math.fsum(errors[name][key] for key in keys) / len(keys) for errors in (own, reference))
            found.append(CorruptionError(name, mine, theirs, len(keys)))
    return found


def mean_corruption_error(errors: list[CorruptionError]) -> float:
    """The mean CE over the perturbations whose CE is defined; NaN where none is."""
    defined = [error.ce for error in errors if not math.isnan(error.ce)]
    return math.fsum(defined) / len(defined) if defined else math.nan
