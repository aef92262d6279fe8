"""What the classifiers answer to windows: in batches, on all cores, with what they share computed once.

Whoever needs a few answers calls `answers`. A sweep, which needs millions, makes an `Engine`: networks made ready (see
`inference.preparing`), batches that fit the cache, and a worker a core. A worker computes a batch from samples to logits in a single
thread: cores do not wait for each other inside a layer, and which worker takes a batch changes no bit of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, Literal, TypeVar

import torch
from torch import Tensor

from robustness.models.after_sound import after
from robustness.models.classifier import Classifier
from robustness.sweep.inference.cache import SIZES, bytes_a_window, fitting_batch
from robustness.sweep.inference.preparing import NetworkFamily, prepared
from robustness.threads import worker_threads

BATCH: Final = 16  # windows; for the few answers of `answers`
TOGETHER: Final = 256  # windows that share columns: those of one sound
AHEAD: Final = 2  # conditions whose windows are made while the workers compute
Runtime = Literal["torch", "onnx"]
What = TypeVar("What")


def answers(classifiers: Sequence[Classifier], samples: Tensor, batch: int = BATCH) -> list[Tensor]:
    """The logits of each classifier for the same windows, [clips time] → one [clips labels] a classifier.

    Args:
        classifiers: variants or models that hear the same window.
        samples: the windows.
        batch: how many windows are computed together; no answer depends on it.
    """
    families = [NetworkFamily((place,), (classifier,), ("",)) for place, classifier in enumerate(classifiers)]
    return _joined([_chunk(families, chunk) for chunk in samples.split(batch)])


def _joined(chunks: Sequence[list[Tensor]]) -> list[Tensor]:
    return [torch.cat(parts) for parts in zip(*chunks, strict=True)]


def _parts(samples: Tensor, batch: int) -> tuple[Tensor, ...]:
    """Chunks of so many windows; none if there are no windows."""
    return samples.split(batch) if len(samples) else ()


def _chunk(families: Sequence[NetworkFamily], samples: Tensor, apart: int = TOGETHER) -> list[Tensor]:
    """The logits of each classifier for one chunk; equal front-ends on one device are computed once.

    Args:
        families: the classifiers.
        samples: the windows.
        apart: how many are computed together by a family that shares no columns.
    """
    features: dict[object, Tensor] = {}
    results: dict[int, Tensor] = {}
    for family in families:
        first = family.heads[0]
        key = (first.frontend, first.device)
        if key not in features:
            features[key] = first.features(samples)
        parts = [features[key]] if family.overlapping else features[key].split(apart)
        results.update(zip(family.places, _joined([family.logits(part) for part in parts]), strict=True))
    return [results[place] for place in sorted(results)]


@dataclass(frozen=True, eq=False)
class Engine:
    """Classifiers made ready for many answers.

    Attributes:
        families: the classifiers, in families that share what they compute alike; a copy for each worker.
        batch: windows given to a worker at once.
        classifiers: those that were asked for, in their order.
        apart: how many of them are computed together by a family that shares no columns.
    """

    families: tuple[tuple[NetworkFamily, ...], ...]
    batch: int
    classifiers: tuple[Classifier, ...]
    apart: int = TOGETHER
    _free: SimpleQueue[tuple[NetworkFamily, ...]] = field(default_factory=SimpleQueue)

    @classmethod
    def ready(
        cls,
        classifiers: Sequence[Classifier],
        probes: Tensor,
        *,
        batch: int | None = None,
        runtime: Runtime = "torch",
        workers: int | None = None,
        hops: Sequence[int] = (),
    ) -> Engine:
        """Makes classifiers ready.

        Args:
            classifiers: variants or models that hear the same window.
            probes: a few real windows, on which it is tried whether answers stay what they are, [clips time].
            batch: windows computed together; None is as many as fit the cache.
            runtime: what runs float networks.
            workers: batches computed at once, each in a single thread; None is one for each of torch's threads.
            hops: columns of features from one window to the next, the commonest first, if windows follow each other, as the probes do.

        Raises:
            UsageError: where ONNX Runtime is asked for and not installed.
        """
        families = tuple(prepared(classifiers, probes, runtime, hops))
        copies = _copies(families, workers or torch.get_num_threads())
        if batch is None:
            most = max(bytes_a_window(c, c.features(probes[:1])) for c in classifiers)
            batch = min([fitting_batch(most, len(copies)), *(c.network.can.batch or SIZES[-1] for c in classifiers)])
        together = TOGETHER if any(family.overlapping for family in families) else batch
        return cls(copies, together, tuple(classifiers), batch)

    def __post_init__(self) -> None:
        for families in self.families:
            self._free.put(families)

    @property
    def workers(self) -> int:
        """How many batches are computed at once."""
        return len(self.families)

    @property
    def facts(self) -> dict[str, Any]:
        """What was chosen, for the plan."""
        how = {place: how for family in self.families[0] for place, how in zip(family.places, family.how, strict=True)}
        networks = {f"{c.name} {c.variant}": how[place] for place, c in enumerate(self.classifiers)}
        return {"batch": self.batch, "workers": self.workers, "networks": networks}

    def after(self, sound: Tensor) -> Engine:
        """The same after a sound that came before each window, [time]."""
        families = tuple(tuple(family.after(sound) for family in copy) for copy in self.families)
        return Engine(families, self.batch, tuple(after(one, sound) for one in self.classifiers), self.apart)

    def answers(self, samples: Tensor) -> list[Tensor]:
        """The logits of each classifier for these windows, [clips time] → one [clips labels] a classifier."""
        ((_, logits),) = self.stream([(None, samples)])
        return logits

    def seconds_a_window(self, samples: int) -> float:
        """How long the answers to a window of so many samples take, tried on two batches a worker after as many that warm it up."""
        silence = torch.zeros(self.batch * self.workers * 2, samples)
        self.answers(silence)
        began = time.perf_counter()
        self.answers(silence)
        return (time.perf_counter() - began) / len(silence)

    def stream(self, windows: Iterable[tuple[What, Tensor]]) -> Generator[tuple[What, list[Tensor]], None, None]:
        """The logits for windows as they come, in their order, each with what was given beside it; the next are made meanwhile.

        For no windows there are no logits, not even empty ones.

        Close it where it is left before its end (`contextlib.closing`): torch then has its threads back.
        """
        if self.workers == 1:
            for what, samples in windows:
                yield what, _joined([_chunk(self.families[0], part, self.apart) for part in _parts(samples, self.batch)])
            return
        waiting: deque[tuple[What, list[Future[list[Tensor]]]]] = deque()
        with worker_threads(self.workers) as pool:
            for what, samples in windows:
                waiting.append((what, [pool.submit(self._work, part) for part in _parts(samples, self.batch)]))
                if len(waiting) > AHEAD:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())

    def _work(self, samples: Tensor) -> list[Tensor]:
        families = self._free.get()
        try:
            return _chunk(families, samples, self.apart)
        finally:
            self._free.put(families)


def _finished(what: What, parts: Sequence[Future[list[Tensor]]]) -> tuple[What, list[Tensor]]:
    return what, _joined([part.result() for part in parts])


def _copies(families: tuple[NetworkFamily, ...], workers: int) -> tuple[tuple[NetworkFamily, ...], ...]:
    """The families, with a copy for each other worker; alone where they cannot be copied, or run on another device."""
    elsewhere = any(head.device.type != "cpu" for family in families for head in family.heads)
    if elsewhere or not all(family.copies for family in families):
        return (families,)
    return (families, *(tuple(family.copied() for family in families) for _ in range(workers - 1)))
