"""Which recordings are right where one fails, and what do they have in common?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from robustness.audio.levels import Span
from robustness.audio.measurements import measured
from robustness.audio.placement import span_of
from robustness.audio.recordings import Recording
from robustness.audio.surround import own_sound_in
from robustness.explanations.standing import Standing, named_values, standings
from robustness.interventions.typical import Typical, spectrum_db, word_level_dbfs
from robustness.seeds import generator_of

if TYPE_CHECKING:
    from robustness.explanations.cases import Case

MOST: Final = 40  # recordings that are measured, chosen by the run's seed


class Heard(NamedTuple):
    """What is measured of one recording: the level of its word in dBFS, its bands against that, [bands], and all else by name."""

    level_dbfs: float
    spectrum_db: Tensor
    values: Mapping[str, float]


@dataclass(eq=False)
class GoodRecordings:
    """The recordings of a run that are right, each measured once.

    Attributes:
        recordings: by their ids.
        placed: the run's answers at each place.
        threshold_db: by which words are found.
        seed: of the run.
    """

    recordings: Mapping[str, Recording]
    placed: pd.DataFrame
    threshold_db: float
    seed: int
    _heard: dict[str, Heard] = field(default_factory=dict)
    _typical: dict[tuple[str, str], Typical | None] = field(default_factory=dict)

    @cached_property
    def _order(self) -> list[str]:
        """All recordings, in one order by the run's seed: of many, the same are measured at every placement."""
        ids = sorted(set(self.placed["recording"].astype(str)))
        return [ids[place] for place in torch.randperm(len(ids), generator=generator_of(self.seed, "good")).tolist()]

    def ids(self, variant: str, placement: str) -> list[str]:
        """Those that a variant has right at a placement; where there is none, at any."""
        rows = self.placed[(self.placed["variant"] == variant) & ~self.placed["failing"]]
        there = rows[rows["placement"] == placement]
        return sorted(set((there if len(there) else rows)["recording"].astype(str)))

    def typical(self, variant: str, placement: str) -> Typical | None:
        """What they have in common; None where they are too few."""
        key = (variant, placement)
        if key not in self._typical:
            heard = self.heard(variant, placement)
            self._typical[key] = Typical.of([one.level_dbfs for one in heard], [one.spectrum_db for one in heard])
        return self._typical[key]

    def heard(self, variant: str, placement: str, but: str = "") -> list[Heard]:
        """What is measured of those that are right at a placement, chosen by the run's seed where they are many."""
        good = set(self.ids(variant, placement)) - {but}
        return [self.of(one) for one in islice((one for one in self._order if one in good), MOST)]

    def standings(self, case: Case) -> list[Standing]:
        """Where the measurements of a failing recording stand among the good ones: its sound as it is heard, and where its word begins."""
        failure, scene = case.failure, case.subject.scene(case.failure.offset_ms, ())
        here = values_of(scene.recording, scene.rate_hz, scene.speech)
        good = [one.values for one in self.heard(failure.variant, failure.condition.placement, failure.recording)]
        return standings(here, good)

    def of(self, recording: str) -> Heard:
        """What is measured of one recording."""
        if recording not in self._heard:
            one = self.recordings[recording]
            word = span_of(one, self.threshold_db)
            values = values_of(one.samples, one.rate_hz, word)
            self._heard[recording] = Heard(word_level_dbfs(one.samples, word), spectrum_db(one.samples, one.rate_hz, word), values)
        return self._heard[recording]


def values_of(samples: Tensor, rate_hz: int, word: Span) -> dict[str, float]:
    """What is measured of a recording, by name."""
    return named_values(measured(samples, rate_hz, word), surround=own_sound_in(samples, rate_hz))
