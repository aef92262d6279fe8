"""What a window sounds like when parts of its time-frequency plane are taken away, and a waveform-in model explained by that.

A gain a band and frame is carried to the bins of the window's STFT by linear interpolation between the band centers, which is what
triangular mel filters do where they are made to sum to 1. Magnitudes are scaled, the phase stays, and what changed is added back to the
window: gains of 1 give the very same samples. Frames that are not centered on multiples of a short hop are carried to such frames
likewise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from robustness.frontends.base import Frontend
from robustness.models.after_sound import over_its_window
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork, module_of

DECIBELS_A_DECADE: Final = 20.0


class Resynthesis(nn.Module):
    """One window whose bands and frames can be scaled.

    Args:
        window: [time].
        picture: the front-end whose bands and frames count.
    """

    window: Tensor
    hann: Tensor
    spectrum: Tensor
    weights: Tensor
    times: Tensor | None

    def __init__(self, window: Tensor, picture: Frontend) -> None:
        super().__init__()
        self.n_fft = int(getattr(picture, "n_fft", 2 * picture.hop_samples))
        same = picture.first_frame_ms == 0.0 and 2 * picture.hop_samples <= self.n_fft
        self.hop = picture.hop_samples if same else self.n_fft // 4
        hann = torch.hann_window(self.n_fft, dtype=torch.float64)
        samples = window.detach().cpu().double().clone()
        spectrum = torch.stft(samples, self.n_fft, self.hop, window=hann, return_complex=True)
        self.register_buffer("window", window.detach().cpu().float().clone())
        self.register_buffer("hann", hann)
        self.register_buffer("spectrum", spectrum)  # [bins frames]
        bins_hz = torch.arange(len(spectrum), dtype=torch.float64) * picture.rate_hz / self.n_fft
        self.register_buffer("weights", between(bins_hz, torch.tensor(picture.band_hz, dtype=torch.float64)))
        self.register_buffer("times", None if same else self._times(picture, spectrum.shape[1]))

    def _times(self, picture: Frontend, frames: int) -> Tensor:
        """How much of each frame of the picture a frame of the transform is, where the two lie at other times: [picture's frames]."""
        shown = picture.features(self.window[None]).shape[-1]
        centers_ms = picture.first_frame_ms + torch.arange(shown, dtype=torch.float64) * picture.hop_ms
        at_ms = torch.arange(frames, dtype=torch.float64) * self.hop * 1000 / picture.rate_hz
        return between(at_ms, centers_ms).T.contiguous()

    def forward(self, gains: Tensor) -> Tensor:
        """The window with each band and frame scaled, [clips bands frames] → [clips time]."""
        scaled = self.weights @ (gains.to(self.weights) - 1.0)  # [clips bins frames]
        change = (scaled if self.times is None else scaled @ self.times) * self.spectrum
        added: Tensor = torch.istft(change, self.n_fft, self.hop, window=self.hann, length=len(self.window))
        return self.window + added.float()


def between(at_hz: Tensor, band_hz: Tensor) -> Tensor:
    """How much of each band a frequency is: linear between the two nearest centers, all of the last one beyond it, [bins bands]."""
    if len(band_hz) == 1:
        return torch.ones(len(at_hz), 1, dtype=at_hz.dtype)
    upper = torch.searchsorted(band_hz, at_hz).clamp(1, len(band_hz) - 1)
    low, high = band_hz[upper - 1], band_hz[upper]
    share = ((at_hz - low) / (high - low)).clamp(0, 1)
    weights = torch.zeros(len(at_hz), len(band_hz), dtype=at_hz.dtype)
    weights.scatter_(1, upper[:, None], share[:, None])
    return weights.scatter_add_(1, (upper - 1)[:, None], (1 - share)[:, None])


class HeardAsPicture(nn.Module):
    """A network over samples, as a network over the picture of one window: a cell that changes by some dB scales that part of the sound.

    Args:
        classifier: takes samples.
        window: [time].
    """

    shown: Tensor

    def __init__(self, classifier: Classifier, window: Tensor) -> None:
        super().__init__()
        self.module: Any = module_of(classifier.network) if classifier.network.can.modules else classifier.network
        self.frontend = classifier.frontend
        self.resynthesis = Resynthesis(window, classifier.frontend.picture)
        self.register_buffer("shown", classifier.frontend.picture.features(window[None].cpu()).clone())

    def forward(self, features: Tensor) -> Tensor:
        """What the network gives for the sounds of these pictures, [clips 1 bands frames] → [clips labels]."""
        gains = 10.0 ** ((features - self.shown)[:, 0] / DECIBELS_A_DECADE)
        outputs: Tensor = self.module(self.frontend.features(self.resynthesis(gains)))
        return outputs


def explainable(classifier: Classifier, window: Tensor) -> Classifier:
    """The classifier as methods explain it for one window: itself where its features are a picture, else by resynthesis from one.

    Args:
        classifier: any.
        window: what it heard, [time]; the phase is that of this window.
    """
    classifier = over_its_window(classifier, window)
    picture = classifier.frontend.picture
    if picture is classifier.frontend:
        return classifier
    net, can = HeardAsPicture(classifier, window).to(classifier.device), classifier.network.can
    gradients = can.gradients and classifier.frontend.differentiable
    network = TorchNetwork(net, replace(can, gradients=gradients, graph=False), classifier.network.kind)
    stand_in = None if classifier.surrogate is None else explainable(classifier.surrogate, window)
    stand_in = stand_in if stand_in is not None and stand_in.differentiable else None
    return replace(classifier, frontend=picture, network=network, surrogate=stand_in)
