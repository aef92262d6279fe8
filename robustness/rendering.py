"""What does a recording sound like under a condition? The only place that puts a recording into a window and changes it there.

`render` answers once; a `Renderer` holds a batch and answers again and again: it places a recording once a placement, and its noise is
drawn once a draw. A condition of a run renders to the same samples, whoever asks. Samples are mono, full scale ±1, [clips time].

The windows carry what was measured: where the word lies and what of it is lost, the level that was reached, whether a clip went above full
scale, and what was added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Frame, RecordingBatch, Windows, batch_of, lead_of, place
from robustness.audio.recordings import Recording
from robustness.conditions import NO_WORD, NONE, Condition, Fill, Placement
from robustness.errors import UsageError
from robustness.perturbations.base import (
    PERTURBATIONS,
    Inputs,
    Perturbation,
    PlacementPerturbation,
    RecordingPerturbation,
    WindowPerturbation,
)
from robustness.perturbations.before import HistoryPerturbation

NO_INPUTS: Final[Inputs] = MappingProxyType({})


@dataclass(eq=False)
class Renderer:
    """Recordings, and their windows under any condition.

    Attributes:
        batch: the recordings.
        frame: the model's window.
        perturbations: those that are known by name, with their settings; another is made from its registered class.
        inputs: folders that perturbations need.
    """

    batch: RecordingBatch
    frame: Frame
    perturbations: Mapping[str, Perturbation] = field(default_factory=dict)
    inputs: Inputs = field(default_factory=dict)
    _placed: dict[tuple[Placement, Fill], Windows] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        recordings: Sequence[Recording],
        frame: Frame,
        *,
        seed: int = 0,
        threshold_db: float = SPEECH_THRESHOLD_DB,
        perturbations: Mapping[str, Perturbation] = MappingProxyType({}),
        inputs: Inputs = NO_INPUTS,
    ) -> Renderer:
        """A renderer for recordings, which are as they are placed: cut to their speech before, where that is wanted.

        Args:
            recordings: of one rate.
            frame: the model's window.
            seed: of the run.
            threshold_db: how far below the loudest frame speech may be.
            perturbations: those that are known, by name.
            inputs: folders by name, for perturbations that are not among the known ones.
        """
        return cls(batch_of(recordings, seed, threshold_db), frame, perturbations, inputs)

    def render(self, condition: Condition, leads: Tensor | None = None) -> Windows:
        """The windows under a condition.

        Args:
            condition: any but that of windows without a word.
            leads: where each recording begins, [clips] in samples, in place of the condition's placement; None is that placement.

        Raises:
            UsageError: there is no such perturbation, it cannot be run with the inputs that are there, or it moves what `leads` fixes.
        """
        if condition.perturbation == NONE:
            return self.placed(condition.placement, condition.fill) if leads is None else self._at(leads, condition.fill)
        perturbation, level = self.perturbation(condition.perturbation), _level_of(condition)
        if isinstance(perturbation, PlacementPerturbation):
            if leads is not None:
                raise UsageError(f"{condition.perturbation} says itself where the recording lies; give it, or a lead, but not both")
            return self._at(self.leads_of(condition), condition.fill)
        if isinstance(perturbation, RecordingPerturbation):
            return self._retaken(perturbation, level, condition, leads)
        if isinstance(perturbation, WindowPerturbation):
            clean = self.placed(condition.placement, condition.fill) if leads is None else self._at(leads, condition.fill)
            return perturbation(clean, level, draw=condition.draw, seed=self.batch.seed)
        if isinstance(perturbation, HistoryPerturbation):
            clean = self.placed(condition.placement, condition.fill) if leads is None else self._at(leads, condition.fill)
            return perturbation(clean, self.batch, level, draw=condition.draw)
        raise TypeError(
            f"{condition.perturbation} changes no placement, no recording, no window and nothing before it: there is no way to render it"
        )

    def moved(self, leads_ms: Sequence[float], condition: Condition = Condition(), heard_ms: float | None = None) -> Windows:  # noqa: B008 - frozen
        """One recording at several leads, a window each, under what a condition does to it where it was heard: [leads time].

        Noise stays where it is in the window, at the level that it has there; what is no sum is done to each window anew.

        Args:
            leads_ms: from the window's start, to the nearest sample.
            condition: of a placement, or of a perturbation of windows.
            heard_ms: the lead at which the recording was heard under the condition; None is the condition's placement.

        Raises:
            UsageError: there is no such perturbation, or it needs inputs that are not there.
            ValueError: the batch holds several recordings.
        """
        if len(self.batch) != 1:
            raise ValueError(f"{len(self.batch)} recordings cannot be moved together; make a renderer of one")
        repeated = self.batch.repeated(len(leads_ms))
        leads = self.samples_of(leads_ms)
        perturbation = None if condition.perturbation == NONE else self.perturbation(condition.perturbation)
        if isinstance(perturbation, RecordingPerturbation):
            repeated = perturbation(self.batch, _level_of(condition)).batch.repeated(len(leads_ms))
        windows = place(repeated, leads, self.frame, condition.fill)
        if not isinstance(perturbation, WindowPerturbation):
            return windows
        base = None if heard_ms is None else self.samples_of([heard_ms])
        clean = self.render(replace(condition, perturbation=NONE, level=None), base)
        return perturbation.held(clean, _level_of(condition), draw=condition.draw, seed=self.batch.seed)(windows)

    def placed(self, placement: Placement, fill: Fill = "zeros") -> Windows:
        """The recordings at a placement, nothing else done to them."""
        if (placement, fill) not in self._placed:
            self._placed[placement, fill] = self._at(self.leads(placement), fill)
        return self._placed[placement, fill]

    def leads(self, placement: Placement) -> Tensor:
        """The leads of a placement, [clips] in samples."""
        return lead_of(placement, self.frame.samples - self.batch.lengths)

    def only_moves(self, condition: Condition) -> bool:
        """Whether the recordings lie in silence under a condition, and nothing else is done to them."""
        if condition.fill != "zeros" or condition.perturbation == NO_WORD:
            return False
        return condition.perturbation == NONE or isinstance(self.perturbation(condition.perturbation), PlacementPerturbation)

    def leads_of(self, condition: Condition) -> Tensor:
        """Where the recordings begin under a condition that does not change them, [clips] in samples."""
        leads = self.leads(condition.placement)
        perturbation = None if condition.perturbation == NONE else self.perturbation(condition.perturbation)
        if isinstance(perturbation, PlacementPerturbation):
            return perturbation(self.batch, self.frame, leads, _level_of(condition))
        return leads

    def leads_ms(self, placement: Placement) -> list[float]:
        """The leads of a placement, a number a recording."""
        found: list[float] = self.frame.ms(self.leads(placement)).tolist()
        return found

    def samples_of(self, leads_ms: Sequence[float]) -> Tensor:
        """Leads in samples, to the nearest one, [leads]."""
        return torch.tensor([round(ms * self.frame.rate_hz / 1000) for ms in leads_ms], dtype=torch.long)

    def perturbation(self, name: str) -> Perturbation:
        """The perturbation of that name, with its folders.

        Raises:
            UsageError: there is none, or it cannot be run with the inputs that are there.
        """
        if name in self.perturbations:
            return self.perturbations[name]
        if name == NO_WORD:
            raise UsageError("windows without a word hold no recording; they are not rendered from one")
        kind = PERTURBATIONS[name]
        made = kind.made(self.inputs)
        why = made.unavailable(self.inputs, self.frame)
        if why is not None:
            raise UsageError(f"{name} cannot be rendered: {why}")
        return made

    def _retaken(self, perturbation: RecordingPerturbation, level: float, condition: Condition, leads: Tensor | None) -> Windows:
        """The recordings changed, and then placed by the lengths that they have now."""
        batch, measured = perturbation(self.batch, level)
        if leads is None:
            leads = lead_of(condition.placement, self.frame.samples - batch.lengths)
        whole = torch.zeros(len(batch), dtype=torch.bool)
        return replace(place(batch, leads, self.frame, condition.fill), measured=measured, clipped=whole)

    def _at(self, leads: Tensor, fill: Fill) -> Windows:
        return place(self.batch, leads, self.frame, fill)


def render(
    recordings: Sequence[Recording],
    condition: Condition,
    frame: Frame,
    *,
    seed: int = 0,
    threshold_db: float = SPEECH_THRESHOLD_DB,
    inputs: Inputs = NO_INPUTS,
    lead_ms: float | None = None,
) -> Windows:
    """Recordings under a condition.

    Args:
        recordings: as they are placed.
        condition: what is done to them.
        frame: the model's window.
        seed: of the run.
        threshold_db: how far below the loudest frame speech may be.
        inputs: folders by name, for a perturbation that needs some.
        lead_ms: where the recordings begin, from the window's start, in place of the condition's placement.

    Raises:
        UsageError: there is no such perturbation, or it cannot be run with the inputs that are there.
    """
    renderer = Renderer.of(recordings, frame, seed=seed, threshold_db=threshold_db, inputs=inputs)
    return renderer.render(condition, None if lead_ms is None else renderer.samples_of([lead_ms] * len(recordings)))


def reference_windows(recordings: Sequence[Recording], frame: Frame, threshold_db: float = SPEECH_THRESHOLD_DB) -> Windows:
    """Recordings at the reference placement of a window, nothing else done to them."""
    return render(recordings, Condition(placement=frame.reference), frame, threshold_db=threshold_db)


def _level_of(condition: Condition) -> float:
    return float("nan") if condition.level is None else condition.level
