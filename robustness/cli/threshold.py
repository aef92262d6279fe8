"""`robustness threshold`: which threshold keeps a model within a budget of false alarms an hour?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.cli.report import progress_bar
from robustness.errors import UsageError


def threshold(
    *,
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None,
    recordings: options.Recordings = [],  # noqa: B006 - typer reads it once
    negatives: Annotated[list[Path] | None, typer.Option(help="Takes without a command, or folders of them; two takes or more.")] = None,
    budget: Annotated[str, typer.Option(help="False alarms in a time, such as 0.5/h or 3/day.")] = "0.5/h",
    out: Annotated[
        Path | None, typer.Option(help="A copy of the card with the threshold, beside the card; by default none is written.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="The variant that ships; by default the card's own network.")] = None,
    hop_ms: Annotated[float, typer.Option(help="How often the device answers: H.")] = 100.0,
    refractory_ms: Annotated[float, typer.Option(help="How long nothing is said after a detection.")] = 1000.0,
    labels: options.Labels = None,
    label_column: options.LabelColumn = "label",
    path_column: options.PathColumn = "path",
    label_pattern: options.LabelPattern = None,
    weights: options.Weights = None,
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    skip_bad: options.SkipBad = False,
) -> None:
    """Choose a threshold for a budget of false alarms an hour on one half of the speakers, and confirm it on the other.

    Example: robustness threshold --model card.toml --recordings words --negatives room-recordings --budget 0.5/h --out card-0.5.toml
    """
    if model is None or not recordings or not negatives:
        raise UsageError("a threshold needs --model CARD, --recordings DIR of words, and --negatives DIR of takes without a command")

    from robustness.audio.labels import LabelSource
    from robustness.audio.reading import Wish, open_recordings
    from robustness.jobs.threshold import Budget, choose_threshold, read_budget, threshold_sentences, write_threshold
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of

    asked = Budget(read_budget(budget), hop_ms, refractory_ms, seed)
    options.use_threads(threads)
    loaded = load_classifiers(model, weights=weights, device=device)
    made, left_out = variants_of(loaded, [variant or loaded[0].variant])
    for one in left_out:
        warn(f"note: {one}")
    source = LabelSource(csv=labels, column=label_column, pattern=label_pattern, path_column=path_column)
    reading = open_recordings(recordings, Wish(made[0].frame.rate_hz), labels=source, skip_bad=skip_bad)
    options.tell(reading)
    with progress_bar() as progress:
        found = choose_threshold(made[0], reading.recordings, negatives, asked, progress)
    for sentence in threshold_sentences(found, asked):
        say(sentence)
    if out is not None:
        write_threshold(model, found.value, out)
        say(out)
