"""Which command explains one failing recording by itself: made of the run's own command, so that it holds no other path than that.

There is none where it cannot be told from the run's command: a run from Python, several folders, padding other than silence.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from robustness.conditions import Condition
from robustness.report.view import View
from robustness.run.evidence import FailureCard

KEPT: Final = ("--weights", "--variant", "--seed")  # what both commands mean alike
TABLES: Final = (".csv", ".parquet")
OFFSET: Final = "offset"  # a place without a name


def command_for(view: View, facts: FailureCard) -> str | None:
    """The command that explains the recording of a card where it fails; None where the run's command does not tell it.

    Args:
        view: of the run.
        facts: of the failure.
    """
    given = options_of(view.manifest.get("repeat") or "")
    model, recordings = _model(view, facts, given), given.get("--recordings", [])
    if model is None or len(recordings) != 1 or facts.condition.fill != "zeros":
        return None
    where = PurePosixPath(recordings[0])
    folder = where.parent if where.suffix.lower() in TABLES or where.name == facts.recording else where
    words = [word for name in KEPT for value in given.get(name, []) for word in (name, value)]
    place = facts.condition.placement
    at = ["--offset-ms", f"{facts.offset_ms:g}"] if place == OFFSET else ["--placement", place]
    at += _noise(view, facts.condition, given)
    return shlex.join(["robustness", "explain", "--model", model, str(folder / facts.recording), *at, "--label", facts.word, *words])


def _noise(view: View, condition: Condition, given: Mapping[str, list[str]]) -> list[str]:
    """The options that name the noise of a condition; none where there is none."""
    if not view.is_noisy(condition):
        return []
    folders = [word for folder in given.get("--noises", []) for word in ("--noises", folder)]
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
