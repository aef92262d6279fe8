"""How a model is trained: which network, which augmentation, how long.

`tutorial`: the tutorial's network; clips lie as they were recorded. `pooled`: a network that has one weight for all positions in time, on
the same data. `hardened`: such a network, and clips are moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from robustness.errors import UsageError
from robustness.training.augmentation import Augmentation


@dataclass(frozen=True)
class Recipe:
    """A network and what its training clips may look like.

    Attributes:
        name: as --recipe takes it.
        factory: "module:callable" of the network, as a card names it.
        augmentation: of the clips.
        first_layer: the convolution into which the scale of the features is folded.
        placement: how its clips lie, a phrase for the card.
    """

    name: str
    factory: str
    augmentation: Augmentation
    first_layer: str = "conv1"
    placement: str = "as recorded; words cut out are placed as recorded words lie"


LEARNING_RATE: Final = 3e-3
FINE_TUNING_RATE: Final = 1.5e-3  # from weights that are good already
TUTORIAL_NET: Final = "robustness.models.architectures:TutorialNet"
RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        Recipe("tutorial", TUTORIAL_NET, Augmentation()),
        Recipe(
            "hardened",
            "robustness.models.architectures:TimeDelayNet",
            Augmentation(shift_ms=200.0, anywhere=0.5, cut_ms=100.0),
            placement="moved by up to 200 ms; half of them cut to the word, which lies anywhere, in silence or noise",
        ),
        Recipe("pooled", "robustness.models.architectures:PooledNet", Augmentation()),
    )
}


class Targets(Protocol):
    """What the training loop asks of a plan, for a network that learns in another way too."""

    @property
    def label_smoothing(self) -> float:
        """The share of each target that is spread over all labels."""

    @property
    def precision(self) -> str:
        """`float32` or `bfloat16`."""


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides what a training makes, besides the data; all of it must be the same when a training is resumed.

    Attributes:
        recipe, vocabulary: by name.
        epochs: how often as many clips are seen as there are to train on.
        seed: of weights, order and augmentation.
        init: SHA-256 of the weights that it starts from; empty for random ones.
        data: SHA-256 of each source's clips, by name.
        precision: float32, or bfloat16 for convolutions and products.
        threads: of torch; another number may round differently.
        synthetic_share: of the clips of a word, where it has real and synthetic ones.
        unknown_weight: how many times as often as another label `unknown` is drawn, for it stands for many words.
        no_word_share: of the `unknown` clips, windows without a word.
        learning_rate: at its peak.
    """

    recipe: str
    vocabulary: str
    epochs: int
    seed: int
    init: str
    data: dict[str, str]
    precision: str
    threads: int
    learning_rate: float
    batch: int = 64
    weight_decay: float = 0.02
    dropout: float = 0.15
    label_smoothing: float = 0.05
    warm_up: float = 0.05
    ema_decay: float = 0.998
    synthetic_share: float = 0.3
    unknown_weight: float = 2.0
    no_word_share: float = 0.15


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: where there is none.
    """
    if name not in RECIPES:
        raise UsageError(f"there is no recipe {name!r}; those that exist: {', '.join(RECIPES)}")
    return RECIPES[name]
