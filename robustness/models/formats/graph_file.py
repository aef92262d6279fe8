"""A network that is a graph in a file: what is known of the file, and whether features fit its input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor

from robustness.errors import CardError
from robustness.frontends.base import Frontend
from robustness.models.formats.base import Capabilities, Network


@dataclass(frozen=True, eq=False)
class GraphFile(Network):
    """A graph that several threads may ask at once; each clip is asked alone.

    Attributes:
        frontend: gives the features, and says in which order of axes.
        known: what is known of the file, with the keys of `Classifier.about`.
        count: weights and biases.
    """

    frontend: Frontend
    known: dict[str, Any]
    count: int

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the file."""
        return self.known

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.count

    @property
    def can(self) -> Capabilities:  # type: ignore[override]
        """It answers, to several threads at once."""
        return Capabilities(copies=True, kernels=self.known["engine"])

    def copied(self) -> Self:
        """The same: it keeps nothing from one call to the next."""
        return self

    def given(self, features: Tensor, expected: Sequence[object]) -> Tensor:
        """The features as the graph takes them.

        Args:
            features: [clips 1 bands frames].
            expected: the sizes of its input for one clip; what is no number is an axis of any size.

        Raises:
            CardError: the features have another shape.
        """
        values = self.frontend.given(features).cpu().contiguous()
        mine = [1, *values.shape[1:]]
        if len(expected) != len(mine) or any(isinstance(size, int) and size != own for size, own in zip(expected, mine, strict=False)):
            raise CardError(
                f"the graph takes {list(expected)} and the front-end gives {mine} a clip; correct [frontend] (its settings, or its layout) "
                "or window.duration_ms"
            )
        return values
