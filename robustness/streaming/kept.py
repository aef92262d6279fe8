"""A stream as it was kept: from the folder of `robustness stream` back to its variants, without a forward pass. Loads no torch.

Files of a folder: `stream.json` (figures, words, rule) and `scores-N.parquet`, one a variant and take.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from robustness.errors import RunError
from robustness.files import UnreadableError, text_of
from robustness.streaming.curve import operating_curve
from robustness.streaming.matching import Timeline
from robustness.streaming.phases import phases_of
from robustness.streaming.rules.base import RULES, DecisionRule
from robustness.streaming.scores import read_scores
from robustness.streaming.spans import Word
from robustness.streaming.streams import VariantStream

FIGURES: Final = "stream.json"
SCORES: Final = "scores-{}.parquet"
MOST_BYTES: Final = 1_000_000_000


@dataclass(frozen=True, eq=False)
class KeptStreams:
    """What a folder holds.

    Attributes:
        variants: with scores, words and phases; words are not told one by one.
    """

    variants: tuple[VariantStream, ...]


def read_streams(folder: Path) -> KeptStreams:
    """The variants of a folder.

    Raises:
        RunError: it is no folder of `robustness stream`, or damaged.
    """
    try:
        said: dict[str, Any] = json.loads(text_of(folder / FIGURES, MOST_BYTES))
        return KeptStreams(tuple(_variant(folder, said, at, about) for at, about in enumerate(said["variants"])))
    except UnreadableError as error:
        raise RunError(
            f"{folder} is no folder of `robustness stream`: {FIGURES} cannot be read: {error}; give what --out of a stream said"
        ) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise RunError(f"{folder / FIGURES} is damaged, or of another version ({type(error).__name__}: {error}); stream again") from error


def _variant(folder: Path, said: Mapping[str, Any], at: int, about: Mapping[str, Any]) -> VariantStream:
    takes = said["takes"]
    scores = tuple(read_scores(folder / SCORES.format(at * len(takes) + place)) for place in range(len(takes)))
    commands = [label for label, acts in zip(scores[0].labels, scores[0].acts, strict=True) if acts]
    tail, steps = float(about["tolerance_ms"]), int(said["steps"])
    timelines = tuple(
        Timeline.of([Word(str(label), float(start), float(end)) for label, start, end in take["spoken"]], commands, one.duration_ms, tail)
        for take, one in zip(takes, scores, strict=True)
    )
    rule = _rule(said["rule"], about["settings"])
    curve = operating_curve([one.every(steps) for one in scores], timelines)
    return VariantStream(str(about["name"]), scores, timelines, rule, phases_of(scores, timelines, rule, steps), (), curve)


def _rule(name: str, settings: Mapping[str, Any]) -> DecisionRule:
    """The rule with the settings that were kept; lists of them are tuples."""
    made: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    return RULES[name](**made)
