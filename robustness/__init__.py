"""How fragile a speech-command model is, why it errs, and whether a new one may ship.

The public names load lazily: `import robustness` loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from robustness.audio.labels import LabelSource as LabelSource
    from robustness.audio.reading import read_recordings as read_recordings
    from robustness.errors import RobustnessError as RobustnessError
    from robustness.explanations.explanation import Explanation as Explanation
    from robustness.explanations.explanation import explain as explain
    from robustness.jobs.assess import assess as assess
    from robustness.jobs.request import Request as Request
    from robustness.models.card import load_classifier as load_classifier
    from robustness.quantization.base import quantized as quantized
    from robustness.report.page import write_page as write_page
    from robustness.run.folder import Run as Run
    from robustness.sweep.plan import Settings as Settings

_WHERE: Final = {
    "Explanation": "robustness.explanations.explanation",
    "LabelSource": "robustness.audio.labels",
    "Request": "robustness.jobs.request",
    "RobustnessError": "robustness.errors",
    "Run": "robustness.run.folder",
    "Settings": "robustness.sweep.plan",
    "assess": "robustness.jobs.assess",
    "explain": "robustness.explanations.explanation",
    "load_classifier": "robustness.models.card",
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
