from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from robustness.errors import CardError
from robustness.files import UnreadableError, json_of, sha256_of, text_of
from robustness.gates.rules import RulesError, read_rules
from robustness.models.card import read_card


def test_a_text_and_its_digest_are_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("größe = 1\n", encoding="utf-8")
    assert text_of(path) == "größe = 1\n"
    assert sha256_of(path, 100) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize(("most", "reads"), [(4, True), (3, False)])
def test_a_bound_is_a_bound(tmp_path: Path, most: int, reads: bool) -> None:
    path = tmp_path / "four"
    path.write_bytes(b"abcd")
    if reads:
        assert text_of(path, most) == "abcd"
        return
    for read in (text_of, sha256_of):
        with pytest.raises(UnreadableError, match="it has 4 bytes, and at most 3 are read"):
            read(path, most)


def test_what_never_ends_is_refused_before_it_is_opened(pipe: Path, tmp_path: Path) -> None:
    for path, kind in ((pipe, "a pipe"), (Path("/dev/zero"), "a device"), (tmp_path, "a folder")):
        with pytest.raises(UnreadableError, match=f"it is {kind} and no file"):
            text_of(path)
        with pytest.raises(CardError, match=rf"the card .* cannot be opened: it is {kind} and no file; give the path of a model card"):
            read_card(path)
        with pytest.raises(RulesError, match=rf"the rules file .* cannot be read: it is {kind} and no file"):
            read_rules(path)


@pytest.mark.parametrize(("content", "why"), [(b"\xff\xfe", "it is no text in UTF-8"), (None, "No such file or directory")])
def test_what_is_no_text_is_said(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "card.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableError, match=why):
        text_of(path)


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "nul"])
def test_what_is_no_json_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableError, match="it is no JSON"):
        json_of(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": 1}', encoding="utf-8")
    assert json_of(tmp_path / "a.json") == {"a": 1}
