"""How near do a front-end's features come to given ones, whatever their scale and offset?

The affine part is solved and not searched: y ≈ a x + b, by least squares over the cells that the given features do not clip. Of cepstral
coefficients c0 has an a and a b of its own, and the others have no b: an offset of the logarithm, the norm of the transform and the
logarithm of the energy act so. Residuals are in standard deviations of each given band, so that a loud band, or c0, does not outweigh the
others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.frontends.base import Frontend
from robustness.frontends.mel import MelFrontend
from robustness.frontends.spectral import SpectralFrontend

Array = npt.NDArray[np.float64]
KEPT_SPECTRA: Final = 128
QUIET: Final = 0.3  # of the median band's deviation: what bands count at least, lest one that hardly moves decide
TIED: Final = 0.01  # of the cells: so many at the very edge of the range are clipped, and not by chance there
OF_THE_SPECTRUM: Final = (
    "n_fft hop_samples samples pre_emphasis pre_emphasis_first pre_emphasis_per remove_dc window_samples window window_periodic window_at "
    "center padding partial power spectrum_norm"
).split()


class Match(NamedTuple):
    """How near features came.

    Attributes:
        error: root mean square of the residual, in standard deviations of each band.
        scale: a of y ≈ a x + b.
        offset: b.
        largest: the largest residual of a cell, in the given features' own unit.
    """

    error: float
    scale: float
    offset: float
    largest: float


NO_MATCH: Final = Match(float("inf"), 1.0, 0.0, float("inf"))


@dataclass(frozen=True, eq=False)
class MatchTarget:
    """Given features and the samples that they are of.

    Attributes:
        samples: [1 time].
        rate_hz: of the samples.
        features: [bands frames].
    """

    samples: Tensor
    rate_hz: int
    features: Array

    def __post_init__(self) -> None:
        """Counts what every comparison needs."""
        object.__setattr__(self, "_spectra", {})
        object.__setattr__(self, "free", _free(self.features))
        spread = self.features.std(1, keepdims=True)
        object.__setattr__(self, "spread", np.maximum(spread, max(QUIET * float(np.median(spread)), 1e-12)))

    free: npt.NDArray[np.bool_] = None  # type: ignore[assignment]
    spread: Array = None  # type: ignore[assignment]

    @property
    def bands(self) -> int:
        """How many there are."""
        return int(self.features.shape[0])

    @property
    def frames(self) -> int:
        """How many there are."""
        return int(self.features.shape[1])

    def of(self, frontend: Frontend) -> Array | None:
        """A front-end's features of the same samples, [bands frames]; None if they are of another shape or cannot be computed."""
        try:
            found = (
                frontend.from_spectrum(self._spectrum(frontend))
                if isinstance(frontend, SpectralFrontend)
                else frontend.features(self.samples)
            )
        except (RuntimeError, ValueError, IndexError):
            return None
        made: Array = found[0, 0].double().numpy()
        return made if made.shape == self.features.shape and bool(np.isfinite(made).all()) else None

    def _spectrum(self, frontend: SpectralFrontend) -> Tensor:
        kept: dict[tuple[object, ...], Tensor] = self._spectra  # type: ignore[attr-defined]
        key = tuple(getattr(frontend, name) for name in OF_THE_SPECTRUM)
        if key not in kept:
            if len(kept) >= KEPT_SPECTRA:
                kept.pop(next(iter(kept)))
            kept[key] = frontend.spectrum(self.samples)
        return kept[key]

    def match(self, frontend: Frontend, *, affine: bool = True) -> Match:
        """How near a front-end comes.

        Args:
            frontend: any.
            affine: whether scale and offset are solved, or are as the front-end has them.
        """
        made = self.of(frontend)
        if made is None:
            return NO_MATCH
        cepstra = is_cepstral(frontend)
        scale, offset = self._solved(made, cepstra=cepstra) if affine else (1.0, 0.0)
        away = self._fitted(made, scale, offset, cepstra=cepstra) - self.features if affine else made - self.features
        error = float(np.sqrt(np.mean(np.square(away / self.spread))))
        return Match(error if np.isfinite(error) else float("inf"), scale, offset, float(np.abs(away).max()))

    def _fitted(self, made: Array, scale: float, offset: float, *, cepstra: bool) -> Array:
        """Features scaled and moved, and clipped where the given ones are."""
        fitted = made * scale + (0.0 if cepstra else offset)
        if cepstra:
            fitted[0] = np.polyval(self._line(made[:1], self.free[:1] | True, self.spread[:1]), made[0])
        ends: Array = fitted.clip(*self._ends)
        return ends

    def likeness(self, frontend: Frontend) -> Match:
        """How near a front-end comes if each band has a scale and an offset of its own: framing and filters show in it."""
        away = self._unlike(frontend)
        if away is None:
            return NO_MATCH
        kept = away[1:] if is_cepstral(frontend) else away  # c0 may be an energy
        error = float(np.sqrt(np.mean(np.square(kept))))
        return Match(error if np.isfinite(error) else float("inf"), 1.0, 0.0, float(np.abs(kept).max()))

    def band_errors(self, frontend: Frontend) -> tuple[float, ...]:
        """Root mean square of what remains in each band, given its own scale and offset, in standard deviations of the band."""
        away = self._unlike(frontend)
        return () if away is None else tuple(float(value) for value in np.sqrt(np.mean(np.square(away), axis=1)))

    def _unlike(self, frontend: Frontend) -> Array | None:
        """What remains of each cell that is not clipped, given each band's own scale and offset, [bands frames]."""
        made = self.of(frontend)
        if made is None:
            return None
        count = np.maximum(self.free.sum(1, keepdims=True), 1)
        ours, given = (
            np.where(self.free, values - np.where(self.free, values, 0.0).sum(1, keepdims=True) / count, 0.0)
            for values in (made, self.features)
        )
        below = np.square(ours).sum(1)
        slope = np.divide((ours * given).sum(1), below, out=np.zeros_like(below), where=below > 0.0)
        away: Array = (given - ours * slope[:, None]) / self.spread
        return away

    def _solved(self, made: Array, *, cepstra: bool) -> tuple[float, float]:
        """Scale and offset by weighted least squares over the cells that are not clipped; of coefficients, of those after c0."""
        if not cepstra:
            scale, offset = self._line(made, self.free, self.spread)
            return scale, offset
        weights = 1.0 / self.spread[1:]
        below = float(np.square(made[1:] * weights).sum())
        return (float((made[1:] * self.features[1:] * weights**2).sum()) / below if below > 0.0 else 1.0), 0.0

    def _line(self, made: Array, free: npt.NDArray[np.bool_], spread: Array) -> tuple[float, float]:
        """Slope and intercept of the first of the given bands over ours."""
        weights = np.broadcast_to(1.0 / spread, made.shape)[free] ** 2
        ours, given = made[free], self.features[: len(made)][free]
        total = weights.sum()
        center, level = (weights * ours).sum() / total, (weights * given).sum() / total
        below = float((weights * (ours - center) ** 2).sum())
        slope = float((weights * (ours - center) * (given - level)).sum()) / below if below > 0.0 else 0.0
        return slope, float(level - slope * center)

    @property
    def _ends(self) -> tuple[float, float]:
        """The range of the given features: where they clip, ours are clipped too before they are compared."""
        return float(self.features.min()), float(self.features.max())


def _free(features: Array) -> npt.NDArray[np.bool_]:
    """Which cells do not lie on an edge of the range that many lie on."""
    free = np.ones(features.shape, dtype=bool)
    for edge in (features.min(), features.max()):
        at = features == edge
        if at.mean() >= TIED and at.mean() < 0.9:
            free &= ~at
    return free


def is_cepstral(frontend: Frontend) -> bool:
    """Whether bands are coefficients, of which an offset of the logarithm moves the first alone."""
    return isinstance(frontend, MelFrontend) and any(field.name == "n_mfcc" for field in fields(frontend))


def tensor_of(samples: npt.NDArray[np.float32]) -> Tensor:
    """Samples as one clip, [time] → [1 time]."""
    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
