"""Whether the numbers of first screen, outcomes, table and cards are those of the trials, and whether the advice is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robustness.audio.selection import Selection
from robustness.jobs.assess import assess
from robustness.jobs.request import Explaining, Request
from robustness.run.folder import Run
from robustness.sweep.plan import Settings
from tests.made_once import digits_reported
from tests.report.recount import PRE_ROLL, VERDICT, Recount, recount_of

PLACES = Settings(perturbations=("padding-placement", "time-shift"))
FEW = Explaining(cards=4)  # a card takes a second, and the first ones are read like the last
Make = Callable[[Path, Path], tuple[Request, Path | None]]


def digits(root: Path, _shared: Path) -> tuple[Request, Path | None]:
    """Of this there is a run with more in it."""
    return Request((root / "models" / "digits.toml",), (root / "recordings" / "joe",)), None


def hardened(root: Path, _shared: Path) -> tuple[Request, Path | None]:
    return Request((root / "models" / "digits-hardened.toml",), (root / "recordings" / "joe",), settings=PLACES, explaining=FEW), None


def tutorial(root: Path, shared: Path) -> tuple[Request, Path | None]:
    weights = shared / "tutorial" / "speech_commands_model.pt"
    card, recordings = root / "models" / "tutorial.toml", shared / "tutorial" / "recordings"
    return Request((card,), (recordings,), weights=weights, settings=PLACES, explaining=FEW), weights


def real_clips(root: Path, shared: Path) -> tuple[Request, Path | None]:
    card = root / "models" / "commands.toml"
    return Request((card,), (shared / "speech_commands",), selection=Selection(sample=40), settings=PLACES, explaining=FEW), None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counted")


@pytest.fixture(scope="module", params=[digits, hardened, tutorial, real_clips])
def found(request: pytest.FixtureRequest, root: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Recount:
    make = request.param
    shared = request.getfixturevalue("shared") if make in (tutorial, real_clips) else root.parent / "shared"
    wanted, weights = make(root, shared)
    place = folder / make.__name__
    made = digits_reported(tmp_path_factory, root) if make is digits else None
    run = made or (Run.open(place) if place.exists() else assess(wanted, place))
    return recount_of(run, wanted.models[0], wanted.recordings, weights, wanted.selection.sample)


@pytest.mark.slow
def test_the_page_says_what_the_trials_say(found: Recount) -> None:
    assert found.disagreements() == []


def test_what_was_counted_is_there_to_be_counted(found: Recount) -> None:
    assert found.trials["recounted"].nunique() >= 3
    if found.model["name"] == "digits":
        assert VERDICT.search(found.text) is not None
        assert PRE_ROLL.search(found.text) is not None


@pytest.mark.parametrize("found", [digits], indirect=True)
def test_a_page_that_says_otherwise_is_found_out(found: Recount) -> None:
    other = Recount(found.run, found.network, found.recordings)
    other.__dict__["page"] = found.page.replace("8 missed", "7 missed").replace("8 of 10 commands are", "7 of 10 commands are")
    assert {said.split(":")[0] for said in other.disagreements()} == {"bars", "verdict"}
