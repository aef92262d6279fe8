"""Under which settings does a front-end here give these features? The front-end detective.

A beam search over the conventions of conventions.py: presets and a coarse grid of framings and filters give the first candidates, then each is
changed in one convention at a time, and the best are gone on with. Scale and offset are solved (matching.py). At the end the affine part is
explained by logarithm, samples and norms where these give it, defaults replace what makes no difference, and what other values of one setting
fit as well is listed: the data cannot tell these apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from math import ceil
from typing import Any, Final, NamedTuple

import numpy as np

from robustness.errors import UsageError
from robustness.frontends import conventions
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.conventions import Settings, changed, natural, steps
from robustness.frontends.matching import NO_MATCH, Array, Match, Target, is_cepstral, tensor_of, with_affine
from robustness.frontends.presets import made_from, presets
from robustness.frontends.spectral import SpectralFrontend

BEAM: Final = 6
FRAMINGS_KEPT: Final = 10
EXACT: Final = 1e-3  # of a band's standard deviation: float32 in other orders of sums gives 1e-6 to 1e-4
SAME: Final = 1.2  # errors within this factor of the best are one and the same to the data
NOISE: Final = 2e-5  # of a band's standard deviation: below it no error says anything
GRIDS: Final = (1.0, 0.5, 0.25, 1 / 128, 1 / 256)
SECONDS: Final = 45.0
COARSE_EDGES: Final = ((0.0, None), (20.0, 4000.0), (60.0, 3800.0), (20.0, 7600.0))
COARSE_MELS: Final = (26, 40, 64, 128)


class Undecided(NamedTuple):
    """A setting of which other values fit as well.

    Attributes:
        setting: its key, or keys that go together.
        value: in the front-end found.
        others: what fits no worse.
    """

    setting: str
    value: Any
    others: tuple[Any, ...]


class Fit(NamedTuple):
    """The front-end that comes nearest.

    Attributes:
        frontend: with its affine part, natural or solved.
        error: root mean square of what remains, in standard deviations of each band.
        largest: what remains in the worst cell, in the features' unit.
        exact: whether no more than rounding remains.
        band_errors: root mean square of what remains in each band, in its standard deviations, lowest band first.
        undecided: settings that the data cannot tell apart.
        tried: how many front-ends were compared.
    """

    frontend: Frontend
    error: float
    largest: float
    exact: bool
    band_errors: tuple[float, ...]
    undecided: tuple[Undecided, ...]
    tried: int


class Search:
    """What was tried, with its match, until the time is up."""

    def __init__(self, target: Target, seconds: float) -> None:
        self.target = target
        self.until = time.monotonic() + seconds
        self.found: dict[Frontend, Match] = {}
        self.step = grid_of(target.features)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.until

    def add(self, candidates: Iterable[Frontend]) -> None:
        """Tries those that were not tried."""
        for candidate in candidates:
            if self.over:
                return
            if candidate not in self.found:
                self.found[candidate] = self.target.match(candidate)

    def best(self, count: int) -> list[Frontend]:
        """The best, one of each error: those with the very same error are one to the data."""
        chosen: dict[float, Frontend] = {}
        for candidate in sorted(self.found, key=lambda one: self.found[one].error):
            chosen.setdefault(float(f"{self.found[candidate].error:.5g}"), candidate)
            if len(chosen) == count:
                break
        return list(chosen.values())

    def exact(self, match: Match) -> bool:
        """Whether no more than rounding remains."""
        return match.error < EXACT or match.largest <= 0.51 * self.step


def grid_of(features: Array) -> float:
    """The step of the grid on which features lie, 0 if they lie on none."""
    inside = features[(features > features.min()) & (features < features.max())]
    for step in GRIDS if len(inside) else ():
        if np.abs(inside / step - np.rint(inside / step)).max() < 1e-4:
            return step
    return 0.0


def fit(samples: Array, rate_hz: int, features: Array, *, seconds: float = SECONDS, known: bool = True) -> Fit:
    """The front-end whose features of these samples come nearest to these, bands first or frames first.

    Args:
        samples: one clip, [time], full scale ±1.
        rate_hz: of the samples.
        features: what the other program gives for it, [bands frames] or [frames bands], with or without axes of length 1.
        seconds: how long to search at most.
        known: whether the presets are tried first.

    Raises:
        UsageError: the features are not finite, are constant, have another number of axes, or fit no framing of these samples.
    """
    searches = [Search(Target(tensor_of(samples), rate_hz, shape), seconds / 2) for shape in orientations(features)]  # type: ignore[arg-type]
    for search in searches:
        search.until = time.monotonic() + seconds / len(searches)
        search.add(seeds(search.target, known=known))
        descend(search)
        if search.found and search.exact(search.found[search.best(1)[0]]):
            break
    tried = [search for search in searches if any(match.error < NO_MATCH.error for match in search.found.values())]
    if not tried:
        shape = " ".join(str(size) for size in np.shape(features))
        raise UsageError(
            f"features of the shape [{shape}] fit no hop and window of {len(samples)} samples at {rate_hz} Hz; are they of this recording, "
            "whole and alone?"
        )
    best = min(tried, key=lambda search: search.found[search.best(1)[0]].error)
    return finished(best)


def orientations(features: Array) -> list[Array]:
    """The features as [bands frames], both ways round: more frames than bands first."""
    plain = np.squeeze(np.asarray(features, dtype=np.float64))
    if plain.ndim != 2:
        raise UsageError(f"the features have the shape {list(np.shape(features))}; expected one clip's bands and frames, two axes longer than 1")
    if not np.isfinite(plain).all() or float(plain.std()) == 0.0:
        raise UsageError("the features hold NaN or infinite values, or one value alone; give those of a clip with a word in it")
    return [np.ascontiguousarray(plain.T), plain]


def seeds(target: Target, *, known: bool) -> Iterator[Frontend]:
    """Presets with these bands, programs with a memory, and a coarse grid of framings."""
    for name, preset in presets().items() if known else ():
        if preset.kind in conventions.kinds():
            made = made_from(name, rate_hz=target.rate_hz)
            yield replace(made, lowest=None, highest=None, round_to=0.0)  # type: ignore[type-var]
    if target.bands == 40 and target.rate_hz == 16_000:
        yield from (FRONTENDS["microfrontend"](values=values) for values in ("float", "raw", "int8"))
    for settings in framings(target):
        for kind in conventions.kinds():
            if kind != "spectrogram" or target.bands <= settings["n_fft"] // 2 + 1:
                yield from _coarse(target, kind, settings)


def framings(target: Target) -> Iterator[Settings]:
    """Every hop, window and transform that gives as many frames as there are."""
    time_ = target.samples.shape[-1]
    windows = sorted({round(ms * target.rate_hz / 1000) for ms in (16, 20, 25, 30, 32, 40, 64)} | {256, 512, 1024, 2048})
    for hop in conventions.hops(target.rate_hz):
        for window in windows:
            power = 1 << (window - 1).bit_length()
            for n_fft in sorted({window, power, max(power, 512)}):
                for framing in conventions.FRAMINGS:
                    if frame_count(time_, hop, window, n_fft, framing) == target.frames and window >= hop * 0.8:
                        yield {"hop_samples": hop, "window_samples": window, "n_fft": n_fft, **framing}


def frame_count(samples: int, hop: int, window: int, n_fft: int, framing: Settings) -> int:
    """How many frames a clip has."""
    within = window if framing["window_at"] == "start" else max(window, n_fft)
    room = samples + (2 * (within // 2) if framing["center"] else 0) - within
    return 1 + (max(0, ceil(room / hop)) if framing["partial"] == "zeros" else room // hop if room >= 0 else -1)


def _coarse(target: Target, kind: str, settings: Settings) -> Iterator[Frontend]:
    first = changed(replace(conventions.start(kind, target.rate_hz, target.bands), **_normal(target)), settings)  # type: ignore[type-var]
    if first is None:
        return
    if kind in ("spectrogram", "pcen"):
        yield first
        return
    mels = [mels for mels in COARSE_MELS if mels >= target.bands] if kind == "mfcc" else [target.bands]
    for count in mels:
        for low, high in COARSE_EDGES:
            for scale in ("htk", "slaney"):
                made = changed(first, {"n_mels": count, "f_min_hz": low, "f_max_hz": high, "mel_scale": scale}) or first
                yield made


def _normal(target: Target) -> Settings:
    """How the features are normalised, which their means and deviations show."""
    spread = target.features.std()
    if np.abs(target.features.mean(1)).max() < 1e-3 * spread:
        unit = np.abs(target.features.std(1) - 1.0).max() < 1e-2
        return {"normalise": "band", "normalise_by": "mean-deviation" if unit else "mean"}
    return {}


def descend(search: Search) -> None:
    """Changes the best in one convention at a time until none is better, or no more than rounding remains."""
    error = float("inf")
    while search.found and not search.over:
        beam = search.best(BEAM)
        match = search.found[beam[0]]
        if search.exact(match) and match.error < 20 * NOISE or match.error >= error * 0.999:
            return
        error = match.error
        for candidate in beam:
            search.add(made for step in steps(candidate) if (made := changed(candidate, step)) is not None)


def finished(search: Search) -> Fit:
    """The best front-end with its affine part, its defaults and its doubts."""
    best = search.best(1)[0]
    frontend = _simplest(search, _natural(search, best))
    match = search.target.match(frontend, affine=False)
    made = search.target.of(frontend)
    assert made is not None
    away = (made - search.target.features) / search.target.spread
    errors = tuple(float(value) for value in np.sqrt(np.mean(np.square(away), axis=1)))
    return Fit(frontend, match.error, match.largest, search.exact(match), errors, _undecided(search, frontend, match), len(search.found))


def _natural(search: Search, best: Frontend) -> Frontend:
    """The front-end with scale and offset: by other logarithms and samples where these give them, else as they were solved."""
    if not isinstance(best, SpectralFrontend):
        return best
    found = search.found[best]
    ends = _ends(search)
    for candidate in natural(best):
        made = replace(candidate, **ends)  # type: ignore[type-var]
        if search.target.match(made, affine=False).error <= max(found.error * SAME, NOISE):
            return made
    made = search.target.of(best)
    if made is None or is_cepstral(best):
        return replace(best, scale=found.scale)
    return replace(best, scale=found.scale, offset=found.offset, **ends)


def _ends(search: Search) -> Settings:
    """Clipping and rounding that the features show: a grid, and edges of the range on which many cells lie."""
    features, free = search.target.features, search.target.free
    low, high = float(features.min()), float(features.max())
    clipped = {"lowest": low} if not free[features == low].all() and low in (0.0, -1.0, -128.0) else {}
    clipped |= {"highest": high} if not free[features == high].all() else {}
    return clipped | ({"round_to": search.step} if search.step else {})


def _simplest(search: Search, frontend: Frontend) -> Frontend:
    """Defaults for every setting that makes no difference to these features."""
    allowed = max(search.target.match(frontend, affine=False).error * 1.001, NOISE / 10)
    for field in fields(frontend):  # type: ignore[arg-type]
        simpler = changed(frontend, {field.name: field.default}) if field.init and field.name not in ("scale", "offset", "layout") else None
        if simpler is not None and search.target.match(simpler, affine=False).error <= allowed:
            frontend = simpler
    return frontend


INERT: Final = {  # a setting that does nothing while another has this value
    "pre_emphasis_first": ("pre_emphasis", 0.0),
    "pre_emphasis_per": ("pre_emphasis", 0.0),
    "padding": ("center", False),
    "normalise_frames": ("normalise", "none"),
}


def _undecided(search: Search, frontend: Frontend, match: Match) -> tuple[Undecided, ...]:
    """Settings of which another value fits as well."""
    allowed = max(match.error * SAME, NOISE)
    others: dict[tuple[str, ...], list[Any]] = {}
    for step in steps(frontend):
        keys = tuple(key for key in step if getattr(frontend, key, None) != step[key])
        made = changed(frontend, step)
        if made is None or any(key in INERT and getattr(frontend, INERT[key][0]) == INERT[key][1] for key in keys):
            continue
        if search.target.match(made, affine=False).error <= allowed:
            others.setdefault(keys, []).append(tuple(step[key] for key in keys) if len(keys) > 1 else step[keys[0]])
    return tuple(
        Undecided(" with ".join(keys), tuple(getattr(frontend, key) for key in keys) if len(keys) > 1 else getattr(frontend, keys[0]), tuple(values))
        for keys, values in others.items()
        if len(keys) == 1 or not any((key,) in others for key in keys)
    )


def nearest_step(samples: Array, frontend: Frontend, features: Array) -> tuple[Settings, Match] | None:
    """The change of one convention that brings a front-end nearest to features, [bands frames]; None if none does better than it.

    Args:
        samples: one clip, [time].
        frontend: the one that departs.
        features: what was expected of it.
    """
    target = Target(tensor_of(samples), frontend.rate_hz, np.asarray(features, np.float64))  # type: ignore[arg-type]
    best, change = target.match(frontend, affine=False), None
    for step in (*steps(frontend), *_affine_steps(frontend)):
        made = changed(frontend, step)
        match = NO_MATCH if made is None else target.match(made, affine=False)
        if match.error < 0.5 * best.error:
            best, change = match, step
    return None if change is None else (change, best)


def _affine_steps(frontend: Frontend) -> Iterator[Settings]:
    """Changes that the search need not try, for it solves scale and offset."""
    if isinstance(frontend, SpectralFrontend):
        yield from ({"log": log} for log in ("dB", "ln", "log10", "log1p"))
        yield from ({"samples": samples} for samples in conventions.NATURAL_SAMPLES)
        yield from ({"reference": reference} for reference in ("one", "maximum"))
        yield from ({"normalise": over, "normalise_by": by} for over in ("clip", "band") for by in ("mean", "mean-deviation", "range"))
        yield {"scale": 0.5}
