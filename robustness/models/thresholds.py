"""Which thresholds may a card give: one number, or a section with one a label?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from robustness.analysis.outcomes import SIGMOIDS
from robustness.models.classifier import ThresholdSetting


def read_threshold(given: Any) -> Any:
    """A card's threshold, each number of it a probability.

    Raises:
        ValueError: naming what is none.
    """
    if given is None:
        return None
    numbers = given if isinstance(given, Mapping) else {"": given}
    if not numbers:
        raise ValueError("`threshold` is an empty section; give a probability for a label, such as yes = 0.8, or leave it out")
    for label, value in numbers.items():
        key = f"threshold.{label}" if label else "threshold"
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(f"`{key}` is {value!r}; expected a probability from 0 to 1")
    return given


def threshold_mistakes(
    labels: Sequence[str], rejections: Sequence[str | None], output: str, threshold: ThresholdSetting | None
) -> Iterator[str]:
    """What is wrong with thresholds beside labels and output.

    Args:
        labels: of the model.
        rejections: those of them that carry out no command.
        output: what the network gives.
        threshold: as the card has it.
    """
    commands = [label for label in labels if label not in rejections]
    own = threshold if isinstance(threshold, Mapping) else {}
    for label in own:
        if label not in commands:
            yield f"`threshold.{label}` is given, and {label!r} is no command; the commands are {', '.join(commands)}"
    if output != SIGMOIDS:
        if len(labels) < 2:
            yield f"`labels` is {list(labels)}; expected two or more, for one class always wins; one is enough with output = {SIGMOIDS!r}"
        return
    without = [label for label in commands if threshold is None or (own and label not in own)]
    if without:
        yield (
            f"`threshold` is missing for {', '.join(without)}; with output = {SIGMOIDS!r} no label wins over another, and a command is "
            f"carried out where its probability reaches its threshold: give threshold = 0.5, or a section [threshold] with one a label"
        )
