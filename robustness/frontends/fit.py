"""Under which settings does a front-end here give these features? The front-end detective.

A beam search over the conventions of conventions.py: presets and a coarse grid of framings and filters give the first candidates, then
each is changed in one convention at a time, and the best are gone on with. Scale and offset are solved (matching.py). At the end the
affine part is explained by logarithm, samples and norms where these give it, defaults replace what makes no difference, and what other
values of one setting fit as well is listed: the data cannot tell these apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from itertools import product
from math import ceil
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from robustness.errors import UsageError
from robustness.frontends import conventions
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.conventions import Settings, changed, natural, steps
from robustness.frontends.matching import NO_MATCH, Array, Match, Target, is_cepstral, tensor_of
from robustness.frontends.presets import made_from, presets
from robustness.frontends.spectral import SpectralFrontend

BEAM: Final = 4
FRAMINGS_KEPT: Final = 12
NICHES: Final = 10
WORTH: Final = 4.0  # times the least error: what is worse is not gone on with
PATIENCE: Final = 1
NEAR: Final = 0.2  # of a band's standard deviation: features the other way round are then not looked at
EXACT: Final = 1e-3  # of a band's standard deviation: float32 in other orders of sums gives 1e-6 to 1e-4
SAME: Final = 1.2  # errors within this factor of the best are one and the same to the data
EXPLAINS: Final = 0.3  # of a band's standard deviation: what remains after a change that explains a difference
NOISE: Final = 2e-5  # of a band's standard deviation: below it no error says anything
GRIDS: Final = (1.0, 0.5, 0.25, 1 / 128, 1 / 256)
SECONDS: Final = 35.0
COARSE_SHARE: Final = 0.5  # of the time
COARSE_EDGES: Final = ((0.0, None), (20.0, 4000.0), (60.0, 3800.0), (80.0, 7600.0))
COARSE_MELS: Final = (23, 26, 32, 40, 64, 80, 128)


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
        band_errors: root mean square of what remains in each band, given a scale and offset of its own, in its standard deviations.
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
    """What was tried, with its match, until the time is up.

    Args:
        target: given features.
        compare: how near a front-end comes.
        until: when the time is up, by time.monotonic().
    """

    def __init__(self, target: Target, compare: Callable[[Frontend], Match], until: float) -> None:
        self.target = target
        self.compare = compare
        self.until = until
        self.step = grid_of(target.features)
        self.found: dict[Frontend, Match] = {}

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.until

    @property
    def done(self) -> bool:
        """Whether nothing remains to be explained, on a grid no more than half a step."""
        return self.least.error < NOISE or self.least.largest <= 0.51 * self.step

    def add(self, candidates: Iterable[Frontend], *, late: bool = False) -> None:
        """Tries those that were not tried, with `late` even if the time is up."""
        for candidate in candidates:
            if self.over and not late:
                return
            if candidate not in self.found:
                self.found[candidate] = self.compare(candidate)

    def best(self, count: int, niches: int = 0) -> list[Frontend]:
        """The best, one of each error, for those with the very same error are one to the data; and the best of so many niches.

        A niche is a kind with its number of mel bands and its power: what is wrong in these can be made up for in part.
        """
        chosen: dict[tuple[str, float], Frontend] = {}
        seen: set[tuple[object, ...]] = set()
        for candidate in sorted(self.found, key=lambda one: self.found[one].error):
            error = self.found[candidate].error
            key, niche = (
                (candidate.name, float(f"{error:.5g}")),
                (candidate.name, getattr(candidate, "n_mels", 0), getattr(candidate, "power", 0)),
            )
            if error == NO_MATCH.error or error > WORTH * max(self.least.error, EXACT):
                break
            if key not in chosen and (len(chosen) < count or (niche not in seen and len(seen) < niches)):
                chosen[key] = candidate
                seen.add(niche)
        return list(chosen.values())

    @property
    def least(self) -> Match:
        """The best match."""
        return min(self.found.values(), key=lambda match: match.error, default=NO_MATCH)

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
    start = time.monotonic()
    targets = [Target(tensor_of(samples), rate_hz, shape) for shape in orientations(features)]  # type: ignore[arg-type]
    begun = [_begun(target, start, seconds, known=known) for target in targets]
    tried = []
    for coarse, fine in sorted(begun, key=lambda pair: min(pair[0].least.error, pair[1].least.error)):
        tried.append((coarse, _searched(coarse, fine)))
        if fine.least.error < NEAR:
            break
    coarse, fine = min(tried, key=lambda pair: pair[1].least.error)
    if fine.least == NO_MATCH:
        shown = " ".join(str(size) for size in np.shape(features))
        raise UsageError(
            f"features of the shape [{shown}] fit no hop and window of {len(samples)} samples at {rate_hz} Hz; are they of this recording, "
            "whole and alone?"
        )
    if fine.least.error < NEAR:
        return finished(fine, _simplest(fine, _natural(fine, fine.best(1)[0])))
    nearest, _ = min(tried, key=lambda pair: pair[0].least.error)  # of no known kind: what is most like it, band by band
    return finished(nearest, nearest.best(1)[0])


def _begun(target: Target, start: float, seconds: float, *, known: bool) -> tuple[Search, Search]:
    """Two searches with their first candidates: by likeness, whatever the scale of each band, and by all of it."""
    coarse = Search(target, target.likeness, start + seconds * COARSE_SHARE)
    fine = Search(target, target.match, start + seconds)
    if known:
        fine.add(named_seeds(target))
    if not fine.done:
        coarse.add(fine.found)
        seed_framings(coarse)
    return coarse, fine


def _searched(coarse: Search, fine: Search) -> Search:
    """Framing and filters first, and then all of it, from what these gave and from the first candidates."""
    if not fine.done:
        first = list(coarse.found)
        descend(coarse, conventions.coarse_steps)
        fine.add(coarse.best(2 * BEAM, niches=NICHES), late=True)
        fine.add(first)
        descend(fine, steps)
    return fine


def orientations(features: Array) -> list[Array]:
    """The features as [bands frames], both ways round: more frames than bands first."""
    plain = np.squeeze(np.asarray(features, dtype=np.float64))
    if plain.ndim != 2:
        raise UsageError(
            f"the features have the shape {list(np.shape(features))}; expected one clip's bands and frames, two axes longer than 1"
        )
    if not np.isfinite(plain).all() or float(plain.std()) == 0.0:
        raise UsageError("the features hold NaN or infinite values, or one value alone; give those of a clip with a word in it")
    return [np.ascontiguousarray(plain.T), plain]


def named_seeds(target: Target) -> Iterator[Frontend]:
    """Presets, and programs with a memory."""
    for name, preset in presets().items():
        if preset.kind in conventions.kinds():
            yield replace(made_from(name, rate_hz=target.rate_hz), lowest=None, highest=None, round_to=0.0)  # type: ignore[type-var]
    if target.bands == 40 and target.rate_hz == 16_000:
        program: Any = FRONTENDS["microfrontend"]
        yield from (program(values=values) for values in ("float", "raw", "int8"))


def seed_framings(coarse: Search) -> None:
    """Every framing with one set of filters of each kind, and then a grid of filters over the framings that came nearest."""
    target, of_framing = coarse.target, []
    for settings in framings(target):
        made = [one for kind in conventions.kinds() for one in _coarse(target, kind, settings, plain=True)]
        coarse.add(made)
        of_framing.append((min((coarse.found.get(one, NO_MATCH).error for one in made), default=NO_MATCH.error), settings))
    for _, settings in sorted(of_framing, key=lambda pair: pair[0])[:FRAMINGS_KEPT]:
        for kind in conventions.kinds():
            coarse.add(_coarse(target, kind, settings))


def framings(target: Target) -> Iterator[Settings]:
    """Every hop, window and transform that gives as many frames as there are."""
    time_ = target.samples.shape[-1]
    windows = sorted({round(ms * target.rate_hz / 1000) for ms in (16, 20, 25, 30, 32, 40, 64)} | {256, 512, 1024, 2048})
    for hop in conventions.hops(target.rate_hz):
        for window in windows:
            power = 1 << (window - 1).bit_length()
            for n_fft in sorted({window, power, power // 2, max(power, 512)}):
                for framing in conventions.FRAMINGS:
                    if frame_count(time_, hop, window, n_fft, framing) == target.frames and window >= hop * 0.8:
                        yield {"hop_samples": hop, "window_samples": window, "n_fft": n_fft, **framing}


def frame_count(samples: int, hop: int, window: int, n_fft: int, framing: Settings) -> int:
    """How many frames a clip has."""
    within = window if framing["window_at"] == "start" else max(window, n_fft)
    room = samples + (2 * (within // 2) if framing["center"] else 0) - within
    return 1 + (max(0, ceil(room / hop)) if framing["partial"] == "zeros" else room // hop if room >= 0 else -1)


def _coarse(target: Target, kind: str, settings: Settings, *, plain: bool = False) -> Iterator[Frontend]:
    if kind == "spectrogram" and target.bands > settings["n_fft"] // 2 + 1:
        return
    start = conventions.start(kind, target.rate_hz, target.bands)
    for normal in normalisations(target.features):
        first = replace(start, **normal, **settings)  # type: ignore[type-var]
        if kind == "spectrogram" or plain:
            yield first
            continue
        if kind == "pcen":  # no affine scaling makes up for the level at which it works
            for scale, norm, level in product(("htk", "slaney"), ("none", "slaney"), ("full-scale", "int16")):
                yield replace(first, mel_scale=scale, mel_norm=norm, samples=level)  # type: ignore[type-var]
            continue
        mels = [mels for mels in COARSE_MELS if mels >= target.bands] if kind == "mfcc" else [target.bands]
        for count in mels:
            for low, high in COARSE_EDGES:
                for scale, power in product(("htk", "slaney"), (2.0, 1.0)):
                    made = changed(first, {"n_mels": count, "f_min_hz": low, "f_max_hz": high, "mel_scale": scale, "power": power})
                    yield first if made is None else made


def normalisations(features: Array) -> list[Settings]:
    """How the features may be normalised, which the means and deviations of their bands show."""
    means, spreads = np.abs(features.mean(1)), features.std(1)
    if means.max() < 1e-3 * features.std():
        unit = np.abs(spreads - 1.0).max() < 1e-2
        return [{"normalise": "band", "normalise_by": "mean-deviation" if unit else "mean"}]
    if abs(features.mean()) < 1e-3 * features.std():
        unit = abs(features.std() - 1.0) < 1e-2
        return [{"normalise": "clip", "normalise_by": "mean-deviation" if unit else "mean"}]
    if means.max() < 0.5 and spreads.min() > 0.5 and spreads.max() < 1.5:
        return [{"normalise": "band", "normalise_frames": frames} for frames in (101, 301)]
    return [{}]


def descend(search: Search, ways: Callable[[Frontend], Iterator[Settings]]) -> None:
    """Changes the best in one convention at a time until none is better for two rounds, or no more than rounding remains."""
    error, patience = float("inf"), PATIENCE
    while search.found and not search.over:
        least = search.least.error
        patience = PATIENCE if least < error * 0.999 else patience - 1
        if search.done or patience < 0:
            return
        stuck = least >= error * 0.999
        error = min(error, least)
        for candidate in search.best(2) if stuck else ():
            search.add(made for step in conventions.joint_steps(candidate) if (made := changed(candidate, step)) is not None)
        for candidate in search.best(BEAM, niches=NICHES):
            search.add(made for step in ways(candidate) if (made := changed(candidate, step)) is not None)


def finished(search: Search, frontend: Frontend) -> Fit:
    """A front-end with what remains, and its doubts."""
    match = search.target.match(frontend, affine=False)
    exact = search.exact(match)
    doubts = _undecided(search, frontend, match) if match.error < NEAR else ()
    return Fit(frontend, match.error, match.largest, exact, search.target.band_errors(frontend), doubts, len(search.found))


def _natural(search: Search, best: Frontend) -> Frontend:
    """The front-end with scale and offset: by other logarithms and samples where these give them, else as they were solved."""
    if not isinstance(best, SpectralFrontend):
        return best
    found = search.found[best]
    ends = _ends(search.target.features, search.target.free)
    for candidate in natural(best):
        for more in ends:
            made = replace(candidate, **more(candidate.scale))  # type: ignore[type-var,attr-defined]
            if search.target.match(made, affine=False).error <= max(found.error * SAME, NOISE):
                return made
    solved = replace(best, scale=found.scale) if is_cepstral(best) else replace(best, scale=found.scale, offset=found.offset)
    return min((replace(solved, **more(found.scale)) for more in ends), key=lambda made: search.target.match(made, affine=False).error)


def _ends(features: Array, free: npt.NDArray[np.bool_]) -> list[Callable[[float], Settings]]:
    """Ways of clipping and rounding that the features show: a grid, and edges of the range on which many cells lie."""
    low, high, step = float(features.min()), float(features.max()), grid_of(features)
    always: Settings = {"round_to": step} if step else {}
    if not free[features == high].all():
        always["highest"] = high
    if free[features == low].all():
        return [lambda _scale: always]
    return [
        lambda scale: always | {"top_db": float(f"{(high - low) / abs(scale):.5g}") if scale else None},
        lambda _scale: always | {"lowest": low},
    ]


def _simplest(search: Search, frontend: Frontend) -> Frontend:
    """Defaults for every setting that makes no difference to these features."""
    allowed = max(search.target.match(frontend, affine=False).error * 1.001, NOISE / 10)
    for field in fields(frontend):  # type: ignore[arg-type]
        simpler = (
            changed(frontend, {field.name: field.default})
            if field.init and field.name not in ("scale", "offset", "layout", "top_db")
            else None
        )
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
        Undecided(
            " with ".join(keys),
            tuple(getattr(frontend, key) for key in keys) if len(keys) > 1 else getattr(frontend, keys[0]),
            tuple(values),
        )
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
    for step in (*steps(frontend), *affine_steps(frontend)):
        made = changed(frontend, step)
        match = NO_MATCH if made is None else target.match(made, affine=False)
        if match.error < 0.5 * best.error:
            best, change = match, step
    return None if change is None or best.error > EXPLAINS else (change, best)


def affine_steps(frontend: Frontend) -> Iterator[Settings]:
    """Changes that the search need not try, for it solves scale and offset."""
    if isinstance(frontend, SpectralFrontend):
        yield from ({"log": log} for log in ("dB", "ln", "log10", "log1p"))
        yield from ({"samples": samples} for samples in conventions.NATURAL_SAMPLES)
        yield from ({"reference": reference} for reference in ("one", "maximum"))
        yield from ({"normalise": over, "normalise_by": by} for over in ("clip", "band") for by in ("mean", "mean-deviation", "range"))
