"""Are tables read as spreadsheets and other systems write them, and refused where they could be read in two ways?"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from robustness.audio.labels import LabelSource
from robustness.audio.manifests import MOST_ROWS, columns_of, listed, manifest_rows
from robustness.audio.reading import Wish, open_recordings, read_recordings
from robustness.audio.selection import Selection
from robustness.errors import RecordingError
from robustness.files import printable
from tests.builders import RATE_HZ, recording


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


def test_other_columns_are_named_by_the_options_of_the_refusal(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,file,word,part\nnowhere,up.wav,up,test\n")
    soundfile.write(tmp_path / "up.wav", recording("up").samples.numpy(), RATE_HZ)
    table = tmp_path / "t.csv"
    labels = LabelSource(column="word", path_column="file")
    for source, given in ((labels, table), (replace(labels, csv=table), tmp_path)):
        read = open_recordings([given], Wish(RATE_HZ, RATE_HZ), labels=source, selection=Selection("test", "part"))
        assert [(clip.path.name, clip.label) for clip in read.clips] == [("up.wav", "up")]


def test_the_shared_tables_are_read_once_the_remedy_is_carried_out(shared: Path, tmp_path: Path) -> None:
    tables = shared / "cases" / "tables"
    with pytest.raises(RecordingError, match=r"no column 'path' and no 'label'.*--path-column.*--label-column"):
        manifest_rows(tables / "file_word.csv", "label")
    rows = manifest_rows(tables / "file_word.csv", "word", path_column="filename")
    assert [(row["path"], row["word"]) for row in rows] == [("a.wav", "five"), ("b.wav", "nine")]
    with pytest.raises(RecordingError, match="iconv -f UTF-16 -t UTF-8"):
        manifest_rows(tables / "utf16.csv", "label")
    with (tmp_path / "t.csv").open("wb") as file:
        subprocess.run(["iconv", "-f", "UTF-16", "-t", "UTF-8", tables / "utf16.csv"], stdout=file, check=True)
    assert [row["label"] for row in manifest_rows(tmp_path / "t.csv", "label")] == ["five", "nine"]


def test_a_table_that_never_ends_or_has_a_billion_rows_is_refused_before_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(RecordingError, match="it is a pipe and no file"):
        manifest_rows(tmp_path / "pipe.csv", "label")
    assert columns_of(tmp_path / "pipe.csv") == []
    one = pa.array(["a"]).dictionary_encode()
    many = pa.DictionaryArray.from_arrays(pa.array(np.zeros(MOST_ROWS + 1, np.int8)), one.dictionary)
    pq.write_table(pa.table({"path": many, "label": many}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 10_000
    with pytest.raises(RecordingError, match="it has more than 1,000,000 rows"):
        manifest_rows(tmp_path / "t.parquet", "label")
