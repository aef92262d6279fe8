"""Nested tables as TOML text, in the order given: what the standard library reads and does not write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

MOST_INLINE: Final = 4  # a table of so many plain values, inside another table, is written on one line


def to_toml(content: Mapping[str, Any]) -> str:
    """TOML that `tomllib` reads back as the same tables.

    Args:
        content: strings, numbers, booleans, lists of those, and tables of such.
    """
    return "\n".join(_table(content, ())).lstrip("\n") + "\n"


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping) or (path and _inline(value))}
    lines = ["", f"[{'.'.join(map(_key, path))}]"] if path and (plain or not content) else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in content.items():
        if key not in plain:
            lines += _table(value, (*path, key))
    return lines


def _inline(value: Mapping[str, Any]) -> bool:
    return len(value) <= MOST_INLINE and not any(isinstance(inner, Mapping) for inner in value.values())


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else json.dumps(key, ensure_ascii=False)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)
