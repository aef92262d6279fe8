"""Several perturbations one after the other, in the order of physics, as one condition with one severity: a scene, written as TOML.

    name = "kitchen-3m"
    about = "somebody speaks from 3 m in a kitchen"
    unit = "dB"                                # of the severity
    axis = "signal-to-noise ratio in the word"
    levels = [20, 10, 5, 0, -5]                # mild → harsh; the stages with `levels` follow it
    neutral = inf                              # the level that stands for no scene at all

    [[stage]]
    kind = "far-field"
    level = 3

    [[stage]]
    kind = "background-noise"                  # with --input noises=DIR, and otherwise:
    otherwise = "speech-shaped-noise"
    levels = [20, 10, 5, 0, -5]

Sound goes from the talker (`at = "source"`) through the room, meets noise, then the microphone, its gain, and at last the codec. A stage
acts on what the one before gave; what it drives above full scale is scaled back as a whole before the next.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from robustness.audio.placement import Frame, Windows
from robustness.conditions import Axis, Everyday, Family, Preset
from robustness.errors import UsageError
from robustness.files import UnreadableError, text_of
from robustness.perturbations.base import PERTURBATIONS, Changed, Inputs, Perturbation, WindowPerturbation, within_full_scale

ORDER: Final[tuple[str, ...]] = ("source", "room", "noise", "microphone", "level", "channel", "mask")
SAID: Final = "source → room → noise → microphone → gain → codec"
MOST_DRAWS: Final = 3
FOLDER: Final = Path(__file__).parent / "scene_files"
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
StrictText = Annotated[str, Field(strict=True, min_length=1)]


class SceneError(UsageError):
    """A scene cannot be used."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StageText(_Table):
    """A stage as it is written.

    Attributes:
        kind: the perturbation.
        otherwise: the one that stands in its place if its folder is not given.
        level: its level at every severity.
        levels: its level at each severity.
        at: `source` for what happens at the talker, before the room.
    """

    kind: StrictText
    otherwise: StrictText | None = None
    level: Number | None = None
    levels: tuple[Number, ...] | None = None
    at: Literal["source"] | None = None


