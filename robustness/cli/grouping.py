"""How does a command take its options as a few records, and how do all commands get -q and -v?

A parameter of a command whose type is a frozen dataclass of options is spread out for the command line: each field is an option, and the
options of a record are one panel of `--help`, named by its `panel`. typer reads the signature, so the spread function has one of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

from robustness.cli.printing import Manner, speaking

CommandFunction = Callable[..., Any]
Marked = TypeVar("Marked", bound=CommandFunction)
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and errors: no progress, no notes, no details.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also how long each stage took, and why rules pass.")]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout; what is said in words goes to stderr.")]
SPEECH: Final = {"quiet": Quiet, "verbose": Verbose}
PANEL: Final = "Output"
JSON: Final = "_gives_json"


def gives_json(command: Marked) -> Marked:
    """Marks a command that answers by `printing.answer`, and so takes --json."""
    setattr(command, JSON, True)
    return command


def spread(command: CommandFunction) -> CommandFunction:
    """The command as typer reads it: its records as single options, and -q, -v and perhaps --json beside them."""
    own = inspect.signature(command, eval_str=True).parameters
    records = {name: one.annotation for name, one in own.items() if isinstance(one.annotation, type) and is_dataclass(one.annotation)}
    speech = {**SPEECH, **({"as_json": Json} if getattr(command, JSON, False) else {})}

    def run(**given: Any) -> Any:
        manner = Manner(**{name: given.pop(name) for name in speech})
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in records.items()}
        with speaking(manner):
            return command(**given, **made)

    parameters = [*_parameters(own, records), *(_option(name, _in(PANEL, kind), False) for name, kind in speech.items())]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__doc__, run.__name__ = escaped(command.__doc__ or ""), command.__name__
    return run


def _parameters(own: Mapping[str, inspect.Parameter], records: Mapping[str, type]) -> Iterator[inspect.Parameter]:
    """A command's parameters in their order, a record's fields in its place."""
    for name, one in own.items():
        if name not in records:
            yield _option(name, _in(None, one.annotation), one.default)
            continue
        kind = records[name]
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            default = field.default if field.default_factory is MISSING else field.default_factory()
            yield _option(field.name, _in(kind.panel, hints[field.name]), default)  # type: ignore[attr-defined]


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _in(panel: str | None, annotation: Any) -> Any:
    """The annotation with its help in a panel; brackets are text and no markup."""
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *rest = get_args(annotation)
    info = next(copy(one) for one in rest if isinstance(one, ParameterInfo))
    info.help = escaped(info.help or "")
    info.rich_help_panel = escaped(panel) if panel else info.rich_help_panel
    return Annotated[kind, info]


def escaped(text: str) -> str:
    """Text in which rich finds no markup."""
    return text.replace("[", r"\[")
