"""Cards for deployed files, written beside copies of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LABELS: Final = "down go left no off on right stop up yes silence unknown".split()
FILES: Final = {"float32": "kws_ref_model_float32.tflite", "int8": "kws_ref_model.tflite"}


def kws_card(folder: Path, files: Mapping[str, bytes], *, kernels: str | None = None, labels: list[str] = LABELS) -> Path:
    """A card of MLPerf Tiny's keyword model with these files as its variants."""
    parts = [f'name = "kws"\nlabels = {labels}\nunknown = "unknown"\nsilence = "silence"\noutput = "probabilities"\n']
    for name, content in files.items():
        (folder / f"{name}.tflite").write_bytes(content)
        chosen = f'kernels = "{kernels}"\n' if kernels else ""
        parts.append(f'[variants.{name}]\nfile = "{name}.tflite"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n{chosen}')
    parts.append('[frontend]\npreset = "mlperf-tiny-kws"\nrate_hz = 16000\n[window]\nduration_ms = 1000\n')
    card = folder / "kws.toml"
    card.write_text("".join(parts), encoding="utf-8")
    return card
