"""A model after some sound that came before the window: the same classifier, whose front-end and network go through both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustness.frontends.after_sound import AfterSound
from robustness.models.classifier import Classifier
from robustness.models.formats.base import Capabilities, Network


@dataclass(frozen=True, eq=False)
class AfterFrames(Network):
    """A network with a state that goes through the same frames before those that it is given.

    Attributes:
        network: with the state.
        frames: what comes before, [1 1 bands frames].
    """

    network: Network
    frames: Tensor
    kind: str = "a network with a state, after what came before"

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """As the network, but that it takes a window at once."""
        return replace(self.network.can, step_frames=None)

    @property
    def parameters(self) -> int | None:
        """Those of the network."""
        return self.network.parameters

    def __call__(self, features: Tensor) -> Tensor:
        """[clips 1 bands frames] → [clips labels]."""
        return self.network(torch.cat([self.frames.to(features).expand(len(features), -1, -1, -1), features], -1))

    def copied(self) -> AfterFrames:
        """The same with a network of its own."""
        return replace(self, network=self.network.copied())


def after(classifier: Classifier, sound: Tensor | None) -> Classifier:
    """The classifier after a sound, [time]; itself if there is none."""
    if sound is None:
        return classifier
    every_frame = classifier.network.can.step_frames is not None
    surrogate = None if classifier.surrogate is None else after(classifier.surrogate, sound)
    return replace(classifier, frontend=AfterSound.of(classifier.frontend, sound, every_frame=every_frame), surrogate=surrogate)


def with_nothing_before(classifier: Classifier) -> Classifier:
    """The classifier as it was before `after`."""
    frontend = classifier.frontend
    if not isinstance(frontend, AfterSound):
        return classifier
    surrogate = None if classifier.surrogate is None else with_nothing_before(classifier.surrogate)
    return replace(classifier, frontend=frontend.frontend, surrogate=surrogate)


def over_its_window(classifier: Classifier, window: Tensor) -> Classifier:
    """A classifier whose features are those of the window alone, [time]; the frames before stay what they are with this window.

    The last two or so of the frames before reach into the window.
    """
    frontend = classifier.frontend
    if not isinstance(frontend, AfterSound) or not frontend.every_frame:
        return classifier
    whole, own = classifier.features(window[None]), frontend.window_alone.features(window[None])
    earlier = whole[..., : whole.shape[-1] - own.shape[-1]]
    return replace(classifier, frontend=frontend.window_alone, network=AfterFrames(classifier.network, earlier))
