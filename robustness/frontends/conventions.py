"""In what do front-ends of the field differ? The settings that are searched, and the steps from one to its neighbours.

What an affine scaling of the features can stand for is not searched: dB, ln and log10, 16-bit numbers, a clip's own maximum. `natural`
tries these at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any, Final

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.matching import is_cepstral
from robustness.frontends.mel import MelFrontend
from robustness.frontends.spectral import SpectralFrontend

ConventionSettings = dict[str, Any]
HOPS_MS: Final = (4, 5, 6.25, 7.5, 8, 10, 11, 12, 12.5, 15, 16, 20, 23.22, 25, 30, 32, 40)
HOPS: Final = (64, 80, 100, 110, 128, 160, 161, 200, 220, 240, 256, 320, 400, 441, 480, 512, 640, 1024)
WINDOWS_MS: Final = (8, 10, 16, 20, 23, 25, 30, 32, 40, 46, 50, 60, 64)
POWERS_OF_TWO: Final = (128, 256, 512, 1024, 2048, 4096)
FRAMINGS: Final[tuple[ConventionSettings, ...]] = (
    {"center": True, "window_at": "center", "partial": "drop"},
    {"center": False, "window_at": "start", "partial": "drop"},
    {"center": False, "window_at": "center", "partial": "drop"},
    {"center": False, "window_at": "start", "partial": "zeros"},
)
TAPERS: Final = tuple(
    {"window": kind, "window_periodic": periodic}
    for kind in ("hann", "hamming", "povey", "blackman", "rectangular")
    for periodic in (True, False)
    if not (kind == "rectangular" and not periodic)
)
MELS: Final = (13, 16, 20, 22, 23, 24, 26, 30, 32, 40, 48, 60, 64, 80, 96, 128)
LOW_HZ: Final = (0.0, 20.0, 30.0, 50.0, 60.0, 64.0, 80.0, 100.0, 125.0, 133.3333, 150.0, 200.0, 250.0, 300.0)
HIGH_HZ: Final = (3300.0, 3400.0, 3600.0, 3700.0, 3800.0, 4000.0, 5000.0, 6000.0, 6500.0, 6855.4976, 7000.0, 7500.0, 7600.0, 7800.0, 8000.0)
LOW_STEPS: Final = (-50.0, -20.0, -10.0, -5.0, -1.0, 1.0, 5.0, 10.0, 20.0, 50.0)
HIGH_STEPS: Final = (-1000.0, -400.0, -200.0, -100.0, -50.0, -20.0, -10.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 1000.0)
FLOORS: Final = (1e-30, 2.220446049250313e-16, 1e-12, 1e-10, 1e-9, 1e-8, 1.1920929e-07, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1.0)
NATURAL_SAMPLES: Final = ("full-scale", "int16", "maximum", "peak", "rms")
NATURAL_AFFINE: Final = ((1.0, 0.0), (0.1, 2.0), (1 / 64, 52 / 64), (1 / 80, 1.0), (1 / 40, 1.0), (2 / 80, 1.0))
EMPHASES: Final = (0.0, 0.9, 0.95, 0.96, 0.96875, 0.97, 0.98, 0.99)
EMPHASIS_WAYS: Final[tuple[ConventionSettings, ...]] = (
    {"pre_emphasis_per": "clip", "pre_emphasis_first": "keep"},
    {"pre_emphasis_per": "clip", "pre_emphasis_first": "self"},
    {"pre_emphasis_per": "clip", "pre_emphasis_first": "wrap"},
    {"pre_emphasis_per": "frame", "pre_emphasis_first": "keep"},
    {"pre_emphasis_per": "frame", "pre_emphasis_first": "self"},
    {"pre_emphasis_per": "frame", "pre_emphasis_first": "self", "remove_dc": True},
)
LIFTERS: Final = tuple({"lifter": lifter, "lifter_first": first} for lifter in (0.0, 22.0, 24.0, 27.0) for first in (0, 1))
SIMPLE: Final[dict[str, tuple[Any, ...]]] = {
    "power": (1.0, 2.0),
    "padding": ("reflect", "zeros", "edge"),
    "top_db": (None, 40.0, 60.0, 80.0, 100.0, 120.0),
    "normalise_frames": (None, 101, 301),
    "mel_scale": ("htk", "slaney"),
    "mel_norm": ("none", "slaney"),
    "mel_shape": ("hz", "mel", "tf-op", "bins", "half-bins"),
    "energy_first": (False, True),
    "time_constant_ms": (20.0, 25.0, 60.0, 100.0, 200.0, 400.0, 1000.0),
    "gain": (0.5, 0.8, 0.9, 0.95, 0.98, 1.0),
    "bias": (0.5, 1.0, 2.0, 10.0),
    "root": (0.2, 0.25, 0.3333333333333333, 0.5),
    "epsilon": (1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-3),
    "start": ("one", "first-frame"),
}


def changed(frontend: Frontend, settings: ConventionSettings) -> Frontend | None:
    """The front-end with other settings; None if they are none of its own, are what it has, or do not go together."""
    own = {field.name for field in fields(frontend) if field.init}  # type: ignore[arg-type]
    if not own.issuperset(settings) or all(getattr(frontend, key) == value for key, value in settings.items()):
        return None
    try:
        return replace(frontend, **settings)  # type: ignore[type-var]
    except UsageError:
        return None


def steps(frontend: Frontend) -> Iterator[ConventionSettings]:
    """Every change of one convention from here."""
    if not isinstance(frontend, SpectralFrontend):
        return
    for key, values in SIMPLE.items():
        yield from ({key: value} for value in values)
    yield from TAPERS
    yield from ({"pre_emphasis": amount, **way} for amount in EMPHASES for way in EMPHASIS_WAYS)
    yield from ({"remove_dc": remove} for remove in (False, True))
    yield from FRAMINGS
    yield from _sizes(frontend)
    yield from _logs(frontend)
    if isinstance(frontend, MelFrontend):
        yield from _edges(frontend)
    if is_cepstral(frontend):
        yield from ({"n_mels": mels} for mels in MELS)
        yield from LIFTERS


def coarse_steps(frontend: Frontend) -> Iterator[ConventionSettings]:
    """The same without floors: what shows though each band is scaled by itself."""
    return (step for step in steps(frontend) if "floor" not in step)


def joint_steps(frontend: Frontend) -> Iterator[ConventionSettings]:
    """Changes of two conventions that stand in for each other: a taper and its length, an emphasis and the power, a scale and its edge."""
    if not isinstance(frontend, SpectralFrontend):
        return
    windows = [round(ms * frontend.rate_hz / 1000) for ms in (16, 20, 25, 30, 32, 40)]
    yield from ({**taper, "window_samples": window, "window_at": at} for taper, window, at in product(TAPERS, windows, ("center", "start")))
    yield from ({"pre_emphasis": amount, "power": power} for amount in EMPHASES for power in (1.0, 2.0))
    yield from ({"mel_shape": shape, "n_fft": n_fft} for shape in SIMPLE["mel_shape"] for n_fft in (256, 512, 1024))
    yield from ({"mel_scale": scale, "f_max_hz": high} for scale in SIMPLE["mel_scale"] for high in (None, 3800.0, 4000.0, 7000.0, 7600.0))
    yield from ({"n_mels": mels, "pre_emphasis": amount} for mels in MELS for amount in (0.0, 0.95, 0.97) if is_cepstral(frontend))
    if is_cepstral(frontend):  # a lifter and the tilt of a norm look alike
        yield from (
            {"mel_norm": norm, "mel_shape": shape, **lift}
            for norm, shape, lift in product(SIMPLE["mel_norm"], SIMPLE["mel_shape"], LIFTERS)
        )
    yield from _floors_of_scales()
    if frontend.pre_emphasis:  # what is done at the first sample, what a centered frame is padded with, and a floor look alike
        yield from (
            {"pre_emphasis": frontend.pre_emphasis, **way, "padding": padding, "floor_kind": kind}
            for way, padding, kind in product(EMPHASIS_WAYS, SIMPLE["padding"], ("clamp", "add"))
        )


def _floors_of_scales() -> Iterator[ConventionSettings]:
    """Floors under each scaling of the samples and norm of the spectrum: scaling is solved, and the floor it stands over is not."""
    for samples, norm, kind in product(NATURAL_SAMPLES[:4], ("none", "n_fft", "window"), ("clamp", "add")):
        yield from ({"samples": samples, "spectrum_norm": norm, "floor": floor, "floor_kind": kind, "log": "dB"} for floor in FLOORS)


def _sizes(frontend: SpectralFrontend) -> Iterator[ConventionSettings]:
    windows = {round(ms * frontend.rate_hz / 1000) for ms in WINDOWS_MS} | set(POWERS_OF_TWO)
    for window in sorted(windows):  # where a window lies shows only once it is shorter than the transform
        yield from ({"window_samples": window, "window_at": at} for at in ("center", "start"))
        yield {"window_samples": window, "n_fft": max(window, frontend.n_fft)}
    for n_fft in (*POWERS_OF_TWO, frontend.window_samples or frontend.n_fft):
        yield {"n_fft": n_fft}
    yield {"window_samples": None}
    yield from ({"hop_samples": hop} for hop in hops(frontend.rate_hz))


def hops(rate_hz: int) -> list[int]:
    """Hops that libraries and firmware have, in samples."""
    return sorted({round(ms * rate_hz / 1000) for ms in HOPS_MS} | set(HOPS))


def _logs(frontend: SpectralFrontend) -> Iterator[ConventionSettings]:
    """Floors, under each scaling of the samples, and logarithms that no affine scaling turns into one another."""
    for samples in NATURAL_SAMPLES[:4]:
        for kind in ("clamp", "add"):
            yield from ({"samples": samples, "floor": floor, "floor_kind": kind, "log": "dB"} for floor in FLOORS)
        yield from ({"samples": samples, "log": log, "top_db": None} for log in ("log1p", "none"))
    yield from ({"spectrum_norm": norm} for norm in ("none", "n_fft", "window"))


def _edges(frontend: MelFrontend) -> Iterator[ConventionSettings]:
    top = frontend.rate_hz / 2 if frontend.f_max_hz is None else frontend.f_max_hz
    yield from ({"f_min_hz": low} for low in (*LOW_HZ, *(frontend.f_min_hz + step for step in LOW_STEPS)))
    yield from ({"f_max_hz": high} for high in (*HIGH_HZ, *(top + step for step in HIGH_STEPS)) if high < frontend.rate_hz / 2)
    yield {"f_max_hz": None}


def natural(frontend: SpectralFrontend) -> Iterator[Frontend]:
    """The same up to an affine scaling: other logarithms, scalings of the samples, norms and references, simplest first."""
    logs = (frontend.log,) if frontend.log in ("none", "log1p") else ("dB", "ln", "log10")
    cepstra = is_cepstral(frontend)
    norms: tuple[ConventionSettings, ...] = tuple({"dct_norm": norm} for norm in ("ortho", "tf", "none")) if cepstra else ({},)
    for scale, offset in NATURAL_AFFINE[:1] if cepstra else NATURAL_AFFINE:
        for reference, log, norm, samples in product(("one", "maximum"), logs, ("none", "n_fft", "window"), NATURAL_SAMPLES):
            shared = {"scale": scale, "offset": offset, "reference": reference, "log": log, "spectrum_norm": norm, "samples": samples}
            for more in norms:
                made = changed(replace(frontend, scale=0.5), shared | more)
                if made is not None:
                    yield made


def kinds() -> Iterator[str]:
    """The front-ends whose settings are searched."""
    yield from ("log-mel", "mfcc", "spectrogram", "pcen")


def start(kind: str, rate_hz: int, bands: int) -> Frontend:
    """Where the search of a kind begins, with so many bands."""
    named = {"log-mel": "n_mels", "pcen": "n_mels", "mfcc": "n_mfcc", "spectrogram": "bins"}[kind]
    more: ConventionSettings = {"n_mels": max(40, bands)} if kind == "mfcc" else {}
    more |= {} if kind == "pcen" else {"top_db": None}
    made: Any = FRONTENDS[kind]
    first: Frontend = made(rate_hz=rate_hz, **{named: bands}, **more)
    return first
