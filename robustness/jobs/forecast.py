"""Which new recordings fail, said before they are tried at a place; and how good such a forecast was, when they have been."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pandas as pd

from robustness.analysis.accuracy import known_speakers
from robustness.analysis.margin_forecast import BASES, FEWEST, HEARD, Basis, ForecastScore, PlaceForecast, left_out, said, score
from robustness.audio.labels import LabelSource
from robustness.audio.reading import Wish, open_recordings
from robustness.conditions import NONE
from robustness.errors import CannotJudgeError
from robustness.explanations.failures import PLACES, placed_trials
from robustness.explanations.good_run import shared_variants
from robustness.jobs.assess import Progress, execute, prepare
from robustness.jobs.request import Request
from robustness.run.folder import Run, RunWriter
from robustness.run.integrity import checked_run
from robustness.run.perturbations import perturbation_facts
from robustness.sweep.manifest import models_of


class ForecastAnswer(NamedTuple):
    """What is said of one recording at one place, for a variant.

    Attributes:
        recording, word, variant, placement: of what.
        margin: the outcome margin that is forecast, in log-odds.
        fails: whether that is 0 or less.
        basis: from what: the word alone, or the margin at the reference as well.
    """

    recording: str
    word: str
    variant: str
    placement: str
    margin: float
    fails: bool
    basis: Basis


@dataclass(frozen=True)
class Forecast:
    """Forecasts of new recordings, and how good they are on those of the run, of other speakers.

    Attributes:
        answers: of each new recording, place and variant.
        scores: of each place and variant.
        notices: what reading the new recordings had to say.
    """

    answers: Sequence[ForecastAnswer]
    scores: Sequence[ForecastScore]
    notices: Sequence[str] = ()


def forecast_unheard(path: Path, recordings: Sequence[Path], labels: LabelSource) -> Forecast:
    """Says of recordings that no network has heard who fails, from their words alone.

    Raises:
        CannotJudgeError: the run teaches nothing of any place.
        RobustnessError: the run or the recordings cannot be used.
    """
    run = checked_run(path)
    places = _places(run)
    model = run.manifest["models"][0]
    reading = open_recordings(recordings, Wish(model["rate_hz"], None), labels=labels)
    words = {one.id: _truth(one.label, model) for one in reading.clips if one.label is not None}
    rows = pd.DataFrame({"recording": list(words), "word": list(words.values()), "reference": float("nan")}).dropna(subset="word")
    if not len(rows):
        raise CannotJudgeError(f"no recording has a word that {model['name']} knows, and without --model words alone tell; give its words")
    answers = [one for key, known in places.items() for one in _answers(key, known, rows, "word")]
    return Forecast(answers, _scores(places, "word"), reading.notices)


def forecast_heard(path: Path, request: Request, progress: Progress) -> Forecast:
    """The same of recordings that are heard once, at the reference placement.

    Raises:
        RobustnessError: as of `forecast_unheard`, or the run is of another model.
    """
    run = checked_run(path)
    places = _places(run)
    job = prepare(request, progress)
    models = models_of(job.classifiers, job.cards)
    names = {own: there for model in models for own, there in shared_variants(run, model, several=len(models) > 1).items()}
    clean = [one for one in job.plan.conditions if one.perturbation == NONE]
    with TemporaryDirectory() as folder:
        heard = execute(job._replace(plan=job.plan.only(clean, no_word=False)), RunWriter(Path(folder) / "run"), progress, lambda *_: None)
        rows = placed_trials(heard, perturbation_facts(heard.manifest))
    rows = rows.rename(columns={"label": "word", "outcome_margin": "reference"})
    answers = []
    for own, there in names.items():
        mine = rows[rows["variant"].astype(str) == own]
        answers += [one for key, known in places.items() if key[0] == there for one in _answers(key, known, mine, HEARD)]
    return Forecast(answers, _scores(places, HEARD), job.reading.notices)


def score_forecast(path: Path, later: Path) -> list[ForecastScore]:
    """How good the forecast of a run was of the recordings of a later one, which has tried them.

    A forecast follows from its run alone, so it is made again from that; of the later run it takes the words and the margins at the
    reference. A recording that stands in both is left out.

    Raises:
        CannotJudgeError: they share no place.
        RunError: one is no run, or they are of different models.
    """
    first, second = checked_run(path), checked_run(later)
    models = second.manifest["models"]
    names = {own: there for model in models for own, there in shared_variants(first, model, several=len(models) > 1).items()}
    places, tried = _places(first), _places(second, least=1)
    known, mine = set(first.recordings()["sha256"].astype(str)), second.recordings()
    again = set(mine["id"].astype(str)[mine["sha256"].astype(str).isin(known)])
    found = []
    for (own, placement), rows in tried.items():
        taught, new = places.get((names[own], placement)), rows[~rows["recording"].isin(again)]
        if taught is not None and len(new):
            model = PlaceForecast.of(taught)
            found.append(score(own, placement, new.assign(**{basis: said(model, new, basis) for basis in BASES})))
    if not found:
        raise CannotJudgeError(f"{later} has no new recording at a place of {path}; give a run of other recordings at the same placements")
    return found


Key = tuple[str, str]  # variant, placement


def _places(run: Run, least: int = FEWEST) -> dict[Key, pd.DataFrame]:
    """What a run knows of each place but the reference: word, group, margin at the reference and there, by recording."""
    rows = placed_trials(run, perturbation_facts(run.manifest))
    speakers = known_speakers(run.recordings().set_index("id")["speaker"])
    rows = rows.dropna(subset=["outcome_margin"]).assign(variant=rows["variant"].astype(str), recording=rows["recording"].astype(str))
    reference = run.manifest["models"][0]["reference"]
    at_reference = rows[rows["placement"] == reference].set_index(["variant", "recording"])["outcome_margin"]
    found = {}
    for (variant, placement), there in rows[rows["placement"] != reference].groupby(["variant", "placement"], observed=True):
        names = there["recording"]
        group = names if speakers is None or len(set(speakers.values())) == 1 else names.map(speakers)
        own = at_reference.reindex(pd.MultiIndex.from_product([[variant], names])).to_numpy()
        known = {"recording": names, "word": there["label"].astype(str), "group": group}
        table = pd.DataFrame({**known, "reference": own, "margin": there["outcome_margin"].astype(float)}).dropna()
        if len(table) >= least:
            found[str(variant), str(placement)] = table.reset_index(drop=True)
    if not found:
        raise CannotJudgeError(
            f"{run.path} has no place but the reference with {least} recordings or more; "
            f"make it with --perturbation padding-placement, on more recordings"
        )
    order = [variant["name"] for model in run.manifest["models"] for variant in model["variants"]]
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0][0]), PLACES.index(item[0][1]))))


def _scores(places: Mapping[Key, pd.DataFrame], basis: Basis) -> list[ForecastScore]:
    return [score(*key, left_out(rows), basis) for key, rows in places.items()]


def _answers(key: Key, known: pd.DataFrame, rows: pd.DataFrame, basis: Basis) -> Iterator[ForecastAnswer]:
    taught = PlaceForecast.of(known)
    for recording, word, margin in zip(rows["recording"], rows["word"], said(taught, rows, basis), strict=True):
        yield ForecastAnswer(str(recording), str(word), *key, margin, margin <= 0, basis)


def _truth(label: str, model: Mapping[str, Any]) -> str | None:
    """The label that is right for a word; None where the model has none for it."""
    known: str | None = model["unknown"]
    return label if label in model["labels"] else known
