"""What does a file of weights hold? A state_dict as it is, or inside of a checkpoint; anything else is named, with what to write.

Weights are data: nothing of the file is run, and what it claims to be is compared with what it has before it is used.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from robustness.errors import CardError
from robustness.files import UnreadableError, sha256_of

SAVE: Final = "save it anew with torch.save(model.state_dict(), FILE)"
MOST_BYTES: Final = 2_000_000_000  # a speech-command model has some hundred thousand weights
SHOWN: Final = 4
WRAPPERS: Final = {
    "module.": "they were saved from a DataParallel",
    "_orig_mod.": "they were saved from a network that torch.compile made",
    "model.": "they were saved from a training module that holds the network as `model`",
    "net.": "they were saved from a training module that holds the network as `net`",
}
TORCHS_OWN: Final = ("module.", "_orig_mod.")


@dataclass(frozen=True)
class Source:
    """Where a card's weights are.

    Attributes:
        card: the card, for messages; a `file` that is a text lies relative to it.
        file: the weights.
        sha256: of the file, as the card says.
        hint: what to do where the file is missing.
        key: which entry of a checkpoint is the state_dict; None where the file is one.
        prefix: what every name begins with; it is taken off.
    """

    card: Path
    file: str | Path
    sha256: str
    hint: str | None = None
    key: str | None = None
    prefix: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        return self.card.parent / self.file if isinstance(self.file, str) else self.file


def content_of(source: Source) -> bytes:
    """The bytes of a file that is run as it is.

    Raises:
        CardError: it is missing, another than the card says, or too large.
    """
    _refuse_changed(source)
    return source.path.read_bytes()


def weights_in(source: Source) -> dict[str, Any]:
    """The state_dict in a card's weights, on the CPU.

    Raises:
        CardError: they are missing, others than the card says, no state_dict, or larger than a model's can be.
    """
    _refuse_changed(source)
    loaded = _loaded(source.path)
    state = _without_prefix(_chosen(loaded, source), source)
    floats = {name: value for name, value in state.items() if isinstance(value, Tensor) and value.is_floating_point()}
    broken = [name for name, value in floats.items() if not value.isfinite().all()]
    if broken:
        raise CardError(f"{source.path}: {named(broken)} holds NaN or infinite weights; the training broke, or the file is damaged")
    return state


def state_dict_key(path: Path) -> str | None:
    """The entry of a checkpoint that is its state_dict, where it has just one; None for a file that is one, or is none.

    Raises:
        CardError: torch cannot read the file.
    """
    loaded = _loaded(path)
    if not isinstance(loaded, Mapping) or _is_state_dict(loaded):
        return None
    inside = [key for key, value in loaded.items() if isinstance(key, str) and _is_state_dict(value)]
    return inside[0] if len(inside) == 1 else None


def unwrapped_prefix(state: Mapping[str, object]) -> str:
    """What torch itself put before every name; empty where it did not."""
    return next((prefix for prefix in TORCHS_OWN if all(name.startswith(prefix) for name in state)), "")


def _refuse_changed(source: Source) -> None:
    """Raises CardError where the file is not there, too large, or another than the card says."""
    card, path, sha256 = source.card, source.path, source.sha256.lower()
    try:
        found = sha256_of(path, MOST_BYTES)
    except FileNotFoundError as error:
        hint = f"{source.hint}, or give" if source.hint else "put them there, or give"
        raise CardError(f"{card}: the weights {path} are not there; {hint} a copy with --weights PATH") from error
    except (OSError, UnreadableError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise CardError(f"{card}: the weights {path} cannot be opened: {why}; give a file with --weights PATH") from error
    if found != sha256:
        raise CardError(
            f"{card}: {path} has the SHA-256 {found} and weights.sha256 says {sha256}: the file is damaged, or is of another "
            "model or training; get the right one, or write the new value into the card if the change is meant"
        )


def _loaded(path: Path) -> object:
    """What torch reads of a file as data."""
    _refuse_program(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces there what the sentences below say
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CardError(
            f"{path} holds a pickled module or other objects, which would run code; only a state_dict is read: {SAVE}"
        ) from error
    except MemoryError as error:
        raise CardError(f"{path} claims more weights than this machine has memory for; {SAVE}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise CardError(f"{path} is no weights file that torch can read ({first_line(error)}); {SAVE}") from error


def _refuse_program(path: Path) -> None:
    """Raises CardError for a program in a zip archive, and for an archive that is far larger unpacked."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return  # torch says what it makes of it
    names = {entry.filename.partition("/")[2] for entry in entries}
    if any(name.startswith("code/") for name in names) or "constants.pkl" in names:
        raise CardError(f"{path} is a TorchScript program, which is code; load it where it was made, and {SAVE}")
    if any(name.startswith("models/") or name == "archive_format" for name in names):
        raise CardError(f"{path} is a program exported by torch.export and no file of weights; {SAVE}")
    if (unpacked := sum(entry.file_size for entry in entries)) > MOST_BYTES:
        raise CardError(f"{path} has {unpacked:,} bytes when it is unpacked, and at most {MOST_BYTES:,} are read; {SAVE}")


