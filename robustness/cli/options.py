"""The options that several commands share, each with one name and one meaning; a record of them is one panel of `--help`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from robustness.cli.printing import note, warn
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.audio.labels import LabelSource
    from robustness.audio.reading import Reading
    from robustness.audio.selection import Selection

WeightsOption = Annotated[Path | None, typer.Option(help="The weights, if they are not beside the card.")]
RecordingsOption = Annotated[
    list[Path],
    typer.Option("--recordings", help="A folder of recordings, a CSV or Parquet table of them, or a file; several times for several."),
]
VariantsOption = Annotated[
    list[str] | None,
    typer.Option("--variant", help=f"A variant to run; int8 is the model's own, or {VARIANTS[1]}; by default {' and '.join(VARIANTS)}."),
]
CalibrationOption = Annotated[
    Path | None, typer.Option(help="A folder of words from which static-int8 and qat-int8 learn their ranges; none of it may be tested.")
]
Noises = Annotated[Path | None, typer.Option(help="A folder of background noises; short for --input noises=DIR.")]
InputsOption = Annotated[
    list[str] | None,
    typer.Option("--input", help="A folder that a perturbation needs, as NAME=DIR; several times for several (`robustness list`)."),
]
Perturbations = Annotated[list[str] | None, typer.Option("--perturbation", help="Run only this one; several times for several.")]
TrimOption = Annotated[
    Literal["auto", "never", "always"], typer.Option(help="Cut recordings to their speech: if they have no slack, never, always.")
]
ThresholdOption = Annotated[
    float | None, typer.Option(min=0, max=1, help="The operating point on the winning probability; by default the card's.")
]
Seed = Annotated[int, typer.Option(help="The seed of the random numbers.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps; int8 variants run on the CPU whatever it is.")]
Threads = Annotated[int | None, typer.Option(min=1, max=1024, help="Threads of torch; by default all cores.")]
BatchOption = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Windows computed together; by default as many as fit the cache. No answer depends on it."),
]
EngineOption = Annotated[Literal["torch", "onnx"], typer.Option(help="What runs float networks; onnx needs the extra of that name.")]
Split = Annotated[str | None, typer.Option(help="Use this part of the recordings alone, such as testing.")]
SplitColumn = Annotated[str, typer.Option(help="The column of the table that names each recording's part.")]
SampleOption = Annotated[int | None, typer.Option(min=1, help="Use this many, drawn by word and seed.")]
GoodRunOption = Annotated[
    Path | None,
    typer.Option("--good-run", help="A run of the same model, whose good recordings are compared with where fewer than 5 are good here."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the run that was interrupted or killed here.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out the recordings that cannot be used; the page counts them.")]
Unlabelled = Annotated[
    bool, typer.Option("--unlabelled", help="Keep recordings without a word: no accuracy, only whether the answer changes.")
]
NoAudio = Annotated[bool, typer.Option("--no-audio", help="Keep no sound: voices are personal data.")]


@dataclass(frozen=True)
class ModelOptions:
    """Which models are run, in which variants."""

    panel: ClassVar[str] = "Model"
    models: Annotated[list[Path], typer.Option("--model", help="A model card (TOML); several times for several models in one run.")] = (
        field(default_factory=list)
    )
    weights: WeightsOption = None
    variants: VariantsOption = None
    calibration: CalibrationOption = None


@dataclass(frozen=True)
class LabelOptions:
    """Where the words of the recordings are written."""

    panel: ClassVar[str] = "Words of the recordings"
    labels: Annotated[Path | None, typer.Option(help="A CSV or Parquet table with the columns path, label and perhaps speaker.")] = None
    path_column: Annotated[str, typer.Option(help="The column of the table that holds the paths.")] = "path"
    label_column: Annotated[str, typer.Option(help="The column of the table that holds the word.")] = "label"
    label_pattern: Annotated[
        str | None, typer.Option(help="If names hold the word: '{label}_{speaker}_{take}', or a regex with (?P<label>…).")
    ] = None

    def source(self, *, required: bool = True) -> LabelSource:
        """Where words come from, as reading takes it."""
        from robustness.audio.labels import LabelSource

        return LabelSource(self.labels, self.label_column, self.label_pattern, required=required, path_column=self.path_column)


@dataclass(frozen=True)
class RecordingOptions:
    """Which recordings are used."""

    panel: ClassVar[str] = "Recordings"
    recordings: RecordingsOption = field(default_factory=list)
    split: Split = None
    split_column: SplitColumn = "split"
    sample: SampleOption = None
    skip_bad: SkipBad = False

    def selection(self, seed: int) -> Selection:
        """Which of them, as reading takes it."""
        from robustness.audio.selection import Selection

        return Selection(self.split, self.split_column, self.sample, seed)


@dataclass(frozen=True)
class InputOptions:
    """The folders that perturbations need."""

    panel: ClassVar[str] = "Conditions"
    noises: Noises = None
    inputs: InputsOption = None

    def folders(self) -> dict[str, Path]:
        """The folders of `--input NAME=DIR`, and of `--noises DIR`.

        Raises:
            UsageError: one is not of that form, or a name is given twice.
        """
        return inputs_of(self.inputs, self.noises)


@dataclass(frozen=True)
class SceneOptions(InputOptions):
    """The folders that perturbations need, and scenes of the user's own."""

    scenes: Annotated[
        list[Path] | None,
        typer.Option("--scene", help="A scene of your own, a TOML file (docs/scenes.md), known by its name; several times for several."),
    ] = None

    def scene_names(self) -> tuple[str, ...]:
        """The names of the scenes, known from now on as those of perturbations are.

        Raises:
            UsageError: a file cannot be used.
        """
        if not self.scenes:
            return ()
        from robustness.perturbations.scenes import add_scenes

        return add_scenes(self.scenes)


