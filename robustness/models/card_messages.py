"""How what pydantic finds wrong in a card becomes a sentence that names the key and what it should be."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

SHOWN: Final = 3
TYPES: Final = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def card_sentence(error: ValidationError, model: type[BaseModel], above: str = "") -> str:
    """What is wrong, key by key.

    Args:
        error: what pydantic found.
        model: the model that was validated, for the keys that exist and what each is.
        above: the dotted path of the section that was validated, empty for a whole card.
    """
    details = error.errors(include_url=False)
    misspelt = {_dotted(d, above): near for d in details if (near := _near(d, model))}
    meant = set(misspelt.values())
    wrong = [d for d in details if not (d["type"] == "missing" and d["loc"][-1] in meant)]
    parts = [_part(d, model, above, misspelt.get(_dotted(d, above))) for d in wrong]
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + more


def _part(detail: ErrorDetails, model: type[BaseModel], above: str, near: str | None) -> str:
    key = _dotted(detail, above)
    if detail["type"] == "extra_forbidden":
        if len(detail["loc"]) > 1 and detail["loc"][-1] in model.model_fields:
            return f"there is no key `{key}`; `{detail['loc'][-1]}` is a key of the card itself: write it above the first [section]"
        there = ", ".join(_fields(model, detail["loc"][:-1]))
        return f"there is no key `{key}`; " + (f"did you mean `{near}`?" if near else f"the keys there are {there}")
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    expected = _description(model, detail["loc"])
    if detail["type"] == "missing":
        return f"`{key}` is missing; expected {expected}"
    reason = detail["msg"][0].lower() + detail["msg"][1:]
    return f"`{key}` is {_short(detail['input'])}; expected {expected} ({reason})"


def _dotted(detail: ErrorDetails, above: str) -> str:
    text = above
    for part in detail["loc"]:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _near(detail: ErrorDetails, model: type[BaseModel]) -> str | None:
    if detail["type"] != "extra_forbidden":
        return None
    near = difflib.get_close_matches(str(detail["loc"][-1]), _fields(model, detail["loc"][:-1]), n=1)
    return near[0] if near else None


def _fields(model: type[BaseModel], loc: tuple[int | str, ...]) -> Mapping[str, FieldInfo]:
    """The keys of the section at that place; of the innermost that is known."""
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = _section(field.annotation) if field else None
        if inner is None:
            break
        model = inner
    return model.model_fields


def _section(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *getattr(annotation, "__args__", ()))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _description(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    names = [part for part in loc if isinstance(part, str)]
    for end in range(len(names), 0, -1):
        field = _fields(model, tuple(names[: end - 1])).get(names[end - 1])
        if field is not None:
            return field.description or _type_name(field.annotation)
    return "something else"


def _type_name(annotation: Any) -> str:
    """What a TOML value of that type is called."""
    options = [option for option in getattr(annotation, "__args__", (annotation,)) if option is not type(None)]
    return " or ".join(TYPES.get(option, str(option)) for option in options)


def _short(value: object, longest: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}…"
