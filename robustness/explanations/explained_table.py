"""What is known of every failing recording, in one table: `evidence/explanations.parquet`, a row a recording and variant that fails.

Also of those that have no card: maps are what costs, edits and measurements are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from robustness.explanations.standing import SPEAKS, Standing
from robustness.run.atomic import whole
from robustness.run.explained import EXPLAINED, KINDS

if TYPE_CHECKING:
    from robustness.explanations.cases import Case
    from robustness.explanations.diagnosis import Diagnosis

COLUMNS: Final = (
    *("recording", "label", "speaker", "perturbation", "level", "draw", "placement", "offset_ms", "variant", "answer", "margin"),
    *("verdict", "kind", "edit", "size", "share", "strength", "control_share", "restoring", "pair", "drop", "drop_against", "outside"),
    *KINDS,
    *SPEAKS,
)


def rows_of(case: Case, found: dict[str, Diagnosis], stands: Sequence[Standing]) -> Iterator[dict[str, Any]]:
    """The rows of one failing recording."""
    failure, condition = case.failure, case.failure.condition
    shared = {
        "recording": failure.recording,
        "label": failure.label,
        "speaker": case.recording.speaker,
        "perturbation": condition.perturbation,
        "level": condition.level,
        "draw": condition.draw,
        "placement": condition.placement,
        "offset_ms": failure.offset_ms,
        "outside": ", ".join(one.name for one in stands if one.outside is not None),
        **{one.name: one.value for one in stands},
    }
    for variant, diagnosis in found.items():
        yield {**shared, "variant": variant, "answer": case.given[variant].predicted, **_verdict(diagnosis)}


def _verdict(found: Diagnosis) -> dict[str, Any]:
    naming, drop = found.naming, found.drop
    by = next((one for one in found.tried if one.name == naming.by), None)
    return {
        "margin": found.margin,
        "verdict": naming.verdict,
        "kind": naming.kind,
        "edit": naming.by,
        "size": None if by is None else by.restores_at,
        "share": naming.share,
        "strength": None if by is None else naming.strength,
        "control_share": None if by is None else by.sham.share,
        "restoring": ", ".join(naming.restoring),
        "tried_kinds": ", ".join(sorted({one.kind for one in found.tried})),
        "restoring_kinds": ", ".join(sorted({one.kind for one in found.tried if one.restores_at is not None})),
        "pair": ", ".join(found.pairs[0].names) if found.pairs else None,
        "drop": None if drop is None else drop.logits,
        "drop_against": None if drop is None else drop.against,
    }


def write_explanations(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes the table, whole or not at all."""
    with whole(folder / EXPLAINED) as temporary:
        pd.DataFrame(list(rows), columns=list(COLUMNS)).to_parquet(temporary, index=False)
