"""What every perturbation offers: its facts, and one entry that does all but the physics; a plug-in owns those, on a whole batch.

A level is a number in the unit of the axis. Random parts are drawn once for (seed, recording, perturbation, draw) and scaled for each
level, so that curves are paired and nothing depends on batch or order. What goes above full scale is scaled back as a whole, and counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple, Self, final

import torch
from torch import Tensor

from robustness.audio.placement import Frame, RecordingBatch, Windows
from robustness.conditions import Axis, Condition, Everyday, Family, Fill, Placement, Preset
from robustness.errors import UsageError
from robustness.registry import Registry
from robustness.run.perturbations import PerturbationFacts
from robustness.seeds import generator_of

DRAWN: Final = 4  # levels from a range
Inputs = Mapping[str, Path]  # folders by name, as `--input NAME=DIR` gives them


class Extra(NamedTuple):
    """A package that is not always installed.

    Attributes:
        module: the name under which it is imported.
        name: of the extra of this project that has it.
    """

    module: str
    name: str

    @property
    def is_there(self) -> bool:
        """Whether it is installed."""
        return find_spec(self.module) is not None

    def __str__(self) -> str:
        return f"it needs the package {self.module}, which is not installed: pip install 'speech-robustness[{self.name}]'"


class Changed(NamedTuple):
    """Windows that a perturbation has changed, [clips time], before anything is scaled to fit full scale.

    Attributes:
        samples: the windows.
        measured: the level that was reached, in the unit of the axis, [clips]; None if it is not measured.
        added: where the change is a sum, what was added, [clips time]: it stays where it is when a recording is moved under it.
    """

    samples: Tensor
    measured: Tensor | None = None
    added: Tensor | None = None


class Perturbation(ABC):
    """A named physical change with an axis; settings are the fields of a frozen dataclass.

    Attributes:
        name: as it is asked for; the file's name with dashes.
        family: what kind of change it is.
        axis: how hard, and how a level is said.
        source: where it comes from.
        moves: whether it moves the word in the window, so that a recording needs room to move.
        inputs: names of folders that it needs; each is a setting of that name, `Path | None`.
        draws: how many random draws each level gets.
        fills: what the padding holds.
        placements: the level that stands for each named placement, if levels are placements.
        leads: whether a level from the placement `offset` is the recording's lead.
        everyday: the levels of an ordinary day, where somebody has measured or stated them.
        preset: the smallest preset that has it.
        extra: a package that it needs beyond those that are always there.
        dhauds: the lowest and the highest level of the benchmark of that name (arXiv:2511.18421), where it has this perturbation.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    axis: ClassVar[Axis]
    source: ClassVar[str]
    moves: ClassVar[bool] = False
    inputs: ClassVar[tuple[str, ...]] = ()
    draws: ClassVar[int] = 1
    fills: ClassVar[tuple[Fill, ...]] = ("zeros",)
    placements: ClassVar[Mapping[Placement, float]] = MappingProxyType({})
    leads: ClassVar[bool] = False
    everyday: ClassVar[Everyday | None] = None
    preset: ClassVar[Preset] = "full"
    extra: ClassVar[Extra | None] = None
    dhauds: ClassVar[tuple[float, float] | None] = None

    @classmethod
    def made(cls, inputs: Inputs = MappingProxyType({})) -> Self:
        """The perturbation with the folders that it needs, of those given."""
        return cls(**{name: inputs[name] for name in cls.inputs if name in inputs})

    def unavailable(self, inputs: Inputs, frame: Frame | None = None) -> str | None:
        """Why it cannot be run with these folders on this window; None if it can. A plug-in may look into the folders.

        Raises:
            RobustnessError: a folder that was given cannot be used.
        """
        if self.extra is not None and not self.extra.is_there:
            return str(self.extra)
        missing = [name for name in self.inputs if name not in inputs]
        if not missing:
            return None
        folders = " and ".join(f"--input {name}=DIR" for name in missing)
        return f"no {' and no '.join(missing)} were given: give their folder by {folders}"

    def notices(self, frame: Frame) -> list[str]:
        """What the user should know of the folders that were given, once each."""
        return []

    def folder(self, name: str) -> Path:
        """The folder of an input.

        Raises:
            UsageError: it was not given.
        """
        found: Path | None = getattr(self, name)
        if found is None:
            raise UsageError(f"{self.name} cannot be run: {self.unavailable({})}")
        return found

    def fitted(self, frame: Frame, most_slack_ms: float) -> Self:
        """The perturbation with a grid for that window, in which the shortest recording can move by so much."""
        return self

    def drawn(self, seed: int) -> Self:
        """The perturbation with levels drawn from the range of the benchmark DHAuDS in place of its grid, of both signs if that has both.

        Raises:
            ValueError: that benchmark does not have it.
        """
        if self.dhauds is None:
            raise ValueError(f"{self.name} is no perturbation of DHAuDS")
        low, high = self.dhauds
        places = torch.rand(DRAWN, generator=generator_of(seed, self.name, "dhauds"), dtype=torch.float64)
        sizes = sorted((low + (high - low) * places).tolist(), reverse=self.axis.neutral == float("inf"))
        signs = (-1, 1) if min(self.axis.grid) < 0 < max(self.axis.grid) and self.axis.neutral == 0 else (1,)
        made = copy(self)
        grid = tuple(round(sign * size, 2) for size in sizes for sign in signs)
        object.__setattr__(made, "axis", replace(self.axis, grid=grid))  # a frozen one; the copy is nobody's yet
        return made

    def facts(self, reference: Placement) -> PerturbationFacts:
        """What a run keeps of it, so that nobody who reads a run needs its code."""
        atlas = sorted({c.level for c in self.conditions(reference) if c.placement == "offset" and c.level is not None})
        return PerturbationFacts(
            name=self.name,
            axis=self.axis.name,
            unit=self.axis.unit,
            levels=self.axis.grid,
            neutral=self.neutral(reference),
            draws=self.draws,
            fills=self.fills,
            source=self.source,
            family=self.family,
            moves=self.moves,
            says=self.axis.says,
            neutral_says=self.axis.neutral_says,
            placements=dict(self.placements),
            leads=self.leads,
            atlas=tuple(atlas),
            inputs=self.inputs,
            everyday=() if self.everyday is None else (self.everyday.low, self.everyday.high),
            everyday_source="" if self.everyday is None else self.everyday.source,
        )

    def neutral(self, reference: Placement) -> float:
        """The level that changes nothing against the reference placement."""
        return self.axis.neutral

    def conditions(self, reference: Placement) -> Iterator[Condition]:
        """The default grid, for each fill, draw and level; the neutral level comes first, once a fill."""
        for fill in self.fills:
            yield Condition(self.name, self.neutral(reference), fill, 0, reference)
            for draw in range(self.draws):
                for level in self.axis.grid:
                    yield Condition(self.name, level, fill, draw, reference)


