"""Is a sweep in shards, wherever they lie, the same bytes as one process, and is what does not fit together refused?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from robustness.audio import reading
from robustness.audio.decoding import Audio, Wish, decode
from robustness.errors import OutputError, RecordingError, RunError, UsageError
from robustness.explanations.cases import Cases
from robustness.explanations.diagnosis import Restoration
from robustness.explanations.explained_table import ExplainedRow
from robustness.explanations.failures import Failure
from robustness.jobs import shards
from robustness.jobs.assess import Job, assess, prepare
from robustness.jobs.request import Explaining, Request
from robustness.jobs.shards import explain_run, look_at_share, refuse_other_cpu, sweep_shard
from robustness.report.page import write_page
from robustness.run.blocks import Shard, SweepLayout
from robustness.run.folder import Run
from robustness.run.merging import Merger
from robustness.run.shards import ShardPlace
from robustness.run.store import store_of
from robustness.sweep import sweep
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings

FEW = Settings(perturbations=("padding-placement",), batch=4)


def silent(doing: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sweep, "RECORDINGS_AT_ONCE", 1)
        patched.setattr(sweep, "ROWS_A_PART", 1)
        yield


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("data")
    return Request((write_card(folder / "model"),), (write_recordings(folder / "words", 5),), settings=FEW, explaining=Explaining(cards=2))


@pytest.fixture(scope="module")
def job(request_: Request) -> Job:
    return prepare(request_)


@pytest.fixture(scope="module")
def whole(request_: Request, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return assess(request_, tmp_path_factory.mktemp("one") / "run")


@pytest.fixture(scope="module")
def halves(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halves")
    for number in (1, 2):
        sweep_shard(job, Shard(number, 2), place(folder / str(number)), silent)
    return folder


def place(address: Path | str) -> ShardPlace:
    return ShardPlace(store_of(str(address)))


def bytes_of(run: Run) -> dict[str, bytes]:
    """Every file by its name; the manifest without its provenance, which alone may differ."""
    files = {str(path.relative_to(run.path)): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    manifest = {key: value for key, value in run.manifest.items() if key != "provenance"}
    return files | {"manifest.json": json.dumps(manifest, sort_keys=True).encode()}


@pytest.mark.parametrize(("count", "where"), [(1, "{folder}/shards"), (7, "memory://{name}"), (40, "file://{folder}/shards")])
def test_any_number_of_shards_is_the_same_bytes_as_one_process(job: Job, whole: Run, tmp_path: Path, count: int, where: str) -> None:
    address = where.format(folder=tmp_path, name=tmp_path.name)
    for number in sorted({*range(1, min(count, 6) + 1), count}, reverse=True):  # 6 blocks: of 40 shards most have none
        sweep_shard(job, Shard(number, count), place(address), silent)
    merged = Merger.of([address]).write(tmp_path / "merged")
    assert len(merged.manifest["blocks"]) == 6
    swept = {name: content for name, content in bytes_of(whole).items() if not name.startswith(("evidence", "index"))}
    assert bytes_of(merged) == swept


def test_a_merged_run_is_explained_and_drawn_as_one_process_does(halves: Path, whole: Run, tmp_path: Path) -> None:
    Merger.of([str(halves / "1"), str(halves / "2")]).write(tmp_path / "merged")
    explain_run(tmp_path / "merged", lambda asked: asked, silent)
    assert bytes_of(Run(tmp_path / "merged")) == bytes_of(whole)


def test_failing_recordings_that_were_explained_in_shares_are_the_same_bytes(
    halves: Path, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained: list[str] = []
    of_one = Restoration.rows_for

    def told(self: Restoration, failure: Failure, cases: Cases) -> list[ExplainedRow]:
        explained.append(failure.recording)
        return of_one(self, failure, cases)

    monkeypatch.setattr(Restoration, "rows_for", told)
    merged = Merger.of([str(halves / "1"), str(halves / "2")]).write(tmp_path / "merged")
    for number in (1, 2):
        explain_run(merged.path, lambda asked: asked, silent, Shard(number, 2))
    assert explained
    assert len(explained) == len(set(explained)) == len(pd.read_parquet(whole.evidence / "explanations.parquet")["recording"].unique()) - 2
    explained.clear()
    explain_run(merged.path, lambda asked: asked, silent)
    assert explained == []
    assert bytes_of(Run.open(merged.path)) == bytes_of(whole)


def test_what_is_whole_is_not_computed_again_and_twice_the_same_is_no_error(job: Job, halves: Path, tmp_path: Path) -> None:
    assert sweep_shard(job, Shard(1, 2), place(halves / "1"), silent) == (0, 3, 6)
    sweep_shard(job, Shard(1, 3), place(tmp_path / "again"), silent)
    assert len(Merger.of([str(halves / "1"), str(halves / "2"), str(tmp_path / "again")]).blocks) == 6


def test_shards_that_are_taken_for_a_run_are_to_be_merged_first(halves: Path) -> None:
    with pytest.raises(RunError, match=r"not a run folder.*merge its shards by `robustness merge"):
        Run.open(halves / "1")


def test_what_is_missing_is_named_with_its_shard(halves: Path) -> None:
    with pytest.raises(RunError, match=r"block 00000001 \(recordings 2 to 2\), .*, block no-word are missing; run .* for 2/2 and"):
        Merger.of([str(halves / "1")])


def edit(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_block_twice_with_other_bytes_is_refused(job: Job, halves: Path, tmp_path: Path) -> None:
    sweep_shard(job, Shard(1, 2), place(tmp_path / "other"), silent)
    edit(tmp_path / "other" / "blocks" / "00000000.json", lambda block: block.update(parts={}))
    with pytest.raises(RunError, match=r"block 00000000 \(recordings 1 to 1\) was computed twice with other bytes"):
        Merger.of([str(halves / "1"), str(halves / "2"), str(tmp_path / "other")])


def test_a_part_that_was_changed_is_refused_and_nothing_is_left(job: Job, halves: Path, tmp_path: Path) -> None:
    sweep_shard(job, Shard(1, 2), place(tmp_path / "1"), silent)
    (tmp_path / "1" / "trials" / "part-00000002.parquet").write_bytes(b"other")
    with pytest.raises(RunError, match=r"part-00000002\.parquet is not the file that was written"):
        Merger.of([str(tmp_path / "1"), str(halves / "2")]).write(tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"settings": replace(FEW, seed=1)}, "settings seed 1 instead of 0"),
        ({"settings": replace(FEW, perturbations=("time-shift",))}, "other conditions"),
        ({"settings": replace(FEW, batch=3)}, "batch 3 instead of 4"),
        ({"variants": ("float32",)}, "variants float32 instead of float32, dynamic-int8"),
        ({"models": "other"}, "other models small weights_sha256"),
        ({"recordings": "fewer"}, "1 recording is gone"),
    ],
)
def test_shards_of_different_sweeps_are_refused(
    request_: Request, halves: Path, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    if change.get("models"):
        change = {"models": (write_card(tmp_path / "model", seed=1),)}
    if change.get("recordings"):
        change = {"recordings": (write_recordings(tmp_path / "words", 4),)}
    job = prepare(replace(request_, **change))  # type: ignore[arg-type]
    blocks = len(shards.BlockSweep(job).layout.blocks)
    sweep_shard(job, Shard(blocks + 1, blocks + 1), place(tmp_path / "other"), silent)  # none of its blocks
    with pytest.raises(RunError, match=rf"are of different sweeps: .*{says}"):
        Merger.of([str(halves / "1"), str(tmp_path / "other")])
    if not change.get("recordings"):
        with pytest.raises(RunError, match="holds a shard of another sweep"):
            sweep_shard(job, Shard(1, 1), place(halves / "1"), silent)


def test_processors_of_several_kinds_are_said_and_refused_where_they_may_not_be(
    job: Job, halves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "cpu_kind", lambda: "AVX2")
    with pytest.raises(RunError, match="and this processor is AVX2; run all shards on one kind of processor, or leave out --same-cpu"):
        refuse_other_cpu(place(halves / "1"))
    sweep_shard(job, Shard(2, 2), place(tmp_path / "2"), silent)
    both = [str(halves / "1"), str(tmp_path / "2")]
    with pytest.raises(RunError, match=r"computed on 2 kinds of processor: AVX2, .*or leave out --same-cpu"):
        Merger.of(both, same_cpu=True)
    run = Merger.of(both).write(tmp_path / "merged")
    assert run.manifest["blocks"]["00000001"]["cpu"] == "AVX2"
    write_page(run, run.path / "index.html")
    assert "2 kinds, AVX2 (3 blocks), " in (run.path / "index.html").read_text(encoding="utf-8")


def test_a_block_of_other_bytes_is_not_put_over_one_that_is_there(job: Job, tmp_path: Path) -> None:
    sweep_shard(job, Shard(6, 6), place(tmp_path), silent)
    facts = place(tmp_path).done()["no-word"]
    with pytest.raises(OutputError, match="has block no-word with other answers already"):
        place(tmp_path).add("no-word", replace(facts, parts={}), {})


@pytest.mark.parametrize(
    ("text", "says"),
    [("41/40", "numbered from 1/40 to 40/40"), ("0/40", "is beyond its count"), ("3", "such as 3/40"), ("-1/4", "such as 3/40")],
)
def test_a_shard_that_is_none(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Shard.read(text)


def test_every_block_is_in_one_shard() -> None:
    blocks = SweepLayout(1000, 64, no_word=True).blocks
    assert [(block.first, block.end) for block in blocks[:2]] == [(0, 64), (64, 128)]
    assert sorted(block for number in range(1, 8) for block in Shard(number, 7).of(blocks)) == sorted(blocks)


@pytest.mark.parametrize(
    ("address", "kind", "says"),
    [("nothing", RunError, "holds no shard"), ("nosuch://bucket/run", UsageError, "is no address that fsspec knows")],
)
def test_places_that_are_none(tmp_path: Path, address: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        Merger.of([address if ":" in address else str(tmp_path / address)])


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded to be looked at, as that happens."""
    names: list[str] = []

    def told(path: Path, wish: Wish) -> Audio:
        names.append(path.name)
        return decode(path, wish)

    monkeypatch.setattr(reading, "decode", told)
    return names


