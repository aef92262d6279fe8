"""What is answered to one recording at many leads? Leads that lie whole frames apart are windows of one sound, and share what they can.

The sound is the recording in silence, as long as all these windows together. Its frames are computed once (`inference.frames`), and the
columns of the networks' first layers too (`inference.overlapping`), each under the check that it has. An int8 variant keeps every bit; a
float answer that hangs on less than a thousandth of a logit is left to its window alone, so that no outcome depends on the way. What is
answered to a recording depends on nothing but the recording and the plan. Leads are in samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch
from robustness.conditions import Condition
from robustness.models.classifier import Classifier
from robustness.rendering import Renderer
from robustness.sweep.engine import Engine
from robustness.sweep.inference.frames import ReadyFeatures, WindowFeatures, shares_frames
from robustness.sweep.inference.overlapping import LEAST_SHARED
from robustness.sweep.inference.preparing import FLOAT
from robustness.sweep.kernels import margins

CLOSE: Final = 1e-3  # of a logit: ten times what a shared answer may be off
MOST_HOPS: Final = 4  # distances between windows that are tried; the rarer ones begin anew
PROBED: Final = 8  # leads next to each other, at three places, on which a network is tried
Leads = list[int]


class SharedAnswers(NamedTuple):
    """The answers under a condition that are there already.

    Attributes:
        logits: of each classifier, [clips labels].
        known: for which clips they are there, [clips].
    """

    logits: list[Tensor]
    known: Tensor

    def completed(self, others: Sequence[Tensor]) -> list[Tensor]:
        """The answers to all clips; `others` are those that were not known, none if all were."""
        for kept, answered in zip(self.logits, others, strict=bool(others)):
            kept[~self.known] = answered
        return self.logits


@dataclass(frozen=True, eq=False)
class SharedShifts:
    """Classifiers made ready to answer to recordings that are moved.

    Attributes:
        classifiers: those that were asked for, in their order.
        features: of windows of one sound.
        engine: features → logits.
    """

    classifiers: tuple[Classifier, ...]
    features: WindowFeatures
    engine: Engine

    @classmethod
    def ready(cls, classifiers: Sequence[Classifier], renderer: Renderer, conditions: Sequence[Condition]) -> Self | None:
        """Tries on one recording whether something can be shared; None if nothing can.

        Args:
            classifiers: that hear the same window.
            renderer: of the recording.
            conditions: of the plan.
        """
        first = classifiers[0]
        alike = all((one.frontend, one.device.type) == (first.frontend, "cpu") for one in classifiers)
        if not alike or first.frame.memory or not shares_frames(first.frontend, first.frame):
            return None
        chains = chains_of(leads_under(renderer, conditions)[:, 0].tolist(), first.frontend.hop_samples, first.frame)
        if not chains:
            return None
        made = WindowFeatures(first.frontend, first.frame)
        heard = [replace(one, frontend=ReadyFeatures.of(first.frontend)) for one in classifiers]
        probes = chained_features(made, renderer.batch, [_some(max(chains, key=len))])
        engine = Engine.ready(heard, probes, hops=hops_of(chains, first.frontend.hop_samples))
        return cls(tuple(classifiers), made, engine) if any(family.overlapping for family in engine.families[0]) else None

    @property
    def facts(self) -> dict[str, str]:
        """How each network is run, for the plan."""
        networks: dict[str, str] = self.engine.facts["networks"]
        return networks

    def answers(self, renderer: Renderer, conditions: Sequence[Condition], labels: Sequence[Tensor]) -> Mapping[Condition, SharedAnswers]:
        """The answers to recordings under those conditions that only move them, as far as something can be shared.

        Args:
            renderer: of the recordings.
            conditions: of the plan.
            labels: the place of each recording's label, [clips] for each classifier.
        """
        moving = [condition for condition in conditions if renderer.only_moves(condition)]
        leads = leads_under(renderer, moving)
        known = torch.zeros(leads.shape, dtype=torch.bool)
        logits = [torch.zeros(*leads.shape, len(one.labels)) for one in self.classifiers]
        with closing(self.engine.stream(self._chained(renderer.batch, leads))) as answered:
            for (clip, there), found in answered:
                at = {lead: row for row, lead in enumerate(there)}
                rows = torch.tensor([at.get(lead, -1) for lead in leads[:, clip].tolist()])
                known[:, clip] = rows >= 0
                for kept, answers in zip(logits, found, strict=True):
                    kept[:, clip] = answers[rows]
        for one, kept, label in zip(self.classifiers, logits, labels, strict=True):
            if one.variant == FLOAT:
                known &= ~close(one, kept, label.expand(len(moving), -1))
        return {condition: SharedAnswers([kept[row] for kept in logits], known[row]) for row, condition in enumerate(moving)}

    def _chained(self, batch: RecordingBatch, leads: Tensor) -> Generator[tuple[tuple[int, Leads], Tensor], None, None]:
        """Features of each recording's windows that share something, with the recording's place and their leads."""
        for clip in range(len(batch)):
            chains = chains_of(leads[:, clip].tolist(), self.features.frontend.hop_samples, self.features.frame)
            if chains:
                yield (clip, list(chain(*chains))), chained_features(self.features, batch.one(clip), chains)


def leads_under(renderer: Renderer, conditions: Sequence[Condition]) -> Tensor:
    """Where recordings begin under those conditions that only move them, [conditions clips]; a plan may have none."""
    leads = [renderer.leads_of(condition) for condition in conditions if renderer.only_moves(condition)]
    return torch.stack(leads) if leads else torch.zeros(0, len(renderer.batch), dtype=torch.long)


def chains_of(leads: Sequence[int], hop: int, frame: Frame) -> list[Leads]:
    """Leads that lie whole hops apart, the latest first, each once; those that would share little are left out.

    Args:
        leads: of one recording.
        hop: of the front-end.
        frame: the model's window.
    """
    found: dict[int, Leads] = {}
    for lead in sorted(set(leads), reverse=True):
        found.setdefault(lead % hop, []).append(lead)
    return [some for some in found.values() if _computed(some, frame.samples) < LEAST_SHARED * len(some) * frame.samples]


def _some(leads: Leads) -> Leads:
    """Leads at which the recording leaves the window on both sides and at which it is whole, next to each other, for a trial."""
    count, middle = len(leads), len(leads) // 2
    return [leads[at] for at in sorted({*range(min(count, PROBED)), *range(middle, min(count, middle + PROBED)), *range(count)[-PROBED:]})]


def _computed(leads: Leads, length: int) -> int:
    return length + sum(min(length, before - after) for before, after in pairwise(leads))


def hops_of(chains: Sequence[Leads], hop: int) -> list[int]:
    """How many hops lie from one window to the next, the commonest first."""
    counted = Counter((before - after) // hop for leads in chains for before, after in pairwise(leads))
    return [hops for hops, _ in counted.most_common(MOST_HOPS)]


def chained_features(made: WindowFeatures, batch: RecordingBatch, chains: Sequence[Leads]) -> Tensor:
    """The features of one recording at the leads of each chain, [leads 1 bands frames]."""
    found = []
    for leads in chains:
        sound = Frame(made.frame.samples + leads[0] - leads[-1], made.frame.rate_hz)
        samples = Renderer(batch, sound).render(Condition(), torch.tensor(leads[:1])).samples[0]
        found.append(made.of(samples, leads[0] - torch.tensor(leads)))
    return torch.cat(found)


def close(classifier: Classifier, logits: Tensor, labels: Tensor) -> Tensor:
    """Whether an outcome or a winning label hangs on less than `CLOSE`, [… labels], […] → […]."""
    flat = logits.flatten(0, -2)
    nearest = np.abs(margins(classifier, flat, labels.flatten(), flat)).min(axis=1)
    return torch.from_numpy(nearest < CLOSE).view(labels.shape)


def all_facts(engine: Engine, shifts: SharedShifts | None) -> dict[str, Any]:
    """What the engine chose, and how recordings that are moved are answered, for the plan."""
    return engine.facts if shifts is None else {**engine.facts, "moved": shifts.facts}
