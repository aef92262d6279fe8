"""The options that several commands share, each with one name and one meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from robustness.conditions import VARIANTS
from robustness.errors import UsageError

Models = Annotated[list[Path], typer.Option("--model", help="A model card (TOML); several times for several models in one run.")]
Weights = Annotated[Path | None, typer.Option(help="The weights, where they are not beside the card.")]
Recordings = Annotated[
    list[Path],
    typer.Option("--recordings", help="A folder of recordings, a CSV or Parquet table of them, or a file; several times for several."),
]
Labels = Annotated[Path | None, typer.Option(help="A CSV or Parquet table with the columns path, label and perhaps speaker.")]
LabelColumn = Annotated[str, typer.Option(help="The column of the table that holds the word.")]
LabelPattern = Annotated[
    str | None, typer.Option(help="Where names hold the word: '{label}_{speaker}_{take}', or a regex with (?P<label>…).")
]
Variants = Annotated[list[str] | None, typer.Option("--variant", help=f"A variant to run; by default {' and '.join(VARIANTS)}.")]
Calibration = Annotated[
    Path | None, typer.Option(help="A folder of words from which static-int8 and qat-int8 learn their ranges; none of it may be tested.")
]
Noises = Annotated[Path | None, typer.Option(help="A folder of background noises, for background-noise and false accepts.")]
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
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Go on without the recordings that cannot be used; the page counts them.")]


def check_inputs(command: str, models: Sequence[Path], recordings: Sequence[Path], weights: Path | None) -> None:
    """A command that runs a model has one, and recordings.

    Raises:
        UsageError: where a model or recordings are missing, or --weights stands beside several models.
    """
    if not models or not recordings:
        raise UsageError(f"a {command} needs --model CARD and --recordings DIR, or --from RUN")
    if weights is not None and len(models) > 1:
        raise UsageError("--weights goes with one --model; with several, put the weights beside their cards")
