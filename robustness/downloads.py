"""How files that are not ours to ship are got: from a public repository at fixed commits, each known by its SHA-256.

Everything is downloaded beside its place and verified before anything is put there; a file that is already there and right is
left alone, one that is there and wrong is never replaced.
"""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from robustness.errors import FetchError, OutputError, UsageError

SETS: Final = ("tutorial",)
INSTEAD: Final = "check the network and try again, or take a copy: `--weights PATH` and `--recordings PATH` use files from anywhere"


class RemoteFile(BaseModel):
    """One file: where it lies in the repository, where it goes, and how it is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    commit: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
    to: str
    bytes: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a set consists of, and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: str
    base: str
    licence: str
    files: tuple[RemoteFile, ...]


class Fetched(NamedTuple):
    """What came of it: files got now, and files that were there already."""

    got: list[Path]
    there: list[Path]


def manifest_of(name: str) -> Manifest:
    """The manifest of a set.

    Raises:
        UsageError: where there is no such set.
    """
    if name not in SETS:
        raise UsageError(f"there is nothing to fetch by the name {name!r}; there is: {', '.join(SETS)}")
    return Manifest.model_validate(tomllib.loads(resources.files("robustness").joinpath(f"fetch_{name}.toml").read_text(encoding="utf-8")))


def fetch_files(
    manifest: Manifest, out: Path, *, base: str | None = None, timeout_s: float = 30.0, told: Callable[[RemoteFile], None] = lambda _: None
) -> Fetched:
    """Downloads what is missing of a set, verifies it, and puts it in its place.

    Args:
        manifest: the set.
        out: the folder under which the files go.
        base: where to get them from instead of the manifest's base; a file is at base/commit/path.
        timeout_s: how long a server may be silent.
        told: called with each file before it is downloaded.

    Raises:
        FetchError: where a file cannot be got or is not the one expected; then nothing was written.
        OutputError: where a file of that name is there with other contents, or the folder cannot be written.
        UsageError: where `base` is no http or https address.
    """
    source = _checked_base(base or manifest.base)
    try:
        there = [file for file in manifest.files if _is_there(out / file.to, file)]
        missing = [file for file in manifest.files if file not in there]
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=out) as beside:
            for file in missing:
                told(file)
                url = f"{source}/{file.commit}/{urllib.parse.quote(file.path)}"
                (Path(beside) / file.sha256).write_bytes(_download(url, file, timeout_s))
            for file in missing:
                (out / file.to).parent.mkdir(parents=True, exist_ok=True)
                (Path(beside) / file.sha256).rename(out / file.to)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}); give another --out") from error
    return Fetched([out / file.to for file in missing], [out / file.to for file in there])


def _checked_base(base: str) -> str:
    parts = urllib.parse.urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UsageError(f"--from {base!r} is no address to fetch from; give one that begins with https:// or http://")
    return base.rstrip("/")


def _is_there(path: Path, file: RemoteFile) -> bool:
    if not path.exists():
        return False
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != file.sha256:
        raise OutputError(
            f"{path} is there already with other contents (SHA-256 {found[:12]}…, expected {file.sha256[:12]}…); it was left alone: "
            "move it away, or give another --out"
        )
    return True


def _download(url: str, file: RemoteFile, timeout_s: float) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            data: bytes = answer.read(file.bytes + 1)  # one more than expected: a longer answer is wrong, and is not read to its end
    except urllib.error.HTTPError as error:
        raise FetchError(f"{url} answers {error.code} {error.reason}; nothing was written: {INSTEAD}") from error
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"{url} cannot be reached or broke off ({_cause(error)}); nothing was written: {INSTEAD}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        length = f"more than {file.bytes}" if len(data) > file.bytes else f"{len(data)} of {file.bytes}"
        raise FetchError(
            f"{url} gave other contents than expected ({length} bytes, SHA-256 {found[:12]}…, expected {file.sha256[:12]}…); nothing was "
            "written: the file has changed, the transfer broke off, or something between here and there alters it"
        )
    return data


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
