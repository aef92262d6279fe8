"""How is a variant kept: weights and a card, which load again in another process to the same answers, bit for bit.

The weights are a state_dict of tensors, small as the variant is, and are read as data; the card names what rebuilds the network around
them. Code that lies beside the first card is copied beside the new one.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path
from typing import Any, Final

import torch

from robustness.errors import CannotJudgeError, OutputError
from robustness.models.card import Card, load_classifier
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.models.toml import to_toml
from robustness.quantization.base import torch_deprecations_filtered
from robustness.quantization.one_by_one import unwrapped
from robustness.quantization.structure import FACTORY
from robustness.quantization.variants import as_given
from robustness.seeds import generator_of
from robustness.training.session import write_whole

KEPT: Final = ("cpu", "type", "quantized_functions", "results", "calibration", "notes")
CHECKED: Final = 5  # windows of noise that both must answer alike


def save_variant(variant: Classifier, source: Path, said: Card, out: Path) -> Path:
    """Writes a variant's weights and card, and loads them again.

    Args:
        variant: made of the card's classifier by a scheme of the registry.
        source: the card of the float network.
        said: what that card says.
        out: where, without a suffix; `.pt` and `.toml` are put there.

    Returns:
        The new card's path.

    Raises:
        OutputError: where it cannot be written, or would overwrite what it was made of.
        CannotJudgeError: where what was written does not answer as the variant did.
    """
    card = out.with_name(f"{out.name}.toml")
    _check(card, out, source)
    weights = _state_bytes(variant)
    written = {path: path.read_bytes() for path in _code_beside(source)} if card.parent.resolve() != source.parent.resolve() else {}
    for path, content in written.items():
        _write_code(card.parent / path.relative_to(source.parent.resolve()), content)
    write_whole(out.with_name(f"{out.name}.pt"), weights)
    write_whole(card, to_toml(_content(variant, said, out.name, weights)).encode())
    _compare(variant, card)
    return card


def _check(card: Path, out: Path, source: Path) -> None:
    if out.suffix in {".pt", ".toml"}:
        raise OutputError(f"--out {out} ends in {out.suffix}; give the path without a suffix, such as models/digits-static-int8")
    taken = {source.resolve(), source.with_suffix(".pt").resolve()}
    if card.resolve() in taken or out.with_name(f"{out.name}.pt").resolve() in taken:
        raise OutputError(f"--out {out} would overwrite the model that is quantized; give another name")


def _state_bytes(variant: Classifier) -> bytes:
    buffer = io.BytesIO()
    with torch_deprecations_filtered():
        torch.save(unwrapped(module_of(variant.network)).state_dict(), buffer)
    return buffer.getvalue()


def _content(variant: Classifier, said: Card, name: str, weights: bytes) -> dict[str, Any]:
    """The float network's card with other weights, and with what makes a network for them; golden logits are those of the float one."""
    kept = said.model_dump(exclude_none=True, exclude={"weights", "golden", "about", "variant"})
    about = variant.about
    plain = {"plain": True} if about.get("plain") else {}
    only = {} if about.get("only") is None else {"only": list(about["only"])}
    facts = {key: about[key] for key in KEPT if about.get(key)}
    original = "" if said.weights is None else said.weights.sha256
    made_of = {"engine": about["engine"], "torch": torch.__version__.partition("+")[0], "made_of_sha256": original}
    return {
        **{key: value for key, value in kept.items() if not isinstance(value, dict)},
        "weights": {"file": f"{name}.pt", "sha256": hashlib.sha256(weights).hexdigest()},
        **{key: value for key, value in kept.items() if isinstance(value, dict)},
        "variant": {
            "scheme": variant.variant,
            "rebuild": FACTORY,
            "arguments": {"scheme": variant.variant, **plain, "engine": about["engine"], **only},
            "about": {**facts, **made_of},
        },
        **({"about": said.about} if said.about else {}),
    }


def _code_beside(source: Path) -> list[Path]:
    """The files of the imported modules that were found in the card's folder."""
    folder = source.parent.resolve()
    found = []
    for name, module in list(sys.modules.items()):
        top, file = name.partition(".")[0], getattr(module, "__file__", None)
        place = folder.joinpath(*name.split("."))
        if file and top != "robustness" and Path(file).resolve() in {place.with_name(f"{place.name}.py"), place / "__init__.py"}:
            found.append(Path(file).resolve())
    return sorted(found)


def _write_code(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() != content:
        raise OutputError(f"{path} is another file than the one beside the card, which the network needs; give an --out in another folder")
    write_whole(path, content)


def _compare(variant: Classifier, card: Path) -> None:
    rng = generator_of("saved variant")
    samples = torch.randn(CHECKED, variant.frame.samples, generator=rng) * 0.05
    again = as_given(load_classifier(card))
    if not torch.equal(again.logits(samples), variant.logits(samples)):
        raise CannotJudgeError(f"{card} was written and does not answer as the variant did: do not use it, and please report this")
