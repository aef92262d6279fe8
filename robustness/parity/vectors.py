"""Test vectors for firmware: what goes in and what should come out, as arrays, a table and a C header.

`samples.npy` holds 16-bit numbers, `features.npy` and `outputs.npy` floats, `outputs.csv` is a dump as `--dump` reads it, and
`vectors.h` holds the first clips with the tolerance.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from robustness.errors import OutputError
from robustness.frontends.scaling import FULL_SCALE
from robustness.parity.computed import Computed
from robustness.run.atomic import whole, write_text

IN_HEADER: Final = 3  # clips: 16,000 samples are 100 kB of text
A_LINE: Final = 16


def write_vectors(ours: Computed, labels: Sequence[str], allowed: float, folder: Path) -> None:
    """Writes the vectors of some recordings, each file whole or not at all.

    Args:
        ours: what the model gives.
        labels: of the model.
        allowed: how far an output may be off.
        folder: where to; made if it is not there.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"--write-vectors {folder} cannot be made: {error.strerror or error}") from error
    words = _words(ours)
    arrays: dict[str, NDArray[Any]] = {
        "samples": words,
        "features": ours.features.astype(np.float32),
        "outputs": ours.outputs.astype(np.float32),
    }
    for name, array in arrays.items():
        with whole(folder / f"{name}.npy") as path, path.open("wb") as file:
            np.save(file, array)
    write_text(folder / "outputs.csv", _table(ours, labels))
    write_text(folder / "vectors.h", _header(ours, labels, allowed))


def _words(ours: Computed) -> NDArray[np.int16]:
    return (ours.samples * FULL_SCALE).round().clip(-32768, 32767).astype(np.int16)


def _table(ours: Computed, labels: Sequence[str]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    under = [[one.perturbation, "" if one.level is None else f"{one.level:g}"] for one in ours.conditions] or [[]] * len(ours.ids)
    writer.writerow(["path", *(("perturbation", "level") if ours.conditions else ()), *labels])
    rows = zip(ours.ids, under, ours.outputs.tolist(), strict=True)
    writer.writerows([name, *condition, *(f"{value:.9g}" for value in row)] for name, condition, row in rows)
    return text.getvalue()


def _header(ours: Computed, labels: Sequence[str], allowed: float) -> str:
    clips, (_, bands, frames) = min(IN_HEADER, len(ours.ids)), ours.features.shape
    names = ", ".join('"' + label.encode("unicode_escape").decode().replace('"', '\\"') + '"' for label in labels)
    parts = [
        "#pragma once",
        "#include <stdint.h>",
        f"#define VECTOR_CLIPS {clips}",
        f"#define VECTOR_SAMPLES {ours.samples.shape[1]}",
        f"#define VECTOR_BANDS {bands}",
        f"#define VECTOR_FRAMES {frames}",
        f"#define VECTOR_LABELS {len(labels)}",
        f"#define VECTOR_TOLERANCE {allowed:.6g}f",
        f"static const char *const vector_labels[VECTOR_LABELS] = {{{names}}};",
        _array("int16_t", "vector_samples[VECTOR_CLIPS][VECTOR_SAMPLES]", [row.tolist() for row in _words(ours)[:clips]]),
        _array(
            "float", "vector_outputs[VECTOR_CLIPS][VECTOR_LABELS]", [[f"{v:.9g}" for v in row] for row in ours.outputs[:clips].tolist()]
        ),
    ]
    return "\n".join(parts) + "\n"


def _array(kind: str, name: str, rows: Sequence[Sequence[object]]) -> str:
    """A constant of two dimensions."""
    made = [",\n".join(", ".join(map(str, row[at : at + A_LINE])) for at in range(0, len(row), A_LINE)) for row in rows]
    return f"static const {kind} {name} = {{\n" + ",\n".join(f"{{{row}}}" for row in made) + "\n};"