class SceneText(_Table):
    """A scene as it is written; the module says how."""

    name: Annotated[str, Field(strict=True, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    about: StrictText
    axis: StrictText
    unit: StrictText
    levels: Annotated[tuple[Number, ...], Field(min_length=3)]
    neutral: Annotated[float, Field(strict=True)]
    stage: Annotated[tuple[StageText, ...], Field(min_length=1)]
    source: StrictText = "written in 2026 from everyday levels of its stages"
    everyday: tuple[Number, Number] | None = None


class SceneStage(NamedTuple):
    """A perturbation of a scene, and its level at each severity."""

    perturbation: WindowPerturbation
    levels: tuple[float, ...]


@dataclass(frozen=True)
class ComposedScene(WindowPerturbation):
    """A composition of perturbations; a class each, made of its file.

    Attributes:
        folders: what is given of the folders that its stages can use, by name.
    """

    family: ClassVar[Family] = "scene"
    preset: ClassVar[Preset] = "full"
    text: ClassVar[SceneText]
    folders: tuple[tuple[str, Path], ...] = ()

    def __init_subclass__(cls, file: Path | None = None, **more: Any) -> None:
        """Reads a shipped scene's file."""
        super().__init_subclass__(**more)
        if file is not None:
            _describe(cls, read_scene(file))

    @classmethod
    def made(cls, inputs: Inputs = {}) -> Self:  # noqa: B006 - not changed
        """The scene with the folders that its stages can use, of those given."""
        usable = {name for stage in cls.text.stage for name in PERTURBATIONS[stage.kind].inputs}
        return cls(tuple(sorted((name, folder) for name, folder in inputs.items() if name in usable)))

    def unavailable(self, inputs: Inputs, frame: Frame | None = None) -> str | None:
        """Why one of its stages cannot be run; None if all can."""
        given = dict(self.folders)
        reasons = [(s.perturbation.name, s.perturbation.unavailable(given, frame)) for s in self.stages]
        return next((f"its stage {name}: {why}" for name, why in reasons if why is not None), None)

    @property
    def stages(self) -> tuple[SceneStage, ...]:
        """The stages, each with its folder or in place of one that has none."""
        return stages_of(self.text, self.folders)

    def realization(self, count: int, rate_hz: int, rng: torch.Generator) -> Tensor | None:
        """What is random of all stages, one after the other, [numbers]."""
        parts = [stage.perturbation.realization(count, rate_hz, rng) for stage in self.stages]
        some = [part.double().flatten() for part in parts if part is not None]
        return torch.cat(some) if some else None

    def perturb(self, clean: Windows, level: float, random: Tensor | None) -> Changed:
        """The windows after every stage, at the levels that belong to that severity."""
        at, reached = self.axis.grid.index(level), None
        parts = self._parts(clean, random)
        windows = clean
        for stage, part in zip(self.stages, parts, strict=True):
            asked = stage.levels[at]
            if asked == stage.perturbation.axis.neutral:
                continue
            changed = stage.perturbation.perturb(windows, asked, part)
            if stage.levels == self.axis.grid and stage.perturbation.axis.unit == self.axis.unit:
                reached = changed.measured
            windows = within_full_scale(windows, changed, stage.perturbation.name)
        return Changed(windows.samples, reached)

    def _parts(self, clean: Windows, random: Tensor | None) -> list[Tensor | None]:
        """What is random of each stage, [clips …]."""
        found: list[Tensor | None] = []
        first = 0
        for stage in self.stages:
            like = _random_like(stage.perturbation, clean.samples.shape[1], clean.rate_hz)
            if like is None or random is None:
                found.append(None)
                continue
            numbers = random[:, first : first + like.numel()]
            found.append(numbers.reshape(len(random), *like.shape).to(like.dtype))
            first += like.numel()
        return found


@cache
def _random_like(kind: WindowPerturbation, count: int, rate_hz: int) -> Tensor | None:
    """A random part, for its shape."""
    return kind.realization(count, rate_hz, torch.Generator().manual_seed(0))


@cache
def stages_of(text: SceneText, folders: tuple[tuple[str, Path], ...]) -> tuple[SceneStage, ...]:
    """The perturbations of a scene with these folders."""
    given = dict(folders)
    found = []
    for stage in text.stage:
        kind = PERTURBATIONS[stage.kind]
        if stage.otherwise is not None and any(name not in given for name in kind.inputs):
            kind = PERTURBATIONS[stage.otherwise]
        made = kind.made(given)
        assert isinstance(made, WindowPerturbation)  # noqa: S101 - a scene with another is refused when it is read
        found.append(SceneStage(made, _levels(text, stage)))
    return tuple(found)


def _levels(text: SceneText, stage: StageText) -> tuple[float, ...]:
    return stage.levels if stage.levels is not None else (stage.level or 0.0,) * len(text.levels)


def _describe(cls: type[ComposedScene], text: SceneText) -> None:
    """Gives a class the facts of its file."""
    kinds = [PERTURBATIONS[name] for stage in text.stage for name in (stage.kind, stage.otherwise) if name is not None]
    needed = [PERTURBATIONS[stage.kind].inputs for stage in text.stage if stage.otherwise is None]
    cls.text, cls.name = text, text.name
    says = "{name} at {level}"
    cls.axis = Axis(text.axis, text.unit, text.levels, neutral=text.neutral, says=says, neutral_says="no scene")
    cls.source = f"{text.about}: {', '.join(map(_said, text.stage))}; {text.source}"
    cls.inputs = tuple(dict.fromkeys(name for names in needed for name in names))
    cls.draws = min(MOST_DRAWS, max(kind.draws for kind in kinds))
    cls.everyday = None if text.everyday is None else Everyday(*text.everyday, text.source)


def _said(stage: StageText) -> str:
    kind = stage.kind if stage.otherwise is None else f"{stage.kind} (else {stage.otherwise})"
    level = "at the scene's level" if stage.level is None else f"{stage.level:g} {PERTURBATIONS[stage.kind].axis.unit}"
    return f"{kind} {level}"


def read_scene(path: Path) -> SceneText:
    """Reads and checks a scene.

    Raises:
        SceneError: it cannot be read, names an unknown kind, has an impossible order, or a level that a kind does not reach.
    """
    try:
        text = SceneText.model_validate(tomllib.loads(text_of(path)))
    except UnreadableError as error:
        raise SceneError(f"the scene {path} cannot be read: {error}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SceneError(f"the scene {path} is not TOML: {error}; docs/scenes.md shows one") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        says = "does not exist" if first["type"] == "extra_forbidden" else str(first["msg"])[:1].lower() + str(first["msg"])[1:]
        raise SceneError(f"the scene {path}: key `{key}`: {says}; docs/scenes.md shows what a scene may hold") from error
    for wrong in _mistakes(text):
        raise SceneError(f"the scene {path}: {wrong}")
    return text


def _mistakes(text: SceneText) -> Sequence[str]:
    found: list[str] = []
    if text.neutral in text.levels:
        found.append(f"the neutral level {text.neutral:g} stands for no scene at all, and is among `levels`; leave it out there")
    places = []
    for stage in text.stage:
        for name in (stage.kind, stage.otherwise):
            found += [] if name is None else _of_kind(text, stage, name)
        if stage.kind in PERTURBATIONS.names():
            places.append((ORDER.index(_place(stage)) if _place(stage) in ORDER else -1, stage))
    for (before, first), (after, second) in pairwise(places):
        if before > after >= 0:
            found.append(
                f"{first.kind} ({_place(first)}) stands before {second.kind} ({_place(second)}); the order of physics is {SAID}: "
                f"put {second.kind} before {first.kind}"
            )
    return found


def _place(stage: StageText) -> str:
    return stage.at or PERTURBATIONS[stage.kind].family


def _of_kind(text: SceneText, stage: StageText, name: str) -> list[str]:
    """What is wrong with one kind of a stage."""
    try:
        kind = PERTURBATIONS[name]
    except UsageError as error:
        return [str(error)]
    if not issubclass(kind, WindowPerturbation) or issubclass(kind, ComposedScene):
        what = "is a scene itself" if issubclass(kind, ComposedScene) else "moves or cuts the recording before it is placed"
        return [f"{name} {what}, and a scene is made of what changes a window; leave it out"]
    if (stage.level is None) == (stage.levels is None):
        return [f"{name} needs a `level`, or `levels` with one for each of the scene's {len(text.levels)}"]
    if stage.levels is not None and len(stage.levels) != len(text.levels):
        return [f"{name} has {len(stage.levels)} levels, and the scene has {len(text.levels)}; give one for each"]
    return [says for level in _levels(text, stage) if (says := _out_of_reach(kind, level))][:1]


def _out_of_reach(kind: type[Perturbation], level: float) -> str:
    ends = [*kind.axis.grid, kind.axis.neutral]
    if min(ends) <= level <= max(ends):
        return ""
    return (
        f"{kind.name} at {level:g} {kind.axis.unit} is out of its range, {min(ends):g} to {max(ends):g} {kind.axis.unit}; give one within"
    )


def add_scenes(paths: Sequence[Path]) -> tuple[str, ...]:
    """Makes scenes of the user's files known by their names, as any perturbation is, and gives the names.

    Raises:
        SceneError: a file cannot be used, or its name is that of a perturbation.
    """
    found = []
    for path in paths:
        text = read_scene(path)
        if text.name in PERTURBATIONS.names(added=False):
            raise SceneError(f"the scene {path} has the name {text.name}, which a perturbation has; give it another")
        made = make_dataclass(
            text.name.title().replace("-", ""), [], bases=(ComposedScene,), frozen=True, namespace={"__doc__": text.about}
        )
        _describe(made, text)
        PERTURBATIONS.add(made)
        found.append(text.name)
    return tuple(found)
