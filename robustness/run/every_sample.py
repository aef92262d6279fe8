"""Is the outcome good at every whole sample of lead in a range? What an enumeration found, as a run keeps it: `evidence/every-sample.json`.

Steps are whole samples of lead from the reference placement, negative ones towards the window's start. Loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record
from robustness.run.evidence import FiniteNumber

FILE: Final = "every-sample.json"


@dataclass(frozen=True)
class Enumerated:
    """One recording's outcomes at every sample of lead, of one variant.

    Attributes:
        recording: its id.
        variant: as the trials name it, with its model's name.
        model: its model's name.
        early: how many samples towards the start were asked; fewer than the range if speech would be lost.
        late: the same towards the end.
        good: at how many of the leads the outcome is good.
        bad_early: the fewest samples towards the start at which it is not; 0 is the reference placement itself; None if it always is.
        bad_late: the same towards the end.
        worst: the least outcome margin; negative where the outcome is not good.
        worst_step: where that is.
        grid: the least outcome margin at the multiples of 10 ms.
        shared: whether windows shared what they compute, under a check.
    """

    recording: str
    model: str
    variant: str
    early: int
    late: int
    good: int
    bad_early: int | None
    bad_late: int | None
    worst: FiniteNumber
    worst_step: int
    grid: FiniteNumber
    shared: bool = False

    @property
    def leads(self) -> int:
        """How many leads were asked."""
        return self.early + 1 + self.late

    def has_room(self, steps: int) -> bool:
        """Whether no speech is lost up to so many samples to both sides."""
        return min(self.early, self.late) >= steps

    def holds(self, steps: int) -> bool:
        """Whether the outcome is good at every sample up to so many to both sides; to be asked of one that has the room."""
        return all(bad is None or bad > steps for bad in (self.bad_early, self.bad_late))


@dataclass(frozen=True)
class WorstFound:
    """The least outcome margin that a bounded search over leads and levels found; there may be worse.

    Attributes:
        recording: its id.
        model: its model's name.
        variant: which.
        beside: the perturbation whose level moved with the lead.
        unit: of its levels.
        level: where it is worst.
        step: of the lead there.
        margin: there.
        windows: how many were asked.
    """

    recording: str
    model: str
    variant: str
    beside: str
    unit: str
    level: FiniteNumber
    step: int
    margin: FiniteNumber
    windows: int


@dataclass(frozen=True)
class EverySample:
    """The enumeration of a run.

    Attributes:
        within_ms: how far to both sides it went.
        rate_hz: sampling rate.
        recordings: a row a recording and variant.
        fill: of the padding.
        found: what a search over leads and the level of something else found, with the same range of leads.
    """

    within_ms: FiniteNumber
    rate_hz: int
    recordings: tuple[Enumerated, ...]
    fill: str = "zeros"
    found: tuple[WorstFound, ...] = ()

    def steps(self, within_ms: float) -> int:
        """A range in whole samples."""
        return round(within_ms * self.rate_hz / 1000)

    def of(self, model: str, variant: str, within_ms: float) -> list[Enumerated]:
        """The recordings of a variant that have the room for a range."""
        steps = self.steps(within_ms)
        return [one for one in self.recordings if (one.model, one.variant) == (model, variant) and one.has_room(steps)]


def read_every_sample(evidence: Path) -> EverySample | None:
    """The enumeration of a run; None if none was asked for.

    Raises:
        RunError: it is damaged.
    """
    return read_record(evidence.parent, f"{evidence.name}/{FILE}", EverySample) if (evidence / FILE).exists() else None


def write_every_sample(evidence: Path, found: EverySample) -> None:
    """Writes the enumeration of a run, whole or not at all."""
    write_json(evidence / FILE, plain(EverySample, found))
