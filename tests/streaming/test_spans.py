from __future__ import annotations

from pathlib import Path

import pytest

from robustness.errors import RecordingError
from robustness.streaming.spans import Word, checked_spans, read_spans

LONG_GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 3
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1
            text = ""
        intervals [2]:
            xmin = 1
            xmax = 1.5
            text = "yes"
        intervals [3]:
            xmin = 2
            xmax = 2.25
            text = "no"
"""
SHORT_GRID = (
    'File type = "ooTextFile"\n"TextGrid"\n\n0\n3\n<exists>\n1\n"IntervalTier"\n"words"\n0\n3\n3\n0\n1\n""\n1\n1.5\n"yes"\n2\n2.25\n"no"\n'
)
WORDS = [Word("yes", 1000, 1500), Word("no", 2000, 2250)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "start_s,end_s,label\n2,2.25,no\n1,1.5,yes\n"),
        ("a.csv", "label,start_ms,end_ms\nyes,1000,1500\nno,2000,2250\n"),
        ("a.csv", "\ufeffstart_s, end_s, label\n1,1.5,yes\n2,2.25,no\n"),
        ("a.txt", "1.0\t1.5\tyes\n\\\t100\t2000\n2.0\t2.25\tno\n"),
        ("a.TextGrid", LONG_GRID),
        ("a.TextGrid", SHORT_GRID),
    ],
)
def test_every_form_gives_the_same_words(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_spans(tmp_path / name) == WORDS


def test_the_table_of_segment_says_which_recording_it_is(root: Path) -> None:
    first = read_spans(root / "recordings" / "joe" / "spans.csv")[0]
    assert first == Word("zero", 525.0, 935.0, "synthetic_joe_piper_clean_zero_1.wav", (515.0, 1235.0))


def test_the_specification_of_mlperf_tiny(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"configs_wakeword": [["{speech}/marvin/a_0.wav", 1.0, 0.7]], "length_sec": 10.0}', encoding="utf-8")
    assert read_spans(tmp_path / "a.json") == [Word("marvin", 1000, 2000, "a_0.wav")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("begin,end,word\n1,2,yes\n", "have the columns begin, end, word; give a CSV with start_s"),
        ("start_s,end_s,label\n1,now,yes\n", "row 2 .* has 'now' as a time"),
        ("start_s,end_s,label\n2,1,yes\n", r"row 2 .* \(yes\) runs from 2 to 1 s"),
        ("start_s,end_s,label\n1,2,\n", "row 2 .* has no label"),
        ("start_s,end_s,label\n1,nan,yes\n", "row 2 .* has 'nan' as a time"),
        ("", "have the columns none"),
    ],
)
def test_labels_that_cannot_be_read(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError, match=says):
        read_spans(tmp_path / "a.csv")


def test_a_label_beyond_the_end() -> None:
    with pytest.raises(RecordingError, match=r"'no' begins at 2 s and the take lasts 1\.8 s; are these the labels of another take"):
        checked_spans(WORDS, 1800, "a.wav")


@pytest.mark.parametrize(
    ("words", "duration_ms", "notices"),
    [
        (WORDS, 3000, []),
        (WORDS, 2100, ["1 word reaches beyond the take's end"]),
        ([Word("yes", 0, 1200), *WORDS], 3000, ["1 word overlaps the word before it"]),
    ],
)
def test_what_is_worth_a_notice(words: list[Word], duration_ms: float, notices: list[str]) -> None:
    assert checked_spans(words, duration_ms, "a.wav") == notices
