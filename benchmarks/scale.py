"""How fast are two workers of Ray beside one process on the same two cores, and how long does it take to merge a million trials?

Both compute the same blocks of the same job to the same bytes, which is checked. Ray's time is with the start of its workers and, from the
times at which blocks came, without it. What is merged has the rows of that job, repeated with numbers of their own. From the processor time
of the process alone follows how many evaluations a core does in a second.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from benchmarks.clips import copied
from benchmarks.harness import ROOT, Contender, Table, arguments, finish, interleaved
from robustness.jobs.assess import Job, prepare
from robustness.jobs.cluster import RayCluster
from robustness.jobs.request import Request
from robustness.jobs.shards import BlockSweep, Computing, facts_of, one_by_one, sweep_shard, table_bytes
from robustness.run.blocks import Shard, SweepLayout
from robustness.run.merging import Merger
from robustness.run.shards import ShardPlace, block_of
from robustness.run.store import Folder
from robustness.sweep import sweep
from robustness.sweep.manifest import cpu_kind
from robustness.sweep.plan import Settings
from robustness.sweep.state import Tally

PERTURBATIONS: Final = ("padding-placement", "time-shift", "white-noise")
PART: Final = 50_000  # rows of a block that is merged
CORES: Final = 2


def swept(job: Job, place: Path, computing: Computing) -> None:
    """All blocks of a job, into a place that is empty before."""
    shutil.rmtree(place, ignore_errors=True)
    sweep_shard(job, Shard(1, 1), ShardPlace(Folder(place)), lambda doing, done, total: None, computing)


def digest(place: Path) -> str:
    """Of all files of a place."""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def of_rows(job: Job, rows: pa.Table, heard: pa.Table, trials: int, place: Path) -> None:
    """A place with so many trials: rows repeated, each with a margin of its own."""
    facts = facts_of(job, Shard(1, 1), BlockSweep(job))
    layout = SweepLayout(trials // PART, 1, no_word=False)
    where, rng = ShardPlace(Folder(place)), np.random.default_rng(0)
    where.begin(replace(facts, layout=layout), table_bytes(job.table))
    many = rows.take(pa.array(np.arange(PART) % len(rows)))
    for block in layout.blocks:
        for column in ("margin", "p_label", "p_predicted", "outcome_margin", "p_command", "command_margin"):
            many = many.set_column(many.column_names.index(column), many.schema.field(column), pa.array(rng.random(PART, np.float32)))
        tally = Tally(audio={str(number): f"{number:064x}" for number in range(len(job.plan.conditions))})
        where.add(block.name, *block_of({"trials": many, "heard": heard}, tally.state, cpu_kind()))


def cpu_of(work: Callable[[], None]) -> float:
    """Seconds of this process's processor time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Compares one process with Ray's workers, and times a merge."""
    asked = arguments(__doc__, clips=600, runs=5, trials=1_000_000, rows=10_000)
    torch.set_num_threads(CORES)
    sweep.ROWS_A_PART = asked.rows  # type: ignore[attr-defined]  # of the module that reads it: as many blocks as a larger run has
    with tempfile.TemporaryDirectory() as made:
        scratch = Path(made)
        copied(asked.clips, scratch / "clips")
        settings = Settings(perturbations=PERTURBATIONS)
        job = prepare(Request((ROOT / "models" / "commands.toml",), (scratch / "clips",), settings=settings))
        cluster = RayCluster(workers=CORES)
        timings = interleaved(
            [
                Contender("one process", lambda: swept(job, scratch / "one", one_by_one)),
                Contender("Ray, two workers, with its start", lambda: swept(job, scratch / "ray", cluster)),
            ],
            runs=asked.runs,
            warm=0,
        )
        same = digest(scratch / "one") == digest(scratch / "ray")
        cpu_s = cpu_of(lambda: swept(job, scratch / "one", one_by_one))
        parts = sorted((scratch / "one" / "trials").iterdir())
        rows = sum(pq.ParquetFile(part).metadata.num_rows for part in parts)
        size = sum(path.stat().st_size for folder in ("trials", "heard") for path in (scratch / "one" / folder).iterdir())
        of_rows(job, pq.read_table(parts[0]), pq.read_table(scratch / "one" / "heard" / parts[0].name), asked.trials, scratch / "many")
        (merge,) = interleaved(
            [Contender("merge", lambda: Merger.of([str(scratch / "many")]).write(scratch / "merged"))], runs=asked.runs, warm=1
        )
    notes = (
        f"{len(job.placed)} clips × {len(job.plan.conditions)} conditions × {len(job.classifiers)} variants, {rows:,} answers in "
        f"{len(parts)} blocks; {'the same bytes' if same else 'OTHER BYTES'}.",
        f"One process: {rows / cpu_s:,.0f} answers a core-second by its processor time; {size / rows:.1f} bytes an answer with its mark.",
        f"Merging {asked.trials:,} trials: {merge.spread} s.",
    )
    table = Table.of(timings, per=rows, unit="µs an answer", scale=1e6, notes=notes)
    finish(__file__, "What do two workers of Ray and a merge cost?", [table], ["ray"])


if __name__ == "__main__":
    main()
