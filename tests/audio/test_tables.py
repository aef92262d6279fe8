"""Are tables read as spreadsheets and other systems write them, and refused where they could be read in two ways?"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustness.audio.files import printable
from robustness.audio.labels import LabelSource
from robustness.audio.manifests import listed, manifest_rows
from robustness.audio.reading import read_recordings
from robustness.errors import RecordingError


@pytest.mark.parametrize(
    "text",
    ["path;label\nup/a.wav;up\n", "path\tlabel\nup/a.wav\tup\n", "path, label\nup/a.wav, up\n", "path,label\r\nup\\a.wav,up\r\n"],
)
def test_a_table_is_read_as_it_is_written_elsewhere(tmp_path: Path, text: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text, newline="")
    assert list(listed(table, "label")) == ["up/a.wav"]
    assert [row["label"].strip() for row in manifest_rows(table, "label")] == ["up"]


def test_columns_that_are_no_text_or_stand_twice_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"path": ["a.wav"], "label": [[1.5]]}), table)
    with pytest.raises(RecordingError, match=r"'label' holds list.*text or integers"):
        manifest_rows(table, "label")
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 3, names=["path", "label", "label"]), table)
    with pytest.raises(RecordingError, match="'label' twice"):
        manifest_rows(table, "label")
    (tmp_path / "t.csv").write_text("path,label,label\na.wav,up,no\n")
    with pytest.raises(RecordingError, match="'label' twice"):
        manifest_rows(tmp_path / "t.csv", "label")


def test_a_name_writes_no_line_of_its_own() -> None:
    assert printable("a\n::error::x\x1b[0m é.wav") == "a\\n::error::x\\x1b[0m é.wav"


@pytest.mark.parametrize("name", ["excel_semicolon.csv", "spaces.csv", "backslash.csv"])
def test_the_shared_tables_are_read(shared: Path, name: str) -> None:
    read = read_recordings([shared / "cases" / "tables" / name], rate_hz=16_000, longest_samples=16_000, labels=LabelSource())
    assert [(one.path.name, one.label) for one in read.recordings if one.path] == [("a.wav", "five"), ("b.wav", "nine")]


@pytest.mark.parametrize("name", ["utf16.csv", "file_word.csv"])
def test_other_tables_are_refused(shared: Path, name: str) -> None:
    with pytest.raises(RecordingError, match=r"no CSV in UTF-8|has no column 'path'"):
        manifest_rows(shared / "cases" / "tables" / name, "label")
