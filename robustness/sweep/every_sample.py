"""Does the outcome stay good wherever the word lies, at every whole sample of lead? By enumeration, and not on a grid.

Leads one hop apart see the same frames, whole frames moved: a float network of plain convolutions computes the columns that these windows
share once (`inference.overlapping`), a sequence of frames for each of a hop's samples. That is tried on windows of every recording, to
1e-4; where it does not hold, each window is computed by itself. So is the worst lead found, and each whose outcome hangs on less than a
thousandth of a logit. Quantized variants are always computed window by window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustness.analysis.outcomes import GOOD, OUTCOMES
from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import RecordingBatch
from robustness.audio.recordings import Recording
from robustness.conditions import Condition
from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.rendering import Renderer
from robustness.run.every_sample import Enumerated, EverySample
from robustness.sweep.engine import Engine
from robustness.sweep.inference.frames import ReadyFeatures, WindowFeatures, shares_frames
from robustness.sweep.inference.preparing import FLOAT, TOLERANCE
from robustness.sweep.shifts import CLOSE, chained_features
from robustness.sweep.trials import label_indices

AT_ONCE: Final = 4  # sequences of a hop's samples computed together: what fits the cache
PROBES: Final = 4
GRID_MS: Final = 10.0
WIDEST_MS: Final = 1000.0
WINDOWS: Final = 512  # placed together, where each is computed by itself
CountProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class LeadsAsked:
    """Every lead of one recording that is asked, rising, [leads] in samples, and the place of the reference among them."""

    batch: RecordingBatch
    leads: Tensor
    reference: int

    def windows(self, classifier: Classifier, at: Tensor) -> Tensor:
        """The windows at some of the leads, [some time]."""
        return Renderer(self.batch.repeated(len(at)), classifier.frame).render(Condition(), self.leads[at]).samples


@dataclass(eq=False)
class Enumeration:
    """One variant's answers at every sample of lead.

    Attributes:
        classifier: the variant.
        threshold_db: how far below the loudest frame speech may be.
    """

    classifier: Classifier
    threshold_db: float = SPEECH_THRESHOLD_DB
    _engine: Engine | None = None
    _sharing: Engine | None = None
    _tried: bool = field(default=False)

    def of(self, recording: Recording, within_ms: float) -> Enumerated | None:
        """What one recording gives; None if it has no label, or loses speech at the reference placement already."""
        there = lead_range(recording, self.classifier, within_ms, self.threshold_db)
        truth = self.classifier.truth(recording.label)
        if there is None or truth is None:
            return None
        logits = self._shared(there)
        shared = logits is not None
        logits = self.alone(there, torch.arange(len(there.leads))) if logits is None else logits
        label = label_indices(self.classifier, [truth])
        margins, good = self._decided(logits, label)
        if shared:
            again = torch.from_numpy(np.union1d(np.flatnonzero(np.abs(margins) < CLOSE), [int(np.argmin(margins))]))
            logits[again] = self.alone(there, again)
            margins, good = self._decided(logits, label)
        return _enumerated(recording.id, self.classifier, there, (margins, good), shared)

    def alone(self, there: LeadsAsked, at: Tensor) -> Tensor:
        """The logits at some of the leads, each window computed by itself, [some labels]."""
        return torch.cat([self.answered(there.windows(self.classifier, part)) for part in at.split(WINDOWS)])

    def answered(self, windows: Tensor) -> Tensor:
        """The logits of windows, each computed by itself, [windows time] → [windows labels]."""
        if self._engine is None:
            self._engine = Engine.ready([self.classifier], windows[:: max(1, len(windows) // PROBES)][:PROBES])
        return self._engine.answers(windows)[0]

    def _decided(self, logits: Tensor, label: Tensor) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        found = self.classifier.decide(logits, label.expand(len(logits)))
        good = np.isin(found.outcome, [OUTCOMES.index(name) for name in GOOD])
        return np.asarray(found.margin, dtype=np.float64), good

    def _shared(self, there: LeadsAsked) -> Tensor | None:
        """The logits at every lead, what windows share computed once; None if that cannot be, or changes an answer."""
        first = self.classifier
        if first.variant != FLOAT or not shares_frames(first.frontend, first.frame) or len(there.leads) < 2 * first.frontend.hop_samples:
            return None
        try:
            return self._checked(there)
        except (RuntimeError, ValueError):  # a front-end or a network that does not go along with it
            return None

    def _checked(self, there: LeadsAsked) -> Tensor | None:
        if not self._tried:
            self._tried, self._sharing = True, self._made(next(self._sequences(there))[1])
        if self._sharing is None:
            return None
        logits = torch.empty(len(there.leads), len(self.classifier.labels))
        with closing(self._sharing.stream(self._sequences(there))) as answered:
            for at, (found,) in answered:
                logits[at] = found
        probes = torch.linspace(0, len(there.leads) - 1, PROBES).long()
        with torch.inference_mode():
            own = torch.cat([self.classifier.logits(window[None]) for window in there.windows(self.classifier, probes)])
        return logits if bool(((logits[probes] - own).abs() <= TOLERANCE).all()) else None

    def _made(self, features: Tensor) -> Engine | None:
        """What runs windows one hop apart, tried on the first of them; None if nothing is shared."""
        heard = replace(self.classifier, frontend=ReadyFeatures.of(self.classifier.frontend))
        engine = Engine.ready([heard], features[: len(features) // AT_ONCE], hops=(1,))
        return engine if engine.families[0][0].overlapping else None

    def _sequences(self, there: LeadsAsked) -> Iterator[tuple[Tensor, Tensor]]:
        """Places among the leads, and the features there, of leads a hop apart that begin at some of a hop's samples."""
        hop, made = self.classifier.frontend.hop_samples, WindowFeatures(self.classifier.frontend, self.classifier.frame)
        for starts in torch.arange(hop).split(AT_ONCE):
            places = [torch.arange(start, len(there.leads), hop).flip(0) for start in starts.tolist()]
            yield torch.cat(places), chained_features(made, there.batch, [there.leads[at].tolist() for at in places])


