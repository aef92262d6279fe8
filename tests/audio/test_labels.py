"""Does each recording get the word that its source gives, and never one that was guessed?"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from robustness.audio import labels as labels_module
from robustness.audio.files import find_audio
from robustness.audio.labels import Label, Labelled, LabelSource, label_files
from robustness.errors import RecordingError, UsageError


def made(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
    return root


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def labelled(root: Path, csv: Path | None = None, column: str = "label", pattern: str | None = None, *, required: bool = True) -> Labelled:
    return label_files(find_audio([root]).files, LabelSource(csv, column, pattern, required))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SCRIC20_ragh_imac_clean_up_1.wav", Label("up", "ragh")),
        ("take/SCRIC20_ragh_imac_clean_up_12.wav", Label("up", "ragh")),
        ("synthetic_joe_piper_clean_two_1.flac", Label("two", "joe")),
        ("two/meeting_2020_01_02_morning_1.wav", Label("two")),  # a date is no speaker, and morning no label
        ("up/c1d39ce8_nohash_0.wav", Label("up", "c1d39ce8")),
        ("data/train/up/b.wav", Label("up")),
        ("zwölf/b.wav", Label("zwölf")),
        ("b.wav", None),
        ("0_george_12.flac", None),
        ("SCRIC20_ragh_imac_clean_up.wav", None),
    ],
)
def test_words_without_a_source_given(tmp_path: Path, name: str, expected: Label | None) -> None:
    assert labelled(made(tmp_path, name)).labels.get(name) == expected


def test_a_folder_given_is_a_word_only_where_its_files_are_speech_commands(tmp_path: Path) -> None:
    made(tmp_path / "up", "c1d39ce8_nohash_0.wav", "b.wav")
    found = labelled(tmp_path / "up")
    assert found.labels == {"c1d39ce8_nohash_0.wav": Label("up", "c1d39ce8")}
    assert [bad.id for bad in found.bad] == ["b.wav"]
    assert labelled(tmp_path / "up" / "c1d39ce8_nohash_0.wav").labels == found.labels


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("{label}_{speaker}_{take}", "0_george_12.flac", Label("0", "george")),
        ("{label}_{speaker}_{take}.flac", "0_george_12.flac", Label("0", "george")),
        ("{label}_{speaker}_{take}", "in/0_george_12.flac", Label("0", "george")),
        ("{label}_{speaker}_{take}", "0_george_12_b.flac", None),  # a field holds none of the pattern's punctuation
        ("{label}-{}", "up-two_b.wav", Label("up")),
        ("{speaker}.{label}", "joe.left.wav", Label("left", "joe")),
        ("*_{label}", "a_b_c_left.wav", Label("left")),
        ("{speaker}/{label}", "joe/left.wav", Label("left", "joe")),
        ("word {label}", "word up.wav", Label("up")),
        ("{label}(1)", "up(1).wav", Label("up")),
        (r"(?P<label>\d)_(?P<speaker>[a-z]+)", "0_george_12.flac", Label("0", "george")),
        (r"^(?P<label>\d)_", "in/0_george_12.flac", Label("0")),
        (r"(?P<speaker>\w+)/(?P<label>\w+)\.wav$", "joe/left.wav", Label("left", "joe")),
        (r"(?P<label>x?)\.wav", "joe/left.wav", None),
    ],
)
def test_words_by_pattern(tmp_path: Path, pattern: str, name: str, expected: Label | None) -> None:
    found = labelled(made(tmp_path, name), pattern=pattern)
    assert found.labels.get(name) == expected
    assert [bad.id for bad in found.bad] == ([] if expected else [name])


@pytest.mark.parametrize("pattern", ["{word}_{speaker}", "(\\d+)", "(?P<label>", "(?P<word>.)", ""])
def test_a_pattern_that_gives_no_word_is_refused(tmp_path: Path, pattern: str) -> None:
    root = made(tmp_path, "up/a.wav")
    if pattern:
        with pytest.raises(UsageError, match=r"--label-pattern .*\{label\}_\{speaker\}_\{take\}"):
            labelled(root, pattern=pattern)
    else:
        assert labelled(root, pattern=pattern).labels["up/a.wav"].word == "up"


def test_a_csv_gives_words_and_speakers_and_selects(tmp_path: Path) -> None:
    root = made(tmp_path / "in", "a.wav", "b/c.wav", "d.wav")
    csv = table(tmp_path / "split.csv", "path,label,speaker", "a.wav,up,joe", "b/c.wav, down ,")
    found = labelled(root, csv)
    assert found.labels == {"a.wav": Label("up", "joe"), "b/c.wav": Label("down")}
    assert [file.id for file in found.files] == ["a.wav", "b/c.wav"]
    assert "1 recording passed over: split.csv does not list them" in found.notices


def test_a_csv_outside_may_name_more_than_the_folder_given(tmp_path: Path) -> None:
    made(tmp_path, "up/a_nohash_0.flac", "down/b_nohash_0.flac")
    csv = table(
        tmp_path / "index.csv",
        "path,word,speaker,official_split,samples",
        "up/a_nohash_0.flac,up,a,testing,9",
        "down/b_nohash_0.flac,down,b,testing,9",
    )
    found = labelled(tmp_path / "up", csv, "word")
    assert found.labels == {"a_nohash_0.flac": Label("up", "a")}
    assert found.bad == []
    assert len(labelled(tmp_path, csv, "word").labels) == 2


def test_a_table_that_lies_with_the_recordings_is_found(tmp_path: Path) -> None:
    made(tmp_path, "x/SCRIC20_ragh_imac_clean_up_1.wav", "x/b.wav")
    table(tmp_path / "labels.csv", "path,label,word", "x/SCRIC20_ragh_imac_clean_up_1.wav,off,on")
    found = labelled(tmp_path)
    assert found.labels == {"x/SCRIC20_ragh_imac_clean_up_1.wav": Label("off", "ragh"), "x/b.wav": Label("x")}
    assert found.notices == [
        "words of 1 recording taken from labels.csv, column label",
        "words of 1 recording taken from the names of their folders",
    ]
    assert labelled(tmp_path, column="word").labels["x/SCRIC20_ragh_imac_clean_up_1.wav"].word == "on"
    assert labelled(tmp_path, column="other").labels["x/SCRIC20_ragh_imac_clean_up_1.wav"].word == "up"


def test_a_listed_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    made(tmp_path, "a.wav")
    found = labelled(tmp_path, table(tmp_path / "l.csv", "path,label", "a.wav,up", "b.wav,up"))
    assert [(bad.id, bad.reason) for bad in found.bad] == [("b.wav", "is listed in l.csv and does not exist")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["path,word", "a.wav,up"], r"no column 'label'; it has path, word; --label-column"),
        (["file,label", "a.wav,up"], r"no column 'path'"),
        ([""], r"no column 'path' and no 'label'; it has none; --path-column names"),
        (["path,label", "a.wav,"], r"line 2: the label is empty"),
        (["path,label", "a.wav,up", ",up"], r"line 3: the path is empty"),
        (["path,label", "a.wav"], r"line 2: the label is empty"),
        (["path,label", "a.wav,up", "a.wav,down"], r"line 3: a\.wav is 'down' here and 'up' above"),
        (["path,label", "other.wav,up"], r"lists none of the 1 recordings"),
        (["path,label"], r"lists none of the 1 recordings"),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused(tmp_path: Path, rows: list[str], words: str) -> None:
    made(tmp_path, "a.wav")
    with pytest.raises(RecordingError, match=words):
        labelled(tmp_path, table(tmp_path / "l.csv", *rows))


def test_a_csv_that_is_absent_or_no_text_is_refused(tmp_path: Path) -> None:
    made(tmp_path, "a.wav")
    with pytest.raises(RecordingError, match=r"l\.csv cannot be opened"):
        labelled(tmp_path, tmp_path / "l.csv")
    (tmp_path / "l.csv").write_bytes(b"path,label\n\xff\xfe,up")
    with pytest.raises(RecordingError, match="no CSV in UTF-8"):
        labelled(tmp_path, tmp_path / "l.csv")


def test_a_csv_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    made(tmp_path, "a.wav")
    (tmp_path / "l.csv").write_bytes("\ufeffpath,label\r\na.wav,zwölf\r\n".encode())
    assert labelled(tmp_path, tmp_path / "l.csv").labels["a.wav"].word == "zwölf"


def test_two_sources_at_once_are_refused(tmp_path: Path) -> None:
    made(tmp_path, "a.wav")
    with pytest.raises(UsageError, match="both given"):
        labelled(tmp_path, tmp_path / "l.csv", pattern="{label}")


def test_a_file_without_a_word_says_what_was_looked_for(tmp_path: Path) -> None:
    made(tmp_path, "a.wav")
    reason = labelled(tmp_path).bad[0].reason
    assert all(word in reason for word in ("labels.csv", "path,label", "tutorial", "folder", "--labels", "--label-pattern"))
    unasked = labelled(tmp_path, required=False)
    assert (unasked.bad, unasked.labels, len(unasked.files)) == ([], {}, 1)


@pytest.mark.parametrize(("names", "said"), [(["0_a.wav", "1_a.wav"], True), (["zero_a.wav"], False)])
def test_numerals_are_taken_as_written_and_said(tmp_path: Path, names: list[str], *, said: bool) -> None:
    found = labelled(made(tmp_path, *names), pattern="{label}_{}")
    assert {label.word for label in found.labels.values()} == {name.split("_")[0] for name in names}
    assert any("numerals, taken as written" in notice for notice in found.notices) == said


def test_the_developers_data_is_labelled_as_its_index_says(shared: Path) -> None:
    root = shared / "speech_commands"
    by_folder, by_index = labelled(root), labelled(root, root / "index.csv", "word")
    assert by_folder.labels == by_index.labels
    assert len(by_index.labels) == len((root / "index.csv").read_text().splitlines()) - 1
    digits = labelled(shared / "fsdd", pattern="{label}_{speaker}_{take}").labels
    assert {label.word for label in digits.values()} == set("0123456789")
    assert len({label.speaker for label in digits.values()}) == 6


def test_a_pattern_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, f"{'a' * 60}.wav")
    monkeypatch.setattr(labels_module, "LONGEST_SEARCH_S", 0.2)
    since = time.monotonic()
    with pytest.raises(UsageError, match=r"was not done with the names after 0\.2 s; write it without repetitions inside"):
        label_files(find_audio([tmp_path]).files, LabelSource(pattern="(?P<label>(a+)+)$"))
    assert time.monotonic() - since < 5
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
