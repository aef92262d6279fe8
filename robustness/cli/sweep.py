"""`robustness sweep`: a part of a report's sweep, on any machine, to be merged with the other parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from robustness.cli import options
from robustness.cli.printing import note, say
from robustness.cli.progress import progress_shown
from robustness.cli.report import ReportedRecordings, SweepOptions, request_of, say_plan, where_run
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.jobs.shards import Computing, ShardDone
    from robustness.run.blocks import Shard


@dataclass(frozen=True)
class ShardOptions:
    """Which part is computed, and where it is left."""

    panel: ClassVar[str] = "Shard"
    out: Annotated[
        str | None, typer.Option(help="A folder for the shard, or an address such as s3://bucket/run; several shards may share it.")
    ] = None
    shard: Annotated[str, typer.Option(help="Which shard of how many, such as 3/40.")] = "1/1"
    look: Annotated[
        bool,
        typer.Option(
            "--look",
            help="Only decode the shard's share of all files once, and keep in --out what they tell: no sweep there needs that of others.",
        ),
    ] = False
    same_cpu: Annotated[
        bool, typer.Option("--same-cpu", help="Refuse to run where another shard of --out ran on another kind of processor.")
    ] = False
    no_audio: options.NoAudio = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run and in how many blocks, and stop.")] = False


@dataclass(frozen=True)
class ClusterOptions:
    """How it is computed; no answer depends on threads, batch and workers."""

    panel: ClassVar[str] = "Computing"
    seed: options.Seed = 0
    device: options.Device = "cpu"
    threads: options.Threads = None
    batch: options.BatchOption = None
    engine: Annotated[
        Literal["torch", "onnx", "ray"],
        typer.Option(help="What runs float networks: torch or onnx; ray is torch on a Ray cluster. onnx and ray need their extras."),
    ] = "torch"
    address: Annotated[str | None, typer.Option(help="The Ray cluster, as host:port or auto; by default one on this machine.")] = None
    workers: Annotated[int | None, typer.Option(min=1, help="Workers of Ray; by default one for each processor of the cluster.")] = None

    @property
    def of_a_worker(self) -> options.ComputingOptions:
        """How each process computes."""
        return options.ComputingOptions(self.seed, self.device, self.threads, self.batch, "torch" if self.engine == "ray" else self.engine)


def sweep(
    part: ShardOptions,
    model: options.ModelOptions,
    data: ReportedRecordings,
    words: options.LabelOptions,
    conditions: SweepOptions,
    computing: ClusterOptions,
) -> None:
    """Compute one shard of a report's sweep; what is in --out already is not computed again, and `robustness merge` joins the shards.

    Example: robustness sweep --shard 3/40 --model models/digits.toml --recordings recordings/joe --out shards
    """
    options.check_inputs("a sweep", model, data.recordings)
    if part.out is None:
        raise UsageError("a sweep needs --out, a folder or an address for its shard, such as --out shards")

    if part.look and part.dry_run:
        raise UsageError("--look keeps what files tell and --dry-run writes nothing; give one of them")
    from robustness.jobs.assess import prepare
    from robustness.jobs.shards import look_at_share, refuse_other_cpu, sweep_shard
    from robustness.run.blocks import Shard
    from robustness.run.shards import ShardPlace
    from robustness.run.store import store_of

    if computing.engine != "ray" and (computing.address or computing.workers):
        raise UsageError("--address and --workers are of a Ray cluster; add --engine ray, or leave them out")
    options.use_threads(computing.threads)
    shard, place = Shard.read(part.shard), ShardPlace(store_of(part.out))
    if part.same_cpu:
        refuse_other_cpu(place)
    request = replace(request_of(model, data, words, conditions, computing.of_a_worker), audio=not part.no_audio)
    with progress_shown() as progress:
        progress("read: model and recordings", 0, 1)
        if part.look:
            looked = look_at_share(request, shard, place, progress)
            say(f"share {shard}: {looked:,} files looked at; `robustness sweep` into {part.out} decodes none of them but to sweep it")
            return
        job = prepare(request, progress, None if part.dry_run else place)
        if not part.dry_run:
            computed_by = _computing(computing, same_cpu=part.same_cpu)
            done = sweep_shard(job, shard, place, progress, computed_by)
    if part.dry_run:
        say_plan(job)
        return
    options.tell(job.reading, where_run(job))
    _say_done(shard, done)
    say(part.out)


def _computing(computing: ClusterOptions, *, same_cpu: bool) -> Computing:
    """What computes the blocks."""
    from robustness.jobs.cluster import RayCluster
    from robustness.jobs.shards import one_by_one

    return RayCluster(computing.address, computing.workers, same_cpu) if computing.engine == "ray" else one_by_one


def _say_done(shard: Shard, done: ShardDone) -> None:
    """What the shard holds, and whether some shards hold nothing."""
    from robustness.report.words import plural

    there = done.mine - done.computed
    already = f", {there} there already" if there else ""
    say(f"shard {shard}: {plural(done.computed, 'block')} computed{already}, of {done.all} in all")
    if shard.total > done.all:
        note(f"{shard.total - done.all} of {shard.total} shards hold no block; fewer shards do as well")
