"""How many windows are computed together: as many as one worker's share of the processor's cache holds.

On the tutorial's network a window costs twice as much where the largest activations of a batch fall out of the last cache. The number
follows from the network's activations and the cache's size, and not from a stopwatch: the same plan on the same machine is the same bytes,
and a timing never comes out the same twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of

CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")  # Linux says it there; elsewhere the usual size is taken
USUAL_BYTES: Final = 16 * 2**20
UNITS: Final = {"K": 2**10, "M": 2**20, "G": 2**30}
SIZES: Final = (1, 2, 4, 8, 16, 32, 64)  # windows; beyond 64 a step in Python costs nothing any more


def cache_bytes(folder: Path = CACHES) -> int:
    """The size of the largest cache of a core."""
    sizes = []
    for file in folder.glob("index*/size"):
        text = file.read_text(encoding="ascii").strip()
        if text[-1:] in UNITS and text[:-1].isdigit():
            sizes.append(int(text[:-1]) * UNITS[text[-1]])
    return max(sizes, default=USUAL_BYTES)


def bytes_a_window(classifier: Classifier, features: Tensor) -> int:
    """The most that a step of the network reads and writes for one window, in bytes; its features alone if its steps cannot be seen.

    Args:
        classifier: whose network is looked at.
        features: of one window, [1 1 bands frames].
    """
    most = features.nbytes
    if not classifier.network.can.modules:
        return most

    def note(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal most
        most = max(most, sum(part.nbytes for part in (*inputs, output) if isinstance(part, Tensor)))

    leaves = [module for module in module_of(classifier.network).modules() if not any(module.children())]
    handles = [module.register_forward_hook(note) for module in leaves]
    try:
        classifier.logits_from(features)
    finally:
        for handle in handles:
            handle.remove()
    return most


def fitting_batch(bytes_each: int, workers: int, cache: int | None = None) -> int:
    """The largest of SIZES that fits a worker's share of the cache; at least 1."""
    room = (cache_bytes() if cache is None else cache) // workers
    return max((size for size in SIZES if size * bytes_each <= room), default=1)
