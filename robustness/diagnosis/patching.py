"""What does a network answer where a layer gives something else than it does? Forward hooks replace outputs; the weights stay.

Values are in float. A layer that gives int8 has them put on its own scale, on which whatever it gives for any clip lies already.
Source: Zhang & Nanda, Towards Best Practices of Activation Patching (2023), arXiv:2309.16042.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, Final

import torch
from torch import Tensor, nn

from robustness.classifiers.classifier import Classifier
from robustness.quantization.alone import RowByRow

BATCH: Final = 32  # clips whose outputs are replaced together
CLOSE: Final = 1e-4  # in logits: what another order of sums may change


def answers_with(classifier: Classifier, features: Tensor, path: str, values: Tensor, *, short: bool = False) -> Tensor:
    """Logits of one clip where a layer gives each of these values in turn, [values labels].

    Args:
        classifier: asked.
        features: of the clip, [1 1 bands frames].
        path: of the layer, as in `named_modules()`.
        values: in place of its outputs, [values …].
        short: what runs before the layer runs once, not once a value; only where `can_be_short` says so.
    """
    return torch.cat([_answered(classifier, features, path, part, short=short) for part in values.split(BATCH)])


def can_be_short(classifier: Classifier, features: Tensor, path: str, values: Tensor) -> bool:
    """Whether what runs before a layer may run once for all values: tried on these, with and without.

    It may not where a network counts its clips before the layer, or joins what the layer gives with what was before it.
    """
    if isinstance(classifier.net, RowByRow):
        return False  # the layers inside would meet a batch
    try:
        found = answers_with(classifier, features, path, values, short=True)
    except (RuntimeError, ValueError, TypeError, IndexError):  # shapes that do not fit
        return False
    expected = answers_with(classifier, features, path, values)
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=CLOSE, atol=CLOSE)


def _answered(classifier: Classifier, features: Tensor, path: str, values: Tensor, *, short: bool) -> Tensor:
    clips = features if short else features.expand(len(values), *features.shape[1:])
    handle = dict(classifier.net.named_modules())[path].register_forward_hook(_replacing(values, whole=short))
    try:
        return classifier.logits_from(clips)
    finally:
        handle.remove()


def _replacing(values: Tensor, *, whole: bool) -> Callable[[nn.Module, object, Any], Any]:
    """A forward hook that gives the values, all at once or as many rows as it is asked for."""
    mine, left = get_ident(), [values]

    def replace(_module: nn.Module, _inputs: object, output: Any) -> Any:
        if get_ident() != mine:  # another thread asks the same network
            return None
        first = output[0] if isinstance(output, tuple) else output
        count = len(left[0]) if whole else len(first)
        rows, left[0] = left[0][:count], left[0][count:]
        given = _like(rows, first)
        return (given, *output[1:]) if isinstance(output, tuple) else given

    return replace


def _like(rows: Tensor, output: Tensor) -> Tensor:
    """Values as the layer gives them: of its kind, on its device, on its scale where it has one."""
    if not output.is_quantized:
        return rows.to(output)
    return torch.quantize_per_tensor(rows.to(output.device), output.q_scale(), output.q_zero_point(), output.dtype)