def test_what_was_looked_at_is_not_decoded_again_and_the_shards_are_the_same(
    request_: Request, job: Job, decoded: list[str], tmp_path: Path
) -> None:
    looked, plain = place(tmp_path / "looked"), place(tmp_path / "plain")
    counts = [look_at_share(request_, Shard(number, 2), looked, silent) for number in (1, 2)]
    assert sorted(decoded) == sorted(Path(clip.id).name for clip in job.reading.clips)
    assert counts == [3, 2]
    decoded.clear()
    again = prepare(request_, kept=looked)
    assert decoded == []
    for where, how in ((looked, again), (plain, job)):
        sweep_shard(how, Shard(1, 1), where, silent)
    assert again.reading.notices == job.reading.notices
    for name in ("recordings.parquet", "shards/1-of-1.json"):
        assert looked.store.read(name) == plain.store.read(name)


def test_a_file_that_has_changed_is_looked_at_again_or_refused_when_it_is_swept(
    request_: Request, decoded: list[str], tmp_path: Path
) -> None:
    folder = shutil.copytree(request_.recordings[0], tmp_path / "words")
    mine, kept = replace(request_, recordings=(folder,)), place(tmp_path / "shards")
    prepare(mine, kept=kept)
    longer, other = sorted(folder.rglob("*.wav"))[:2]
    samples, rate_hz = soundfile.read(longer, dtype="int16")
    soundfile.write(longer, np.concatenate([samples, samples[:160]]), rate_hz)
    decoded.clear()
    prepare(mine, kept=kept)
    assert decoded == [longer.name]
    samples, _ = soundfile.read(other, dtype="int16")
    soundfile.write(other, samples[::-1], rate_hz)
    with pytest.raises(RecordingError, match=r"has changed since"):
        sweep_shard(prepare(mine, kept=kept), Shard(1, 1), kept, silent)


def test_looks_that_were_taken_in_another_way_are_not_used_and_damaged_ones_are_named(
    request_: Request, decoded: list[str], tmp_path: Path
) -> None:
    kept = place(tmp_path / "shards")
    prepare(request_, kept=kept)
    count = len(decoded)
    prepare(replace(request_, settings=replace(request_.settings, trim="never")), kept=kept)
    assert len(decoded) == 2 * count
    (tmp_path / "shards" / "looks" / "none.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"none\.parquet is no table of looks.*remove it"):
        prepare(request_, kept=kept)


def test_a_file_that_cannot_be_used_stays_named(request_: Request, tmp_path: Path) -> None:
    folder = shutil.copytree(request_.recordings[0], tmp_path / "words")
    word = next(path for path in folder.iterdir() if path.is_dir())
    (word / "empty.wav").write_bytes(b"")
    mine, kept = replace(request_, recordings=(folder,), skip_bad=True), place(tmp_path / "shards")
    first, second = (prepare(mine, kept=kept) for _ in range(2))
    assert first.reading.bad == second.reading.bad
    assert [bad.id for bad in first.reading.bad] == [f"{word.name}/empty.wav"]
