"""Which settings does a front-end of the field have, by its name? Read from presets.toml.

TOML has no null: `"none"` there is None, for settings that may be.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS, Frontend

NOTHING: Final = "none"
ALWAYS: Final = ("rate_hz", "n_fft", "hop_samples", "n_mels", "f_min_hz", "top_db")  # a card says them even where they are the default


class FrontendPreset(NamedTuple):
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
def presets() -> dict[str, FrontendPreset]:
    """Every preset by name."""
    said = tomllib.loads(resources.files("robustness.frontends").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {name: _preset(dict(section)) for name, section in said.items()}


def _preset(section: dict[str, Any]) -> FrontendPreset:
    kind, about = section.pop("kind"), section.pop("about")
    return FrontendPreset(kind, section, about)


def preset_named(name: str) -> FrontendPreset:
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


def made_from(name: str, **over: Any) -> Frontend:
    """The front-end of a preset, with single settings over it."""
    preset = preset_named(name)
    settings = {key: None if key == "top_db" and value == NOTHING else value for key, value in (preset.settings | over).items()}
    return FRONTENDS[preset.kind](**settings)


def card_settings(frontend: Frontend) -> dict[str, Any]:
    """A front-end as the keys of a card's section: its kind, what always stands there, and what is not the default."""
    found: dict[str, Any] = {"kind": frontend.name}
    known = {field.name: field for field in dataclasses.fields(frontend)}  # type: ignore[arg-type]
    for field in (known[name] for name in dict.fromkeys([*ALWAYS, *known]) if name in known):
        value = getattr(frontend, field.name)
        if field.init and (value != field.default or (field.name in ALWAYS and value is not None)):
            found[field.name] = NOTHING if value is None else value
    return found
