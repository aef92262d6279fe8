"""Whether every sentence of a page agrees in number, whatever is counted: pages of one, two and many recordings, failing or not."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from robustness.report.page import sections_of
from robustness.report.sentences import scope
from robustness.report.view import View
from tests.report.planted import Plan, fails_at, write_run

NOUNS = (
    "answer bound card clip command condition cell decision difference draw edit failure file frame label layer lead level logit map model "
    "neighbour pair pass perturbation placement point recording row rule sample second speaker step take term variant voice window word"
).split()
ONE_OF_MANY = re.compile(rf"(?<![\w.,−–-])1 (?:other |failing |wrong )?({'|'.join(NOUNS)})(?:s|es)\b")
MANY_OF_ONE = re.compile(rf"(?<![\w.,−–-])(?:0|[2-9]|[1-9][\d,]*\d) (?:other |failing |wrong )?({'|'.join(NOUNS)})\b(?!s|es|[-’'])")
ONE_ARE = re.compile(r"(?:^|[:;(] ?|\. )1 (?:are|were|do|have|fail)\b")
MANY_IS = re.compile(r"(?:^|[:;(] ?|\. )(?:[2-9]|[1-9]\d+) (?:is|was|does|has|fails)\b")


def text_of(html: str) -> str:
    """What a page says, without scripts, styles and pictures."""
    body = re.sub(r"<(script|style|svg|pre|code)\b.*?</\1>", " ", html, flags=re.DOTALL)
    spaced = re.sub(r"</?(?:p|td|th|li|dt|dd|h\d|tr|summary|figcaption|button|div|section|span|small)\b[^>]*>", " \n ", body)
    plain = unescape(re.sub(r"<[^>]+>", "", spaced)).replace("\u00a0", " ")
    return "\n".join(" ".join(line.split()) for line in plain.split("\n") if line.strip())


def disagreeing(text: str) -> list[str]:
    """Every place where a number and its word do not agree."""
    return [
        line[max(0, match.start() - 40) : match.end() + 40]
        for line in text.split("\n")
        for pattern in (ONE_OF_MANY, MANY_OF_ONE, ONE_ARE, MANY_IS)
        for match in [pattern.search(line)]
        if match
    ]


@pytest.mark.parametrize(
    "wrong", ["1 recordings fail", "2 recording fails", "It is so: 1 are bad", "No more. 3 is bad", "of 1 voices", "0 edit"]
)
def test_what_does_not_agree_is_found(wrong: str) -> None:
    assert disagreeing(wrong)


@pytest.mark.parametrize(
    "right",
    ["1 recording fails", "2 recordings fail", "1 of 10 commands is missed", "0.1 points", "a 16 kHz take", "21 takes", "1.5 points"],
)
def test_what_agrees_is_left(right: str) -> None:
    assert disagreeing(right) == []


@pytest.mark.parametrize("words", [("up",), ("up", "left"), ("up", "left", "go", "two") * 3, (None,), (None, None)])
@pytest.mark.parametrize("wrong", [(), ("up",), ("up", "left")])
def test_every_sentence_of_a_page_agrees_in_number(words: tuple[str | None, ...], wrong: tuple[str, ...], tmp_path: Path) -> None:
    speakers = ("ann",) * len(words)
    plan = Plan(words=words, answer=fails_at("start", dict.fromkeys(wrong, "go")), speakers=speakers, wordless=("up", "unknown"))
    view = View(write_run(plan, tmp_path / "run"))
    text = text_of("\n".join([*scope(view), *(str(part.html) for _, part in sections_of(view))]))
    assert len(text.split()) > 300
    assert disagreeing(text) == []


def test_every_sentence_of_the_example_agrees_in_number(root: Path) -> None:
    assert disagreeing(text_of((root / "reports" / "example" / "index.html").read_text(encoding="utf-8"))) == []
