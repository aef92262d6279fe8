"""What lies in a run folder: the names of its files and the columns of its trials."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA: Final = 3  # which kernels gave each row
READABLE: Final = (1, 2, 3)  # 2: without kernels; 1: parts counted from 0, a digest that is a chain over all recordings, and no outcomes
KIND: Final = "speech-robustness run"
ROWS_A_PART: Final = 50_000  # at least, and whole recordings: half a minute of a sweep, which is what a kill can cost
NO_WORD_PART: Final = "no-word"  # the block of the windows without a word
UNFINISHED: Final = "unfinished"  # what an interrupt leaves of a block: to be read, and made anew by a run that is resumed
REQUEST: Final = "request.json"
RECORDINGS: Final = "recordings.parquet"
SHARDS: Final = "shards"  # the folder that says which shards lie at a place
PROGRESS: Final = "progress.json"  # only while the run is being made
OWN: Final = frozenset({"manifest.json", "trials", "heard", "evidence", "index.html", "gate", RECORDINGS, REQUEST, PROGRESS})

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
        ("measured", pa.float64()),
        ("clipped", pa.bool_()),
        ("kernels", _WORD),
    ]
)
HEARD: Final = pa.schema([("condition", _WORD), ("recording", _WORD), ("mark", pa.uint32())])


EARLIER: Final = {"measured": "achieved_snr_db"}  # columns that older runs have under another name
LATER: Final = frozenset({"outcome", "outcome_margin", "command", "p_command", "command_margin"})  # that runs of schema 1 lack
OVER_TIME: Final = "time/"  # before the name of a stored map: what each of its frames says
OVER_BANDS: Final = "bands/"  # what each of its bands says


def trials_schema(schema: int) -> pa.Schema:
    """The columns that the trials of a run of this schema have, by the names that they have there."""
    if schema == SCHEMA:
        return TRIALS
    before = [field for field in TRIALS if field.name != "kernels"]
    if schema == SCHEMA - 1:
        return pa.schema(before)
    kept = [field for field in before if field.name not in LATER]
    return pa.schema([field.with_name(EARLIER.get(field.name, field.name)) for field in kept])


def block_name(first: int) -> str:
    """The name of a block of recordings: the place of its first one among all."""
    return f"{first:08d}"


def part_name(block: str) -> str:
    """The file of the rows of a block."""
    return f"part-{block}.parquet"
