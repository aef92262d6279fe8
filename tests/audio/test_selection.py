"""Are the recordings heard those that were asked for: a table's, a split's, a sample's?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from torchaudio.datasets import SPEECHCOMMANDS

from robustness.audio import speech_commands
from robustness.audio.files import find_audio
from robustness.audio.labels import Label, LabelSource, label_files
from robustness.audio.reading import Reading, Wish, open_recordings
from robustness.audio.selection import Selection, chosen_recordings, sampled, shares
from robustness.audio.speech_commands import download
from robustness.errors import FetchError, RecordingError, UsageError

RATE_HZ = 16_000


def made(root: Path, *names: str) -> Path:
    """Short sounds under these names, each its own."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, 0.1 * np.sin(np.arange(1600) * (0.1 + 0.01 * number)), RATE_HZ)
    return root


def opened(*paths: Path, selection: Selection = Selection(), labels: LabelSource = LabelSource(), skip_bad: bool = False) -> Reading:  # noqa: B008
    return open_recordings(paths, Wish(RATE_HZ, RATE_HZ), selection=selection, labels=labels, skip_bad=skip_bad)


def as_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    path = path.with_suffix(".csv")
    path.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]), encoding="utf-8")
    return path


def as_parquet(path: Path, rows: list[dict[str, str]]) -> Path:
    path = path.with_suffix(".parquet")
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


TABLES = pytest.mark.parametrize("table", [as_csv, as_parquet])
Table = Callable[[Path, list[dict[str, str]]], Path]
ROWS = [
    {"path": "x/1.wav", "label": "up", "speaker": "joe", "split": "testing"},
    {"path": "x/2.wav", "label": "down", "speaker": "ann", "split": "training"},
    {"path": "y/1.wav", "label": "2", "speaker": "", "split": "testing"},
]


@TABLES
def test_a_table_lists_the_recordings_with_words_speakers_and_splits(tmp_path: Path, table: Table) -> None:
    made(tmp_path, "x/1.wav", "x/2.wav", "x/3.wav", "y/1.wav")
    listing = table(tmp_path / "all", ROWS)
    clips = opened(listing).clips
    assert [(clip.id, clip.label, clip.speaker) for clip in clips] == [
        ("x/1.wav", "up", "joe"),
        ("x/2.wav", "down", "ann"),
        ("y/1.wav", "2", None),
    ]
    part = opened(listing, selection=Selection("testing"))
    assert [clip.id for clip in part.clips] == ["x/1.wav", "y/1.wav"]
    assert "2 recordings of the split testing; 1 recording of others passed over" in part.notices


@TABLES
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"path": "../x/1.wav"}, r"line 2: \.\./x/1\.wav leaves the folder"),
        ({"path": "x/../../1.wav"}, "line 2: .* leaves the folder"),
        ({"path": "/etc/passwd"}, "line 2: /etc/passwd leaves the folder"),
        ({"path": ""}, "line 2: the path is empty"),
        ({"path": "x/2.wav"}, "lines 2 and 3: x/2.wav is listed twice"),
        ({"path": "x/./2.wav"}, "lines 2 and 3: x/2.wav is listed twice"),
        ({"label": ""}, "line 2: the label is empty"),
        ({"path": "x/9.wav"}, r"x/9\.wav cannot be opened: No such file"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, table: Table, change: dict[str, str], words: str) -> None:
    made(tmp_path / "in", "x/1.wav", "x/2.wav", "y/1.wav")
    with pytest.raises(RecordingError, match=words):
        opened(table(tmp_path / "in" / "all", [ROWS[0] | change, *ROWS[1:]]))


@TABLES
@pytest.mark.parametrize("column", ["path", "label"])
def test_a_column_that_is_missing_is_named_with_those_there_are(tmp_path: Path, table: Table, column: str) -> None:
    made(tmp_path, "x/1.wav")
    rows = [{key: value for key, value in ROWS[0].items() if key != column}]
    with pytest.raises(RecordingError, match=rf"has no column '{column}'; it has .*speaker, split"):
        opened(table(tmp_path / "all", rows))


