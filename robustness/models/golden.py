"""Are the features and logits of a card's golden samples what the card says, and where do they depart first?

A front-end that differs from the one of the training is the commonest real failure, and nothing but values computed there can show it.
Stages are compared in the order in which a model computes: samples, features, logits, label. The first that departs is where the fault is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robustness.audio.reading import read_audio
from robustness.audio.recordings import Recording
from robustness.errors import CardError, RecordingError
from robustness.frontends.base import laid_out
from robustness.frontends.conventions import changed, steps
from robustness.frontends.fit import affine_steps, nearest_step
from robustness.models.classifier import Classifier
from robustness.rendering import reference_windows

if TYPE_CHECKING:
    from robustness.models.card import Golden

Array = npt.NDArray[np.float64]
SMALLEST_SPECTRUM: Final = 2  # axes longer than 1
HALF: Final = 0.5  # a change that helps less explains nothing
SCALED: Final = 8.0  # a float file may be a little over full scale, 16-bit numbers are far over


class GoldenResult(NamedTuple):
    """How far the logits of the golden samples are from the card's."""

    largest_gap: float
    label: str  # where the gap is largest
    expected: float
    found: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether every logit is within the tolerance; NaN is not."""
        return self.largest_gap <= self.tolerance


class Stage(NamedTuple):
    """One step of the model on the golden samples.

    Attributes:
        name: samples, features, logits or label.
        agrees: whether it is what the card says.
        says: by how much and where, or what was found.
    """

    name: str
    agrees: bool
    says: str


class GoldenFeatures(NamedTuple):
    """Features of the golden samples, ours and the card's, in our order of axes.

    Attributes:
        samples: what ours were computed of, [time].
        found: [bands frames].
        expected: [bands frames].
        allowed: how far a cell may be off.
        padded_ms: silence before the samples in the window.
    """

    samples: Tensor
    found: Array
    expected: Array
    allowed: float
    padded_ms: float

    @property
    def gaps(self) -> Array:
        """How far each cell is off, [bands frames]."""
        gaps: Array = np.nan_to_num(np.abs(self.found - self.expected), nan=np.inf)
        return gaps

    @property
    def agrees(self) -> bool:
        """Whether every cell is within what is allowed."""
        return bool(self.gaps.max() <= self.allowed)


def golden_samples(classifier: Classifier, golden: Golden, card: Path) -> Tensor:
    """The golden samples, at their own length, [time].

    Raises:
        CardError: they cannot be read, are of another rate, or are longer than the window.
    """
    path = card.parent / golden.samples
    if path.suffix == ".npy":
        samples = torch.from_numpy(_array(path, card, "golden.samples").reshape(-1).astype(np.float32))
    else:
        try:
            found = read_audio(path, classifier.frame.rate_hz)
        except RecordingError as error:
            raise CardError(f"{card}: golden.samples: {error}") from error
        other = next((notice for notice in found.notices if notice.startswith("resampled")), None)
        if other:
            raise CardError(
                f"{card}: golden.samples: {path.name} is of another rate ({other}), and no two resamplers agree to the last digit; "
                f"give the samples at {classifier.frame.rate_hz} Hz, as the training program computed features of them"
            )
        samples = found.samples
    if len(samples) > classifier.frame.samples:
        raise CardError(
            f"{card}: golden.samples holds {len(samples)} samples and the window {classifier.frame.samples}; give no more than a window"
        )
    return samples


def _array(path: Path, card: Path, key: str) -> Array:
    try:
        found: Array = np.load(path, allow_pickle=False)
        found = found.astype(np.float64)
    except OSError as error:
        raise CardError(f"{card}: {key}: {path} cannot be opened: {error.strerror or error}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise CardError(f"{card}: {key}: {path} is no .npy of numbers; save it with numpy.save") from error
    return found


def _window(classifier: Classifier, golden: Golden, card: Path) -> tuple[Tensor, float]:
    """The golden samples in the window at its reference, [1 time], and the silence before them in ms."""
    frame = classifier.frame
    windows = reference_windows([Recording(golden.samples, golden_samples(classifier, golden, card), frame.rate_hz)], frame)
    return windows.samples, float(frame.ms(windows.lead)[0])


def golden_result(classifier: Classifier, golden: Golden, card: Path) -> GoldenResult | None:
    """The logits of the card's golden samples against those in the card; samples shorter than the window are placed at its reference.

    Returns:
        None where the card has no golden logits.

    Raises:
        CardError: the samples cannot be read, or are longer than the window.
    """
    if golden.logits is None:
        return None
    found = classifier.logits(_window(classifier, golden, card)[0])[0].double()
    expected = torch.tensor(golden.logits, dtype=torch.float64)
    gaps = (found - expected).abs().nan_to_num(nan=torch.inf)
    worst = int(gaps.argmax())
    return GoldenResult(float(gaps[worst]), classifier.labels[worst], float(expected[worst]), float(found[worst]), golden.tolerance)


def golden_features(classifier: Classifier, golden: Golden, card: Path) -> GoldenFeatures | None:
    """Our features of the golden samples beside the card's, of the window, or of the samples alone where these have as many frames.

    Returns:
        None where the card has no golden features.

    Raises:
        CardError: the file cannot be read, or its shape is neither's.
    """
    if golden.features is None:
        return None
    given = _array(card.parent / golden.features, card, "golden.features")
    window, padded_ms = _window(classifier, golden, card)
    alone = golden_samples(classifier, golden, card)
    shapes = []
    for samples, lead_ms in ((window[0], padded_ms), (alone, 0.0)):
        features = classifier.frontend.features(samples[None]).cpu()
        expected = in_our_order(given, laid_out(features, classifier.frontend.layout)[0].shape, features.shape[2], features.shape[3])
        if expected is not None:
            allowed = golden.features_tolerance * max(float(np.ptp(expected)), 1e-9)
            return GoldenFeatures(samples, features[0, 0].double().numpy(), expected, allowed, lead_ms)
        shapes.append([features.shape[2], features.shape[3]])
    raise CardError(f"{card}: golden.features has the shape {list(given.shape)}; {_shape_hint(given, shapes)}")


def in_our_order(given: Array, taken: torch.Size, bands: int, frames: int) -> Array | None:
    """Features in whichever order of axes as [bands frames]; None if they are of another size.

    Args:
        given: as a file holds them.
        taken: one clip's shape as the network takes it.
        bands: of ours.
        frames: of ours.
    """
    plain = np.squeeze(given)
    if plain.size != bands * frames:
        return None
    if plain.ndim == 1 and len(taken) == 1:  # flat: in the order in which the network takes them
        return plain.reshape(frames, bands).T
    if plain.shape == (bands, frames) or bands == 1 or frames == 1:
        return plain.reshape(bands, frames)
    return plain.T if plain.shape == (frames, bands) else None


def _shape_hint(given: Array, shapes: list[list[int]]) -> str:
    """What the front-end gives, and which axis fits."""
    (bands, frames), (_, alone) = shapes
    sizes = [size for size in np.squeeze(given).shape if size > 1]
    what = f"the front-end gives {bands} bands and {frames} frames of the window" + (
        f", {alone} of the samples alone" if alone != frames else ""
    )
    if bands in sizes and len(sizes) == SMALLEST_SPECTRUM:
        other = sizes[1 - sizes.index(bands)]
        return f"{what}; the bands fit and {other} frames do not: hop_samples, n_fft, center or the length of the window is another"
    if frames in sizes or alone in sizes:
        return f"{what}; the frames fit and the bands do not: n_mels or n_mfcc is another"
    return f"{what}; neither axis fits"


def golden_stages(classifier: Classifier, golden: Golden, card: Path) -> list[Stage]:
    """The stages of which the card says what they give, in the order of computing.

    Raises:
        CardError: a file cannot be read, or does not fit.
    """
    stages = [_samples_stage(classifier, golden, card)]
    features = golden_features(classifier, golden, card)
    if features is not None:
        stages.append(Stage("features", features.agrees, where_they_depart(classifier, features)))
    result = golden_result(classifier, golden, card)
    if result is not None:
        worst = f"largest at {result.label}: {result.found:.4f}, expected {result.expected:.4f}"
        stages.append(Stage("logits", result.agrees, f"by up to {result.largest_gap:.3g} of {result.tolerance:g} allowed, {worst}"))
    if golden.label is not None:
        answer = classifier.labels[int(classifier.logits(_window(classifier, golden, card)[0])[0].argmax())]
        stages.append(Stage("label", answer == golden.label, f"{answer}, expected {golden.label}"))
    return stages


def _samples_stage(classifier: Classifier, golden: Golden, card: Path) -> Stage:
    samples = golden_samples(classifier, golden, card)
    if not samples.isfinite().all():
        return Stage("samples", agrees=False, says="they hold NaN or infinite values")
    peak = float(samples.abs().max()) if len(samples) else 0.0
    if peak > SCALED:
        return Stage(
            "samples", agrees=False, says=f"the largest is {peak:g}: they look like 16-bit numbers; full scale is ±1, divide by 32768"
        )
    ms = len(samples) * 1000 / classifier.frame.rate_hz
    return Stage("samples", agrees=True, says=f"{len(samples)} at {classifier.frame.rate_hz} Hz, {ms:g} ms, peak {peak:.3f}")


def where_they_depart(classifier: Classifier, features: GoldenFeatures) -> str:
    """By how much features depart, in how many cells, and where in time and frequency."""
    gaps, frontend = features.gaps, classifier.frontend
    band, frame = (int(index) for index in np.unravel_index(int(gaps.argmax()), gaps.shape))
    largest = f"by up to {gaps.max():.3g} of {features.allowed:.3g} allowed"
    off = gaps > features.allowed
    if not off.any():
        return largest
    hertz = f" ({frontend.band_hz[band]:.0f} Hz)" if frontend.band_hz else ""
    at = f"band {band}{hertz}, frame {frame} ({frontend.first_frame_ms + frame * frontend.hop_ms:.0f} ms)"
    return (
        f"{largest}; largest in {at}: {features.found[band, frame]:.4g}, expected {features.expected[band, frame]:.4g}; "
        f"{int(off.sum())} of {off.size} cells are off, in bands {_runs(np.asarray(off.any(1)))} and frames {_runs(np.asarray(off.any(0)))}"
    )


def _runs(flags: npt.NDArray[np.bool_]) -> str:
    """0–3, 7 of flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    runs = [f"{first}" if last - 1 == first else f"{first}–{last - 1}" for first, last in edges.reshape(-1, 2)]
    return ", ".join(runs[:4]) + (f" and {len(runs) - 4} more stretches" if len(runs) > 4 else "")


