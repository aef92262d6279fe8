"""Does anything that is read end otherwise than read, or refused in a sentence? Inputs that hypothesis draws, from a corpus that is kept.

`tests/corpus/KIND/` holds inputs that once broke something, or are near what does: each is tried as it is, and others are made of it.
`make fuzz` draws twenty times as many as `make test`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustness.audio.decoding import UnusableError, Wish, decode
from robustness.audio.labels import LabelSource, compiled
from robustness.audio.reading import open_recordings
from robustness.errors import CardError, RecordingError, RobustnessError, RunError, UsageError
from robustness.files import printable
from robustness.gates.rule_checks import checked_rules
from robustness.gates.rules import read_rules
from robustness.models.card import read_card
from robustness.models.frontend_settings import frontend_from
from robustness.run.integrity import checked_run
from tests.hostile.sounds import sound, write

CORPUS: Final = Path(__file__).parent / "corpus"
MORE: Final = int(os.environ.get("FUZZ", "1"))  # `make fuzz` says how many times as many
LONGEST_SENTENCE: Final = 3_000


def draws(count: int) -> settings:
    """So many examples, the same on each machine, and as slow as they like."""
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example, HealthCheck.data_too_large]
    return settings(max_examples=count * MORE, deadline=None, derandomize=MORE == 1, suppress_health_check=checks, database=None)


def kept(kind: str) -> list[bytes]:
    """The corpus of a kind."""
    return [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]


@st.composite
def changed(draw: st.DrawFn, kind: str) -> bytes:
    """An input of the corpus with bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(kept(kind))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)) if draw(st.booleans()) else st.integers(0, min(len(data), 120)))
        gone = draw(st.sampled_from((0, 1, 1, 2, 4, 100)))
        data[at : at + gone] = draw(
            st.binary(min_size=gone, max_size=gone) | st.binary(max_size=8) | st.sampled_from((b"\xff" * 4, bytes(4)))
        )
    return bytes(data)


@contextmanager
def may_refuse(*kinds: type[Exception]) -> Iterator[None]:
    """What is refused is refused in one sentence."""
    try:
        yield
    except kinds as error:
        said = printable(str(error))
        assert 10 < len(said) < LONGEST_SENTENCE
        assert "Traceback" not in said


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", "wav", sound())
    return tmp_path


@pytest.mark.slow
@draws(700)
@given(data=changed("audio"), suffix=st.sampled_from(("wav", "flac", "mp3", "ogg")))
def test_any_sound(place: Path, data: bytes, suffix: str) -> None:
    path = place / f"b.{suffix}"
    path.write_bytes(data)
    with may_refuse(UnusableError):
        samples = decode(path, Wish(16_000, 16_000)).samples
        assert 0 < len(samples) <= 16_000
        assert np.isfinite(samples.numpy()).all()


@pytest.mark.slow
@draws(300)
@given(data=changed("tables") | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_table(place: Path, data: bytes) -> None:
    table = place / "t.csv"
    table.write_bytes(data)
    for given_paths, source in (([table], LabelSource()), ([place / "a.wav"], LabelSource(csv=table))):
        with may_refuse(RecordingError, UsageError):
            assert all(clip.label for clip in open_recordings(given_paths, Wish(16_000, 16_000), labels=source).clips)


@pytest.mark.slow
@draws(400)
@given(pattern=st.text(max_size=20) | st.sampled_from(("{label}_{speaker}", "(?P<label>a)", "{label}*")), name=st.text(max_size=30))
def test_any_pattern_and_name(pattern: str, name: str) -> None:
    assert printable(printable(name)) == printable(name)
    assert len(printable(name).splitlines()) <= 1
    with may_refuse(UsageError):
        compiled(pattern).search(name)


@pytest.mark.slow
@draws(600)
@given(data=changed("cards"))
def test_any_card(place: Path, data: bytes) -> None:
    path = place / "card.toml"
    path.write_bytes(data)
    with may_refuse(CardError, UsageError):
        card = read_card(path)
        if card.frontend.factory is None:
            assert frontend_from(card.frontend.settings, path).hop_samples >= 1


@pytest.mark.slow
@draws(600)
@given(data=changed("rules"))
def test_any_rules(place: Path, data: bytes) -> None:
    path = place / "rules.toml"
    path.write_bytes(data)
    with may_refuse(UsageError):
        assert checked_rules(read_rules(path)).rule


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    return Path(shutil.copytree(root / "reports" / "example", folder, ignore=shutil.ignore_patterns("index.html")))


@pytest.mark.slow
@draws(60)
@given(data=st.data())
def test_any_run_folder(run: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(path for path in run.rglob("*.json"))))
    whole = path.read_bytes()
    content = json.loads(whole)
    where, key = content, None
    for _ in range(data.draw(st.integers(1, 5))):
        keys = list(where) if isinstance(where, dict) else range(len(where)) if isinstance(where, list) else ()
        if not keys:
            break
        parent, key = where, data.draw(st.sampled_from(keys))
        where = parent[key]
    if key is not None:
        parent[key] = data.draw(JSON)
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        with may_refuse(RunError):
            checked_run(run)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("path", sorted(CORPUS.rglob("*.*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_corpus_is_read_or_refused(place: Path, path: Path) -> None:
    copy = place / f"kept{path.suffix}"
    shutil.copy(path, copy)
    with may_refuse(RobustnessError):
        if path.parent.name == "audio":
            assert open_recordings([copy], Wish(16_000, 16_000), labels=LabelSource(required=False)).clips
        elif path.parent.name == "tables":
            assert open_recordings([copy], Wish(16_000, 16_000)).clips
        elif path.parent.name == "cards":
            assert read_card(copy).labels
        else:
            assert checked_rules(read_rules(copy)).rule
