"""Do the messages, pages and documents use what a speech engineer says? The words that were replaced stand in none of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from robustness.report.words import plural, some_of

REPLACED: Final = re.compile(
    r"\bheard rightly\b|\bheard as\b|\brightly\b|\bturn(?:s|ed)? wrong\b|with all (?:their|its) silence|\bforetold\b|\branks? below\b"
    r"|left out at a time|\bshams?\b|\bcollateral\b|\brungs?\b|noise floor\b|'s floor\b|\bgone? on with\b|begun otherwise|\bgot into\b"
    r"|\bbears? least\b|\bsounds? out\b|\bOf every random\b|\bof the drop\b|\ba drop of\b"
)
ROOMS: Final = (  # whose texts are read
    "analysis",
    "audio",
    "cli",
    "comparison.py",
    "gates",
    "inspector",
    "jobs",
    "models",
    "quantization",
    "report",
    "run",
    "sweep",
)
FIELDS: Final = re.compile(r"{[{%].*?[}%]}|<[^>]*>")  # of a template: names of records, and markup


def test_what_a_user_reads_has_none_of_the_words_that_were_replaced(root: Path) -> None:
    found = [f"{place}: {match[0]!r} in {text.strip()[:80]!r}" for place, text in visible(root) if (match := REPLACED.search(text))]
    assert found == []


def visible(root: Path) -> Iterator[tuple[str, str]]:
    """Every text that may reach a user: strings of the code with a space in them, scripts, templates, documents."""
    for room in ROOMS:
        path = root / "robustness" / room
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix == ".py":
                yield from ((f"{file.relative_to(root)}:{line}", FIELDS.sub(" ", text)) for line, text in strings(file))
            elif file.suffix in {".html", ".js"}:
                yield str(file.relative_to(root)), FIELDS.sub(" ", file.read_text(encoding="utf-8"))
    for file in [root / "README.md", *root.glob("docs/*.md")]:
        yield from ((f"{file.name}:{n}", line) for n, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1))


def strings(file: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    owners = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body]
    documented = {id(node.body[0].value) for node in owners if isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and id(node) not in documented:
            yield node.lineno, node.value


@pytest.mark.parametrize(
    ("count", "total", "said"),
    [
        (0, 20, "none of 20 recordings has"),
        (1, 20, "1 of 20 recordings has"),
        (2, 20, "2 of 20 recordings have"),
        (1, 1, "1 of 1 recording has"),
        (1200, 3000, "1,200 of 3,000 recordings have"),
    ],
)
def test_some_of_many_agree_with_their_verb(count: int, total: int, said: str) -> None:
    assert some_of(count, total, "recording", "has", "have") == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 passes"), (1, "1 pass"), (2, "2 passes"), (1000, "1,000 passes")])
def test_a_count_agrees_with_its_noun(count: int, said: str) -> None:
    assert plural(count, "pass", "passes") == said
