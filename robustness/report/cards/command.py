"""Which command explains one failing recording as its card does: made of the run's own command, so that it holds no other path than that.

It has the run's operating point and its recordings, with which the answer is compared. There is none where it cannot be told from the run's
command: a run from Python, several folders.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from robustness.conditions import Condition
from robustness.report.view import View
from robustness.run.evidence import FailureCard

KEPT: Final = (  # what both commands mean alike
    "--weights",
    "--variant",
    "--calibration",
    "--seed",
    "--device",
    "--threshold",
    "--trim",
    "--speech-threshold-db",
    "--labels",
    "--path-column",
    "--label-column",
    "--label-pattern",
    "--split",
    "--split-column",
    "--sample",
)
FLAGS: Final = ("--skip-bad",)
FOLDERS: Final = ("--noises", "--input")
TABLES: Final = (".csv", ".parquet")
SILENT: Final = "zeros"
OFFSET: Final = "offset"  # a place without a name


def command_for(view: View, facts: FailureCard) -> str | None:
    """The command that explains the recording of a card where it fails; None where the run's command does not tell it.

    Args:
        view: of the run.
        facts: of the failure.
    """
    repeat = view.manifest.get("repeat") or ""
    given = options_of(repeat)
    model, recordings = _model(view, facts, given), given.get("--recordings", [])
    if model is None or len(recordings) != 1:
        return None
    where = PurePosixPath(recordings[0])
    folder = where.parent if where.suffix.lower() in TABLES or where.name == facts.recording else where
    words = [word for name in KEPT for value in given.get(name, []) for word in (name, value)]
    place = facts.condition.placement
    at = ["--offset-ms", f"{facts.offset_ms:g}"] if place == OFFSET else ["--placement", place]
    at += _perturbed(view, facts.condition, given)
    at += [] if facts.condition.fill == SILENT else ["--fill", facts.condition.fill]
    words += [name for name in FLAGS if name in shlex.split(repeat)]
    one = ["--model", model, str(folder / facts.recording), *at, "--label", facts.word, "--recordings", recordings[0]]
    return shlex.join(["robustness", "explain", *one, *words])


def _perturbed(view: View, condition: Condition, given: Mapping[str, list[str]]) -> list[str]:
    """The options that name a perturbation and its level; none where the place says it all."""
    if view.at_a_place(condition):
        return []
    folders = [word for name in FOLDERS for folder in given.get(name, []) for word in (name, folder)]
    return ["--perturbation", condition.perturbation, "--level", f"{condition.level:g}", "--draw", str(condition.draw), *folders]


def options_of(command: str) -> dict[str, list[str]]:
    """The values of each option of a command line, in their order; none where it is no command line."""
    found: dict[str, list[str]] = {}
    try:
        words = shlex.split(command)
    except ValueError:  # quotes that do not close: no command line of ours
        return {}
    for word, after in zip(words, [*words, "--"][1:], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("--") and (equals or not after.startswith("--")):
            found.setdefault(name, []).append(value if equals else after)
    return found


def _model(view: View, facts: FailureCard, given: Mapping[str, list[str]]) -> str | None:
    """The card of the model that is worst off; with several cards, that in its model's place."""
    cards = given.get("--model", [])
    names = list(dict.fromkeys(model["name"] for model in view.manifest["models"]))
    if len(cards) == 1:
        return cards[0]
    name = facts.worst_variant.partition(" · ")[0]
    return cards[names.index(name)] if len(cards) == len(names) and name in names else None
