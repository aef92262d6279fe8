"""`robustness align`: a test set that was played back through a device becomes a test set again, and the path is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from robustness.cli import options
from robustness.cli.grouping import gives_json
from robustness.cli.printing import answer, detail, note, say
from robustness.errors import DONE

if TYPE_CHECKING:
    from robustness.jobs.align import Alignment
    from robustness.playback.search import MissingClip

NAMED: Final = 5
EVEN_DB: Final = 6.0  # from the median: a path within it is called even


@gives_json
def align(
    originals: Annotated[Path, typer.Argument(help="The folder that was played back, one word a file.")],
    capture: Annotated[Path, typer.Argument(help="What the device recorded of it: one long file, of any rate.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder for the clips as the device heard them; new or empty.")],
    words: options.LabelOptions,
    skip_bad: options.SkipBad = False,
) -> int:
    """Find each clip of a folder in one long capture of it, cut and pair them, and measure what the path did: level, room, noise, clocks.

    Order and pauses are free. The cut clips have the names of their originals: make a report of both folders, and
    `robustness compare ORIGINALS-RUN CAPTURE-RUN --recaptured` pairs them.

    Example: robustness align recordings/joe capture.wav --out captured
    """
    from robustness.jobs.align import align as aligned
    from robustness.jobs.align import summary
    from robustness.run.lock import FolderLock

    with FolderLock(out):
        found = aligned([originals], capture, out, words.source(required=False), skip_bad=skip_bad)
    for one in found.notices:
        note(one)
    _say(found, capture, out)
    answer({"status": DONE, **summary(found), "recordings": [one._asdict() for one in found.measurement.clips]})
    return DONE


def _say(found: Alignment, capture: Path, out: Path) -> None:
    measured = found.measurement
    clips, response, decay = measured.clips, measured.response, measured.decay
    of = len(clips) + len(found.missing)
    say(f"{len(clips)} of {of} {'clip' if of == 1 else 'clips'} found in {found.seconds:.1f} s of {capture.name}; they are in {out}")
    _say_missing(found.missing)
    levels = [one.level_db for one in clips]
    say(f"  level       {measured.level_db:+.1f} dB against the originals ({min(levels):+.1f} to {max(levels):+.1f}); direct sound "
        f"{response.direct_db:+.1f} dB")  # fmt: skip
    snr = min(one.snr_db for one in clips)
    say(f"  noise       {measured.background_dbfs:.1f} dBFS behind the words; SNR {measured.snr_db:.1f} dB (median), {snr:.1f} dB at least")
    room = f"T60 {decay.t60_s:.2f} s" if decay.t60_s == decay.t60_s else "no decay is seen above the noise: a dry path, or too few clips"
    say(f"  room        {room}{f' (the decay is seen over {decay.range_db:.0f} dB)' if decay.t60_s == decay.t60_s else ''}")
    drift = response.drift
    error = f" ± {2 * drift.error_ppm:.1f} ppm (95 %)" if drift.error_ppm == drift.error_ppm else " ppm; one clip does not say how surely"
    say(f"  clocks      the capture's is {abs(drift.ppm):.1f}{error} {'faster' if drift.ppm >= 0 else 'slower'} than the player's")
    say(f"  response    {_response(found)}")
    clipped = [one.path for one in clips if one.clipped]
    say(f"  clipping    {f'{len(clipped)} of {len(clips)}: {_some(clipped)}' if clipped else 'none'}")
    detail("  bands       " + ", ".join(f"{band.hz} Hz {band.level_db:+.1f}" for band in response.bands))


def _say_missing(missing: Sequence[MissingClip]) -> None:
    for twice, why in ((False, "not found"), (True, "at several places alike, and not cut")):
        names = [one.name for one in missing if one.twice == twice]
        if names:
            say(f"  {why}: {_some(names)}")


def _response(found: Alignment) -> str:
    """From where to where the path is even, and its highest and lowest band."""
    bands = found.measurement.response.bands
    if not bands:
        return "not measured"
    even = [band.hz for band in bands if band.level_db >= -EVEN_DB]
    low, high = min(bands, key=lambda band: band.level_db), max(bands, key=lambda band: band.level_db)
    ends = f"{high.level_db:+.1f} dB at {high.hz} Hz, {low.level_db:+.1f} dB at {low.hz} Hz"
    return f"within {EVEN_DB:g} dB from {even[0]} to {even[-1]} Hz; {ends}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
