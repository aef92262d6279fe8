"""Does the outcome stay good wherever the word lies, at every whole sample of lead? By enumeration, and not on a grid.

Leads one hop apart see the same frames, whole frames moved: a float network of plain convolutions computes the columns that these windows
share once (`inference.overlapping`), a sequence of frames for each of a hop's samples. That is tried on windows of every recording, to
1e-4; where it does not hold, and for windows whose edge touches the recording, each window is computed by itself. So is the worst lead
found, and each whose outcome hangs on less than a thousandth of a logit. Quantized variants are always computed window by window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from math import ceil
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
from robustness.frontends.spectral import SpectralFrontend
from robustness.models.classifier import Classifier
from robustness.rendering import Renderer
from robustness.run.every_sample import Enumerated, EverySample
from robustness.sweep.engine import Engine
from robustness.sweep.inference.frames import ReadyFeatures
from robustness.sweep.inference.preparing import FLOAT, TOLERANCE
from robustness.sweep.shifts import CLOSE
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
        frontend = self.classifier.frontend
        if self.classifier.variant != FLOAT or not isinstance(frontend, SpectralFrontend):
            return None
        hop, reach = frontend.hop_samples, frontend.frame_samples // 2 + 1  # what the padding of a centered frame looks at is zero
        length, frame = int(there.batch.lengths[0]), self.classifier.frame.samples
        inside = (there.leads >= reach) & (there.leads + length <= frame - reach)
        if int(inside.sum()) < hop:
            return None
        try:
            return self._checked(there, inside)
        except (RuntimeError, ValueError):  # a front-end or a network that does not take longer features
            return None

    def _checked(self, there: LeadsAsked, inside: Tensor) -> Tensor | None:
        whole = inside.nonzero()[:, 0]
        probes = whole[torch.linspace(0, len(whole) - 1, PROBES).long()]
        sequences = self._sequences(there, whole)
        if not self._tried:
            self._tried, self._sharing = True, self._made(next(self._sequences(there, whole))[1])
        if self._sharing is None:
            return None
        logits = torch.empty(len(there.leads), len(self.classifier.labels))
        with closing(self._sharing.stream(sequences)) as answered:
            for (at, there_is), (found,) in answered:
                logits[at] = found[there_is]
        with torch.inference_mode():
            own = torch.cat([self.classifier.logits(window[None]) for window in there.windows(self.classifier, probes)])
        if not bool(((logits[probes] - own).abs() <= TOLERANCE).all()):
            return None
        edges = (~inside).nonzero()[:, 0]
        if len(edges):
            logits[edges] = self.alone(there, edges)
        return logits

    def _made(self, features: Tensor) -> Engine | None:
        """What runs windows one hop apart, tried on the first of them; None if nothing is shared."""
        heard = replace(self.classifier, frontend=ReadyFeatures.of(self.classifier.frontend))
        engine = Engine.ready([heard], features[: len(features) // AT_ONCE], hops=(1,))
        return engine if engine.families[0][0].overlapping else None

    def _sequences(self, there: LeadsAsked, whole: Tensor) -> Iterator[tuple[tuple[Tensor, Tensor], Tensor]]:
        """Features of windows a hop apart, for sequences that begin at each of a hop's samples.

        Yields:
            The places of those windows that are asked, which of the windows these are, and the windows, [windows 1 bands frames].
        """
        frontend = self.classifier.frontend
        assert isinstance(frontend, SpectralFrontend)  # noqa: S101 - asked before
        hop, frame = frontend.hop_samples, self.classifier.frame.samples
        highest, longest = int(whole[-1]), ceil(len(whole) / hop)
        samples = there.batch.samples[0, : int(there.batch.lengths[0])]
        for starts in torch.arange(hop).split(AT_ONCE):
            long = torch.zeros(len(starts), frame + (longest - 1) * hop)
            for row, start in zip(long, (there.leads[highest] - starts).tolist(), strict=True):
                row[start : start + len(samples)] = samples  # window q begins q hops later: its lead is q hops less
            features = self.classifier.features(long)
            frames = features.shape[-1] - longest + 1
            windows = features.unfold(-1, frames, 1).permute(0, 3, 1, 2, 4).flatten(0, 1)  # [sequences · windows 1 bands frames]
            places = (highest - starts[:, None] - hop * torch.arange(longest)).flatten()
            there_is = places >= int(whole[0])
            yield (places[there_is], there_is), windows


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