def test_a_file_that_is_no_parquet_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "all.parquet").write_text("path,label")
    with pytest.raises(RecordingError, match=r"all\.parquet is no Parquet file"):
        opened(tmp_path / "all.parquet")


def test_a_table_of_words_may_not_reach_beyond_its_folder_and_the_recordings(tmp_path: Path) -> None:
    made(tmp_path / "in", "a.wav")
    (tmp_path / "lists").mkdir()
    beside = as_csv(tmp_path / "lists" / "words", [{"path": "../in/a.wav", "label": "up"}])
    assert opened(tmp_path / "in", labels=LabelSource(beside)).clips[0].label == "up"
    beyond = as_csv(tmp_path / "lists" / "words", [{"path": "../../a.wav", "label": "up"}])
    with pytest.raises(RecordingError, match="leaves the folder"):
        opened(tmp_path / "in", labels=LabelSource(beyond))


def official(root: Path) -> Path:
    """Speech Commands in small, in torchaudio's layout."""
    inner = made(
        root / "SpeechCommands" / "speech_commands_v0.02", *(f"{word}/{who}_nohash_0.wav" for word in ("up", "off") for who in "abc")
    )
    made(inner, "_background_noise_/hum.wav")
    (inner / "testing_list.txt").write_text("up/a_nohash_0.wav\noff/a_nohash_0.wav\n")
    (inner / "validation_list.txt").write_text("up/b_nohash_0.wav\n")
    return root


@pytest.mark.parametrize("split", ["training", "validation", "testing"])
def test_splits_of_speech_commands_are_those_that_torchaudio_gives(tmp_path: Path, split: str) -> None:
    root = official(tmp_path)
    theirs = SPEECHCOMMANDS(root, subset=split)
    expected = {(f"SpeechCommands/{path}", word, who) for path, _, word, who, _ in map(theirs.get_metadata, range(len(theirs)))}
    assert {(clip.id, clip.label, clip.speaker) for clip in opened(root, selection=Selection(split)).clips} == expected
    inner = root / "SpeechCommands" / "speech_commands_v0.02"
    assert {f"SpeechCommands/speech_commands_v0.02/{clip.id}" for clip in opened(inner, selection=Selection(split)).clips} == {
        name for name, _, _ in expected
    }


def test_a_split_in_a_table_beside_the_recordings_is_found_by_its_column(tmp_path: Path) -> None:
    made(tmp_path, "up/a_nohash_0.wav", "up/b_nohash_0.wav")
    as_csv(tmp_path / "index", [{"path": f"up/{who}_nohash_0.wav", "word": "up", "part": part} for who, part in (("a", "x"), ("b", "y"))])
    assert [clip.id for clip in opened(tmp_path, selection=Selection("y", "part")).clips] == ["up/b_nohash_0.wav"]
    with pytest.raises(UsageError, match=r"--split z: no recording is of that split; there are x \(1\), y \(1\)"):
        opened(tmp_path, selection=Selection("z", "part"))
    with pytest.raises(UsageError, match=r"the splits of .* are not known; expected a table with the columns path,split"):
        opened(tmp_path, selection=Selection("y"))


def test_a_table_given_without_that_column_is_refused(tmp_path: Path) -> None:
    made(tmp_path, "x/1.wav", "x/2.wav", "y/1.wav")
    with pytest.raises(RecordingError, match=r"has no column 'part'; it has path, label, speaker, split; --split-column"):
        opened(as_csv(tmp_path / "all", ROWS), selection=Selection("testing", "part"))


