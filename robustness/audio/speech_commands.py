"""Where Speech Commands lies, which of its clips are in which split, and how it is got.

Source: Warden (2018), arXiv:1804.03209; the layout is that of `torchaudio.datasets.SPEECHCOMMANDS`, whose metadata say what is in a split;
the sound is decoded here, for `torchaudio.load` wants torchcodec.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import Final

from torchaudio.datasets import SPEECHCOMMANDS

from robustness.errors import FetchError

SPLITS: Final = ("training", "validation", "testing")
ARCHIVE: Final = "SpeechCommands"  # torchaudio's name of the folder that holds the versions
VERSIONS: Final = ("speech_commands_v0.02", "speech_commands_v0.01")
LISTS: Final = {"validation": "validation_list.txt", "testing": "testing_list.txt"}


def official_folder(root: Path) -> Path | None:
    """The folder with Speech Commands' own lists: this one, or that of torchaudio's layout below it."""
    candidates = (root, *(root / ARCHIVE / version for version in VERSIONS))
    return next((folder for folder in candidates if all((folder / name).is_file() for name in LISTS.values())), None)


def official_splits(root: Path, folder: Path) -> dict[str, str]:
    """The split of every clip in the folder, by its id below `root`.

    Args:
        root: the folder given.
        folder: the one with the lists, at or below it.
    """
    listed = {split: _listed(root, folder, split) for split in LISTS}
    below = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    splits = {f"{below}{clip.relative_to(folder).as_posix()}": "training" for clip in folder.glob("*/*.*")}
    for split, ids in listed.items():
        splits |= dict.fromkeys(ids, split)
    return splits


def _listed(root: Path, folder: Path, split: str) -> list[str]:
    if folder == root:
        return (folder / LISTS[split]).read_text(encoding="utf-8").split()
    dataset = SPEECHCOMMANDS(root, url=folder.name, subset=split)
    return [f"{ARCHIVE}/{Path(dataset.get_metadata(place)[0]).as_posix()}" for place in range(len(dataset))]


def download(root: Path) -> bool:
    """Gets Speech Commands (2.4 GB) into a folder, verified by its SHA-256, where it is not there yet; as a whole or not at all.

    Args:
        root: the folder that will hold `SpeechCommands/`.

    Returns:
        Whether anything had to be got.

    Raises:
        FetchError: it cannot be got or written, or is not what was expected.
    """
    if any((root / ARCHIVE / version).is_dir() for version in VERSIONS):
        return False
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as beside:
            SPEECHCOMMANDS(beside, download=True)
            (Path(beside) / ARCHIVE).rename(root / ARCHIVE)
    except (OSError, RuntimeError, tarfile.TarError) as error:
        raise FetchError(
            f"Speech Commands cannot be downloaded to {root} ({error}); check the network and the room on the disk (7 GB), or give "
            f"the folder of a copy without --download"
        ) from error
    return True
