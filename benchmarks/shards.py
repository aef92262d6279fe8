"""Are 1, 7 and 40 shards, two workers of Ray, and one of them killed in the middle, the same bytes? At the size of a real test set.

Every way is merged, and every file of the merged runs is compared; only the manifest's provenance may differ. What is timed is the sweep of
all shards one after the other, without reading the clips, and the merge.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Final

import torch

from benchmarks.clips import copied
from benchmarks.harness import ROOT, Table, arguments, finish
from robustness.jobs import cluster
from robustness.jobs.assess import Job, prepare
from robustness.jobs.cluster import RayCluster, Worker
from robustness.jobs.request import Request
from robustness.jobs.shards import ComputedBlock, Computing, one_by_one, sweep_shard
from robustness.run.blocks import Shard, SweepBlock
from robustness.run.merging import Merger
from robustness.run.shards import ShardPlace
from robustness.run.store import Folder
from robustness.sweep import sweep
from robustness.sweep.plan import Settings

PERTURBATIONS: Final = ("padding-placement", "white-noise")
SHARDS: Final = (1, 7, 40)
CORES: Final = 2
MARK: Final = "DYING"  # names the file that says that a worker was killed


class Dying(Worker):
    """A worker that is killed once, in the middle of the second block."""

    def block(self, block: SweepBlock) -> ComputedBlock:
        """One block."""
        mark = Path(os.environ[MARK])
        if block.first and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().block(block)


def merged(job: Job, folder: Path, shards: int, computing: Computing) -> tuple[dict[str, str], float, float]:
    """The digests of a merged run's files, and how long its shards and its merge took in s."""
    began = time.perf_counter()
    for number in range(1, shards + 1):
        place = ShardPlace(Folder(folder / "shards" / str(number)))
        sweep_shard(job, Shard(number, shards), place, lambda doing, done, total: None, computing)
    swept = time.perf_counter()
    run = Merger.of([str(one) for one in sorted((folder / "shards").iterdir())]).write(folder / "merged")
    ended = time.perf_counter()
    manifest = {key: value for key, value in run.manifest.items() if key != "provenance"}
    files = {str(path.relative_to(run.path)): path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}
    contents = {**files, "manifest.json": json.dumps(manifest, sort_keys=True).encode()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}, swept - began, ended - swept


def main() -> None:
    """Sweeps the same clips in every way."""
    asked = arguments(__doc__, clips=1000, rows=10_000)
    torch.set_num_threads(CORES)
    sweep.ROWS_A_PART = asked.rows  # type: ignore[attr-defined]  # of the module that reads it: as many blocks as a larger run has
    cluster.Worker = Dying  # type: ignore[misc]
    ways: dict[str, tuple[int, Computing]] = {f"{count} shards" if count > 1 else "1 shard": (count, one_by_one) for count in SHARDS}
    ways |= dict.fromkeys(("two workers of Ray", "two workers of Ray, one killed"), (1, RayCluster(workers=CORES)))
    rows, found = [], []
    with tempfile.TemporaryDirectory() as made:
        copied(asked.clips, Path(made) / "clips")
        settings = Settings(perturbations=PERTURBATIONS)
        job = prepare(Request((ROOT / "models" / "commands.toml",), (Path(made) / "clips",), settings=settings))
        for place, (name, (shards, computing)) in enumerate(ways.items()):
            mark = Path(made) / f"killed-{place}"
            os.environ[MARK] = str(mark)
            if "killed" not in name:
                mark.touch()  # nobody is
            digests, swept_s, merged_s = merged(job, Path(made) / str(place), shards, computing)
            found.append(digests)
            rows.append((name, "the same" if digests == found[0] else "OTHER", f"{swept_s:.0f}", f"{merged_s:.1f}"))
    note = (
        f"{len(job.placed)} clips × {len(job.plan.conditions)} conditions × {len(job.classifiers)} variants; {len(found[0])} files, "
        f"{sum(name.startswith('trials/') for name in found[0])} of them blocks."
    )
    finish(
        __file__,
        "Are shards and Ray's workers the same bytes?",
        [Table(("way", "bytes", "sweep, s", "merge, s"), tuple(rows), (note,))],
        ["ray"],
    )


if __name__ == "__main__":
    main()
