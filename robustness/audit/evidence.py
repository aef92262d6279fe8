"""Where an audit stands in the run folder: `evidence/audit.json`, whole or absent, the same bytes for the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.recordings import Recording
from robustness.audit.files import audited_files
from robustness.audit.measurement import CountProgress, Listening, audited
from robustness.models.classifier import Classifier
from robustness.quantization.base import Calibration
from robustness.run.audit_records import AuditRecord, VariantAudit, write_audit_record

FLOAT: Final = "float32"


def write_audit(
    folder: Path,
    originals: Mapping[str, Classifier],
    classifiers: Sequence[Classifier],
    recordings: Sequence[Recording],
    *,
    threshold_db: float,
    calibrate: Callable[[Classifier], Calibration] | None = None,
    thorough: bool = False,
    progress: CountProgress = lambda done, total: None,
) -> None:
    """Audits every quantized variant of a run; writes nothing where there is none.

    Args:
        folder: the run's evidence/.
        originals: each model in float, by its name.
        classifiers: the variants of the run.
        recordings: as the sweep heard them.
        threshold_db: of speech, as in the sweep.
        calibrate: gives the calibration from which the variants of a model were made.
        thorough: with experiments on each layer.
        progress: told how many clips of how many were heard.
    """
    found: list[VariantAudit] = []
    for original, variants in compared_pairs(originals, classifiers):
        heard = Listening(original, recordings, threshold_db)
        if original.deployed:
            found += audited_files(original, variants, heard, progress)
        else:
            calibration = None if calibrate is None else calibrate(original)
            found += audited(original, variants, heard, calibration=calibration, thorough=thorough, progress=progress)
    if found:
        write_audit_record(folder, AuditRecord(thorough, tuple(found)))


class ComparedPair(NamedTuple):
    """A network in float, and what is compared with it."""

    original: Classifier
    variants: list[Classifier]


def compared_pairs(originals: Mapping[str, Classifier], classifiers: Sequence[Classifier]) -> list[ComparedPair]:
    """Each float network with its quantized variants, and each model's float file with its other files; none without both."""
    torch_pairs = [ComparedPair(original, quantized_of(original, classifiers)) for original in originals.values()]
    names = dict.fromkeys(one.name for one in classifiers if one.network.file_layers())
    files = [_files([one for one in classifiers if one.name == name and one.network.file_layers()]) for name in names]
    return [pair for pair in (*torch_pairs, *files) if pair is not None and pair.variants]


def _files(same: Sequence[Classifier]) -> ComparedPair | None:
    """The first file whose layers give floats, and the other files; None without one."""
    first = next((one for one in same if all(layer.low is None for layer in one.network.file_layers())), None)
    return None if first is None else ComparedPair(first, [one for one in same if one is not first])


def quantized_of(original: Classifier, classifiers: Sequence[Classifier]) -> list[Classifier]:
    """The variants of this model that are not the float network itself; none where its card is of a quantized one."""
    if original.variant != FLOAT or original.deployed:
        return []
    return [one for one in classifiers if one.name == original.name and one.variant != FLOAT and not one.deployed]
