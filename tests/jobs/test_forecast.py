"""New recordings are forecast from the run that ships, and a forecast is scored on recordings that are new alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustness.audio.labels import LabelSource
from robustness.cli.main import app
from robustness.errors import CannotJudgeError, UsageError
from robustness.jobs.forecast import forecast_unheard, score_forecast
from robustness.run.folder import Run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE, HEART = ROOT / "reports" / "example", ROOT / "recordings" / "heart"


def test_recordings_that_nothing_has_heard_are_told_by_their_words() -> None:
    found = forecast_unheard(EXAMPLE, [HEART], LabelSource())
    labels = set(Run(EXAMPLE).manifest["models"][0]["labels"])
    assert {one.word for one in found.answers} <= labels
    assert len(found.answers) == 20 * len(found.scores)
    assert all(one.fails is (one.margin <= 0) and one.basis == "word" for one in found.answers)
    assert {(one.variant, one.placement) for one in found.scores} == {(v, p) for v in ("float32", "dynamic-int8") for p in ("start", "end")}


def test_a_later_run_is_scored_on_what_is_new_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = tmp_path / "later"
    shutil.copytree(EXAMPLE, later)
    table = pq.read_table(later / "recordings.parquet").to_pandas()
    table.loc[:11, "sha256"] = [f"{row:064x}" for row in (0, 0, *range(1, 11))]  # two of the new ones are the same
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), later / "recordings.parquet")
    found = score_forecast(EXAMPLE, later)
    names = [(one.variant, one.placement) for one in found]
    assert names == [(v, p) for v in ("float32", "dynamic-int8") for p in ("start", "end")]
    assert {one.recordings for one in found} == {12}
    app(["forecast", "--from", str(EXAMPLE), "--score", str(later)], standalone_mode=False)
    first = found[0]
    new, hits = first.failing - first.failing_anyway, first.hits - first.hits_anyway
    said = f"{first.failing} of 12 recordings that are new in the later run fail; {first.hits} of them "
    assert said in (printed := capsys.readouterr().out)
    assert f". {first.failing_anyway} of them fail at the reference as well; of the other {new}, {hits or 'none'} " in printed


def test_what_the_run_knew_is_not_scored() -> None:
    with pytest.raises(CannotJudgeError, match="has no new recording at a place of"):
        score_forecast(EXAMPLE, EXAMPLE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "a forecast needs --from RUN"),
        (["--from", "a"], "give --recordings DIR or --score RUN, and not both"),
        (["--from", "a", "--recordings", "b", "--score", "c"], "give --recordings DIR or --score RUN, and not both"),
        (["--from", "a", "--score", "c", "--model", "m"], "leave out --model"),
    ],
)
def test_what_is_forecast_is_asked_for_once(options: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        app(["forecast", *options], standalone_mode=False)
