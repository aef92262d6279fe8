"""`robustness frontend`: which front-end gave these features, and which are known by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from robustness.cli.printing import say
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.frontends.fit import Fit

SHOWN_BANDS: Final = 5
SHOWN_VALUES: Final = 4
SHOWN_DOUBTS: Final = 8

frontend = typer.Typer(help="Find the front-end that gives some features, and list those known by name.")


@frontend.command("fit")
def fit_features(
    *,
    samples: Annotated[Path, typer.Option(help="One clip: an audio file.")],
    features: Annotated[Path, typer.Option(help="What the other program gives for it, a .npy: bands by frames, or frames by bands.")],
    bands: Annotated[int | None, typer.Option(min=1, help="Of flat features: how many numbers a frame has.")] = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to search at most, in processor time.")] = 55.0,
) -> None:
    """Find the settings under which a front-end here gives these features.

    Every convention in which libraries differ is searched, scale and offset are solved. Printed are the card section that comes nearest,
    what remains, and the settings that one clip cannot tell apart. The clip is best loud at one place, quiet at another, and a second long.

    Example: robustness frontend fit --samples golden.wav --features golden.npy
    """
    import numpy as np
    import torch

    from robustness.audio.reading import read_audio
    from robustness.frontends.fit import fit

    try:
        given = np.load(features, allow_pickle=False)
    except OSError as error:
        raise UsageError(f"--features {features} cannot be opened: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"--features {features} is no .npy of numbers; save it with numpy.save") from error
    if given.dtype.kind not in "fiu":
        raise UsageError(f"--features {features} holds {given.dtype}; expected numbers")
    if bands is not None:
        if given.size % bands:
            raise UsageError(f"--bands {bands} does not divide the {given.size} numbers of {features}")
        given = given.reshape(-1, bands)
    rate_hz = _native_rate(samples)
    with torch.inference_mode():
        _say(fit(read_audio(samples, rate_hz).samples.numpy(), rate_hz, given, seconds=seconds))


def _native_rate(path: Path) -> int:
    import soundfile

    try:
        return int(soundfile.info(path).samplerate)
    except (OSError, soundfile.LibsndfileError) as error:
        raise UsageError(f"--samples {path} cannot be opened as an audio file; give a WAV or FLAC file") from error


def _say(found: Fit) -> None:
    from robustness.frontends.presets import card_settings

    say("[frontend]")
    for key, value in card_settings(found.frontend).items():
        say(f"{key} = {_toml(value)}")
    verdict = "no more than rounding remains" if found.exact else "NOT the front-end: something else remains"
    say()
    say(f"{verdict}: {found.error:.1e} of a band's standard deviation, {found.largest:.1e} in the worst cell ({found.tried} tried)")
    if not found.exact:
        _say_where(found)
    if found.undecided:
        say("this clip cannot tell apart:")
    for doubt in found.undecided[:SHOWN_DOUBTS]:
        others = ", ".join(_toml(value) for value in doubt.others[:SHOWN_VALUES])
        more = f" and {len(doubt.others) - SHOWN_VALUES} more" if len(doubt.others) > SHOWN_VALUES else ""
        say(f"  {doubt.setting}: {_toml(doubt.value)} or {others}{more}")


def _say_where(found: Fit) -> None:
    worst = sorted(range(len(found.band_errors)), key=lambda band: -found.band_errors[band])[:SHOWN_BANDS]
    hertz = found.frontend.band_hz
    shown = (f"{band}{f' ({hertz[band]:.0f} Hz)' if hertz else ''}: {found.band_errors[band]:.2g}" for band in sorted(worst))
    say(f"it differs most in the bands {', '.join(shown)} (of the band's deviation, with a scale and an offset of its own)")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(part) for part in value)}]"
    return '"none"' if value is None else f'"{value}"' if isinstance(value, str) else f"{value}"


@frontend.command("list")
def list_presets() -> None:
    """List the front-ends known by name, for `preset = "…"` in a card.

    Example: robustness frontend list
    """
    from robustness.frontends.presets import presets

    width = max(len(name) for name in presets())
    for name, preset in presets().items():
        say(f"{name.ljust(width)}  {preset.kind.ljust(13)}  {preset.about}")
