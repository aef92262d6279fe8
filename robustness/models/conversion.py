"""Can a torch model be had as a file that runs without its code, and does that file give the same answers?

The network alone is exported, features in and outputs out, for one clip; the front-end stays in the card. The file is written, loaded back
as any file that ships is, and asked the probe windows; only if it agrees does it stay, with a card beside it.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tomllib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from robustness.errors import CannotJudgeError, CardError, OutputError
from robustness.frontends.base import TakesLayout
from robustness.models.card import Card, load_classifier, read_card
from robustness.models.checkpoints import first_line
from robustness.models.classifier import Classifier
from robustness.models.formats.base import Network, Sought, format_of
from robustness.models.formats.onnx import INSTALL
from robustness.models.formats.torch_module import evaluating, module_of
from robustness.models.frontend_settings import frontend_from
from robustness.models.toml import to_toml
from robustness.run.atomic import said_when_full, whole, write_text
from robustness.seeds import generator_of

ConversionFormat = Literal["onnx", "pt2"]
TOLERANCE: Final = 1e-4  # of a logit, or a share of the largest if that is above 1: two float32 libraries add in other orders
LEVELS_DBFS: Final = (-80.0, -60.0, -40.0, -26.0, -20.0, -12.0, -6.0)  # of the noise in the probe windows, after one of zeros


@dataclass(frozen=True)
class Conversion:
    """A model as a file that ships.

    Attributes:
        card: of the file.
        bytes: of the file.
        windows: that both were asked.
        difference: the largest between their logits.
        allowed: how large it may be.
    """

    card: Path
    bytes: int
    windows: int
    difference: float
    allowed: float


class _Difference(NamedTuple):
    largest: float
    allowed: float


def convert(card: Path, target: ConversionFormat, out: Path, *, weights: Path | None = None, force: bool = False) -> Conversion:
    """Exports the network of a card, and writes a card for the file beside it.

    Args:
        card: of a torch model in float; its code is run.
        target: `onnx`, or `pt2`, a program of torch.export.
        out: the file to write; the card has its name with the suffix .toml.
        weights: the weights, if they are not beside the card.
        force: whether files that are there may be replaced.

    Raises:
        CardError: the card cannot be loaded, is no torch model in float, or its network cannot be exported; or the extra is missing.
        OutputError: the files are there already, would replace the model itself, lie apart from the front-end's code, or cannot be
            written.
        CannotJudgeError: the file does not give the network's answers; nothing is kept.
    """
    beside = out.with_suffix(".toml")
    _check_out(card, target, (out, beside), force=force)
    said, original = read_card(card), load_classifier(card, weights=weights)
    _refuse_code_elsewhere(said, card, out)
    _refuse_others(original, said, card)
    windows = probe_windows(original)
    content = exported(original, target, card)
    text = to_toml(_card_of(said, target, out, hashlib.sha256(content).hexdigest(), near=card.parent.resolve() == out.parent.resolve()))
    with said_when_full(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as written:
        written.write_bytes(content)
        found = _loaded(beside, text, written, original)
        difference = _difference(original.logits(windows), found.logits(windows), out)
        write_text(beside, text)
    return Conversion(beside, len(content), len(windows), difference.largest, difference.allowed)


def probe_windows(classifier: Classifier) -> Tensor:
    """Zeros, and seeded noise from faint to loud, [clips time]."""
    levels = torch.tensor([10 ** (level / 20) for level in LEVELS_DBFS])[:, None]
    noise = torch.randn(len(LEVELS_DBFS), classifier.frame.samples, generator=generator_of("conversion")) * levels
    return torch.cat([torch.zeros(1, classifier.frame.samples), noise])


def exported(classifier: Classifier, target: ConversionFormat, card: Path) -> bytes:
    """The network of a classifier as a file's content.

    Raises:
        CardError: it cannot be exported, or the extra is missing.
    """
    net = module_of(classifier.network)
    inner, given = (net.module, classifier.frontend.given) if isinstance(net, TakesLayout) else (net, _as_it_is)
    features = given(classifier.features(torch.zeros(1, classifier.frame.samples))).clone().contiguous()
    try:
        with evaluating(inner), _silent():
            return WRITERS[target](inner, features)
    except ModuleNotFoundError as error:
        if target == "onnx" and str(error.name).startswith("onnx"):
            raise CardError(f"--to onnx needs the package {error.name}; {INSTALL}") from error
        raise
    except Exception as error:  # exporters raise anything for code that they cannot follow
        raise CardError(f"{card}: torch cannot export the network to {target} ({first_line(error)}); change what it names") from error


def _as_it_is(features: Tensor) -> Tensor:
    return features


def _onnx(net: nn.Module, features: Tensor) -> bytes:
    import onnx  # noqa: F401
    import onnxscript  # noqa: F401

    program = torch.onnx.export(net, (features,), dynamo=True, external_data=False, verbose=False)
    if program is None:
        raise TypeError("torch's exporter gives a program where no file is named")
    content: bytes = program.model_proto.SerializeToString()
    return content


def _pt2(net: nn.Module, features: Tensor) -> bytes:
    content = io.BytesIO()
    torch.export.save(torch.export.export(net, (features,)), content)
    return content.getvalue()


WRITERS: Final[dict[ConversionFormat, Callable[[nn.Module, Tensor], bytes]]] = {"onnx": _onnx, "pt2": _pt2}


@contextmanager
def _silent() -> Iterator[None]:
    """Without what torch's exporters say of themselves."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _check_out(card: Path, target: ConversionFormat, files: tuple[Path, Path], *, force: bool) -> None:
    out, beside = files
    if out.suffix != f".{target}":
        raise OutputError(f"--out {out} ends in {out.suffix or 'no suffix'}; a card knows the format by .{target}: end it so")
    if beside.resolve() == card.resolve():
        raise OutputError(f"--out {out} would put its card, {beside.name}, over the card that is converted; give another name")
    there = [path for path in files if path.exists()]
    if there and not force:
        raise OutputError(f"{there[0]} is there already; give another --out, or --force to replace it")