def lead_range(recording: Recording, classifier: Classifier, within_ms: float, threshold_db: float) -> LeadsAsked | None:
    """The leads within a range of the reference placement at which no speech is lost; None if it is lost there already."""
    frame = classifier.frame
    renderer = Renderer.of([recording], frame, threshold_db=threshold_db)
    batch, reference = renderer.batch, int(renderer.leads(frame.reference)[0])
    start, end = batch.speech[0].tolist()
    steps = round(within_ms * frame.rate_hz / 1000)
    low, high = max(reference - steps, -start), min(reference + steps, frame.samples - end)
    return None if not low <= reference <= high else LeadsAsked(batch, torch.arange(low, high + 1), reference - low)


def _enumerated(
    name: str, classifier: Classifier, there: LeadsAsked, found: tuple[NDArray[np.float64], NDArray[np.bool_]], shared: bool
) -> Enumerated:
    margins, good = found
    margins = np.where(np.isfinite(margins), margins, np.where(good, np.finfo(np.float32).max, -np.finfo(np.float32).max))
    early, late = there.reference, len(there.leads) - 1 - there.reference
    bad = np.flatnonzero(~good) - early
    worst = int(np.argmin(margins))
    grid = np.arange(len(margins)) - early
    step = round(GRID_MS * classifier.frame.rate_hz / 1000)
    return Enumerated(
        recording=name,
        model=classifier.name,
        variant=classifier.variant,
        early=early,
        late=late,
        good=int(good.sum()),
        bad_early=int(-bad[bad <= 0].max()) if (bad <= 0).any() else None,
        bad_late=int(bad[bad >= 0].min()) if (bad >= 0).any() else None,
        worst=float(margins[worst]),
        worst_step=worst - early,
        grid=float(margins[grid % step == 0].min()),
        shared=shared,
    )


def every_sample(
    classifiers: Sequence[Classifier],
    recordings: Sequence[Recording],
    within_ms: float,
    *,
    threshold_db: float = SPEECH_THRESHOLD_DB,
    progress: CountProgress = lambda done, total: None,
) -> EverySample:
    """The outcomes at every whole sample of lead around the reference placement.

    Args:
        classifiers: variants that hear one window; a quantized one takes some seconds a recording.
        recordings: as they are placed; those without a label, and those whose speech does not fit the window, are left out.
        within_ms: how far to both sides.
        threshold_db: how far below the loudest frame speech may be.
        progress: told how many recordings and variants are done, of how many.

    Raises:
        UsageError: the range is none, or wider than a second.
    """
    if not 0 < within_ms <= WIDEST_MS:
        raise UsageError(f"a range of {within_ms:g} ms cannot be enumerated; give more than 0 and at most {WIDEST_MS:g} ms to each side")
    found = []
    for place_, classifier in enumerate(classifiers):
        enumeration = Enumeration(classifier, threshold_db)
        for count, recording in enumerate(recordings):
            progress(place_ * len(recordings) + count, len(classifiers) * len(recordings))
            one = enumeration.of(recording, within_ms)
            found += [] if one is None else [one]
    return EverySample(within_ms, classifiers[0].frame.rate_hz, tuple(found))


def seconds_by_itself(classifier: Classifier, windows: int) -> float:
    """How long so many windows of a variant take, each computed by itself, tried on this machine with silence."""
    engine = Engine.ready([classifier], torch.zeros(PROBES, classifier.frame.samples))
    return engine.seconds_a_window(classifier.frame.samples) * windows
