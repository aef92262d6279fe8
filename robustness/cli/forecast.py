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
        _say_scores(scores, "that are new in the later run")
        answer({"status": 0, "scores": scores})
        return
    found = _made(given.from_run, given, hearing, words)
    for notice in found.notices:
        note(notice)
    _say_answers(found.answers)
    _say_scores(found.scores, "of the run, each left out when it is forecast,")
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


def _say_scores(scores: Sequence[ForecastScore], which: str) -> None:
    """How good forecasts are, and whether the word adds to them."""
    from robustness.report.words import PLACES, number, plural

    for one in scores:
        how = "" if one.basis == "reference and word" else ", from the word alone"
        hits, wrong = f"{number(one.hits)} of them {'is' if one.hits == 1 else 'are'}", plural(one.false_alarms, "false alarm")
        fail = f"{number(one.failing)} of {plural(one.recordings, 'recording')} {which} fail{'s' if one.failing == 1 else ''}"
        say(f"how good that is: {PLACES[one.placement]}, {one.variant}, {fail}; {hits} forecast{how}, with {wrong}{_anyway(one)}")
        off = {basis: number(error, 2) for basis, error in one.errors.items()}
        say(
            f"  mean error in logits: {off['reference and word']} from the reference and the word, {off['reference']} from the reference "
            f"alone, {off['word']} from the word alone, {off['constant']} from a constant; {_adds(one)}"
        )


def _anyway(one: ForecastScore) -> str:
    """Those that fail at the reference as well, of which a forecast tells nothing new."""
    from robustness.report.words import number

    if not one.failing_anyway:
        return ""
    new, hits = one.failing - one.failing_anyway, one.hits - one.hits_anyway
    rest = f"; of the other {number(new)}, {number(hits) if hits else 'none'} {'is' if hits < 2 else 'are'} forecast" if new else ""
    return f". {number(one.failing_anyway)} of them fail{'s' if one.failing_anyway == 1 else ''} at the reference as well{rest}"


def _adds(one: ForecastScore) -> str:
    from robustness.report.words import number

    known = "to the margin at the reference" if one.basis == "reference and word" else "to a constant"
    ends = f"{number(one.gain, 2)} logits less error, {number(one.gain_low, 2)} to {number(one.gain_high, 2)}"
    if one.adds:
        return f"the word adds {known}: {ends}"
    return f"the word adds nothing {known} that these recordings can show ({ends})"
