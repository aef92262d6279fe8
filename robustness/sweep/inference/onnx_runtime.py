"""A float network run by ONNX Runtime, on the CPU; for those who deploy it so, or whose network is faster there.

The extra `onnx` brings it: onnxruntime, and onnx and onnxscript with which torch exports.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import torch
from torch import Tensor, nn

from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of

NEEDED: Final = ("onnxruntime", "onnx", "onnxscript")


class OnnxNet(nn.Module):
    """What an exported network answers; one session serves all workers, each running it in its own thread.

    Args:
        model: the exported network.
    """

    def __init__(self, model: bytes) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        self.session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def forward(self, features: Tensor) -> Tensor:
        """The network's outputs, [clips …] → [clips labels]."""
        (name,) = (given.name for given in self.session.get_inputs())
        return torch.from_numpy(self.session.run(None, {name: features.contiguous().numpy()})[0])

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def check_installed() -> None:
    """Whether ONNX Runtime can be used.

    Raises:
        UsageError: where it, or what exports for it, is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"--engine onnx needs {' and '.join(missing)}; `pip install 'speech-robustness[onnx]'` gets that, or use torch")


def exporting(classifier: Classifier, features: Tensor) -> Callable[[], nn.Module]:
    """What exports a float network, for any number of clips.

    Args:
        classifier: whose network it is.
        features: some, [clips 1 bands frames].

    Raises:
        UsageError: where ONNX Runtime is not installed.
    """
    check_installed()

    def export() -> nn.Module:
        net = copy.deepcopy(module_of(classifier.network)).cpu().eval()
        clips = ({0: torch.export.Dim("clips")},)
        with _quiet():
            program = torch.onnx.export(net, (features[:2].cpu().clone(),), dynamo=True, dynamic_shapes=clips, verbose=False)
        if program is None:
            raise TypeError("torch exported nothing")
        return OnnxNet(program.model_proto.SerializeToString())

    return export


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says while it exports: of other packages, and of its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
