"""A network that is a function: any runtime behind a Python callable, `[network] callable = "module:function"`.

The function is given features as a numpy array of float32, in the order of axes that the front-end says, [clips …] (with the front-end
`waveform` the samples), and gives scores, [clips labels], as whatever numpy takes for an array. Nothing else is known of it: no
gradients, no layers, no weights. It is asked by one thread at a time, unless the card says `copies = true`; with any number of clips at
once, unless it says `batch`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from robustness.errors import CardError, RobustnessError
from robustness.frontends.base import Frontend
from robustness.models.foreign import named_callable
from robustness.models.formats.base import FORMATS, Capabilities, Format, Network, Sought

if TYPE_CHECKING:
    from robustness.models.card import Card


@dataclass(frozen=True, eq=False)
class CallableNetwork(Network):
    """A function from features to scores.

    Attributes:
        call: the function, numpy array [clips …] → scores [clips labels].
        frontend: which gives the features, and says in which order of axes.
        can: whether several threads may ask it, and how many clips it takes.
        name: of the function, for messages.
    """

    call: Callable[[Any], Any]
    frontend: Frontend
    can: Capabilities = Capabilities(kernels="a callable")
    name: str = "the callable"
    kind: str = "a callable"
    _turn: Lock = field(default_factory=Lock)

    @property
    def parameters(self) -> None:
        """Nobody can count them."""
        return None

    def __call__(self, features: Tensor) -> Tensor:
        """What the function gives, [clips 1 bands frames] → [clips labels].

        Raises:
            CardError: it fails, or gives no numbers.
        """
        given = self.frontend.given(features).detach().cpu().contiguous().numpy().copy()
        try:
            with nullcontext() if self.can.copies else self._turn:
                found = self.call(given)
            scores = found.detach().cpu().numpy() if isinstance(found, Tensor) else np.asarray(found)
            outputs = torch.from_numpy(np.ascontiguousarray(scores, dtype=np.float32))
        except RobustnessError:
            raise
        except Exception as error:  # the user's own code may raise anything
            reason = str(error).splitlines()[0] if str(error) else "no word"
            raise CardError(f"{self.name} fails on features {list(given.shape)} with {type(error).__name__}: {reason}") from error
        if outputs.ndim != 2 or len(outputs) != len(given):
            raise CardError(f"{self.name} gives {list(outputs.shape)} for {len(given)} clips; expected scores [clips labels]")
        return outputs

    def copied(self) -> CallableNetwork:
        """The same: whoever says that it can be copied says that several threads may call it."""
        if not self.can.copies:
            raise TypeError(self.without("copies"))
        return self


@FORMATS.register
@dataclass(frozen=True)
class CallableFormat(Format):
    """A function that the card names; it has no weights file."""

    name: ClassVar[str] = "callable"
    key: ClassVar[str | None] = "callable"

    def load(self, sought: Sought) -> CallableNetwork:
        """The function. This runs the code that the card names."""
        path, said, frontend, weights, _ = sought
        text = _name(said)
        if weights is not None:
            raise CardError(f"{path}: --weights {weights} is given, and network.callable has no weights; leave that out")
        call = named_callable(path, text, key="network.callable")
        copies, batch = (None, None) if said.network is None else (said.network.copies, said.network.batch)
        can = Capabilities(copies=bool(copies), batch=batch, kernels="a callable")
        return CallableNetwork(call, frontend, can, text)

    def digest(self, path: Path, said: Card) -> str | None:
        """The SHA-256 of the file that the function is written in; None if that is not known."""
        text = _name(said)
        named_callable(path, text, key="network.callable")
        file = getattr(sys.modules.get(text.partition(":")[0]), "__file__", None)
        return None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _name(said: Card) -> str:
    text = None if said.network is None else said.network.callable
    if text is None:
        raise TypeError("a card without network.callable was taken for one with it")
    return text
