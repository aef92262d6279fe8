"""Is a sweep on two workers of Ray the same bytes, also where one is killed, and is a block that kills its workers named?"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from robustness.errors import CannotJudgeError, UsageError
from robustness.jobs import cluster
from robustness.jobs.assess import Job, Progress, prepare
from robustness.jobs.cluster import RayCluster, Worker
from robustness.jobs.request import Request
from robustness.jobs.shards import ComputedBlock, sweep_shard
from robustness.run.blocks import Shard, SweepBlock
from robustness.run.shards import ShardPlace
from robustness.run.store import Folder
from robustness.sweep import sweep
from robustness.sweep.plan import Settings
from tests.cards import write_card, write_recordings

pytest.importorskip("ray", reason="needs the extra ray")
# Ray leaves sockets of its own open when it ends.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


class Dying(Worker):
    """A worker that is killed in the middle of a block: once, where the folder has no mark of it yet, or each time on the second one."""

    def block(self, block: SweepBlock) -> ComputedBlock:
        mark = Path(os.environ["DYING"])
        if block.first == 1 and (mark.name == "always" or not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().block(block)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "RECORDINGS_AT_ONCE", 1)
    monkeypatch.setattr(sweep, "ROWS_A_PART", 1)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(perturbations=("padding-placement",), batch=4)
    return prepare(Request((write_card(folder / "model"),), (write_recordings(folder / "words", 3),), settings=settings))


def untold(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def swept(job: Job, folder: Path, computing: Any = None, progress: Progress = untold) -> dict[str, bytes]:
    given = () if computing is None else (computing,)
    sweep_shard(job, Shard(1, 1), ShardPlace(Folder(folder)), progress, *given)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_workers_one_of_them_killed_give_the_same_bytes(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "Worker", Dying)
    monkeypatch.setenv("DYING", str(tmp_path / "died"))
    assert swept(job, tmp_path / "ray", RayCluster(workers=2, same_cpu=True)) == swept(job, tmp_path / "here")
    assert (tmp_path / "died").exists()


def test_a_block_on_which_three_workers_die_is_named_with_its_recordings(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "Worker", Dying)
    monkeypatch.setenv("DYING", str(tmp_path / "always"))
    with pytest.raises(CannotJudgeError, match=r"3 workers died on block 00000001 \(recordings 2 to 2\): .*\.wav; give them more memory"):
        swept(job, tmp_path / "ray", RayCluster(workers=1))
    assert (tmp_path / "ray" / "blocks" / "00000000.json").exists()  # what was whole before stays


def test_who_interrupts_it_keeps_what_is_whole_and_can_go_on(job: Job, tmp_path: Path) -> None:
    import ray

    told: list[str] = []

    def interrupted(doing: str, done: int, total: int) -> None:
        told.append(doing)
        if told.count("sweep: blocks") == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(job, tmp_path / "ray", RayCluster(workers=1), interrupted)
    assert not ray.is_initialized()  # its workers are gone
    assert len(list((tmp_path / "ray" / "blocks").iterdir())) == 1
    assert swept(job, tmp_path / "ray") == swept(job, tmp_path / "here")


def test_a_cluster_that_is_not_there(job: Job, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no Ray cluster at 127\.0\.0\.1:1; start one"):
        swept(job, tmp_path / "ray", RayCluster(address="127.0.0.1:1"))
