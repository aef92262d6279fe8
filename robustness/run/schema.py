"""What lies in a run folder: the names of its files and the columns of its trials."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA: Final = 2  # 2: the outcome of each answer, and what other thresholds need
READABLE: Final = (1, 2)  # of schema 1 the columns that came later are missing
KIND: Final = "speech-robustness run"
ROWS_A_PART: Final = 50_000  # at least, and whole recordings: half a minute of a sweep, which is what a kill can cost
REQUEST: Final = "request.json"
RECORDINGS: Final = "recordings.parquet"
PROGRESS: Final = "progress.json"  # only while the run is being made
OWN: Final = frozenset({"manifest.json", "trials", "evidence", "index.html", "gate", RECORDINGS, REQUEST, PROGRESS})

_WORD = pa.dictionary(pa.int32(), pa.string())
TRIALS: Final = pa.schema(
    [
        ("model", _WORD),
        ("variant", _WORD),
        ("recording", _WORD),
        ("label", _WORD),
        ("placement", _WORD),
        ("fill", _WORD),
        ("perturbation", _WORD),
        ("level", pa.float64()),
        ("unit", _WORD),
        ("draw", pa.int32()),
        ("offset_ms", pa.float64()),
        ("predicted", _WORD),
        ("rival", _WORD),
        ("correct", pa.bool_()),
        ("p_label", pa.float32()),
        ("p_predicted", pa.float32()),
        ("margin", pa.float32()),
        ("outcome", _WORD),
        ("outcome_margin", pa.float32()),
        ("command", _WORD),
        ("p_command", pa.float32()),
        ("command_margin", pa.float32()),
        ("onset_ms", pa.float64()),
        ("lost_start_ms", pa.float64()),
        ("lost_end_ms", pa.float64()),
        ("achieved_snr_db", pa.float64()),
        ("clipped", pa.bool_()),
    ]
)


OVER_TIME: Final = "time/"  # before the name of a stored map: what each of its frames says
OVER_BANDS: Final = "bands/"  # what each of its bands says


def part_name(number: int) -> str:
    """The file of a part of the trials."""
    return f"part-{number:05d}.parquet"
