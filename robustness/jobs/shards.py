"""How is a sweep computed in shards, and how does a run that was merged from them get its explanations and its page?

A shard needs nothing but its own place: it computes every so-manieth block and leaves each as a whole. What is there is not computed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from robustness.errors import RunError
from robustness.files import json_of
from robustness.jobs.assess import (
    Job,
    Progress,
    classifiers_of,
    explain_and_draw,
    explain_share,
    manifest_of,
    prepare,
    requested,
    wanted_of,
)
from robustness.jobs.request import Request
from robustness.run.blocks import Shard, SweepBlock, SweepLayout, WaitingRows, part_bytes
from robustness.run.folder import Run
from robustness.run.integrity import checked_run
from robustness.run.lock import FolderLock
from robustness.run.resume import differences, other_recordings
from robustness.run.schema import RECORDINGS, REQUEST, SCHEMA
from robustness.run.shards import MACHINE, SHARD_KIND, BlockFacts, ShardFacts, ShardPlace, block_of
from robustness.sweep.dataset import look_at
from robustness.sweep.manifest import cpu_kind
from robustness.sweep.state import Tally
from robustness.sweep.sweep import Sweep, common_frame

ASKED: Final = TypeAdapter(Request)


class ComputedBlock(NamedTuple):
    """A block that was computed: its record and its files, by folder."""

    block: SweepBlock
    facts: BlockFacts
    parts: dict[str, bytes]


class ShardDone(NamedTuple):
    """How many blocks were computed now, are the shard's, and are of the whole sweep."""

    computed: int
    mine: int
    all: int


class Collected(WaitingRows):
    """Rows that become the files of a block in memory."""

    made: tuple[BlockFacts, dict[str, bytes]]

    def seal(self, block: str, state: Mapping[str, Any]) -> None:
        """What waits becomes a block."""
        self.made = block_of(self.taken(), dict(state), cpu_kind())


class BlockSweep:
    """Computes single blocks of a job, each by itself.

    Args:
        job: what to compute.
        progress: told after each condition how many answers were given, and to what.

    Attributes:
        job, progress: as given.
        engine: what the engine chose.
        layout: all blocks.
    """

    def __init__(self, job: Job, progress: Callable[[int, str], None] = lambda rows, doing: None) -> None:
        self.job = job
        self.progress = progress
        self._rows = Collected()
        self._sweep = Sweep(job.classifiers, job.plan, self._rows, progress)
        self._sweep.ready(job.placed)
        self.engine = self._sweep.tally.engine
        self.layout: SweepLayout = self._sweep.layout(len(job.placed))

    def block(self, block: SweepBlock) -> ComputedBlock:
        """One block.

        Raises:
            CannotJudgeError: where a neutral level changed an answer, or an answer is not a number.
        """
        self._sweep.tally = Tally()
        self._sweep.compute(block, self.job.placed)
        self._sweep.refuse_flips()
        self._rows.seal(block.name, self._sweep.tally.state)
        return ComputedBlock(block, *self._rows.made)


Blocks = Generator[ComputedBlock, None, None]
Computing = Callable[[BlockSweep, Sequence[SweepBlock]], Blocks]


def one_by_one(sweep: BlockSweep, blocks: Sequence[SweepBlock]) -> Blocks:
    """The blocks, in this process."""
    yield from map(sweep.block, blocks)


def sweep_shard(job: Job, shard: Shard, place: ShardPlace, progress: Progress, computing: Computing = one_by_one) -> ShardDone:
    """Computes the blocks of a shard that are not there yet.

    Args:
        job: the whole sweep.
        shard: the part of it.
        place: where it is left.
        progress: told what is being done.
        computing: by what the blocks are computed.

    Returns:
        How many blocks there are.

    Raises:
        RobustnessError: the place holds another sweep or cannot be written, or the answers cannot be trusted; the blocks that were
            whole before stay.
    """
    done = 0

    def swept(rows: int, doing: str) -> None:
        nonlocal done
        done += rows
        progress(f"sweep: {doing}", done, max(done, total))

    sweep = BlockSweep(job, swept)
    place.begin(facts_of(job, shard, sweep), table_bytes(job.table))
    there, mine = place.done(), shard.of(sweep.layout.blocks)
    missing = [block for block in mine if block.name not in there]
    total = sum(block.end - block.first for block in missing) * len(job.plan.conditions) * len(job.classifiers)
    with closing(computing(sweep, missing)) as whole_blocks:  # who interrupts it lets go of the workers at once
        for made in whole_blocks:
            place.add(made.block.name, made.facts, made.parts)
    return ShardDone(len(missing), len(mine), len(sweep.layout.blocks))


