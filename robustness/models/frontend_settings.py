"""How the settings in a card become a front-end, with a sentence for each that is unknown or wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from robustness.errors import CardError, UsageError
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.models.card_messages import card_sentence

SECTION = "frontend"


def frontend_from(kind: str, settings: dict[str, Any], card: Path) -> Frontend:
    """The front-end of that kind with these settings, those of a card; what is not given is the front-end's default.

    Raises:
        CardError: there is no such front-end, or it has no such setting, or of another type.
    """
    try:
        cls = FRONTENDS[kind]
    except UsageError as error:
        raise CardError(f"{card}: {SECTION}.kind: {error}") from error
    model = _model_of(cls)
    try:
        checked = model.model_validate(settings)
    except ValidationError as error:
        raise CardError(f"{card}: {card_sentence(error, model, above=SECTION)}") from error
    return cls(**dict(checked))


def _model_of(cls: type[Frontend]) -> type[BaseModel]:
    """A pydantic model of a front-end's dataclass fields, which takes no other key."""
    hints = get_type_hints(cls)
    fields: dict[str, Any] = {field.name: (hints[field.name], _default(field)) for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    config = ConfigDict(extra="forbid", strict=True)
    return create_model(cls.__name__, __config__=config, **fields)


def _default(field: dataclasses.Field[Any]) -> Any:
    return ... if field.default is dataclasses.MISSING else field.default
