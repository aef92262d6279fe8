"""What does a pull request on GitHub show of a gate? A remark at each rule's line that does not pass, and the summary of the step.

A remark is a workflow command, a line of the log; see "Workflow commands for GitHub Actions" in GitHub's documentation. Loads no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from robustness.errors import OutputError
from robustness.files import UnreadableError, text_of
from robustness.gates.rules import Rules
from robustness.gates.verdicts import Verdict, failing_first

ESCAPES: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
IN_PROPERTIES: Final = {**ESCAPES, ":": "%3A", ",": "%2C"}


def remarks(rules: Rules, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A workflow command for each rule that does not pass, at its line of the rules file."""
    lines = lines_of(rules)
    for verdict in failing_first(verdicts):
        if verdict.outcome in ("pass", "skipped"):
            continue
        kind = "error" if verdict.counts else "warning"
        place = f"file={_escaped(_relative(rules.source), IN_PROPERTIES)},line={lines.get(verdict.name, 1)}"
        title = _escaped(f"{verdict.name}: {verdict.word}", IN_PROPERTIES)
        yield f"::{kind} {place},title={title}::{_escaped(verdict.sentence, ESCAPES)}"


def lines_of(rules: Rules) -> dict[str, int]:
    """The line of each rule's section in its file, from 1; a rule that is written otherwise has none."""
    try:
        text = text_of(rules.source)
    except UnreadableError:  # it was read a moment ago
        return {}
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        section = re.match(r"""\s*\[\s*rule\s*\.\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*\]""", line)
        if section:
            found.setdefault(next(name for name in section.groups() if name is not None), number)
    return found


def links(rules: Rules, environment: Mapping[str, str]) -> str:
    """Markdown links to the workflow's run, where its files are, and to the rules as they were; empty outside of a workflow."""
    server, repository, run, commit = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID", "SHA"))
    if not (server and repository and run and commit):
        return ""
    there = f"{server}/{repository}"
    return f"[Files of this run]({there}/actions/runs/{run}) · [the rules]({there}/blob/{commit}/{quote(_relative(rules.source))})\n"


def append_summary(path: Path, text: str) -> None:
    """Adds the summary to that of the step.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"the step's summary {path.name} cannot be written ({error.strerror}); unset GITHUB_STEP_SUMMARY") from error


def _relative(path: Path) -> str:
    """The path from the folder that the command runs in, where that holds it: a remark's file is one of the repository."""
    whole, here = path.resolve(), Path.cwd().resolve()
    return (whole.relative_to(here) if whole.is_relative_to(here) else path).as_posix()


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
