"""How the settings in a card become a front-end, with a sentence for each that is unknown or wrong.

A card names a `kind`, a `preset` whose settings it may replace one by one, or a `factory` of its own. TOML has no null: `"none"` is
written for a setting that may be absent, such as `top_db`.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from robustness.errors import CardError, UsageError
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.factory import Factory
from robustness.frontends.presets import preset_named
from robustness.models.card_messages import card_sentence
from robustness.models.foreign import made_by

SECTION = "frontend"
NOT_IN_A_CARD: Final = ("folder", "call")  # filled in here
NOTHING: Final = "none"
WAY_OUT: Final = (
    'a front-end of another kind can be your own function, `factory = "module:callable"`, a program, `kind = "command"`, or a part of '
    'the network, `kind = "waveform"`'
)


def frontend_from(settings: dict[str, Any], card: Path) -> Frontend:
    """The front-end of a card's section; what is not given is the preset's, or else the front-end's default.

    Args:
        settings: the keys of the section, `kind`, `preset` or `factory` among them.
        card: the card, for messages and for files and modules beside it.

    Raises:
        CardError: there is no such front-end or preset, or it has no such setting, or of another type or value.
    """
    given = dict(settings)
    factory, arguments = given.pop("factory", None), given.pop("arguments", None) or {}
    if factory is not None:
        return _own(factory, arguments, given, card)
    key = "preset" if "preset" in given else "kind"
    try:
        kind, given = _with_preset(given)
        cls = FRONTENDS[kind]
    except UsageError as error:
        raise CardError(f"{card}: {SECTION}.{key}: {error}; {WAY_OUT}") from error
    return _made(cls, given, card)


def _own(factory: str, arguments: dict[str, Any], given: dict[str, Any], card: Path) -> Frontend:
    """What the card's callable makes: a front-end of this package, or a function."""
    made = made_by(card, factory, arguments, key=f"{SECTION}.factory")
    if isinstance(made, Frontend):
        return made
    if not callable(made):
        raise CardError(
            f"{card}: {SECTION}.factory: {factory} gives a {type(made).__name__}; expected a function from windows [clips time] to features"
        )
    return _made(Factory, given, card, call=made)


def _with_preset(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind, and the settings of a preset with those of the card over them."""
    preset = given.pop("preset", None)
    if preset is None:
        return given.pop("kind"), given
    base = preset_named(preset)
    kind = given.pop("kind", base.kind)
    return kind, (base.settings if kind == base.kind else {}) | given


def _made(cls: type[Frontend], given: dict[str, Any], card: Path, **filled_in: Any) -> Frontend:
    model = _model_of(cls)
    try:
        checked = dict(model.model_validate({key: _value(cls, key, value) for key, value in given.items()}))
        if any(field.name == "folder" for field in dataclasses.fields(cls)):  # type: ignore[arg-type]
            filled_in["folder"] = str(card.parent)
        return cls(**checked, **filled_in)
    except ValidationError as error:
        said = card_sentence(error, model, above=SECTION)
        unknown = any(found["type"] == "extra_forbidden" for found in error.errors()) and "did you mean" not in said
        raise CardError(f"{card}: {said}; {WAY_OUT}" if unknown else f"{card}: {said}") from error
    except UsageError as error:
        raise CardError(f"{card}: {SECTION}: {error}") from error


def _value(cls: type[Frontend], key: str, value: Any) -> Any:
    """A TOML value as a setting: "none" where there may be nothing, and a tuple for an array."""
    if value == NOTHING and type(None) in getattr(get_type_hints(cls).get(key), "__args__", ()):
        return None
    return tuple(value) if isinstance(value, list) else value


def _model_of(cls: type[Frontend]) -> type[BaseModel]:
    """A pydantic model of a front-end's dataclass fields, which takes no other key."""
    hints = get_type_hints(cls)
    settable = (field for field in dataclasses.fields(cls) if field.init and field.name not in NOT_IN_A_CARD)  # type: ignore[arg-type]
    fields: dict[str, Any] = {field.name: (hints[field.name], _default(field)) for field in settable}
    config = ConfigDict(extra="forbid", strict=True)
    return create_model(cls.__name__, __config__=config, **fields)


def _default(field: dataclasses.Field[Any]) -> Any:
    return ... if field.default is dataclasses.MISSING else field.default
