"""Under which settings does a front-end here give these features? The front-end detective.

A beam search over the conventions of conventions.py: presets and a coarse grid of framings and filters give the first candidates, then
each is changed in one convention at a time, and the search goes on from the best. Scale and offset are solved (matching.py). At the end the
affine part is explained by logarithm, samples and norms where these give it, defaults replace what makes no difference, and what other
values of one setting fit as well is listed: the data cannot tell these apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from robustness.errors import UsageError
from robustness.frontends import conventions
from robustness.frontends.base import Frontend
from robustness.frontends.conventions import ConventionSettings, changed, natural, steps
from robustness.frontends.matching import NO_MATCH, Array, Match, MatchTarget, is_cepstral, tensor_of
from robustness.frontends.search import BEAM, NICHES, NOISE, Search, descend, grid_of, named_seeds, seed_framings
from robustness.frontends.spectral import SpectralFrontend

NEAR: Final = 0.2  # of a band's standard deviation: features the other way round are then not looked at
SAME: Final = 1.2  # errors within this factor of the best are one and the same to the data
EXPLAINS: Final = 0.3  # of a band's standard deviation: what remains after a change that explains a difference
SECONDS: Final = 55.0
COARSE_SHARE: Final = 0.5  # of the time


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


def fit(samples: Array, rate_hz: int, features: Array, *, seconds: float = SECONDS, known: bool = True) -> Fit:
    """The front-end whose features of these samples come nearest to these, bands first or frames first.

    Args:
        samples: one clip, [time], full scale ±1.
        rate_hz: of the samples.
        features: what the other program gives for it, [bands frames] or [frames bands], with or without axes of length 1.
        seconds: how long to search at most, in processor time of this thread: a busy machine takes longer and finds the same.
        known: whether the presets are tried first.

    Raises:
        UsageError: the features are not finite, are constant, have another number of axes, or fit no framing of these samples.
    """
    start = time.thread_time()
    targets = [MatchTarget(tensor_of(samples), rate_hz, shape) for shape in orientations(features)]  # type: ignore[arg-type]
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


def _begun(target: MatchTarget, start: float, seconds: float, *, known: bool) -> tuple[Search, Search]:
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
    if best.normalise != "none" and best.normalise_by == "mean-deviation":  # no affine scaling is left; clipping came before it
        clipped = [made for ceiling in conventions.SIMPLE["top_db"] if (made := changed(best, {"top_db": ceiling})) is not None]
        return min([best, *clipped], key=lambda made: search.target.match(made, affine=False).error)
    found = search.found[best]
    ends = _ends(search.target.features, search.target.free)
    for candidate in natural(best):
        for more in ends:
            made = replace(candidate, **more(candidate.scale))  # type: ignore[type-var,attr-defined]
            if search.target.match(made, affine=False).error <= max(found.error * SAME, NOISE):
                return made
    solved = replace(best, scale=found.scale) if is_cepstral(best) else replace(best, scale=found.scale, offset=found.offset)
    return min((replace(solved, **more(found.scale)) for more in ends), key=lambda made: search.target.match(made, affine=False).error)


def _ends(features: Array, free: npt.NDArray[np.bool_]) -> list[Callable[[float], ConventionSettings]]:
    """Ways of clipping and rounding that the features show: a grid, and edges of the range on which many cells lie."""
    low, high, step = float(features.min()), float(features.max()), grid_of(features)
    always: ConventionSettings = {"round_to": step} if step else {}
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


def nearest_step(samples: Array, frontend: Frontend, features: Array) -> tuple[ConventionSettings, Match] | None:
    """The change of one convention that brings a front-end nearest to features, [bands frames]; None if none does better than it.

    Args:
        samples: one clip, [time].
        frontend: the one that departs.
        features: what was expected of it.
    """
    target = MatchTarget(tensor_of(samples), frontend.rate_hz, np.asarray(features, np.float64))  # type: ignore[arg-type]
    best, change = target.match(frontend, affine=False), None
    for step in (*steps(frontend), *affine_steps(frontend)):
        made = changed(frontend, step)
        match = NO_MATCH if made is None else target.match(made, affine=False)
        if match.error < 0.5 * best.error:
            best, change = match, step
    return None if change is None or best.error > EXPLAINS else (change, best)


def affine_steps(frontend: Frontend) -> Iterator[ConventionSettings]:
    """Changes that the search need not try, for it solves scale and offset."""
    if isinstance(frontend, SpectralFrontend):
        yield from ({"log": log} for log in ("dB", "ln", "log10", "log1p"))
        yield from ({"samples": samples} for samples in conventions.NATURAL_SAMPLES)
        yield from ({"reference": reference} for reference in ("one", "maximum"))
        yield from ({"normalise": over, "normalise_by": by} for over in ("clip", "band") for by in ("mean", "mean-deviation", "range"))
