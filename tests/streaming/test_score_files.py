from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustness.errors import UsageError
from robustness.streaming.score_files import FileFacts, read_score_file
from robustness.streaming.scores import read_scores, write_scores
from tests.streaming.planted import planted

LONG = "time_s,label,score\n0.1,yes,0.9\n0.1,unknown,0.1\n0.2,unknown,1\n"
WIDE = "time_ms,unknown,yes\n100,0.1,0.9\n200,1,0\n"


@pytest.mark.parametrize("text", [LONG, WIDE, LONG.replace("time_s", "time")])
def test_a_table_of_scores(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    (found,) = read_score_file(tmp_path / "a.csv", FileFacts())
    assert found.labels == ("unknown", "yes")
    assert found.times_ms.tolist() == [100, 200]
    assert found.values.tolist() == [[np.float32(0.1), np.float32(0.9)], [1, 0]]
    assert found.point.rejections == {"unknown"}
    assert found.point.contest  # the scores of a moment add up to 1


def test_scores_that_do_not_add_up_have_no_contest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time_s,yes,no\n0.1,0.9,0.8\n", encoding="utf-8")
    assert not read_score_file(tmp_path / "a.csv", FileFacts())[0].point.contest


def test_the_list_of_wekws(tmp_path: Path) -> None:
    (tmp_path / "score.txt").write_text("a 0 0.1 0.9 0.2\na 1 0.0 0.0 0.3\nb 0 0.5\nb 1 0.4\n", encoding="utf-8")
    one, other = read_score_file(tmp_path / "score.txt", FileFacts(("hi", "hey"), step_ms=30.0))
    assert (one.take, one.labels, one.times_ms.tolist()) == ("a", ("hi", "hey"), [30, 60, 90])
    assert one.values[:, 0].tolist() == [np.float32(0.1), np.float32(0.9), np.float32(0.2)]
    assert (other.take, len(other)) == ("b", 1)


def test_the_log_of_mlperf_tiny(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text("m-init\nDetection Timestamps (ms)\n500,\n1600,\n4900\nm-ready\n", encoding="utf-8")
    (found,) = read_score_file(tmp_path / "run.log", FileFacts(("marvin",)))
    assert (found.times_ms.tolist(), found.values.tolist()) == ([1100, 4400], [[1], [1]])


def test_scores_come_back_from_our_own_table(tmp_path: Path) -> None:
    kept = planted()
    write_scores(tmp_path / "a.parquet", kept)
    again = read_scores(tmp_path / "a.parquet")
    assert (again.values == kept.values).all()
    assert (again.times_ms == kept.times_ms).all()
    assert (again.labels, again.point, again.window_ms, again.take) == (kept.labels, kept.point, kept.window_ms, kept.take)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "have the columns none|are empty"),
        ("label,score\nyes,1\n", "have the columns label, score and no time_s"),
        ("time_s,label,score\n0.1,yes,often\n", "line 2 .* has 'often' where a number is expected"),
        ("time_s,label,score\n0.1,yes,3.2\n", "hold 3.2; expected probabilities from 0 to 1: take the softmax"),
        ("time_s,yes\n0.2,1\n0.1,1\n", "the times must rise, and 0.1 s follows 0.2 s"),
        ("time_s,yes\n", "hold no answer"),
        ("time_s,yes\n0.1,nan\n", "line 2 .* has 'nan'"),
        ("a 0 0.5\n", "do not name their keywords; give --label NAME"),
        ("Detection Timestamps (ms)\nm-ready\n", "has no timestamps"),
    ],
)
def test_what_are_no_scores(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        read_score_file(tmp_path / "a.csv", FileFacts())


def test_a_keyword_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a 1 0.5\n", encoding="utf-8")
    with pytest.raises(UsageError, match="have a keyword 1, and 1 --label are given"):
        read_score_file(tmp_path / "a.txt", FileFacts(("hi",)))