def look_at_share(request: Request, shard: Shard, place: ShardPlace, progress: Progress) -> int:
    """Looks at every so-manieth file and keeps what it tells, so that no shard of this place decodes it but to sweep it.

    Returns:
        How many files were looked at, those that were known too.

    Raises:
        RobustnessError: files cannot be used.
    """
    frame = common_frame(classifiers_of(request).classifiers)
    told = partial(progress, "read: recordings")
    found = look_at(wanted_of(request), frame, request.settings, progress=told, kept=place, share=shard.places)
    return len(found.reading.looks)


def refuse_other_cpu(place: ShardPlace) -> None:
    """Raises RunError where shards that lie there were computed on another kind of processor than this one."""
    others = sorted({facts.cpu for facts in place.shards()} - {cpu_kind()})
    if others:
        raise RunError(
            f"{place.store} holds shards of {', '.join(others)} and this processor is {cpu_kind()}; "
            f"run all shards on one kind of processor, or leave out --same-cpu"
        )


def facts_of(job: Job, shard: Shard, sweep: BlockSweep) -> ShardFacts:
    """Of what sweep a shard is; where its recordings lie is provenance, for the explanations that come after."""
    asked = ASKED.dump_json(_absolute(job.request)).decode()
    return ShardFacts(
        kind=SHARD_KIND,
        schema=SCHEMA,
        shard=str(shard),
        cpu=cpu_kind(),
        request=requested(job),
        engine=sweep.engine,
        layout=sweep.layout,
        recordings_sha256=hashlib.sha256(table_bytes(job.table)).hexdigest(),
        manifest={**manifest_of(job, Tally(engine=sweep.engine)), "provenance": {"request": asked}},
    )


def table_bytes(table: pd.DataFrame) -> bytes:
    """The file of the table of recordings."""
    return part_bytes(pa.Table.from_pandas(table, preserve_index=False))


def _absolute(request: Request) -> Request:
    """The request with every path absolute."""
    inputs = {name: path.resolve() for name, path in request.settings.inputs.items()}
    return replace(
        request,
        models=tuple(path.resolve() for path in request.models),
        recordings=tuple(path.resolve() for path in request.recordings),
        weights=request.weights and request.weights.resolve(),
        calibration=request.calibration and request.calibration.resolve(),
        labels=replace(request.labels, csv=request.labels.csv and request.labels.csv.resolve()),
        settings=replace(request.settings, inputs=inputs),
        reference=request.reference and request.reference.resolve(),
        explaining=replace(request.explaining, good_run=request.explaining.good_run and request.explaining.good_run.resolve()),
    )


def explain_run(path: Path, given: Callable[[Request], Request], progress: Progress, share: Shard | None = None) -> Job:
    """Explains and draws a run that has its trials alone.

    Args:
        path: the run folder.
        given: what the user gives in place of what the sweep was given.
        progress: told what is being done.
        share: explain this share of the failing recordings that get no card, keep it in the folder, and draw nothing; None explains all
            that is not kept there, and draws.

    Returns:
        The job, for what reading its recordings had to say.

    Raises:
        RunError: it is no run of shards, or one of other models, settings or recordings.
    """
    run = checked_run(path)
    asked = run.manifest["provenance"].get("request")
    if asked is None:
        raise RunError(
            f"{path} was not merged from shards, so that it has its explanations; draw it with `robustness report --from {path}`"
        )
    job = prepare(given(ASKED.validate_json(asked)), progress)
    _refuse_other(run, job)
    if share is not None:
        explain_share(job, run, share, progress)
        return job
    with FolderLock(path):
        explain_and_draw(job, run, progress)
    return job


def _refuse_other(run: Run, job: Job) -> None:
    """Raises RunError where a run is of another job."""
    before = json_of(run.path / REQUEST)
    unlike = differences(_comparable(before), _comparable({"schema": SCHEMA, **requested(job)}))
    unlike += other_recordings(pq.read_table(run.path / RECORDINGS).to_pandas(), job.table)
    if unlike:
        raise RunError(
            f"{run.path} is a run of something else: {'; '.join(unlike)}; "
            f"give the card and the recordings that its shards were computed with"
        )


def _comparable(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request without what the machine decides."""
    settings = {key: value for key, value in request["settings"].items() if key not in MACHINE}
    return {**request, "settings": settings, "versions": {key: value for key, value in request["versions"].items() if key != "cpu"}}
