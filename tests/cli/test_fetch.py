from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from robustness.downloads import manifest_of
from tests.http_server import serving


def fetch(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robustness", "fetch", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ | {"no_proxy": "127.0.0.1"}, capture_output=True, text=True, check=False)


def test_the_tutorial_arrives_where_its_card_looks_for_it(shared: Path, tmp_path: Path) -> None:
    for file in manifest_of("tutorial").files:
        place = tmp_path / "served" / file.commit / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        parent = shared / "tutorial" / ("recordings" if file.path.startswith("files/") else "")
        place.write_bytes((parent / Path(file.path).name).read_bytes())
    with serving(tmp_path / "served") as address:
        done = fetch("tutorial", "--from", address, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "22 files fetched and verified; from https://github.com/jumpml/pytorch-tutorials, licence MIT" in done.stdout
    assert (tmp_path / "models/speech_commands_model.pt").read_bytes() == (shared / "tutorial/speech_commands_model.pt").read_bytes()
    words = {path.name for path in (tmp_path / "recordings/tutorial").glob("*.wav")}
    assert words == {path.name for path in (shared / "tutorial/recordings").iterdir()}


def test_what_cannot_be_got_is_a_sentence_and_2(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as address:
        done = fetch("tutorial", "--from", address, "--out", "got", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"robustness: {address}/")
    assert "answers 404" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path for path in (tmp_path / "got").rglob("*") if path.is_file()] == []


def test_an_unknown_set_is_named(tmp_path: Path) -> None:
    done = fetch("tutorials", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "robustness: there is nothing to fetch by the name 'tutorials'; there is: tutorial\n")
