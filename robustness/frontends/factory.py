"""The user's own front-end, made by a callable that the card names: `[frontend] factory = "module:callable"`, with `arguments`.

The callable gives a function or a torch module from windows [clips time] to features, or a front-end of this package. Each clip is asked
alone, so that none depends on its batch-mates. Silence is what it gives for zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS
from robustness.frontends.owned import OwnFrontend


@FRONTENDS.register
@dataclass(frozen=True)
class Factory(OwnFrontend):
    """Any function from samples to features, made by the card's `factory`; `call` is what it made."""

    name: ClassVar[str] = "factory"
    call: Callable[[Tensor], Any] | None = None

    def features(self, samples: Tensor) -> Tensor:
        """What the function gives for each clip, [clips time] → [clips 1 bands frames]."""
        if self.call is None:
            raise UsageError('the front-end factory needs its function; write [frontend] factory = "module:callable" in place of kind')
        return torch.cat([self.ours(torch.as_tensor(self.call(clip[None]))) for clip in samples])
