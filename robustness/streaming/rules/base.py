"""What every decision rule offers: from scores over time to what the device says.

A rule is one file: a registered class over a frozen dataclass whose fields are its settings, with the source that it follows. Whether a
score must be above the threshold or may be at it belongs to the rule: probabilities of int8 models lie on the grid of thresholds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from math import isfinite
from typing import Any, ClassVar, Final, Self

import numpy as np

from robustness.errors import UsageError
from robustness.registry import Registry
from robustness.streaming.scores import Detection, Floats, Scores


@dataclass(frozen=True)
class DecisionRule(ABC):
    """From scores to detections.

    Attributes:
        name: of the rule.
        source: who decides so.
        usual: the threshold that its source has; None where the card's is taken, or the winning label decides.
        threshold: what a score must reach, or exceed; None is the card's, and else the usual one.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    usual: ClassVar[float | None]
    threshold: float | None = None

    @abstractmethod
    def decide(self, scores: Scores) -> list[Detection]:
        """What the device says, in the order of time.

        Raises:
            UsageError: the rule lacks what it needs.
        """

    @classmethod
    def made(cls, threshold: float | None, settings: Mapping[str, str]) -> Self:
        """The rule with settings, given as text.

        Raises:
            UsageError: there is no such setting, or it is none of its kind.
        """
        if threshold is not None and not 0 <= threshold <= 1:
            raise UsageError(f"--threshold is {threshold:g}; expected a probability from 0 to 1")
        known = {one.name: one.default for one in fields(cls) if one.name != "threshold" and one.default is not MISSING}
        wrong = sorted(settings.keys() - known.keys())
        if wrong:
            raise UsageError(f"the rule {cls.name} has no setting {wrong[0]!r}; it has {', '.join(known) or 'none'}")
        given = {name: _read(name, text, known[name]) for name, text in settings.items()}
        return cls(threshold=threshold, **given)

    def bars(self, scores: Scores) -> Floats:
        """What each label must reach, [labels]; −∞ where nothing is asked."""
        if self.threshold is not None:
            return np.full(len(scores.labels), self.threshold)
        found = [scores.point.threshold_of(label) for label in scores.labels]
        usual = -np.inf if self.usual is None else self.usual
        return np.asarray([usual if bar is None else bar for bar in found])

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def voice(self, scores: Scores, label: str) -> Floats:
        """How sure a voice-activity detector is at each step, which the scores have beside those of the commands, [steps].

        Raises:
            UsageError: they have no such column, or it counts as a command.
        """
        if label not in scores.labels:
            raise UsageError(
                f"the rule {self.name} looks for voice activity in {label!r}, and the scores have {', '.join(scores.labels)}; give scores "
                "with a column of a voice-activity detector (--scores FILE), and its name as --setting vad=NAME"
            )
        if label not in scores.point.rejections:
            raise UsageError(f"{label} is voice activity for the rule {self.name} and a command for the scores; give --reject {label} too")
        return scores.values[:, scores.labels.index(label)].astype(np.float64)

    def steps_in(self, duration_ms: float, scores: Scores) -> int:
        """How many steps a duration lasts, rounded to the nearest."""
        return max(0, round(duration_ms / scores.step_ms)) if scores.step_ms > 0 else 0


def _read(name: str, text: str, default: Any) -> Any:
    """A setting of the kind that its default has."""
    if isinstance(default, str):
        return text
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise UsageError(f"{name} is {text!r}; expected true or false")
        return text == "true"
    try:
        value = type(default)(text)
    except ValueError as error:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise UsageError(f"{name} is {text!r}; expected {kind}") from error
    if not isfinite(value) or value < 0:
        raise UsageError(f"{name} is {text}; expected 0 or more")
    return value


RULES: Final[Registry[DecisionRule]] = Registry("decision rule", "robustness.streaming.rules")
PLAIN: Final = "plain"  # the rule of operating curves and of thresholds for a budget


def plain_rule(threshold: float | None, refractory_ms: float = 1000.0) -> DecisionRule:
    """The rule of operating curves.

    Args:
        threshold: of all commands, infinite for none; None is the scores' own.
        refractory_ms: after a detection nothing is said for so long.
    """
    return replace(RULES[PLAIN].made(None, {"refractory_ms": repr(refractory_ms)}), threshold=threshold)
