"""How fragile a speech-command model is, why it errs, and whether a new one may ship.

The public names load lazily: `import robustness` loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from robustness.assessment import assess as assess
    from robustness.audio.labels import LabelSource as LabelSource
    from robustness.audio.reading import read_recordings as read_recordings
    from robustness.classifiers.card import load_classifier as load_classifier
    from robustness.errors import RobustnessError as RobustnessError
    from robustness.explaining.explanation import Explanation as Explanation
    from robustness.explaining.explanation import explain as explain
    from robustness.explaining.noise import noise as noise
    from robustness.plan import Settings as Settings
    from robustness.quantization.base import quantized as quantized
    from robustness.report.page import write_page as write_page
    from robustness.request import Request as Request
    from robustness.run import Run as Run

_WHERE: Final = {
    "Explanation": "robustness.explaining.explanation",
    "LabelSource": "robustness.audio.labels",
    "Request": "robustness.request",
    "RobustnessError": "robustness.errors",
    "Run": "robustness.run",
    "Settings": "robustness.plan",
    "assess": "robustness.assessment",
    "explain": "robustness.explaining.explanation",
    "load_classifier": "robustness.classifiers.card",
    "noise": "robustness.explaining.noise",
    "quantized": "robustness.quantization.base",
    "read_recordings": "robustness.audio.reading",
    "write_page": "robustness.report.page",
}
__all__ = ["__version__", *_WHERE]  # noqa: PLE0604 - the names are strings


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