@pytest.mark.parametrize(
    ("counts", "wanted", "expected"),
    [
        ({"a": 10, "b": 10}, 4, {"a": 2, "b": 2}),
        ({"a": 90, "b": 10}, 10, {"a": 8, "b": 2}),  # one each, and 8 in proportion to 89 and 9: 7.27 and 0.73
        ({"a": 1, "b": 99}, 2, {"a": 1, "b": 1}),
        ({"a": 1, "b": 1, "c": 8}, 9, {"a": 1, "b": 1, "c": 7}),
        ({"a": 3, "b": 3, "c": 3}, 5, {"a": 2, "b": 2, "c": 1}),  # what rounding leaves, by name where remainders are equal
    ],
)
def test_a_sample_has_one_of_each_word_and_the_rest_in_proportion(counts: dict[str, int], wanted: int, expected: dict[str, int]) -> None:
    assert shares(counts, wanted) == expected


def drawn(root: Path, sample: int, seed: int = 0, *, backwards: bool = False) -> list[str]:
    files = find_audio([root]).files[:: -1 if backwards else 1]
    return [file.id for file in sampled(files, label_files(files, LabelSource()).labels, Selection(sample=sample, seed=seed)).files]


def test_a_sample_depends_on_its_seed_and_on_no_order(tmp_path: Path) -> None:
    names = [f"{word}/{number}.wav" for word, count in (("up", 30), ("off", 10)) for number in range(count)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF")
    first = drawn(tmp_path, 12)
    assert Counter(name.split("/")[0] for name in first) == {"up": 9, "off": 3}
    assert first == sorted(first)
    assert set(drawn(tmp_path, 12, backwards=True)) == set(first)
    assert drawn(tmp_path, 12, seed=1) != first
    assert len(drawn(tmp_path, 99)) == 40
    with pytest.raises(UsageError, match="--sample 1 cannot hold one of each of 2 words; give 2 or more"):
        drawn(tmp_path, 1)


def test_a_word_without_a_recording_is_said(tmp_path: Path) -> None:
    made(tmp_path, "up/1.wav")
    (tmp_path / "off").mkdir()
    assert "1 folder without a recording: off" in opened(tmp_path).notices


def test_a_recording_is_read_again_and_a_change_is_named(tmp_path: Path) -> None:
    made(tmp_path, "up/1.wav", "up/2.wav")
    recordings = opened(tmp_path).recordings
    assert [recording.id for recording in recordings[1:]] == ["up/2.wav"]
    made(tmp_path, "x.wav", "up/2.wav")
    assert soundfile.read(tmp_path / "up/2.wav")[0].shape == recordings[0].samples.shape
    (tmp_path / "up" / "1.wav").write_bytes((tmp_path / "x.wav").read_bytes()[:-2000])
    with pytest.raises(RecordingError, match=r"up/1\.wav was whole when the run began, and now is truncated"):
        recordings[0]
    soundfile.write(tmp_path / "up" / "2.wav", np.ones(1600) * np.linspace(0, 0.5, 1600), RATE_HZ)
    with pytest.raises(RecordingError, match=r"up/2\.wav has changed since the run began"):
        recordings[1]


def test_speech_commands_is_got_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(root: str, *, download: bool) -> None:
        official(Path(root))
        raise OSError("the network is unreachable")

    monkeypatch.setattr(speech_commands, "SPEECHCOMMANDS", broken)
    with pytest.raises(FetchError, match=r"cannot be downloaded .*network is unreachable.*without --download"):
        download(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []
    monkeypatch.setattr(speech_commands, "SPEECHCOMMANDS", lambda root, *, download: official(Path(root)))
    assert download(tmp_path / "data") is True
    assert download(tmp_path / "data") is False
    assert len(find_audio([tmp_path / "data"]).files) == 6


def test_a_label_is_taken_from_the_table_that_lists_the_file(tmp_path: Path) -> None:
    made(tmp_path, "up/a_nohash_0.wav")
    listing = as_csv(tmp_path / "mine", [{"path": "up/a_nohash_0.wav", "label": "down"}])
    files = chosen_recordings(find_audio([listing]).files, Selection()).files
    assert label_files(files, LabelSource()).labels == {"up/a_nohash_0.wav": Label("down", "a")}
