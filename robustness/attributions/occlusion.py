"""How much the score falls when a patch of the features is replaced by silence.

Each cell gets the mean fall over the patches that cover it, so a map is smooth at the scale of a patch and does not sum to anything.
Patches tile: a patch cut short at the right edge would lie just where right padding begins, so windows are fitted to the
features such that (length − window) is a whole number of strides.
Source: Zeiler & Fergus 2014, arXiv:1311.2901; captum.attr.Occlusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import torch
from captum.attr import Occlusion as CaptumOcclusion
from torch import Tensor

from robustness.attributions.base import ATTRIBUTIONS, Attribution, Kind, Relevance, Score

BATCH: Final = 16  # patches a pass: 10 MB of activations in the tutorial's network stay in the cache; 48 take half as long again


class Tiling(NamedTuple):
    """Patches of `window` cells every `stride` cells."""

    window: int
    stride: int


def tiling(length: int, window: int, stride: int) -> Tiling:
    """The window nearest to the one wanted (the larger of two) whose patches end where the features end.

    Args:
        length: of the features along this axis.
        window: the one wanted.
        stride: from one patch to the next; kept.
    """
    if length <= window:
        return Tiling(length, length)
    fitting = range(stride + (length - stride) % stride, length + 1, stride)  # at least a stride, so that no cell is left out
    return Tiling(min(fitting, key=lambda w: (abs(w - window), -w)), stride)


class Patched:
    """The score of patched clips; a patch that changes nothing is not run, and its score is that of the clip to the last bit.

    Padding that equals the baseline so costs nothing and gets exactly zero.

    Args:
        score: what is explained.
        clips: the clips as they are, [clips 1 bands frames].

    Attributes:
        known: the score of the clips as they are, [clips].
        passes: clips sent through the network so far.
    """

    def __init__(self, score: Score, clips: Tensor) -> None:
        self.score = score
        self.clips = clips
        self.known = score(clips)
        self.passes = len(clips)

    def __call__(self, patched: Tensor) -> Tensor:
        """The scores of [patches · clips 1 bands frames], clips the faster axis as Captum repeats them."""
        times = len(patched) // len(self.clips)
        changed = (patched != self.clips.repeat(times, 1, 1, 1)).flatten(1).any(1)
        scores = self.known.repeat(times)
        if bool(changed.any()):
            scores[changed] = self.score(patched[changed])
        self.passes += int(changed.sum())
        return scores


@ATTRIBUTIONS.register
@dataclass(frozen=True)
class Occlusion(Attribution):
    """Patches of 11 frames every 5 and 8 bands every 4, which tile 64 bands × 101 frames.

    Many patches go through the network at once; that is right for any variant whose answer to a clip does not depend on its batch-mates.
    """

    name: ClassVar[str] = "occlusion"
    kind: ClassVar[Kind] = "perturbation"
    source: ClassVar[str] = "Zeiler & Fergus 2014, arXiv:1311.2901"
    frames: int = 11
    frame_stride: int = 5
    bands: int = 8
    band_stride: int = 4
    batch: int = BATCH

    def relevance(self, score: Score, features: Tensor, baseline: Tensor) -> Relevance:
        """The mean fall of the score over the patches that cover a cell."""
        clips, _, bands, frames = features.shape
        in_time, in_bands = tiling(frames, self.frames, self.frame_stride), tiling(bands, self.bands, self.band_stride)
        with torch.inference_mode():
            patched = Patched(score, features)
            found = CaptumOcclusion(patched).attribute(
                features,
                sliding_window_shapes=(1, in_bands.window, in_time.window),
                strides=(1, in_bands.stride, in_time.stride),
                baselines=baseline,
                perturbations_per_eval=max(1, self.batch // clips),
            )
            change = patched.known - score(baseline)
        settings = dict(zip(("bands", "band_stride", "frames", "frame_stride"), (*in_bands, *in_time), strict=True))
        return Relevance(found[:, 0].cpu(), change.cpu(), patched.passes + clips, settings)
