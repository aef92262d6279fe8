"""Which recordings are right where one fails, what do they have in common, and in what do those differ that fail?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd
from torch import Tensor

from robustness.analysis.outcomes import FALSE_ACCEPT
from robustness.audio.levels import Span
from robustness.audio.measurements import SOFTEST_DBFS, measured
from robustness.audio.placement import span_of
from robustness.audio.recordings import Recording
from robustness.audio.surround import own_sound_in
from robustness.explanations.failing_group import Difference, FailingGroup, MeasuredWord
from robustness.explanations.standing import FEWEST, Standing, named_values, standings
from robustness.interventions.typical import Typical, spectrum_db, word_level_dbfs
from robustness.run.good_recordings import GoodRecording, GoodRecordingFacts

if TYPE_CHECKING:
    from robustness.explanations.cases import Case

MOST: Final = 48  # recordings that are measured: of many, the first in the order in which others are asked


class MeasuredRecording(NamedTuple):
    """What is measured of one recording: the level of its word in dBFS, its bands against that, [bands], and all else by name."""

    level_dbfs: float
    spectrum_db: Tensor
    values: Mapping[str, float]


@dataclass(eq=False)
class GoodSet(ABC):
    """Some recordings that are right.

    Attributes:
        placed: the answers of their run at each place.
        order: those with a label, in the order in which they are asked.
    """

    placed: pd.DataFrame
    order: Sequence[str]

    @abstractmethod
    def of(self, recording: str) -> MeasuredRecording:
        """What is measured of one recording."""

    @abstractmethod
    def word(self, recording: str) -> str:
        """What is said in it."""

    def measured_words(self, some: Collection[str]) -> list[MeasuredWord]:
        """Those of some that are measured, each with its word."""
        return [MeasuredWord(self.word(one), self.of(one).values) for one in self.chosen(some)]

    def onsets(self, variant: str, placement: str) -> dict[str, float]:
        """Those that a variant has right at a placement, or, where there is none, at any; and where their words begin there, in ms."""
        rows = self.placed[(self.placed["variant"] == variant) & ~self.placed["failing"]]
        there = rows[rows["placement"] == placement]
        rows = there if len(there) else rows
        return dict(zip(rows["recording"].astype(str), rows["onset_ms"].astype(float), strict=True))

    def chosen(self, good: Collection[str]) -> list[str]:
        """Those of the good ones that are measured: where they are many, the first in the order."""
        return list(islice((one for one in self.order if one in good), MOST))


@dataclass(eq=False)
class GoodRun(GoodSet):
    """The good recordings of another run of the same model, as it measured them.

    Attributes:
        measured: by their ids.
        name: of the run's folder.
    """

    measured: Mapping[str, MeasuredRecording]
    name: str

    def of(self, recording: str) -> MeasuredRecording:
        """What that run measured of it."""
        return self.measured[recording]

    def word(self, recording: str) -> str:
        """Its label; of words that the model does not know one for all."""
        return self._labels[recording]

    @cached_property
    def _labels(self) -> dict[str, str]:
        return dict(zip(self.placed["recording"].astype(str), self.placed["label"].astype(str), strict=True))


@dataclass(eq=False)
class GoodRecordings(GoodSet):
    """The recordings of a run that are right, each measured once.

    Attributes:
        recordings: by their ids.
        threshold_db: by which words are found.
        instead: those of another run, which serve where fewer than five are right here.
        served: whether they did.
    """

    recordings: Mapping[str, Recording]
    threshold_db: float
    instead: GoodRun | None = None
    served: bool = False
    _heard: dict[str, MeasuredRecording] = field(default_factory=dict)
    _typical: dict[tuple[str, str], Typical | None] = field(default_factory=dict)
    _groups: dict[tuple[str, str, bool], FailingGroup | None] = field(default_factory=dict)

    def serving(self, variant: str, placement: str) -> GoodSet:
        """Those that a failing recording is compared with: those of this run, or of the other where too few are right here."""
        if self.instead is None or len(self.onsets(variant, placement)) >= FEWEST:
            return self
        self.served = True
        return self.instead

    def typical(self, variant: str, placement: str) -> Typical | None:
        """What they have in common; None where they are too few."""
        key = (variant, placement)
        if key not in self._typical:
            good = self.serving(variant, placement)
            heard = [good.of(one) for one in good.chosen(good.onsets(variant, placement))]
            self._typical[key] = Typical.of([one.level_dbfs for one in heard], [one.spectrum_db for one in heard])
        return self._typical[key]

    def standings(self, case: Case) -> list[Standing]:
        """Where the measurements of a failing recording stand among the good ones: its sound as it is heard, and where its word begins."""
        failure, scene = case.failure, case.subject.scene(case.failure.offset_ms, ())
        here = {**values_of(scene.recording, scene.rate_hz, scene.speech), "middle_ms": sum(case.subject.speech_ms(failure.offset_ms)) / 2}
        good = self.serving(failure.variant, failure.condition.placement)
        onsets = good.onsets(failure.variant, failure.condition.placement)
        names = [one for one in good.chosen(onsets) if good is not self or one != failure.recording]
        heard = [good.of(one).values for one in names]
        return standings(here, [{**one, "middle_ms": onsets[name] + one["length_ms"] / 2} for name, one in zip(names, heard, strict=True)])

    def group(self, variant: str, placement: str, *, carried_out: bool) -> FailingGroup | None:
        """What sets those apart that a variant has wrong at a placement; None where too few are wrong, or right, to tell.

        Args:
            variant: whose answers.
            placement: with nothing else done.
            carried_out: whether of words that are no command and are carried out, or of commands that are not.
        """
        key = (variant, placement, carried_out)
        if key not in self._groups:
            rows, good = self.placed, self.serving(variant, placement)
            there = rows[(rows["variant"] == variant) & (rows["placement"] == placement) & rows["failing"]]
            failing = set(there[(there["outcome"] == FALSE_ACCEPT) == carried_out]["recording"].astype(str))
            right = good.measured_words(good.onsets(variant, placement))
            self._groups[key] = FailingGroup.of(self.measured_words(failing), right)
        return self._groups[key]

    def differences(self, case: Case) -> tuple[Difference, ...]:
        """In what those that fail where a recording fails differ from those that are right, and it does as well; only at a place."""
        failure = case.failure
        if not failure.at_a_place:
            return ()
        carried_out = case.given[failure.variant].outcome == FALSE_ACCEPT
        group = self.group(failure.variant, failure.condition.placement, carried_out=carried_out)
        return () if group is None else group.of_one(self.word(failure.recording), {one.name: one.value for one in case.standings})

    def word(self, recording: str) -> str:
        """As its source names it."""
        return self.recordings[recording].label or ""

    def of(self, recording: str) -> MeasuredRecording:
        """What is measured of one recording."""
        if recording not in self._heard:
            one = self.recordings[recording]
            word = span_of(one, self.threshold_db)
            values = values_of(one.samples, one.rate_hz, word)
            self._heard[recording] = MeasuredRecording(
                word_level_dbfs(one.samples, word), spectrum_db(one.samples, one.rate_hz, word), values
            )
        return self._heard[recording]

    def facts(self) -> GoodRecordingFacts:
        """What a run keeps of them, for another run of the same model: those that are measured at each place, for each variant."""
        there = self.placed[~self.placed["failing"]].groupby(["variant", "placement"], observed=True)["recording"]
        chosen = {one for _, names in there for one in self.chosen(set(names.astype(str)))}
        return GoodRecordingFacts({one: _kept(self.of(one)) for one in self.order if one in chosen})


def _kept(one: MeasuredRecording) -> GoodRecording:
    return GoodRecording(max(SOFTEST_DBFS, one.level_dbfs), tuple(one.spectrum_db.tolist()), dict(one.values))


def values_of(samples: Tensor, rate_hz: int, word: Span) -> dict[str, float]:
    """What is measured of a recording, by name."""
    return named_values(measured(samples, rate_hz, word), surround=own_sound_in(samples, rate_hz))
