"""Which recordings of another run of the same model are right, where too few of a run's own are?

A folder of complaints alone says of nothing how a recording that is right is measured, nor how much of a margin it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from robustness.errors import RunError
from robustness.explanations.failures import placed_trials
from robustness.explanations.good_recordings import GoodRun, MeasuredRecording
from robustness.run.folder import Run
from robustness.run.good_recordings import GoodRecording, read_good_recordings
from robustness.run.integrity import checked_run
from robustness.run.perturbations import perturbation_facts

ALIKE: Final = {  # what two runs of a model have alike, by its key in the manifest, and in words
    "weights_sha256": "weights",
    "labels": "labels",
    "frontend": "front-end",
    "rate_hz": "sampling rate",
    "window_ms": "window",
    "reference": "reference placement",
    "threshold": "threshold",
    "parameters": "number of parameters",
}


def read_good_run(path: Path, models: Sequence[Mapping[str, Any]]) -> GoodRun:
    """A run whose good recordings may stand in for those of a run of these models.

    Args:
        path: of the run folder.
        models: as the manifest of a run of them would have them.

    Raises:
        RunError: it is no run, one of another model or without one of the variants, or none of its recordings is right.
    """
    return good_of(checked_run(path), models)


def good_of(run: Run, models: Sequence[Mapping[str, Any]]) -> GoodRun:
    """The same of a run that was looked at."""
    path = run.path
    names = {own: theirs for model in models for own, theirs in shared_variants(run, model, several=len(models) > 1).items()}
    rows = placed_trials(run, perturbation_facts(run.manifest))
    rows = rows[rows["variant"].astype(str).isin(names.values())]
    theirs = {there: own for own, there in names.items()}
    rows = rows.assign(variant=rows["variant"].astype(str).map(theirs))
    measured = read_good_recordings(run.evidence)
    if measured is None:
        raise RunError(f"{path} keeps no measurements of its good recordings, as runs of earlier versions; make it again with this version")
    if not measured.recordings or rows["failing"].all():
        raise RunError(f"no recording of {path} is right at any place, so none can stand in for others; give a run with good recordings")
    return GoodRun(
        rows, list(measured.recordings), {name: _measured(one) for name, one in measured.recordings.items()}, path.resolve().name
    )


def shared_variants(run: Run, model: Mapping[str, Any], *, several: bool) -> dict[str, str]:
    """The names of a model's variants in trials of its own, and in those of a run of the same model.

    Args:
        run: the other run.
        model: as a manifest has it.
        several: whether its own trials are of several models.

    Raises:
        RunError: the run is of another model, or has not all of its variants.
    """
    path, there = run.path, run.manifest["models"]
    plain = json.loads(json.dumps(model))
    unlike = {other["name"]: _unlike(plain, other) for other in there}
    same = next((other for other in there if not unlike[other["name"]]), None)
    if same is None:
        closest = min(unlike, key=lambda name: (name != plain["name"], len(unlike[name])))
        raise RunError(
            f"{path} is a run of another model than {plain['name']}: its {closest} differs in {', '.join(unlike[closest])}; "
            f"give a run that was made with the same card"
        )
    wanted, found = ([one["name"] for one in each["variants"]] for each in (plain, same))
    if missing := [name for name in wanted if name not in found]:
        options = " ".join(f"--variant {name}" for name in wanted)
        raise RunError(f"{path} has no variant {', '.join(missing)} of {plain['name']}; make it again with {options}")
    return {f"{plain['name']} · {name}" if several else name: f"{same['name']} · {name}" if len(there) > 1 else name for name in wanted}


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [words for key, words in ALIKE.items() if one.get(key) != other.get(key)]


def _measured(one: GoodRecording) -> MeasuredRecording:
    return MeasuredRecording(one.level_dbfs, torch.tensor(one.spectrum_db, dtype=torch.float64), one.values)
