"""`robustness threshold`: which threshold keeps a model within a budget of false alarms an hour?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from robustness.cli import options
from robustness.cli.printing import note, say
from robustness.cli.progress import progress_shown
from robustness.errors import UsageError


@dataclass(frozen=True)
class OneVariant:
    """The model."""

    panel: ClassVar[str] = "Model"
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None
    weights: options.WeightsOption = None
    variant: Annotated[str | None, typer.Option(help="The variant that ships; by default the card's own network.")] = None
    device: options.Device = "cpu"
    threads: options.Threads = None


@dataclass(frozen=True)
class BudgetOptions:
    """What is allowed, and how the device decides."""

    panel: ClassVar[str] = "Budget"
    budget: Annotated[str, typer.Option(help="False alarms in a time, such as 0.5/h or 3/day.")] = "0.5/h"
    negatives: Annotated[list[Path], typer.Option(help="Takes without a command, or folders of them; two takes or more.")] = field(
        default_factory=list
    )
    hop_ms: Annotated[float, typer.Option(help="How often the device answers: H.")] = 100.0
    per_label: Annotated[
        bool, typer.Option("--per-label", help="A threshold for each command, sharing the budget; by default one for all.")
    ] = False
    refractory_ms: Annotated[float, typer.Option(help="How long nothing is said after a detection.")] = 1000.0


def threshold(
    *,
    given: OneVariant,
    recordings: options.RecordingsOption = [],  # noqa: B006 - typer reads it once
    words: options.LabelOptions,
    asked: BudgetOptions,
    report: Annotated[Path, typer.Option(help="The folder of the page with what the thresholds cost.")] = Path("reports/threshold"),
    out: Annotated[
        Path | None, typer.Option(help="A copy of the card with the threshold, beside the card; by default none is written.")
    ] = None,
    seed: options.Seed = 0,
    skip_bad: options.SkipBad = False,
) -> None:
    """Choose a threshold for a budget of false alarms an hour on one half of the speakers, and confirm it on the other.

    Example: robustness threshold --model card.toml --recordings words --negatives room-recordings --budget 0.5/h --out card-0.5.toml
    """
    if given.model is None or not recordings or not asked.negatives:
        raise UsageError("a threshold needs --model CARD, --recordings DIR of words, and --negatives DIR of takes without a command")

    from robustness.audio.reading import Wish, open_recordings
    from robustness.jobs.threshold import Budget, choose_threshold, read_budget, threshold_sentences, write_threshold, write_threshold_page
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of
    from robustness.report.threshold_page import About

    budget = Budget(read_budget(asked.budget), asked.hop_ms, asked.refractory_ms, seed, asked.per_label)
    options.use_threads(given.threads)
    loaded = load_classifiers(given.model, weights=given.weights, device=given.device)
    made, left_out = variants_of(loaded, [given.variant or loaded[0].variant])
    for one in left_out:
        note(str(one))
    reading = open_recordings(recordings, Wish(made[0].frame.rate_hz), labels=words.source(), skip_bad=skip_bad)
    options.tell(reading)
    with progress_shown() as progress:
        found = choose_threshold(made[0], reading.recordings, asked.negatives, budget, progress)
    sentences = threshold_sentences(found, budget)
    for sentence in sentences:
        say(sentence)
    say(write_threshold_page(found, About(made[0].name, sentences, budget.per_hour, budget.refractory_ms), report))
    if out is not None:
        write_threshold(given.model, found.values if found.value is None else found.value, out)
        say(out)
