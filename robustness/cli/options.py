"""The options that several commands share, each with one name and one meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from robustness.cli.printing import warn
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.audio.reading import Reading

Models = Annotated[list[Path], typer.Option("--model", help="A model card (TOML); several times for several models in one run.")]
Weights = Annotated[Path | None, typer.Option(help="The weights, where they are not beside the card.")]
Recordings = Annotated[
    list[Path],
    typer.Option("--recordings", help="A folder of recordings, a CSV or Parquet table of them, or a file; several times for several."),
]
Labels = Annotated[Path | None, typer.Option(help="A CSV or Parquet table with the columns path, label and perhaps speaker.")]
LabelColumn = Annotated[str, typer.Option(help="The column of the table that holds the word.")]
PathColumn = Annotated[str, typer.Option(help="The column of the table that holds the paths.")]
LabelPattern = Annotated[
    str | None, typer.Option(help="Where names hold the word: '{label}_{speaker}_{take}', or a regex with (?P<label>…).")
]
Variants = Annotated[list[str] | None, typer.Option("--variant", help=f"A variant to run; by default {' and '.join(VARIANTS)}.")]
Calibration = Annotated[
    Path | None, typer.Option(help="A folder of words from which static-int8 and qat-int8 learn their ranges; none of it may be tested.")
]
Noises = Annotated[Path | None, typer.Option(help="A folder of background noises; short for --input noises=DIR.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", help="A folder that a perturbation needs, as NAME=DIR; several times for several (`robustness list`)."),
]
Seed = Annotated[int, typer.Option(help="Of every random number.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps; int8 variants run on the CPU whatever it is.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of torch; by default all cores.")]
Batch = Annotated[
    int | None, typer.Option(min=1, help="Windows computed together; by default as many as fit the cache. No answer depends on it.")
]
Engine = Annotated[Literal["torch", "onnx"], typer.Option(help="What runs float networks; onnx needs the extra of that name.")]
Split = Annotated[str | None, typer.Option(help="Hear this part of the recordings alone, such as testing.")]
SplitColumn = Annotated[str, typer.Option(help="The column of the table that names each recording's part.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Hear this many, drawn by word and seed.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted or killed here.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Go on without the recordings that cannot be used; the page counts them.")]


def check_inputs(command: str, models: Sequence[Path], recordings: Sequence[Path], weights: Path | None, instead: str = "") -> None:
    """A command that runs a model has one, and recordings.

    Args:
        command: with its article.
        models: cards.
        recordings: folders or files.
        weights: of the one model.
        instead: what else would do.

    Raises:
        UsageError: where a model or recordings are missing, or --weights stands beside several models.
    """
    if not models or not recordings:
        raise UsageError(f"{command} needs --model CARD and --recordings DIR{instead}")
    if weights is not None and len(models) > 1:
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
        warn(f"note: {notice}")
    for bad in reading.bad:
        warn(f"skipped: {bad.id}: {bad.reason}")
