"""The command `robustness`: one file a command, and what each ending means to a shell.

A file NAME.py of this folder defines the command NAME as a function of that name, or as a group of commands. Nothing heavy is imported
here or at the top of those files, so that `--help` is instant.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.exceptions import Abort, TyperException

from robustness import cli
from robustness.cli.grouping import escaped, spread
from robustness.cli.memory import keep_few_programs, keep_freed_memory
from robustness.cli.printing import note, say, warn
from robustness.cli.settings import with_settings
from robustness.errors import BUG, CANNOT_JUDGE, DONE, INTERRUPTED, PIPE_CLOSED, USER_ERROR, RobustnessError

# Threads that wait by spinning stop each other on a busy machine: 50 s became 12 s there. Read by OpenMP when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ENDED: Final = (
    "code that the model card names ended the program by {}, and nothing was finished; "
    'put what it does when it is run behind `if __name__ == "__main__":`'
)
APART: Final = ("grouping", "main", "memory", "options", "printing", "progress", "repeating", "settings", "verdict_lines")  # no commands
app = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})


def _print_version(wanted: bool) -> None:
    if wanted:
        say(version("speech-robustness"))
        raise typer.Exit


@app.callback()
def root(
    shown: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """How fragile is a speech-command model, why does it err, and may a new one ship?

    Exit status: 0 done; 1 a rule failed; 2 the input or the usage is wrong; 3 valid input that cannot be judged; 70 a bug; 130 Ctrl-C.
    """


def _add_commands() -> None:
    for name in sorted(module.name for module in pkgutil.iter_modules(cli.__path__)):
        if name not in APART:
            found = getattr(importlib.import_module(f"robustness.cli.{name}"), name)
            if isinstance(found, typer.Typer):
                for inner in found.registered_commands:
                    inner.callback = spread(inner.callback) if inner.callback else None
                app.add_typer(found, name=name, help=escaped(found.info.help or ""))
            else:
                app.command(name)(spread(found))


def main() -> None:
    """Runs the command line and exits with the documented status."""
    sys.exit(run())


def run() -> int:
    """Runs the command line; the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told, and kept, like Ctrl-C
    keep_freed_memory()
    keep_few_programs()
    try:
        status = app(_arguments(), standalone_mode=False)
    except RobustnessError as error:
        warn(f"robustness: {error}")
        for line in error.details:
            warn(line)
        return error.exit_status
    except TyperException as error:
        warn(f"robustness: {error.format_message()} (`robustness --help` and `robustness COMMAND --help` say more)")
        return USER_ERROR
    except (KeyboardInterrupt, Abort):
        warn("robustness: interrupted")
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        warn("robustness: this is a bug; please report it with the lines above")
        return BUG
    except BaseException as error:  # but for a pipe, never ours: what ends the program here is code that a card names
        return _ended(error)
    return status if isinstance(status, int) else DONE


def _arguments() -> list[str]:
    """What was given, with the settings of the folder; `sys.argv` has them too, so that a run says by which command it is repeated."""
    given = sys.argv[1:]
    if not given or given[0].startswith("-") or {"-h", "--help"} & set(given):
        return given or ["--help"]
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    sys.argv[1:], taken = with_settings(given, commands, Path.cwd())
    if taken and not {"-q", "--quiet"} & set(given):
        note(taken)
    return sys.argv[1:]


def _ended(error: BaseException) -> int:
    if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):  # typer's way
        return PIPE_CLOSED
    by = f"sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"raising {type(error).__name__}"
    warn(f"robustness: {ENDED.format(by)}")
    return CANNOT_JUDGE


_add_commands()