@dataclass(frozen=True)
class OperatingOptions(SceneOptions):
    """How recordings are placed and answers decided; what a report takes, the explanation of one of its recordings takes too."""

    trim: TrimOption = "auto"
    speech_threshold_db: Annotated[
        float, typer.Option(min=1, help="A frame this far under the loudest is not speech; it decides SNRs and what counts as lost.")
    ] = 35.0
    threshold: ThresholdOption = None


@dataclass(frozen=True)
class ComputingOptions:
    """How it is computed; no answer depends on threads and batch."""

    panel: ClassVar[str] = "Computing"
    seed: Seed = 0
    device: Device = "cpu"
    threads: Threads = None
    batch: BatchOption = None
    engine: EngineOption = "torch"


def check_inputs(command: str, model: ModelOptions, recordings: Sequence[Path], instead: str = "") -> None:
    """A command that runs a model has one, and recordings.

    Args:
        command: with its article.
        model: cards and weights.
        recordings: folders or files.
        instead: what else would do.

    Raises:
        UsageError: a model or recordings are missing, or --weights stands beside several models.
    """
    if not model.models or not recordings:
        raise UsageError(f"{command} needs --model CARD and --recordings DIR{instead}")
    if model.weights is not None and len(model.models) > 1:
        raise UsageError("--weights goes with one --model; with several, put the weights beside their cards")


def inputs_of(given: Sequence[str] | None, noises: Path | None) -> dict[str, Path]:
    """The folders of `--input NAME=DIR`, and of `--noises DIR`.

    Raises:
        UsageError: one is not of that form, or a name is given twice.
    """
    found = {} if noises is None else {"noises": noises}
    for text in given or ():
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise UsageError(f"--input {text} names no folder; give a name and a folder, such as --input noises=DIR")
        if name in found:
            raise UsageError(f"the folder of {name} is given twice, {found[name]} and {folder}; give one")
        found[name] = Path(folder)
    return found


def use_threads(threads: int | None) -> None:
    """Torch computes with so many threads; None leaves it its own number."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def tell(reading: Reading, more: Sequence[str] = ()) -> None:
    """What reading the recordings had to say, and which of them were skipped."""
    for notice in [*reading.notices, *more]:
        note(notice)
    for bad in reading.bad:
        warn(f"skipped: {bad.id}: {bad.reason}")
