"""Who is asked what is answered: the variants of a model as they are, or after some sound that came before the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from robustness.models.after_sound import after
from robustness.models.classifier import Classifier
from robustness.sweep.engine import Engine


@dataclass(frozen=True, eq=False)
class ReadyVariants:
    """The variants, made ready to be asked in three ways.

    Attributes:
        engine: all of them at once.
        classifiers: by the name of the variant, each alone with the fastest network that answers the same.
        gradients: the same, each with the network through which a gradient is quickest.
    """

    engine: Engine
    classifiers: Mapping[str, Classifier]
    gradients: Mapping[str, Classifier]

    def after(self, sound: Tensor | None) -> ReadyVariants:
        """The same after a sound that came before each window, [time]; itself if there is none."""
        if sound is None:
            return self
        classifiers, gradients = ({name: after(one, sound) for name, one in some.items()} for some in (self.classifiers, self.gradients))
        return ReadyVariants(self.engine.after(sound), classifiers, gradients)
