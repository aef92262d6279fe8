"""By which standard alternatives may a front-end differ from the one of the training?

Each is a change of one convention in which libraries differ, as a card writes it where the front-end has that setting, and otherwise what
could be done to samples or features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from robustness.errors import RobustnessError
from robustness.frontends.base import Frontend
from robustness.frontends.conventions import NATURAL_SAMPLES, changed
from robustness.frontends.scaling import FULL_SCALE, normalised
from robustness.frontends.spectral import SpectralFrontend
from robustness.models.classifier import Classifier
from robustness.models.golden import settings_text

DB_OF_LN: Final = 4.342944819032518  # 10 / ln 10
FACTORS: Final = (2.0, 0.5, DB_OF_LN, 1 / DB_OF_LN, 10.0, 0.1)
SETTINGS: Final[tuple[dict[str, Any], ...]] = (
    *({"samples": samples} for samples in NATURAL_SAMPLES),
    *({"log": log} for log in ("dB", "ln", "log10", "log1p", "none")),
    *({"reference": reference} for reference in ("one", "maximum")),
    {"normalise": "none"},
    *({"normalise": over, "normalise_by": by} for over in ("clip", "band") for by in ("mean-deviation", "mean", "range")),
    *({"mel_scale": scale, "mel_norm": norm} for scale in ("htk", "slaney") for norm in ("none", "slaney")),
    *({"dct_norm": norm} for norm in ("ortho", "tf", "none")),
    *({"f_max_hz": edge} for edge in (None, 4000.0, 7600.0)),
    *({"f_min_hz": edge} for edge in (0.0, 20.0, 125.0)),
)
BANDS: Final = frozenset(("mel_scale", "mel_norm", "f_max_hz", "f_min_hz"))  # what a band is, and not how large
FACTOR_WORDS: Final = {DB_OF_LN: "4.343 (dB of ln)", 1 / DB_OF_LN: "1 / 4.343 (ln of dB)"}


class Alternative(NamedTuple):
    """Another front-end.

    Attributes:
        says: what is done: `with log = "ln" in [frontend]`.
        change: what to write or do.
        features: samples, [clips time], → features, [clips 1 bands frames].
        scales: whether it scales or shifts what there is, as the level of the recordings does too.
        settings: the settings of a card that are changed; none if it is no such change.
    """

    says: str
    change: str
    features: Callable[[Tensor], Tensor]
    scales: bool = False
    settings: frozenset[str] = frozenset()

    @property
    def is_setting(self) -> bool:
        """Whether a card can say it."""
        return bool(self.settings)

    def tried(self, classifier: Classifier, samples: Tensor) -> Tensor | None:
        """Its features, if the network takes them; else None."""
        try:
            with torch.inference_mode():
                features = self.features(samples.to(classifier.device))
            if features.ndim != 4 or not features.isfinite().all():
                return None
            return features if classifier.logits_from(features[:1]).isfinite().all() else None
        except (RuntimeError, ValueError, IndexError, RobustnessError):
            return None


def alternatives_to(frontend: Frontend) -> list[Alternative]:
    """The standard alternatives, those that are settings of a card first."""
    settings = [*_settings(frontend)]
    return [*settings, *_samples(frontend), *_factors(frontend), *_shapes(frontend)]


def _settings(frontend: Frontend) -> Iterator[Alternative]:
    """Changes of a card's section."""
    for setting in SETTINGS:
        made = changed(frontend, setting)
        if made is not None:
            new = {key: value for key, value in setting.items() if getattr(frontend, key) != value}
            text, scales = settings_text(new), not BANDS & set(setting)
            yield Alternative(f"with {text}", f"write {text} in [frontend]", made.features, scales, frozenset(new))


def _samples(frontend: Frontend) -> Iterator[Alternative]:
    """Samples scaled as 16-bit numbers, for a front-end that has no setting of it."""
    if hasattr(frontend, "samples"):
        return
    for factor, words in ((FULL_SCALE, "multiplied by 32768"), (1 / FULL_SCALE, "divided by 32768")):
        yield Alternative(
            f"with samples {words}",
            f"give the front-end samples {words}",
            lambda samples, by=factor: frontend.features(samples * by),  # type: ignore[misc]
            scales=True,
        )


def _factors(frontend: Frontend) -> Iterator[Alternative]:
    """Features multiplied."""
    for factor in FACTORS:
        words = FACTOR_WORDS.get(factor, f"{factor:g}")
        change = f"multiply the features by {words}"
        if isinstance(frontend, SpectralFrontend):
            change += f": scale = {frontend.scale * factor:.6g} and offset = {frontend.offset * factor:.6g} in [frontend]"
        yield Alternative(
            f"with features times {words}",
            change,
            lambda samples, by=factor: frontend.features(samples) * by,  # type: ignore[misc]
            scales=True,
        )


def _shapes(frontend: Frontend) -> Iterator[Alternative]:
    """Bands and frames exchanged, and each clip normalised by whatever makes the features."""
    layout = "write another `layout` in [frontend]: bands and frames are exchanged"
    yield Alternative("with bands and frames exchanged", layout, lambda samples: frontend.features(samples).transpose(2, 3))
    yield Alternative(
        "with the features read in the other order, frames before bands",
        layout,
        lambda samples: _other_order(frontend.features(samples)),
    )
    if not isinstance(frontend, SpectralFrontend):
        yield Alternative(
            "with each clip's features less their mean and over their deviation",
            "normalise the features of each clip",
            lambda samples: normalised(frontend.features(samples), "clip", "mean-deviation"),
            scales=True,
        )


def _other_order(features: Tensor) -> Tensor:
    return features.transpose(2, 3).contiguous().reshape(features.shape)
