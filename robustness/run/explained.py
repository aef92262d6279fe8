"""What restores every failing recording of a run, also of those that have no card? `evidence/explanations.parquet`, as it is read.

A row is a recording and a variant that fails. Loads no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from robustness.run.damage import said_when_damaged

EXPLAINED: Final = "explanations.parquet"
KINDS: Final = ("tried_kinds", "restoring_kinds")  # of the edits, joined by ", "; runs made before have none


def read_explained(evidence: Path) -> pd.DataFrame | None:
    """The table of a run's evidence; None where none was written, or by a version that did not write the kinds of edits.

    Raises:
        RunError: where it is damaged.
    """
    if not (evidence / EXPLAINED).exists():
        return None
    with said_when_damaged(evidence.parent, f"{evidence.name}/{EXPLAINED}") as path:
        table = pd.read_parquet(path)
    return table if set(KINDS) <= set(table.columns) else None
