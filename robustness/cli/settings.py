"""What one always gives: options in `robustness.toml`, or in `[tool.robustness]` of pyproject.toml, of this folder or one above it.

A key is an option without its dashes and holds for every command that has it; a section named like a command is for that alone:

    [tool.robustness]
    model = "models/digits.toml"
    [tool.robustness.gate]
    rules = "gates.toml"

What the command line gives comes before it. Paths are relative to the file. With --from only `rules`, `baseline` and `reference` are taken.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from robustness.errors import UsageError
from robustness.files import UnreadableError, text_of

OWN: Final = "robustness.toml"
SHARED: Final = "pyproject.toml"
WITH_FROM: Final = ("rules", "baseline", "reference")
ROOT: Final = ".git"  # beside it the search upwards ends


@dataclass(frozen=True)
class FolderSettings:
    """What a file gives.

    Attributes:
        path: the file.
        values: its keys and sections.
    """

    path: Path
    values: Mapping[str, Any]

    @property
    def named(self) -> str:
        """The file for a message."""
        return self.path.name if self.path.name == OWN else f"[tool.robustness] of {self.path.name}"


def with_settings(arguments: Sequence[str], commands: Mapping[str, Any], here: Path) -> tuple[list[str], str]:
    """The arguments with what the settings give, before what was given; and a note on what was taken, empty without.

    Args:
        arguments: of the command line, the command first.
        commands: typer's, by name.
        here: the folder that the command runs in.

    Raises:
        UsageError: the file cannot be read, or a key is no option.
    """
    settings = found(here)
    if settings is None:
        return list(arguments), ""
    _refuse_unknown(settings, commands)
    command = commands.get(arguments[0]) if arguments else None
    if command is None or hasattr(command, "commands"):
        return list(arguments), ""
    taken: dict[str, list[str]] = {}
    for key, value in _values(settings, arguments[0], command).items():
        option = _options(command)[key]
        if not _given(option, arguments) and not ("--from" in arguments and key not in WITH_FROM):
            taken[key] = list(_words(settings, key, option, value, here))
    words = [word for each in taken.values() for word in each]
    note = f"{', '.join(taken)} as in {settings.named}" if words else ""
    return [arguments[0], *words, *arguments[1:]], note


def found(here: Path) -> FolderSettings | None:
    """The nearest settings in this folder or above; None without.

    Raises:
        UsageError: a file cannot be read.
    """
    for folder in (here, *here.parents):
        if (folder / OWN).is_file():
            return FolderSettings(folder / OWN, _toml(folder / OWN))
        if (folder / SHARED).is_file():
            content = _toml(folder / SHARED).get("tool", {}).get("robustness")
            if content is not None:
                return FolderSettings(folder / SHARED, content)
        if (folder / ROOT).exists():
            return None
    return None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path))
    except (UnreadableError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"the settings in {path.name} cannot be read: {error}; mend the file, or take it away") from error


def _options(command: Any) -> dict[str, Any]:
    """A command's options by their long names without dashes."""
    named = ((name.removeprefix("--"), option) for option in command.params for name in option.opts if name.startswith("--"))
    return {name: option for name, option in named if name not in ("help", "from")}


def _refuse_unknown(settings: FolderSettings, commands: Mapping[str, Any]) -> None:
    single = {name: _options(command) for name, command in commands.items() if not hasattr(command, "commands")}
    anywhere = {name for options in single.values() for name in options}
    for key, value in settings.values.items():
        known = single.get(key) if isinstance(value, dict) else None
        wrong = [one for one in value if one not in known] if known is not None else [] if key in anywhere else [key]
        if wrong:
            near = difflib.get_close_matches(wrong[0], [*(known or anywhere), *single], n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            whose = f" of {key}" if known else ""
            raise UsageError(f"{settings.named}: `{wrong[0]}` is no option{whose}; {hint}see `robustness COMMAND --help`")


def _values(settings: FolderSettings, name: str, command: Any) -> dict[str, Any]:
    """What the file gives this command: its own section before what holds for all."""
    own: dict[str, Any] = settings.values.get(name, {})
    known = _options(command)
    return {key: value for key, value in settings.values.items() if key in known and not isinstance(value, dict)} | own


def _given(option: Any, arguments: Sequence[str]) -> bool:
    names = (*option.opts, *option.secondary_opts)
    return any(word in names or word.partition("=")[0] in names for word in arguments)


def _words(settings: FolderSettings, key: str, option: Any, value: Any, here: Path) -> Iterator[str]:
    """An option and its value as on the command line."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{settings.named}: `{key}` is {value!r}; expected true or false")
        chosen = option.opts if value else option.secondary_opts
        yield from chosen[:1]
        return
    if isinstance(value, dict) or (isinstance(value, list) and not option.multiple):
        raise UsageError(f"{settings.named}: `{key}` is {value!r}; expected one value")
    for one in value if isinstance(value, list) else [value]:
        text = str(one)
        if key == "input":
            name, equals, folder = text.partition("=")
            text = f"{name}{equals}{_beside(settings.path, folder, here)}"
        yield option.opts[0]
        yield _beside(settings.path, text, here) if _is_path(option) else text


def _is_path(option: Any) -> bool:
    kind = option.type_descriptor.annotation
    return Path in (kind, *get_args(kind))


def _beside(file: Path, text: str, here: Path) -> str:
    """A path of the file as it is from here."""
    path = Path(text)
    return text if path.is_absolute() or file.parent == here else os.path.relpath(file.parent / path, here)
