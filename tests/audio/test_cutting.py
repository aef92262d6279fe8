from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from robustness.audio.cutting import COLUMNS, TUTORIAL_WORDS, check_replaceable, file_names, read_words, segment_take, write_folder
from robustness.errors import OutputError, RecordingError, UsageError
from tests.audio.takes import RATE_HZ, take_of

PIECES = [("pause", 500, 0), ("word", 400, -20), ("pause", 500, 0), ("word", 300, -20), ("pause", 500, 0)]
NAME = "a_b_c_d_{label}_{count}.wav"
SOUND = np.zeros(100, np.float32)


def written(tmp_path: Path, rate_hz: int = RATE_HZ) -> Path:
    path = tmp_path / "my_take.wav"
    soundfile.write(path, take_of(PIECES, rate_hz=rate_hz).samples, rate_hz)
    return path


def test_the_tutorials_words_are_twenty() -> None:
    assert len(set(TUTORIAL_WORDS)) == 20


def test_a_name_counts_its_label_and_its_place() -> None:
    names = file_names("{take}_{number}_{label}_{count}.wav", "my_take", ["yes", "no", "yes"])
    assert names == ["my-take_1_yes_1.wav", "my-take_2_no_1.wav", "my-take_3_yes_2.wav"]


@pytest.mark.parametrize(
    ("pattern", "labels", "told"),
    [
        ("{count}.wav", ["yes"], "needs {label}"),
        ("{label}{other}.wav", ["yes"], "and no others"),
        ("{label", ["yes"], "is no pattern"),
        ("{}{label}.wav", ["yes"], "and no others"),
        ("{label.upper}.wav", ["yes"], "and no others"),
        ("{label!r}.wav", ["yes"], "as plain fields"),
        ("{label:>9}.wav", ["yes"], "as plain fields"),
        ("{label}.mp3", ["yes"], "ends in .wav"),
        ("../{label}.wav", ["yes"], "without a folder"),
        (".{label}.wav", ["yes"], "visible file"),
        ("{label}.wav", ["yes", "yes"], "two words the name 'yes.wav'"),
        ("{label}.wav", ["Yes", "yes"], "two words the name 'yes.wav'"),  # one file where names ignore case
        ("{label}.wav", ["../yes"], "cannot be in a file's name"),
        ("{label}.wav", ["turn_on"], "as in 'turn-on'"),
        ("{label}.wav", ["a\nb"], "cannot be in a file's name"),
        ("{label}.wav", [".."], "cannot be in a file's name"),
    ],
)
def test_names_that_cannot_be_are_refused(pattern: str, labels: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        file_names(pattern, "take", labels)


@pytest.mark.parametrize(("words", "read"), [("tutorial", list(TUTORIAL_WORDS)), ("yes", ["yes"]), (" yes, no ,,", ["yes", "no"])])
def test_words_are_read_in_order(words: str, read: list[str]) -> None:
    assert read_words(words, None) == read


def test_words_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("yes\n\nno\n")
    assert read_words("tutorial", tmp_path / "words.txt") == ["yes", "no"]
    with pytest.raises(UsageError, match="cannot be read as text"):
        read_words("tutorial", tmp_path / "other.txt")
    with pytest.raises(UsageError, match="no words were given"):
        read_words(" , ", None)


def test_files_are_the_take_itself_between_the_cuts(tmp_path: Path) -> None:
    take = written(tmp_path)
    segment_take(take, ["yes", "no"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    whole = soundfile.read(take, dtype="int16")[0]
    rows = [line.split(",") for line in (tmp_path / "out/spans.csv").read_text().splitlines()]
    assert rows[0] == ["path", "label", "start_ms", "end_ms", "cut_start_ms", "cut_end_ms", "level_dbfs"]
    for path, _, start, end, cut_start, cut_end, _ in rows[1:]:
        piece, rate_hz = soundfile.read(tmp_path / "out" / path, dtype="int16")
        assert rate_hz == RATE_HZ
        assert np.array_equal(piece, whole[round(float(cut_start) * 16) : round(float(cut_end) * 16)])
        assert float(cut_start) <= float(start) < float(end) <= float(cut_end)
    assert [row[1] for row in rows[1:]] == ["yes", "no"]


def test_another_rate_is_resampled_with_a_notice(tmp_path: Path) -> None:
    done = segment_take(written(tmp_path, 44100), ["yes", "no"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    assert done.notices == ("resampled from 44100 to 16000 Hz",)
    assert {soundfile.info(tmp_path / "out" / name).samplerate for name in done.names} == {RATE_HZ}


def test_another_count_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"my_take.wav: 3 words were given and 2 found"):
        segment_take(written(tmp_path), ["yes", "no", "up"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_take.wav"]


def test_an_earlier_segmentation_is_replaced_as_a_whole(tmp_path: Path) -> None:
    take = written(tmp_path)
    segment_take(take, ["yes", "no"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    segment_take(take, ["up", "no"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_b_c_d_no_1.wav", "a_b_c_d_up_1.wav", "spans.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_take.wav", "out"]


def test_what_was_not_written_here_is_never_replaced(tmp_path: Path) -> None:
    take = written(tmp_path)
    segment_take(take, ["yes", "no"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    (tmp_path / "out/mine.wav").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"holds 'mine.wav', which `robustness segment` did not write"):
        segment_take(take, ["up", "no"], tmp_path / "out", name=NAME, rate_hz=RATE_HZ)
    assert (tmp_path / "out/mine.wav").read_bytes() == b"mine"
    assert (tmp_path / "out/a_b_c_d_yes_1.wav").is_file()


def test_the_place_to_write_must_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is a file; give --out a folder"):
        check_replaceable(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written"):
        write_folder(tmp_path / "file" / "out", {"spans.csv": ""}, {"a.wav": SOUND}, RATE_HZ)
    (tmp_path / "empty").mkdir()
    check_replaceable(tmp_path / "empty")


def test_a_failure_midway_leaves_what_was_there(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", {"spans.csv": f"{','.join(COLUMNS)}\nold.wav\n"}, {"old.wav": SOUND}, RATE_HZ)
    with pytest.raises(OutputError, match="cannot be written"):
        write_folder(tmp_path / "out", {"spans.csv": ""}, {"new.wav": SOUND, "new.wav/folder.wav": SOUND}, RATE_HZ)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["old.wav", "spans.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
