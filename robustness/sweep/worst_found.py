"""How bad does it get if the lead and the level of something else move together? The worst that a bounded search found, and no proof.

A coarse grid over both axes, and then neighbours of the worst places at half the step, again and again: some hundred windows a recording.
The other axis is that of a perturbation, over its everyday range: gain, or the signal-to-noise ratio of one draw of noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import numpy as np
import torch

from robustness.audio.recordings import Recording
from robustness.conditions import Condition
from robustness.perturbations.base import PERTURBATIONS, WindowPerturbation
from robustness.rendering import Renderer
from robustness.run.every_sample import WorstFound
from robustness.sweep.every_sample import Enumeration, LeadsAsked, lead_range
from robustness.sweep.trials import label_indices

COARSE: Final = (17, 9)  # leads and levels
ROUNDS: Final = 6
KEPT: Final = 2  # places whose neighbours are tried
LeadAndLevel = tuple[int, float]  # a step of lead in samples, and a level


@dataclass(eq=False)
class LeadLevelSearch:
    """The margins that were asked for, of one recording, variant and perturbation."""

    enumeration: Enumeration
    there: LeadsAsked
    kind: type[WindowPerturbation]
    label: torch.Tensor
    found: dict[LeadAndLevel, float] = field(default_factory=dict)

    def ask(self, places: Iterable[LeadAndLevel]) -> None:
        """Asks for the outcome margins at places that are not known."""
        early, late = self.there.reference, len(self.there.leads) - 1 - self.there.reference
        low, high = levels_of(self.kind)
        new = {(max(-early, min(late, step)), max(low, min(high, level))) for step, level in places} - self.found.keys()
        for level in sorted({level for _, level in new}):
            steps = sorted(step for step, other in new if other == level)
            leads = self.there.leads[torch.tensor(steps) + early]
            renderer = Renderer(self.there.batch.repeated(len(steps)), self.enumeration.classifier.frame)
            logits = self.enumeration.answered(renderer.render(Condition(self.kind.name, level), leads).samples)
            margins = self.enumeration.classifier.decide(logits, self.label.expand(len(steps))).margin
            self.found.update({(step, level): float(margin) for step, margin in zip(steps, margins, strict=True)})

    def worst(self, count: int) -> list[LeadAndLevel]:
        """The places with the least margins."""
        return sorted(self.found, key=lambda place: (self.found[place], place))[:count]


def levels_of(kind: type[WindowPerturbation]) -> tuple[float, float]:
    """The range of the other axis: that of an ordinary day, or where nobody has stated it the milder half of the grid."""
    if kind.everyday is not None:
        return kind.everyday.low, kind.everyday.high
    levels = kind().facts("center").everyday_levels
    return min(levels), max(levels)


def beside_a_shift() -> tuple[str, ...]:
    """The perturbations whose level moves with the lead: of levels, and of made noise, the first that every report runs."""
    kinds = [kind for kind in PERTURBATIONS.all().values() if kind.preset == "quick" and not kind.inputs]
    names = {family: [kind.name for kind in kinds if kind.family == family] for family in ("level", "noise")}
    return tuple(found[-1] for found in names.values() if found)


def worst_found(enumeration: Enumeration, recording: Recording, within_ms: float, beside: str) -> WorstFound | None:
    """The least outcome margin that was found over leads and levels; None if the recording has no label, or loses speech as it lies.

    Args:
        enumeration: of the variant.
        recording: as it is placed.
        within_ms: how far the lead goes to both sides, as far as no speech is lost.
        beside: the other axis' perturbation.
    """
    classifier = enumeration.classifier
    there = lead_range(recording, classifier, within_ms, enumeration.threshold_db)
    truth = classifier.truth(recording.label)
    kind = PERTURBATIONS[beside]
    if there is None or truth is None or not issubclass(kind, WindowPerturbation):
        return None
    search = LeadLevelSearch(enumeration, there, kind, label_indices(classifier, [truth]))
    early, late = there.reference, len(there.leads) - 1 - there.reference
    low, high = levels_of(kind)
    steps, levels = np.linspace(-early, late, COARSE[0]).round().astype(int).tolist(), np.linspace(low, high, COARSE[1]).tolist()
    search.ask(product(steps, levels))
    apart = ((early + late) / (COARSE[0] - 1), (high - low) / (COARSE[1] - 1))
    for _ in range(ROUNDS):
        apart = (apart[0] / 2, apart[1] / 2)
        search.ask([place for worst in search.worst(KEPT) for place in _around(worst, apart)])
    step, level = search.worst(1)[0]
    return WorstFound(
        recording.id, classifier.name, classifier.variant, beside, kind.axis.unit, level, step, search.found[step, level], len(search.found)
    )


def _around(place: LeadAndLevel, apart: Sequence[float]) -> list[LeadAndLevel]:
    return [(place[0] + round(a * apart[0]), place[1] + b * apart[1]) for a, b in product((-1, 0, 1), (-1, 0, 1))]
