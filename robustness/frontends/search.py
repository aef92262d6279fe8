"""Which front-ends are tried, and in which order? The beam search behind fit.py.

The first candidates are presets and a grid of framings and filters; then the best are changed in one convention at a time, and in two when
that helps no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product
from math import ceil
from typing import Any, Final

import numpy as np

from robustness.frontends import conventions
from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.conventions import ConventionSettings, changed
from robustness.frontends.matching import NO_MATCH, Array, Match, MatchTarget
from robustness.frontends.presets import made_from, presets

BEAM: Final = 4
FRAMINGS_KEPT: Final = 12
NICHES: Final = 10
WORTH: Final = 4.0  # times the least error: what is worse is dropped
PATIENCE: Final = 1
EXACT: Final = 1e-3  # of a band's standard deviation: float32 in other orders of sums gives 1e-6 to 1e-4
NOISE: Final = 2e-5  # of a band's standard deviation: below it no error says anything
GRIDS: Final = (1.0, 0.5, 0.25, 1 / 128, 1 / 256)
COARSE_EDGES: Final = ((0.0, None), (20.0, 4000.0), (60.0, 3800.0), (80.0, 7600.0))
COARSE_MELS: Final = (23, 26, 32, 40, 64, 80, 128)


class Search:
    """What was tried, with its match, until the time is up.

    Args:
        target: given features.
        compare: how near a front-end comes.
        until: when the time is up, by time.thread_time().
    """

    def __init__(self, target: MatchTarget, compare: Callable[[Frontend], Match], until: float) -> None:
        self.target = target
        self.compare = compare
        self.until = until
        self.step = grid_of(target.features)
        self.found: dict[Frontend, Match] = {}

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.thread_time() > self.until

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


def named_seeds(target: MatchTarget) -> Iterator[Frontend]:
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


def framings(target: MatchTarget) -> Iterator[ConventionSettings]:
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


def frame_count(samples: int, hop: int, window: int, n_fft: int, framing: ConventionSettings) -> int:
    """How many frames a clip has."""
    within = window if framing["window_at"] == "start" else max(window, n_fft)
    room = samples + (2 * (within // 2) if framing["center"] else 0) - within
    return 1 + (max(0, ceil(room / hop)) if framing["partial"] == "zeros" else room // hop if room >= 0 else -1)


def _coarse(target: MatchTarget, kind: str, settings: ConventionSettings, *, plain: bool = False) -> Iterator[Frontend]:
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


def normalisations(features: Array) -> list[ConventionSettings]:
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


def descend(search: Search, ways: Callable[[Frontend], Iterator[ConventionSettings]]) -> None:
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
