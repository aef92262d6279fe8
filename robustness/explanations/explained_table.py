"""What is known of every failing recording, in one table: `evidence/explanations.parquet`, a row a recording and variant that fails.

Also of those that have no card: maps are what costs, edits and measurements are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from robustness.explanations.standing import SPEAKS
from robustness.run.atomic import whole
from robustness.run.explained import EXPLAINED

if TYPE_CHECKING:
    from robustness.explanations.cases import Case
    from robustness.explanations.diagnosis import Diagnosis


@dataclass(frozen=True)
class ExplainedRow:
    """One failing recording on one variant, as `Failure`, `Naming` and `Loss` have it; `measured` by name."""

    recording: str
    label: str
    speaker: str | None
    perturbation: str
    level: float | None
    draw: int
    placement: str
    offset_ms: float
    variant: str
    answer: str
    margin: float
    verdict: str
    kind: str | None
    edit: str | None
    size: float | None
    share: float | None
    strength: str | None
    control_share: float | None
    restoring: str
    tried_kinds: str
    restoring_kinds: str
    pair: str | None
    drop: float | None
    drop_against: str | None
    outside: str
    apart: str
    measured: Mapping[str, float]


COLUMNS: Final = (*(each.name for each in fields(ExplainedRow) if each.name != "measured"), *SPEAKS)


def rows_of(case: Case, found: Mapping[str, Diagnosis]) -> Iterator[ExplainedRow]:
    """The rows of one failing recording."""
    for variant, diagnosis in found.items():
        yield _row(case, variant, diagnosis)


def _row(case: Case, variant: str, found: Diagnosis) -> ExplainedRow:
    failure, condition, naming, drop = case.failure, case.failure.condition, found.naming, found.drop
    by = next((one for one in found.tried if one.name == naming.by), None)
    size = None if by is None else by.restores_at if naming.verdict == "named" else by.best.size
    return ExplainedRow(
        recording=failure.recording,
        label=failure.label,
        speaker=case.recording.speaker,
        perturbation=condition.perturbation,
        level=condition.level,
        draw=condition.draw,
        placement=condition.placement,
        offset_ms=failure.offset_ms,
        variant=variant,
        answer=case.given[variant].predicted,
        margin=found.margin,
        verdict=naming.verdict,
        kind=naming.kind,
        edit=naming.by,
        size=None if size is None else float(size),
        share=naming.share,
        strength=None if by is None else naming.strength,
        control_share=None if by is None else by.control.share,
        restoring=", ".join(naming.restoring),
        tried_kinds=", ".join(sorted({one.kind for one in found.tried})),
        restoring_kinds=", ".join(sorted({one.kind for one in found.tried if one.restores_at is not None})),
        pair=", ".join(found.pairs[0].names) if found.pairs else None,
        drop=None if drop is None else drop.logits,
        drop_against=None if drop is None else drop.against,
        outside=", ".join(one.name for one in case.standings if one.outside is not None),
        apart=", ".join(one.name for one in case.differences),
        measured={one.name: one.value for one in case.standings},
    )


def write_explanations(folder: Path, rows: Sequence[ExplainedRow]) -> None:
    """Writes the table, whole or not at all."""
    plain = [{**vars(row), **row.measured} for row in rows]
    with whole(folder / EXPLAINED) as temporary:
        pd.DataFrame(plain, columns=list(COLUMNS)).to_parquet(temporary, index=False)
