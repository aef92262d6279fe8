"""A run folder that is damaged in any way is refused in a sentence by all that read one, and one that is whole is not."""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustness.errors import RunError
from robustness.run.integrity import checked_run
from robustness.run.schema import EARLIER, LATER

SEEDS: Final = range(72)
Damage = Callable[[Path, random.Random], str]


@pytest.fixture(scope="module")
def whole(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(root / "reports" / "example", folder, ignore=shutil.ignore_patterns("index.html"))
    return folder


FOR_OTHERS: Final = frozenset({"explanations.parquet"})  # what we write for others to read, and read nowhere


def files(folder: Path) -> list[Path]:
    """All that is read to draw, judge or compare."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".html" and path.name not in FOR_OTHERS)


def cut(folder: Path, rng: random.Random) -> str:
    path = rng.choice([path for path in files(folder) if path.name != "manifest.json"])
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) * 3 // 4)])
    return path.name


def zeroed(folder: Path, rng: random.Random) -> str:
    path = rng.choice([path for path in files(folder) if path.suffix != ".wav"])
    path.write_bytes(bytes(len(path.read_bytes())))
    return path.name


def gone(folder: Path, rng: random.Random) -> str:
    path = rng.choice([path for path in files(folder) if path.name not in {"request.json", "audit.json", "failures.json"}])
    path.unlink()
    return path.name


def led_out(folder: Path, rng: random.Random) -> str:
    path = rng.choice([path for path in files(folder) if path.suffix != ".html"])
    away = folder.parent / "away" / path.name
    away.parent.mkdir(exist_ok=True)
    path.rename(away)
    path.symlink_to(away)
    return path.name


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each key of a JSON value that a reader needs."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(key, str) and key not in OPTIONAL:
            yield (*at, key)
        if key not in FREE:
            yield from places(inner, (*at, key))


FREE: Final = frozenset(  # what is in these may be anything, or is named by the run
    {"about", "settings", "engine", "versions", "grids", "provenance", "no_word", "noises", "selection", "audio_sha256", "values", "words",
     "max_abs", "probabilities", "skipped", "cards", "variants", "trust", "change", "passes"}
)  # fmt: skip
OPTIONAL: Final = frozenset(  # what older runs do not have, or nobody needs
    {"differences", "segments", "donor", "ladder", "following", "in_noise", "trust", "steps", "surrogate", "logit_gap", "completeness_gap",
     "score_change", "within_bound", "restored_at_ms", "restored_by_ms", "restored_lost_ms", "searched_ms", "batch", "threads", "devices",
     "engine", "no_word", "noises", "selection", "variants", "calibration", "perturbations", "device", "skip_bad", "audio", "kind", "card",
     "frontend", "draw", "fill", "level", "placement", "perturbation", "about", "role", "counterpart_of", "logits", "window",
     "p", "outside", "inputs"}
)  # fmt: skip


def told(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def without_a_key(folder: Path, rng: random.Random) -> str:
    path = rng.choice([folder / "manifest.json", *(folder / "evidence" / f"{name}.json" for name in ("failures", "restoring", "audit"))])
    content = told(path)
    *way, key = rng.choice([place for place in places(content) if place[-1] not in {"counterpart"} or "drop" not in place])
    inner = content
    for step in way:
        inner = inner[step]
    del inner[key]
    path.write_text(json.dumps(content), encoding="utf-8")
    return f"{path.name} without {'.'.join(map(str, [*way, key]))}"


def of_another_kind(folder: Path, rng: random.Random) -> str:
    path = rng.choice([folder / "manifest.json", *(folder / "evidence" / f"{name}.json" for name in ("failures", "restoring", "audit"))])
    content = told(path)
    *way, key = rng.choice([place for place in places(content) if place[-1] not in {"counterpart", "repeat"} or "drop" not in place])
    inner = content
    for step in way:
        inner = inner[step]
    inner[key] = {"not": ["what", "it", "was"]} if not isinstance(inner[key], dict) else float("nan")
    path.write_text(json.dumps(content), encoding="utf-8")
    return f"{path.name} with another {'.'.join(map(str, [*way, key]))}"


def table_of(folder: Path, rng: random.Random, change: Callable[[pd.DataFrame], pd.DataFrame]) -> str:
    parts = [path for path in sorted((folder / "trials").iterdir()) if pq.read_table(path, columns=["label"])["label"].null_count < 1]
    path = rng.choice(parts)  # one with words; windows without a word lie in a part of their own
    frame = pq.read_table(path).to_pandas()
    words = {name: str for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    changed = change(frame.astype({name: object for name in words}))
    pq.write_table(pa.Table.from_pandas(changed, preserve_index=False), path)
    return path.name


def rows_twice(folder: Path, rng: random.Random) -> str:
    return table_of(folder, rng, lambda rows: pd.concat([rows, rows.sample(3, random_state=rng.randrange(99))]))


def rows_gone(folder: Path, rng: random.Random) -> str:
    def spoiled(rows: pd.DataFrame) -> pd.DataFrame:
        words = rows[rows["perturbation"] != "no-word"]
        return rows.drop(words.sample(2, random_state=rng.randrange(99)).index)

    return table_of(folder, rng, spoiled)


def column_gone(folder: Path, rng: random.Random) -> str:
    return table_of(folder, rng, lambda rows: rows.drop(columns=rng.choice(list(rows.columns))))


def no_number(folder: Path, rng: random.Random) -> str:
    def spoiled(rows: pd.DataFrame) -> pd.DataFrame:
        labelled = rows.index[rows["label"].notna()]
        rows.loc[rng.choice(list(labelled)), "margin"] = np.nan if rng.random() < 0.5 else np.inf
        return rows

    return table_of(folder, rng, spoiled)


def unknown_name(folder: Path, rng: random.Random) -> str:
    column = rng.choice(["label", "predicted", "rival", "recording", "variant", "model", "placement", "fill", "perturbation"])

    def spoiled(rows: pd.DataFrame) -> pd.DataFrame:
        labelled = rows.index[rows["label"].notna()]
        rows.loc[rng.choice(list(labelled)), column] = "nobody knows"
        return rows

    return f"{table_of(folder, rng, spoiled)} {column}"


def recordings_spoiled(folder: Path, rng: random.Random) -> str:
    path = folder / "recordings.parquet"
    frame = pq.read_table(path).to_pandas()
    changed = rng.choice(
        [pd.concat([frame, frame[:1]]), frame[1:], frame.drop(columns=rng.choice(list(frame.columns))), frame.assign(label="nobody knows")]
    )
    pq.write_table(pa.Table.from_pandas(changed, preserve_index=False), path)
    return path.name


def arrays_spoiled(folder: Path, rng: random.Random) -> str:
    path = rng.choice(sorted((folder / "evidence").glob("*.npz")))
    with np.load(path) as content:
        arrays = {key: content[key] for key in content.files}
    kind = rng.randrange(3)
    if kind == 0:
        arrays = {key: array for key, array in arrays.items() if key != "log_mel"}
    elif kind == 1:
        arrays["log_mel"] = np.full_like(arrays["log_mel"], np.nan)
    else:
        arrays["log_mel"] = arrays["log_mel"][:, :5]
    np.savez(path, **arrays)
    return path.name


KINDS: Final[tuple[Damage, ...]] = (
    cut, zeroed, gone, led_out, without_a_key, of_another_kind, rows_twice, rows_gone, column_gone, no_number, unknown_name,
    recordings_spoiled, arrays_spoiled,
)  # fmt: skip


def said_by(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    from robustness.cli.main import run

    monkeypatch.setattr(sys, "argv", ["robustness", *arguments])
    status = run()
    return status, capsys.readouterr().err


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_damaged_is_refused_in_a_sentence(
    seed: int, whole: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, run = random.Random(seed), tmp_path / "run"
    shutil.copytree(whole, run)
    damage = KINDS[seed % len(KINDS)]
    what = f"{damage.__name__}: {damage(run, rng)}"
    for arguments in (
        ("report", "--from", str(run)),
        ("gate", "--from", str(run), "--rules", str(root / "gates.toml"), "--out", str(tmp_path / "out")),
        ("compare", str(whole), str(run), "--out", str(tmp_path / "compare.html")),
    ):
        status, says = said_by(monkeypatch, capsys, *arguments)
        assert status in {2, 3}, f"{what}: {arguments[0]} ends with {status}: {says}"
        assert re.match(r"robustness: .+; make (it again with|one by) `robustness .+`\n$", says), f"{what}: {says}"
    assert not (run / "index.html").exists()


def test_a_whole_run_of_an_older_schema_is_read(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    manifest = told(run / "manifest.json")
    (run / "manifest.json").write_text(json.dumps({**manifest, "schema": 1}), encoding="utf-8")
    for part in (run / "trials").iterdir():
        table = pq.read_table(part).drop_columns(sorted(LATER))
        pq.write_table(table.rename_columns([EARLIER.get(name, name) for name in table.column_names]), part)
    assert checked_run(run).schema == 1
    assert said_by(monkeypatch, capsys, "report", "--from", str(run)) == (0, "")
    assert (run / "index.html").exists()


def test_links_within_the_folder_are_followed(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    sound = next((run / "evidence").glob("*.wav"))
    sound.rename(run / "evidence" / "kept.wav")
    sound.symlink_to("kept.wav")
    assert checked_run(run).path == run
    (run / "evidence" / "kept.wav").unlink()
    with pytest.raises(RunError, match=rf"{sound.name} is not there; make it again with `robustness report --model models/digits\.toml"):
        checked_run(run)


def test_a_run_that_was_stopped_before_its_first_answers_says_how_to_go_on(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    shutil.rmtree(folder / "trials")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"complete": False, "interrupted": True}), encoding="utf-8")
    with pytest.raises(RunError, match=r"was interrupted before its first answers; `robustness report .*` with --resume goes on with it"):
        checked_run(folder)
