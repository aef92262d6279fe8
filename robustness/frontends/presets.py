"""Which settings does a front-end of the field have, by its name? Read from presets.toml.

TOML has no null: `"none"` there is None, for settings that may be.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from robustness.errors import UsageError


class Preset(NamedTuple):
    """A front-end of the field.

    Attributes:
        kind: the front-end's name.
        settings: its settings that are no defaults.
        about: whose it is.
    """

    kind: str
    settings: dict[str, Any]
    about: str


@cache
def presets() -> dict[str, Preset]:
    """Every preset by name."""
    said = tomllib.loads(resources.files("robustness.frontends").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {name: _preset(dict(section)) for name, section in said.items()}


def _preset(section: dict[str, Any]) -> Preset:
    kind, about = section.pop("kind"), section.pop("about")
    return Preset(kind, section, about)


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UsageError: there is none; the message lists those that exist.
    """
    known = presets()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"there is no preset {name!r}; {hint}those that exist: {', '.join(known)}")
