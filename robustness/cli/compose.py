"""`robustness compose`: a folder of words becomes a take of any length, with known times, to be streamed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from robustness.cli import options
from robustness.cli.printing import note, say
from robustness.errors import UsageError


@dataclass(frozen=True)
class TakeOptions:
    """What the take is like."""

    panel: ClassVar[str] = "Take"
    hours: Annotated[float | None, typer.Option(help="How long it gets; by default each recording comes once.")] = None
    gap_ms: Annotated[tuple[float, float], typer.Option(help="The shortest and the longest pause; negative ones let words overlap.")] = (
        500.0,
        1500.0,
    )
    noise: Annotated[str | None, typer.Option(help="The background: white, a sound file, or a folder of them; by default silence.")] = None
    snr_db: Annotated[float, typer.Option(help="Of each word over the background, in the word.")] = 20.0
    rate_hz: Annotated[int, typer.Option(min=4000, help="Of the take; other recordings are resampled.")] = 16_000


@dataclass(frozen=True)
class ChangeOptions(options.InputOptions):
    """What is done to every recording."""

    perturbation: Annotated[str | None, typer.Option(help="Done to every recording, such as reverberation; with --level.")] = None
    level: Annotated[float | None, typer.Option(help="Of that perturbation, in its unit (`robustness list`).")] = None


def compose(
    recordings: Annotated[list[Path] | None, typer.Argument(help="Folders of recordings, one word each, tables of them, or files.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="The take to write, .wav or .flac; its table of spans lies beside it, as .csv.")],
    take: TakeOptions,
    change: ChangeOptions,
    words: options.LabelOptions,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
) -> None:
    """Make a long take of single words with pauses and a background, and the table of when each is said.

    Example: robustness compose recordings/joe --noise white --snr-db 10 --hours 0.1 --out take.wav
    """
    if not recordings:
        raise UsageError("a take needs recordings to be made of; give a folder of words")
    if (change.perturbation is None) != (change.level is None):
        raise UsageError("--perturbation and --level go together; give both, as in --perturbation reverberation --level 0.5")

    from robustness.audio.reading import Wish, open_recordings
    from robustness.conditions import NONE, Condition
    from robustness.jobs.compose import Composition
    from robustness.jobs.compose import compose as composed

    reading = open_recordings(recordings, Wish(take.rate_hz), labels=words.source(), skip_bad=skip_bad)
    options.tell(reading)
    condition = Condition(change.perturbation or NONE, change.level, placement="start")
    how = Composition(take.rate_hz, take.gap_ms, take.hours, take.noise, take.snr_db, condition, seed, change.folders())
    done = composed(reading.recordings, out, how)
    if done.clipped:
        are = "1 sample was" if done.clipped == 1 else f"{done.clipped} samples were"
        note(f"{are} clipped at full scale; a higher --snr-db or quieter recordings avoid that")
    say(f"{done.words} {'word' if done.words == 1 else 'words'} in {done.seconds:.1f} s in {out}")
    say(f"{done.spans} says when each is said; `robustness stream --model CARD {out}` finds it there")
