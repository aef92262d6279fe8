"""What does a card say of a device that runs the model all the time: how often it answers, and by which rule it decides?"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from robustness.errors import UsageError
from robustness.streaming.rules.base import RULES

Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Setting = bool | int | float | str | list[str]


class Streaming(BaseModel):
    """The device's decisions over a stream; `robustness stream` and `gate` take them where nothing else is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str = Field(default="plain", description="the decision rule, one of `robustness list rules`")
    hop_ms: Positive | None = Field(default=None, description="from one answer to the next in ms")
    threshold: Annotated[float, Field(strict=True, ge=0, le=1)] | None = Field(
        default=None, description="a probability, where the rule's differs from the card's"
    )
    tolerance_ms: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)] | None = Field(
        default=None, description="how long after its end a word may be hit, in ms"
    )
    settings: dict[str, Setting] = Field(default_factory=dict, description="a table of the rule's settings")

    @model_validator(mode="after")
    def _rule_can_be_made(self) -> Self:
        try:
            RULES[self.rule].made(self.threshold, self.texts)
        except UsageError as error:
            raise ValueError(f"streaming: {error}") from error
        return self

    @property
    def averaged(self) -> int:
        """How many answers of a network with a state the rule averages; 1 if it says nothing of that."""
        return max(1, int(getattr(RULES[self.rule].made(self.threshold, self.texts), "sliding_window", 1)))

    @property
    def texts(self) -> dict[str, str]:
        """The settings as on a command line."""
        return {name: _text(value) for name, value in self.settings.items()}


def _text(value: Setting) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)
