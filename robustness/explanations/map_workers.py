"""The maps of many failures, on all cores: each worker has networks of its own, and each map is the same whichever worker makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.explanations.cases import COUNTERPART, HERE, Case, Cases, copied
from robustness.explanations.lead_maps import donor, lead_steps
from robustness.explanations.map_checks import trust_of
from robustness.explanations.map_differences import Unrelated, compare_maps
from robustness.explanations.map_records import correlations_of, methods_of
from robustness.explanations.maps import Map, maps_of
from robustness.explanations.segments import segment_values
from robustness.explanations.word_tracking import Following, Moved
from robustness.models.after_sound import after, with_nothing_before
from robustness.models.classifier import Classifier
from robustness.run.evidence import FailureMaps, LayerTracking
from robustness.sweep.inference.preparing import NetworkFamily
from robustness.threads import worker_threads

OTHERS: Final = 2  # words in place of this one, for the floor of what layers give


class Mapped(NamedTuple):
    """What one failure's maps are and what is said of them.

    Attributes:
        arrays: log-mel and maps [bands frames], by the name under which they are stored.
        facts: for the card.
    """

    arrays: dict[str, Map]
    facts: FailureMaps


class Networks(NamedTuple):
    """The networks of a case: fast, for gradients, and together."""

    classifiers: Mapping[str, Classifier]
    gradients: Mapping[str, Classifier]
    families: Sequence[NetworkFamily]

    def after(self, sound: Tensor | None) -> Networks:
        """The same after a sound that came before each window, [time]; itself if there is none."""
        if sound is None:
            return self
        classifiers, gradients = ({name: after(one, sound) for name, one in some.items()} for some in (self.classifiers, self.gradients))
        return Networks(classifiers, gradients, [family.after(sound) for family in self.families])


class Mapper(NamedTuple):
    """One worker's own networks, as a case has them, and what it knows of the layers; maps of unrelated recordings are shared by all."""

    networks: Networks
    unrelated: Unrelated
    following: Following


@dataclass(frozen=True, eq=False)
class Mappers:
    """Those who make maps, each in a thread of its own."""

    pool: ThreadPoolExecutor
    free: SimpleQueue[Mapper]

    def submit(self, case: Case, *, in_full: bool) -> Future[Mapped]:
        """The maps of a failure, soon.

        Args:
            case: the failure.
            in_full: with what costs many maps: every stage of the checks, segments, the counterpart as donor.
        """
        return self.pool.submit(self._mapped, case, in_full)

    def _mapped(self, case: Case, in_full: bool) -> Mapped:
        mapper = self.free.get()
        try:
            return mapped(replace(case, **mapper.networks.after(case.subject.before)._asdict()), mapper, in_full=in_full)
        finally:
            self.free.put(mapper)


@contextmanager
def mappers(cases: Cases) -> Iterator[Mappers]:
    """As many as torch has threads; one where the networks run elsewhere than on the CPU, or cannot be copied."""
    made = _made(cases, torch.get_num_threads())
    free: SimpleQueue[Mapper] = SimpleQueue()
    for mapper in made:
        free.put(mapper)
    with worker_threads(len(made)) as pool:
        yield Mappers(pool, free)


def _made(cases: Cases, workers: int) -> list[Mapper]:
    """A mapper for each worker, with networks that nobody else asks."""
    unrelated, (families,) = Unrelated(cases), cases.engine.families
    own = Mapper(Networks(cases.classifiers, cases.gradients, families), unrelated, Following(cases.given))
    if not cases.copies:
        return [own]
    return [_copy(cases, families, unrelated) for _ in range(workers)]


def _copy(cases: Cases, families: Sequence[NetworkFamily], unrelated: Unrelated) -> Mapper:
    networks = Networks(copied(cases.classifiers), copied(cases.gradients), tuple(family.copied() for family in families))
    return Mapper(networks, unrelated, Following(copied(cases.given)))


def mapped(case: Case, mapper: Mapper, *, in_full: bool) -> Mapped:
    """The log-mel and every method's map, what is said of the methods, and where in the network it stops following the word."""
    unrelated, window = mapper.unrelated, case.heard[HERE].window
    request = case.map_request({"": case.target})
    explained = maps_of(request)
    compared, differences = compare_maps(case, explained, unrelated)
    ladder, strips = lead_steps(case)
    maps = {name: array for one in explained for name, array in one.arrays.items()}
    arrays = {"log_mel": _features(case.worst, window), **maps, **differences, **strips}
    if COUNTERPART in case.heard:
        arrays["log_mel_counterpart"] = _features(with_nothing_before(case.worst), case.heard[COUNTERPART].window)
    facts = FailureMaps(
        methods=methods_of(explained),
        correlations=correlations_of(explained),
        trust=trust_of(explained, unrelated.cases.seed, in_full=in_full),
        differences=compared,
        segments=segment_values(request, case.failure.variant) if in_full else None,
        donor=donor(case) if in_full else None,
        ladder=ladder,
        following=_followed(case, mapper),
    )
    return Mapped(arrays, facts)


def _followed(case: Case, mapper: Mapper) -> LayerTracking | None:
    """Layer by layer, beside its counterpart; None where there is none, or where the sound itself is changed."""
    if case.counterpart is None or case.changed:
        return None
    failure = case.failure
    moved = Moved(case.subject, failure.offset_ms, case.counterpart.offset_ms, failure.label, failure.variant)
    return mapper.following.of(moved, mapper.unrelated.subjects(case, OTHERS))


def _features(classifier: Classifier, window: Tensor) -> Map:
    features: Map = classifier.frontend.picture.features(window[None])[0, 0].float().cpu().numpy()
    return features
