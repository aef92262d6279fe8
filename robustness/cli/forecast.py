"""`robustness forecast`: who fails at a place, before it is tried there; and how good the forecast was, when it has been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from robustness.cli import options
from robustness.cli.grouping import gives_json
from robustness.cli.printing import answer, note, say
from robustness.cli.progress import progress_shown
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.analysis.margin_forecast import ForecastScore
    from robustness.jobs.forecast import Forecast, ForecastAnswer

MOST: Final = 12  # recordings told by name for a variant and place; --json has all


@dataclass(frozen=True)
class ForecastOptions:
    """What is forecast, from what."""

    panel: ClassVar[str] = "Forecast"
    from_run: Annotated[Path | None, typer.Option("--from", help="The run that the forecast is made from.")] = None
    recordings: Annotated[list[Path], typer.Option("--recordings", help="New recordings; several times for several folders.")] = field(
        default_factory=list
    )
    score: Annotated[Path | None, typer.Option("--score", help="A later run, of new recordings: say how good the forecast was.")] = None


@dataclass(frozen=True)
class HearingOptions:
    """The model of the run, to hear each new recording once."""

    panel: ClassVar[str] = "Model"
    model: Annotated[
        Path | None,
        typer.Option(help="The run's model card: new recordings are heard once, at the reference. Without it, words alone tell."),
    ] = None
    weights: options.WeightsOption = None
    variants: options.VariantsOption = None


@gives_json
def forecast(given: ForecastOptions, hearing: HearingOptions, words: options.LabelOptions) -> None:
    """Say which new recordings fail at the start or the end of the window before they are tried there.

    Example: robustness forecast --from reports/digits --recordings recordings/heart --model models/digits.toml
    """
    if given.from_run is None:
        raise UsageError("a forecast needs --from RUN, and --recordings DIR or --score RUN")
    if bool(given.recordings) is (given.score is not None):
        raise UsageError("a forecast is of new recordings, or of a later run: give --recordings DIR or --score RUN, and not both")
    if given.score is not None:
        if hearing.model is not None:
            raise UsageError("--score takes the margins of the later run and hears nothing; leave out --model")
        from robustness.jobs.forecast import score_forecast

        scores = score_forecast(given.from_run, given.score)
        _say_scores(scores, "new in the later run")
        answer({"status": 0, "scores": scores})
        return
    found = _made(given.from_run, given, hearing, words)
    for notice in found.notices:
        note(notice)
    _say_answers(found.answers)
    _say_scores(found.scores, "each left out when it is forecast")
    answer({"status": 0, "forecasts": found.answers, "scores": found.scores})


def _made(run: Path, given: ForecastOptions, hearing: HearingOptions, words: options.LabelOptions) -> Forecast:
    from robustness.jobs.forecast import forecast_heard, forecast_unheard
    from robustness.jobs.request import Request

    if hearing.model is None:
        return forecast_unheard(run, given.recordings, words.source())
    request = Request(
        models=(hearing.model,),
        recordings=tuple(given.recordings),
        weights=hearing.weights,
        variants=tuple(dict.fromkeys(hearing.variants or VARIANTS)),
        labels=words.source(),
    )
    with progress_shown() as progress:
        return forecast_heard(run, request, progress)


def _say_answers(answers: Sequence[ForecastAnswer]) -> None:
    from robustness.report.words import PLACES, number, plural

    for variant, place in dict.fromkeys((one.variant, one.placement) for one in answers):
        mine = sorted((one for one in answers if (one.variant, one.placement) == (variant, place)), key=lambda one: one.margin)
        failing = [one for one in mine if one.fails]
        verb = "is" if len(failing) == 1 else "are"
        say(f"{PLACES[place]}, {variant}: {number(len(failing))} of {plural(len(mine), 'recording')} {verb} forecast to fail")
        for one in failing[:MOST]:
            say(f"  {one.recording} ({one.word}): margin {number(one.margin, 1)}")
        if len(failing) > MOST:
            say(f"  and {number(len(failing) - MOST)} more; --json has all")


def _say_scores(scores: Sequence[ForecastScore], where: str) -> None:
    """How good forecasts are, and whether the word adds to them."""
    from robustness.report.words import PLACES, number, plural

    for one in scores:
        known, wrong = plural(one.recordings, "recording"), f"{number(one.failing)} fail{'s' if one.failing == 1 else ''}"
        hits = f"{number(one.hits)} of these {'is' if one.hits == 1 else 'are'} predicted, with {plural(one.false_alarms, 'false alarm')}"
        off = {basis: number(error, 2) for basis, error in one.errors.items()}
        say(f"how good that is {PLACES[one.placement]}, {one.variant}: of {known}, {where}, {wrong}; {hits}")
        say(
            f"  mean error in logits: {off['reference and word']} from the reference and the word, {off['reference']} from the reference "
            f"alone, {off['word']} from the word alone, {off['constant']} from a constant; {_adds(one)}"
        )


def _adds(one: ForecastScore) -> str:
    from robustness.report.words import number

    if one.adds:
        return f"the word adds to the margin at the reference: {number(one.gain, 2)} logits less error"
    return "the word adds nothing to the margin at the reference that these recordings can show"
