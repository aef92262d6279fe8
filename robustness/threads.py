"""How many threads does torch use, and for what? Many small tasks go faster in a thread each than one after the other in all threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def worker_threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A thread for each worker, in each of which torch has one thread; before and after it has as many as it had.

    Small networks do not gain from several threads in one layer, which wait for each other; several workers do.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(workers, "worker", torch.set_num_threads, (1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