def _refuse_code_elsewhere(said: Card, card: Path, out: Path) -> None:
    """Raises OutputError if the front-end is code beside the first card, which the new one would not find."""
    if said.frontend.factory is None or card.parent.resolve() == out.parent.resolve():
        return
    module = card.parent / said.frontend.factory.partition(":")[0].partition(".")[0]
    if module.is_dir() or module.with_suffix(".py").is_file():
        raise OutputError(f"--out {out} is in another folder than the front-end's code, {module.name}; give an --out beside {card}")


def _refuse_others(classifier: Classifier, said: Card, card: Path) -> None:
    """Raises CardError for what is no torch network in float that can be traced."""
    network = classifier.network
    if not network.can.modules:
        raise CardError(f"{card} cannot be converted: the network is {network.kind}; give the card of a torch model, with its state_dict")
    if said.variant is not None:
        raise CardError(
            f"{card} holds a quantized network ({said.variant.scheme}), which cannot be converted; give the card of the float one"
        )
    if not network.can.graph:
        raise CardError(f"{card} cannot be converted: {network.without('graph')}; its code has to stay in torch, without numpy() or item()")


def _card_of(said: Card, target: ConversionFormat, out: Path, sha256: str, *, near: bool) -> dict[str, Any]:
    """The card of the file; its golden samples lie beside the first card, and are named where that is near."""
    left_out = {"weights", "network", "about"} | (set() if near else {"golden"})
    kept = said.model_dump(exclude_none=True, exclude=left_out)
    del kept["window"]["preroll_ms"]  # of networks with a state, which a torch network has not
    source = (
        {} if said.weights is None else {"converted": {"made_of_sha256": said.weights.sha256, "torch": torch.__version__.partition("+")[0]}}
    )
    return {
        **{key: value for key, value in kept.items() if not isinstance(value, dict)},
        **{key: value for key, value in kept.items() if isinstance(value, dict) and value},
        "variants": {target: {"file": out.name, "sha256": sha256}},
        "about": {**said.about, **source},
    }


def _loaded(beside: Path, text: str, written: Path, original: Classifier) -> Classifier:
    """The file as any other that ships is loaded, with the front-end as its own card says it."""
    said = Card.model_validate(tomllib.loads(text))
    (one,) = (said.of(name, beside) for name in said.variants)
    frontend = frontend_from(one.frontend.settings, beside)
    network: Network = format_of(beside, one).load(Sought(beside, one, frontend, written, torch.device("cpu")))
    return replace(original, frontend=frontend, network=network)


def _difference(wanted: Tensor, found: Tensor, out: Path) -> _Difference:
    """The largest difference of two models' logits, and how large it may be.

    Raises:
        CannotJudgeError: it is larger.
    """
    allowed = TOLERANCE * max(1.0, float(wanted.abs().max()))
    difference = float((wanted - found).abs().max())
    if not difference <= allowed:  # NaN is no agreement
        raise CannotJudgeError(
            f"{out.name} does not give the network's answers: a logit differs by {difference:.3g}, and at most {allowed:.3g} is allowed; "
            "nothing was kept: convert to the other format, or report the network's layers"
        )
    return _Difference(difference, allowed)