def likely_change(classifier: Classifier, golden: Golden, card: Path) -> str | None:
    """Which change of one setting of the front-end brings the golden features or logits nearest, in a sentence; None if none does."""
    features = golden_features(classifier, golden, card)
    if features is not None:
        found = nearest_step(features.samples.numpy(), classifier.frontend, features.expected)
        if found is None:
            return None
        setting, match = found
        agrees = "it agrees to" if match.largest <= features.allowed else "it comes nearer, and still departs by up to"
        return f"with {settings_text(setting)} in [frontend] {agrees} {match.largest:.3g}"
    return _change_by_logits(classifier, golden, card)


def _change_by_logits(classifier: Classifier, golden: Golden, card: Path) -> str | None:
    result = golden_result(classifier, golden, card)
    if result is None:
        return None
    window = _window(classifier, golden, card)[0]
    shape = classifier.features(window).shape
    expected = torch.tensor(golden.logits, dtype=torch.float64)
    least, setting = result.largest_gap, None
    for step in (*steps(classifier.frontend), *affine_steps(classifier.frontend)):
        made = changed(classifier.frontend, step)
        try:
            features = None if made is None else made.features(window.to(classifier.device))
        except (RuntimeError, ValueError, IndexError):
            continue
        if features is None or features.shape != shape:
            continue
        gap = float((classifier.logits_from(features)[0].double() - expected).abs().nan_to_num(nan=torch.inf).max())
        if gap < HALF * least:
            least, setting = gap, step
    if setting is None:
        return None
    agrees = "they agree to" if least <= golden.tolerance else "they come nearer, and still depart by up to"
    return f"with {settings_text(setting)} in [frontend] {agrees} {least:.3g}"


def settings_text(settings: dict[str, object]) -> str:
    """Settings as a card writes them."""
    return ", ".join(f"{key} = {_toml(value)}" for key, value in settings.items())


def _toml(value: object) -> str:
    return (
        '"none"'
        if value is None
        else str(value).lower()
        if isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else f"{value}"
    )
