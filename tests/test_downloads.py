from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from robustness.downloads import Manifest, RemoteFile, fetch_files, manifest_of
from robustness.errors import FetchError, OutputError, UsageError
from tests.http_server import Quiet, serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENTS = {"models/net.pt": b"weights" * 30_000, "files/a word.wav": b"RIFF", "LICENSE": b"MIT\n"}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for path, contents in CONTENTS.items():
        place = tmp_path / "served" / COMMIT / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(contents)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(tmp_path / "served") as address:
        yield address


def manifest(**expected: bytes) -> Manifest:
    """The served files, as they are or as a test expects them to be, by their stems."""
    files = []
    for path, served in CONTENTS.items():
        data = expected.get(Path(path).stem, served)
        digest = hashlib.sha256(data).hexdigest()
        files.append(RemoteFile(path=path, commit=COMMIT, to=f"got/{Path(path).name}", bytes=len(data), sha256=digest))
    return Manifest(repository="https://example.org/r", base="https://example.org/raw", licence="MIT", files=tuple(files))


def left_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_what_is_served_arrives_byte_for_byte_and_is_not_fetched_twice(server: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked: list[str] = []
    first = fetch_files(manifest(), out, base=server + "/", told=lambda file: asked.append(file.path))
    assert {path.name: path.read_bytes() for path in first.got} == {Path(path).name: data for path, data in CONTENTS.items()}
    assert left_in(out) == ["got/LICENSE", "got/a word.wav", "got/net.pt"]
    assert asked == list(CONTENTS)
    second = fetch_files(manifest(), out, base=server, told=lambda file: asked.append(file.path))
    assert (second.got, len(second.there), len(asked)) == ([], 3, 3)


def test_only_what_is_missing_is_fetched(server: str, tmp_path: Path) -> None:
    fetch_files(manifest(), tmp_path / "out", base=server)
    (tmp_path / "out/got/LICENSE").unlink()
    again = fetch_files(manifest(), tmp_path / "out", base=server)
    assert [path.name for path in again.got] == ["LICENSE"]


@pytest.mark.parametrize(
    ("expected", "told"),
    [(b"Mit\n", "other contents than expected .4 of 4 bytes"), (b"MI", "more than 2 bytes"), (b"MIT and more\n", "4 of 13 bytes")],
)
def test_other_contents_are_refused_and_nothing_is_left(server: str, tmp_path: Path, expected: bytes, told: str) -> None:
    with pytest.raises(FetchError, match=told):
        fetch_files(manifest(LICENSE=expected), tmp_path / "out", base=server)
    assert left_in(tmp_path / "out") == []


def test_a_missing_file_is_named_with_the_answer(server: str, tmp_path: Path) -> None:
    (tmp_path / "served" / COMMIT / "LICENSE").unlink()
    with pytest.raises(FetchError, match=r"LICENSE answers 404 File not found; nothing was written"):
        fetch_files(manifest(), tmp_path / "out", base=server)
    assert left_in(tmp_path / "out") == []


def test_no_server_is_told_with_what_to_do(server: str, tmp_path: Path) -> None:
    host, port = server.rsplit(":", 1)
    with pytest.raises(FetchError, match=r"cannot be reached or broke off .*Connection refused.*--weights PATH"):
        fetch_files(manifest(), tmp_path / "out", base=f"{host}:{1 if port != '1' else 2}")


class Silent(Quiet):
    def do_GET(self) -> None:
        threading.Event().wait(1.0)


def test_a_silent_server_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(tmp_path, Silent) as address, pytest.raises(FetchError, match="timed out"):
        fetch_files(manifest(), tmp_path / "out", base=address, timeout_s=0.2)


def test_a_file_of_the_same_name_is_left_alone(server: str, tmp_path: Path) -> None:
    (tmp_path / "out/got").mkdir(parents=True)
    (tmp_path / "out/got/net.pt").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"net.pt is there already with other contents .* left alone"):
        fetch_files(manifest(), tmp_path / "out", base=server)
    assert left_in(tmp_path / "out") == ["got/net.pt"]
    assert (tmp_path / "out/got/net.pt").read_bytes() == b"mine"


def test_a_file_in_place_of_the_folder_is_refused(server: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch_files(manifest(), tmp_path / "out", base=server)


@pytest.mark.parametrize("address", ["file:///etc", "ftp://host/x", "models", ""])
def test_only_web_addresses_are_fetched_from(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="no address to fetch from"):
        fetch_files(manifest(), tmp_path, base=address or "//")


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to fetch by the name 'tutorials'; there is: tutorial"):
        manifest_of("tutorials")


def test_a_manifest_without_a_whole_hash_is_refused() -> None:
    with pytest.raises(ValidationError, match="sha256"):
        RemoteFile(path="a", commit=COMMIT, to="a", bytes=1, sha256="abc")


def test_the_tutorials_manifest_is_the_checkpoint_its_licence_and_twenty_words() -> None:
    files = manifest_of("tutorial").files
    assert len({file.to for file in files}) == len(files) == 22
    assert sum(file.to.endswith("_1.wav") for file in files) == 20
    assert not any(Path(file.to).is_absolute() or ".." in Path(file.to).parts for file in files)


def test_the_tutorials_hashes_are_those_of_its_files(shared: Path) -> None:
    place = {"speech_commands_model.pt": shared / "tutorial/speech_commands_model.pt", "LICENSE": shared / "tutorial/LICENSE"}
    for file in manifest_of("tutorial").files:
        name = Path(file.to).name
        data = place.get(name, shared / "tutorial/recordings" / name).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.sha256, file.bytes), file.to
