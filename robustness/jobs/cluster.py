"""How do the workers of a Ray cluster compute the blocks of a sweep? Each holds the model and computes a block at a time, in one thread.

A task is a whole block, which is seconds of work, and gives the bytes that this process would have given. Ray Core and not Ray Data, whose
order and number of blocks are not stable. A worker that is lost is replaced, and its block computed again.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from robustness.audio.streaming import known
from robustness.errors import CannotJudgeError, RobustnessError, RunError, UsageError
from robustness.jobs.assess import Job, classifiers_of
from robustness.jobs.shards import Blocks, BlockSweep, ComputedBlock
from robustness.run.blocks import SweepBlock
from robustness.sweep.manifest import cpu_kind

DEATHS: Final = 3  # of workers on one block, after which it is taken for the cause
CONNECT_S: Final = 5.0
NAMED: Final = 3  # recordings that a message names


class Worker:
    """What one worker holds: the models, made ready as in the process that asks.

    Args:
        job: what to compute, without its models.
        engine: what the engine of the asking process chose.
    """

    def __init__(self, job: Job, engine: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        plan = replace(job.plan, settings=replace(job.plan.settings, batch=engine["batch"]))
        self._sweep = BlockSweep(job._replace(classifiers=classifiers_of(job.request).classifiers, plan=plan))
        if self._sweep.engine["networks"] != engine["networks"]:
            raise RunError(
                "a worker runs the networks in another way than this process; use the same versions and processors on all machines"
            )

    def cpu(self) -> str:
        """The kind of processor here."""
        return cpu_kind()

    def block(self, block: SweepBlock) -> ComputedBlock:
        """One block."""
        return self._sweep.block(block)


@dataclass(frozen=True)
class RayCluster:
    """Computes blocks on a Ray cluster.

    Attributes:
        address: of the cluster; None starts one on this machine and ends it.
        workers: how many; None is one for each processor of the cluster.
        same_cpu: refuse a cluster of several kinds of processor before any work.
    """

    address: str | None = None
    workers: int | None = None
    same_cpu: bool = False

    def __call__(self, sweep: BlockSweep, blocks: Sequence[SweepBlock]) -> Blocks:
        """The blocks as they become whole.

        Raises:
            UsageError: Ray is not installed, or there is no cluster at the address.
            RunError: processors differ and may not, or run networks in different ways.
            CannotJudgeError: workers died three times on one block.
        """
        if not blocks:
            return
        with self._connected() as ray:
            count = min(self.workers or int(ray.cluster_resources().get("CPU", 1)), len(blocks))
            yield from _Tasks(ray, sweep, count).all(blocks, same_cpu=self.same_cpu)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import ray  # an extra
        except ImportError as error:
            raise UsageError("--engine ray needs Ray; install speech-robustness[ray]") from error
        self._refuse_absent()
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address is None:
            options |= {"include_dashboard": False, "num_cpus": self.workers}
        try:
            ray.init(self.address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise self._absent() from error
        try:
            yield ray
        finally:
            ray.shutdown()

    def _refuse_absent(self) -> None:
        """Raises UsageError where nothing answers at the address; Ray itself would wait for minutes."""
        host, colon, port = (self.address or "").removeprefix("ray://").rpartition(":")
        if not colon:
            return
        try:
            socket.create_connection((host, int(port)), CONNECT_S).close()
        except (OSError, ValueError, OverflowError) as error:
            raise self._absent() from error

    def _absent(self) -> UsageError:
        where = f" at {self.address}" if self.address else ""
        return UsageError(f"there is no Ray cluster{where}; start one with `ray start --head`, or leave out --address to use this machine")


class _Tasks:
    """Blocks that are given to workers, one each at a time."""

    def __init__(self, ray: Any, sweep: BlockSweep, count: int) -> None:
        self._ray, self._sweep, self._count = ray, sweep, count
        light = sweep.job._replace(classifiers=[], originals={})
        self._job = ray.put(light)
        self._worker = ray.remote(num_cpus=1, max_restarts=0)(Worker)
        self._busy: dict[Any, tuple[Any, SweepBlock]] = {}
        self._died: Counter[SweepBlock] = Counter()

    def all(self, blocks: Sequence[SweepBlock], *, same_cpu: bool) -> Iterator[ComputedBlock]:
        waiting = deque(blocks)
        workers = [self._started() for _ in range(self._count)]
        if same_cpu:
            self._refuse_mixed(workers)
        for worker in workers:
            self._give(worker, waiting)
        while self._busy:
            (first, *_), _ = self._ray.wait(list(self._busy), num_returns=1)
            worker, block = self._busy.pop(first)
            made = self._result(first, block)
            if made is None:
                waiting.appendleft(block)
                worker = self._started()
            else:
                self._sweep.progress(self._rows(block), "blocks")
                yield made
            self._give(worker, waiting)

    def _started(self) -> Any:
        return self._worker.remote(self._job, self._sweep.engine)

    def _give(self, worker: Any, waiting: deque[SweepBlock]) -> None:
        if waiting:
            block = waiting.popleft()
            self._busy[worker.block.remote(block)] = (worker, block)

    def _result(self, task: Any, block: SweepBlock) -> ComputedBlock | None:
        """What a worker made of a block; None where the worker was lost."""
        from ray.exceptions import RayActorError, RayTaskError

        try:
            made: ComputedBlock = self._ray.get(task)
        except RayActorError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, RobustnessError):
                raise cause from error
            self._died[block] += 1
            if self._died[block] >= DEATHS:
                raise CannotJudgeError(self._deadly(block)) from error
            return None
        except RayTaskError as error:
            if isinstance(error.cause, RobustnessError):
                raise error.cause from error
            raise
        return made

    def _deadly(self, block: SweepBlock) -> str:
        """That a block ends its workers, with its recordings."""
        names = [one.id for one in known(self._sweep.job.placed)[block.first : block.end]]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        of = f": {', '.join(names[:NAMED])}{more}" if names else ""
        return f"{DEATHS} workers died on {block}{of}; give them more memory, or leave out the recording that does it"

    def _refuse_mixed(self, workers: Sequence[Any]) -> None:
        kinds = sorted(set(self._ray.get([worker.cpu.remote() for worker in workers])))
        if len(kinds) > 1:
            raise RunError(f"the cluster has {len(kinds)} kinds of processor: {', '.join(kinds)}; use one kind, or leave out --same-cpu")

    def _rows(self, block: SweepBlock) -> int:
        job = self._sweep.job
        return (block.end - block.first) * len(job.plan.conditions) * len(job.classifiers)