def _chosen(loaded: object, source: Source) -> dict[str, Any]:
    """The state_dict of what was loaded: that, or its entry `key`."""
    path = source.path
    if source.key is not None:
        if not isinstance(loaded, Mapping) or source.key not in loaded:
            held = f"it has {named(list(map(str, loaded)))}" if isinstance(loaded, Mapping) else f"it is a {type(loaded).__name__}"
            raise CardError(f"{source.card}: weights.key is {source.key!r}, which {path} does not hold; {held}")
        loaded = loaded[source.key]
    if isinstance(loaded, Mapping) and loaded and all(isinstance(key, str) and _is_data(value) for key, value in loaded.items()):
        _refuse_strange(loaded, path)
        return loaded if isinstance(loaded, dict) else dict(loaded)  # as it is: torch keeps versions of its layers beside the names
    inside = [key for key, value in loaded.items() if _is_state_dict(value)] if isinstance(loaded, Mapping) else []
    what = f"a table with {', '.join(map(str, list(loaded)[:SHOWN]))}" if isinstance(loaded, Mapping) else f"a {type(loaded).__name__}"
    remedy = f'write key = "{inside[0]}" under [weights], or {SAVE}' if inside and source.key is None else SAVE
    raise CardError(f"{path} holds {what}, and not a state_dict (names and tensors); {remedy}")


def _is_state_dict(value: object) -> bool:
    return isinstance(value, Mapping) and any(isinstance(one, Tensor) for one in value.values())


def _is_data(value: object) -> bool:
    """What a state_dict may hold: tensors, and the tuples, types and absent biases that quantized layers keep beside them."""
    if isinstance(value, tuple):
        return any(isinstance(part, Tensor) for part in value) and all(isinstance(part, (Tensor, int, str, type(None))) for part in value)
    return value is None or isinstance(value, (Tensor, torch.dtype))


def _refuse_strange(state: Mapping[str, object], path: Path) -> None:
    """Raises CardError for tensors without numbers of their own, and for more of them than a model has."""
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        if tensor.device.type == "meta" or tensor.layout != torch.strided:
            kind = "no numbers (it is on torch's meta device)" if tensor.device.type == "meta" else f"the layout {tensor.layout}"
            raise CardError(f"{path}: the tensor {name} has {kind}, and a network's weights are plain numbers; {SAVE}")
        claimed, held = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
        if claimed > held:
            raise CardError(
                f"{path}: the tensor {name} claims {claimed:,} bytes and the file holds {held:,} of it: it is one number repeated; "
                f"save tensors by themselves ({SAVE}, after .contiguous())"
            )


def _without_prefix(state: dict[str, Any], source: Source) -> dict[str, Any]:
    prefix = source.prefix
    if not prefix:
        return state
    if not any(name.startswith(prefix) for name in state):
        raise CardError(f"{source.card}: weights.prefix is {prefix!r}, and no name in {source.path} begins so; it has {named(list(state))}")
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def likely_mistake(state: Mapping[str, object], own: Mapping[str, object]) -> str:
    """What to write where weights do not fit a network: by the names of both."""
    for prefix, why in WRAPPERS.items():
        stripped = {name.removeprefix(prefix) for name in state if name.startswith(prefix)}
        if stripped and stripped >= own.keys():
            return f'{why}: write prefix = "{prefix}" under [weights]'
    if any("_packed_params" in name for name in state) and not any("_packed_params" in name for name in own):
        return "they are of a quantized network: give the float weights, or a card that `robustness quantize` wrote"
    return "check network.factory and network.arguments"


def named(names: list[str], between: str = ", ") -> str:
    """The first of some names, and how many more there are."""
    return between.join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of what it says, without advice to trust the file."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
