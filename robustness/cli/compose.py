"""`robustness compose`: a folder of words becomes a take of any length, with known times, to be streamed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.errors import UsageError


def compose(
    recordings: Annotated[list[Path] | None, typer.Argument(help="Folders of recordings, one word each, tables of them, or files.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="The take to write, .wav or .flac; its table of spans lies beside it, as .csv.")],
    hours: Annotated[float | None, typer.Option(help="How long it gets; by default each recording comes once.")] = None,
    gap_ms: Annotated[tuple[float, float], typer.Option(help="The shortest and the longest pause; negative ones let words overlap.")] = (
        500.0,
        1500.0,
    ),
    noise: Annotated[str | None, typer.Option(help="The background: white, a sound file, or a folder of them; by default silence.")] = None,
    snr_db: Annotated[float, typer.Option(help="Of each word over the background, in the word.")] = 20.0,
    perturbation: Annotated[str | None, typer.Option(help="Done to every recording, such as reverberation; with --level.")] = None,
    level: Annotated[float | None, typer.Option(help="Of that perturbation, in its unit (`robustness list`).")] = None,
    inputs: options.Inputs = None,
    noises: options.Noises = None,
    labels: options.Labels = None,
    label_column: options.LabelColumn = "label",
    path_column: options.PathColumn = "path",
    label_pattern: options.LabelPattern = None,
    rate_hz: Annotated[int, typer.Option(min=4000, help="Of the take; other recordings are resampled.")] = 16_000,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
) -> None:
    """Make a long take of single words with pauses and a background, and the table of when each is said.

    Example: robustness compose recordings/joe --noise white --snr-db 10 --hours 0.1 --out take.wav
    """
    if not recordings:
        raise UsageError("a take needs recordings to be made of; give a folder of words")
    if (perturbation is None) != (level is None):
        raise UsageError("--perturbation and --level go together; give both, as in --perturbation reverberation --level 0.5")

    from robustness.audio.labels import LabelSource
    from robustness.audio.reading import Wish, open_recordings
    from robustness.conditions import NONE, Condition
    from robustness.jobs.compose import Composition
    from robustness.jobs.compose import compose as composed

    source = LabelSource(csv=labels, column=label_column, pattern=label_pattern, path_column=path_column)
    reading = open_recordings(recordings, Wish(rate_hz), labels=source, skip_bad=skip_bad)
    options.tell(reading)
    condition = Condition(perturbation or NONE, level, placement="start")
    how = Composition(rate_hz, gap_ms, hours, noise, snr_db, condition, seed, options.inputs_of(inputs, noises))
    done = composed(reading.recordings, out, how)
    if done.clipped:
        warn(f"note: {done.clipped} samples went above full scale and were clipped; a higher --snr-db or quieter recordings avoid that")
    say(f"{done.words} {'word' if done.words == 1 else 'words'} in {done.seconds:.1f} s in {out}")
    say(f"{done.spans} says when each is said; `robustness stream --model CARD {out}` finds it there")
