"""Is the command on a failure's card the one that explains that recording there?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robustness.report.cards.command import command_for, options_of
from robustness.report.view import View
from tests.evidence_records import card_record
from tests.report.planted import Plan, write_run

ONE = "robustness report --model models/m.toml --recordings words"
START = {"perturbation": "padding-placement", "placement": "start", "fill": "zeros"}


def said(folder: Path, repeat: str, models: tuple[str, ...] = (), **changes: Any) -> str | None:
    """The command on the card of a failure of up/a b.wav at the start, in a run that this command made."""
    run = write_run(Plan(["up"], models=models, manifest={"repeat": repeat}), folder)
    facts = {"recording": "up/a b.wav", "word": "up", "offset_ms": 0.0, "condition": START, "worst_variant": "float32"}
    return command_for(View(run), card_record(**{**facts, **changes}))


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        (ONE, "--model models/m.toml 'words/up/a b.wav' --placement start --label up --recordings words"),
        (
            f"{ONE} --weights w.pt --trim never",
            "'words/up/a b.wav' --placement start --label up --recordings words --weights w.pt --trim never",
        ),
        (f"{ONE} --threshold 0.7 --calibration c", "--placement start --label up --recordings words --calibration c --threshold 0.7"),
        (f"{ONE} --variant static-int8 --variant float32", "--recordings words --variant static-int8 --variant float32"),
        (f"{ONE} --labels=l.csv --label-column word --skip-bad", "--recordings words --labels l.csv --label-column word --skip-bad"),
        ("robustness report --model m.toml --recordings d/list.csv", "'d/up/a b.wav' --placement start --label up --recordings d/list.csv"),
    ],
)
def test_it_has_what_the_run_had(tmp_path: Path, repeat: str, expected: str) -> None:
    found = said(tmp_path / "run", repeat)
    assert found is not None
    assert found.startswith("robustness explain --model ")
    assert found.endswith(expected)


def test_a_lead_that_has_no_name_is_given_in_ms(tmp_path: Path) -> None:
    found = said(tmp_path / "run", ONE, offset_ms=37.5, condition={**START, "placement": "offset"})
    assert found is not None
    assert found.endswith("--offset-ms 37.5 --label up --recordings words")


def test_in_noise_it_names_the_kind_the_level_and_the_draw(tmp_path: Path) -> None:
    noise = {"perturbation": "background-noise", "placement": "center", "fill": "zeros", "level": 10.0, "draw": 2}
    found = said(tmp_path / "run", f"{ONE} --noises noises", condition=noise)
    assert found is not None
    assert found.endswith(
        "--placement center --perturbation background-noise --level 10 --draw 2 --noises noises --label up --recordings words"
    )


def test_the_padding_is_named_where_it_is_no_silence(tmp_path: Path) -> None:
    found = said(tmp_path / "run", ONE, condition={**START, "fill": "floor"})
    assert found is not None
    assert "--placement start --fill floor --label up" in found


def test_a_recording_given_as_a_file_is_that_file(tmp_path: Path) -> None:
    found = said(tmp_path / "run", "robustness report --model m.toml --recordings up/x.wav", recording="x.wav")
    assert found == "robustness explain --model m.toml up/x.wav --placement start --label up --recordings up/x.wav"


def test_of_several_models_it_is_the_one_that_fails(tmp_path: Path) -> None:
    both = "robustness report --model a.toml --model b.toml --recordings words"
    found = said(tmp_path / "run", both, models=("first", "second"), worst_variant="second · float32")
    assert found is not None
    assert "--model b.toml" in found


@pytest.mark.parametrize(
    ("repeat", "changes"),
    [
        ("", {}),
        ("robustness report --model 'open --recordings words", {}),
        (f"{ONE} --recordings more", {}),
    ],
)
def test_there_is_none_where_it_cannot_be_told(tmp_path: Path, repeat: str, changes: dict[str, Any]) -> None:
    assert said(tmp_path / "run", repeat, **changes) is None


def test_an_option_without_a_value_takes_none() -> None:
    assert options_of("robustness report --skip-bad --model=m.toml --seed 3") == {"--model": ["m.toml"], "--seed": ["3"]}