class PlacementPerturbation(Perturbation):
    """Moves the recording in the window; a plug-in says the lead."""

    family: ClassVar[Family] = "placement"
    moves: ClassVar[bool] = True

    @final
    def __call__(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """Where each recording begins at that level, [clips] in samples; `base` is the lead of the condition's placement, [clips].

        Raises:
            ValueError: the plug-in gives something else than a whole number a clip.
        """
        lead = self.lead(batch, frame, base, level)
        if lead.shape != base.shape or lead.dtype != torch.long:
            raise ValueError(f"{self.name} gives leads {list(lead.shape)} of {lead.dtype}; expected {list(base.shape)} of torch.int64")
        return lead

    @abstractmethod
    def lead(self, batch: RecordingBatch, frame: Frame, base: Tensor, level: float) -> Tensor:
        """Where each recording begins, [clips] in samples; `base` is the lead of the condition's placement, [clips]."""


class Retaken(NamedTuple):
    """Recordings that a perturbation has changed before they are placed.

    Attributes:
        batch: the recordings, of any lengths, with their speech spans where they lie now.
        measured: the level that was reached, in the unit of the axis, [clips]; None if it is not measured.
    """

    batch: RecordingBatch
    measured: Tensor | None = None


class RecordingPerturbation(Perturbation):
    """Changes recordings before they are placed, their lengths too; a plug-in says how."""

    family: ClassVar[Family] = "time"

    @final
    def __call__(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings at that level; the neutral level gives them back.

        Raises:
            ValueError: the plug-in gives other recordings, none, or what is no number.
        """
        if level == self.axis.neutral:
            return Retaken(batch)
        found = self.retake(batch, level)
        if found.batch.ids != batch.ids or found.batch.samples.dtype != batch.samples.dtype or not bool((found.batch.lengths > 0).all()):
            raise ValueError(f"{self.name} at {level:g} {self.axis.unit} gives recordings without samples, or others than it was given")
        if not found.batch.samples.isfinite().all():
            raise ValueError(f"{self.name} at {level:g} {self.axis.unit} gives samples that are not a number")
        return found

    @abstractmethod
    def retake(self, batch: RecordingBatch, level: float) -> Retaken:
        """The recordings at that level, never the neutral one; `batch` is not changed in place, what lies beyond a length is zero."""


class WindowPerturbation(Perturbation):
    """Changes placed windows; a plug-in says how, and what of it is random."""

    @final
    def __call__(self, clean: Windows, level: float, *, draw: int = 0, seed: int = 0) -> Windows:
        """The windows at that level, within full scale; the neutral level gives them back.

        Args:
            clean: the placed windows; not changed.
            level: in the unit of the axis.
            draw: which of several random draws.
            seed: of the run.

        Raises:
            ValueError: the plug-in gives other shapes, or what is no number.
        """
        if level == self.axis.neutral:
            return clean
        return within_full_scale(clean, self._changed(clean, level, draw, seed), self.name)

    @final
    def held(self, heard: Windows, level: float, *, draw: int = 0, seed: int = 0) -> Callable[[Windows], Windows]:
        """The change that one recording has where it lies in `heard`, for windows of it elsewhere: what is added stays where it is.

        What is no sum is done anew to each window, with the same random part.
        """
        if level == self.axis.neutral:
            return lambda windows: windows
        changed = self._changed(heard, level, draw, seed)
        if changed.added is None:
            return lambda windows: self(windows, level, draw=draw, seed=seed)
        added, fitting = changed.added, within_full_scale(heard, changed, self.name)
        return lambda windows: _with_added(windows, added, fitting)

    @abstractmethod
    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows at that level.

        Args:
            clean: the placed windows, not to be changed in place.
            level: in the unit of the axis; never the neutral one.
            random: what `realization` gave for each clip, [clips …]; None if nothing is random.
        """

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor | None:
        """What is random for one recording and draw, the same at every level; None if nothing is.

        Args:
            count: samples of the window.
            rate_hz: sampling rate.
            rng: seeded by run, recording, perturbation and draw.
        """
        return None

    def _changed(self, clean: Windows, level: float, draw: int, seed: int) -> Changed:
        shape = (clean.samples.shape[1], clean.rate_hz)
        changed = self.perturb(clean, level, realizations(self, clean.ids, shape, draw, seed))
        if changed.samples.shape != clean.samples.shape or changed.samples.dtype != clean.samples.dtype:
            found, wanted = ([list(some.shape), some.dtype] for some in (changed.samples, clean.samples))
            raise ValueError(f"{self.name} at {level:g} {self.axis.unit} gives samples {found}; expected {wanted}")
        return changed


@lru_cache(maxsize=1)
def realizations(kind: WindowPerturbation, ids: tuple[str, ...], shape: tuple[int, int], draw: int, seed: int) -> Tensor | None:
    """The random part of each recording for one draw, [clips …], where `shape` is time and rate: the same at every level."""
    parts = {name: kind.realization(*shape, generator_of(seed, name, kind.name, draw)) for name in dict.fromkeys(ids)}
    some = [part for name in ids if (part := parts[name]) is not None]
    return torch.stack(some) if some else None


def within_full_scale(clean: Windows, changed: Changed, name: str) -> Windows:
    """Changed windows, each scaled back as a whole if it goes above full scale.

    Raises:
        ValueError: a sample is no number.
    """
    peak = torch.maximum(-changed.samples.amin(1), changed.samples.amax(1))  # a twentieth of what aminmax(dim=1) takes
    if not peak.isfinite().all():
        raise ValueError(f"{name} gives samples for {clean.ids[int((~peak.isfinite()).nonzero()[0])]} that are not a number")
    clipped = peak > 1.0
    over = peak.clamp_min(1.0)
    samples = changed.samples / over[:, None] if clipped.any() else changed.samples
    return replace(clean, samples=samples, measured=changed.measured, clipped=clipped, scale=1 / over, added=changed.added)


def _with_added(windows: Windows, added: Tensor, heard: Windows) -> Windows:
    """Windows of one recording in what was added to it elsewhere, scaled as it was there."""
    assert heard.scale is not None  # noqa: S101 - within_full_scale gives it
    return replace(windows, samples=(windows.samples + added) * heard.scale[:, None], clipped=None, scale=heard.scale, added=added)


PERTURBATIONS: Registry[Perturbation] = Registry("perturbation", "robustness.perturbations")
