"""What does a front-end do to the samples before it looks at them, and to the features after?

Samples are [clips time], full scale ±1. Every scaling looks at one clip alone.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
from torch import Tensor

SampleScale = Literal["full-scale", "int16", "maximum", "peak", "rms"]
FirstSample = Literal["keep", "self", "wrap"]
Normalise = Literal["none", "clip", "band"]
Moments = Literal["mean", "mean-deviation", "range"]
FULL_SCALE: Final = 32_768.0
SMALLEST: Final = 2.0**-30  # added to a deviation before it divides, as speechpy's cmvn has it


def scaled(samples: Tensor, scale: SampleScale) -> Tensor:
    """The samples as the front-end takes them: full scale ±1, as 16-bit numbers, or each clip over its maximum, peak or RMS.

    `maximum` is the largest sample and not the largest magnitude (MLPerf Tiny divides so); a clip of zeros stays one.
    """
    if scale == "full-scale":
        return samples
    if scale == "int16":
        return samples * FULL_SCALE
    by = {"maximum": samples, "peak": samples.abs()}.get(scale)
    size = samples.square().mean(-1, keepdim=True).sqrt() if by is None else by.amax(-1, keepdim=True)
    return samples / torch.where(size == 0, torch.ones_like(size), size)


def emphasised(samples: Tensor, coefficient: float, first: FirstSample) -> Tensor:
    """y[t] = x[t] − c x[t−1] along the last axis.

    The sample before the first is nothing (`keep`), the first itself (`self`, Kaldi) or the last (`wrap`, speechpy's np.roll).
    """
    if coefficient == 0.0:
        return samples
    before = {"keep": torch.zeros_like(samples[..., :1]), "self": samples[..., :1], "wrap": samples[..., -1:]}[first]
    return samples - coefficient * torch.cat([before, samples[..., :-1]], dim=-1)


def normalised(features: Tensor, over: Normalise, moments: Moments, frames: int | None = None) -> Tensor:
    """Features less their mean, over their deviation or range, of each clip or of each band of a clip: [clips 1 bands frames].

    Args:
        features: of the clips.
        over: `clip` takes all cells of a clip together, `band` each band alone.
        moments: `mean` subtracts, `mean-deviation` divides too, `range` carries the smallest to 0 and the largest to 1.
        frames: with `band`, how many frames around each are looked at, reflected at the edges (speechpy's cmvnw); None is all.
    """
    if over == "none":
        return features
    if frames is not None:
        return _locally_normalised(features, moments, frames)
    axes = (1, 2, 3) if over == "clip" else (3,)
    if moments == "range":
        low, high = features.amin(axes, keepdim=True), features.amax(axes, keepdim=True)
        return (features - low) / torch.where(high == low, torch.ones_like(high), high - low)
    centered = features - features.mean(axes, keepdim=True)
    return centered if moments == "mean" else centered / (centered.std(axes, correction=0, keepdim=True) + SMALLEST)


def _locally_normalised(features: Tensor, moments: Moments, frames: int) -> Tensor:
    centered = features - _around(features, frames).mean(-1)
    return centered if moments == "mean" else centered / (_around(centered, frames).std(-1, correction=0) + SMALLEST)


def _around(features: Tensor, frames: int) -> Tensor:
    """What lies around each frame, mirrored at the edges with the edge frame twice: [… frames] → [… frames around]."""
    count, side = features.shape[-1], frames // 2
    at = torch.arange(-side, count + side, device=features.device) % (2 * count)
    mirrored = torch.where(at < count, at, 2 * count - 1 - at)
    return features[..., mirrored].unfold(-1, 2 * side + 1, 1)


def rounded(features: Tensor, step: float) -> Tensor:
    """Features on a grid of that step, halves to even as numpy's rint; 0 does not round."""
    return features if step == 0.0 else (features / step).round() * step
