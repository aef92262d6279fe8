"""`robustness stream`: is fragility harmless when the model runs many times a second over a take?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.cli.report import progress_bar
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.jobs.stream import StreamResult


def stream(
    takes: Annotated[
        list[Path] | None, typer.Argument(help="Long recordings with words in them, or without: hours are read as a stream.")
    ] = None,
    *,
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="When which word is said, one file a take: a CSV (start_s, end_s, label), an Audacity label track, a TextGrid."),
    ] = None,
    words: Annotated[str, typer.Option(help="The words of the one take in the order said, with commas, for a detector to find.")] = "",
    rule: Annotated[str, typer.Option(help="When the device says a command (`robustness list rules`).")] = "plain",
    threshold: Annotated[float | None, typer.Option(help="Of the rule; by default the card's, or the rule's usual one.")] = None,
    setting: Annotated[list[str] | None, typer.Option(help="Of the rule, as NAME=VALUE; several times for several.")] = None,
    hop_ms: Annotated[float, typer.Option(help="How often the device answers: H.")] = 100.0,
    phase_ms: Annotated[float, typer.Option(help="How finely the first window's phase is moved; H or more tries one phase.")] = 20.0,
    tolerance_ms: Annotated[float | None, typer.Option(help="How long after its end a word may be hit; by default the window.")] = None,
    variants: options.Variants = None,
    weights: options.Weights = None,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Run a model over takes as a device does, every H ms, and count hits, misses, wrong commands and false alarms an hour.

    Example: robustness stream --model models/commands.toml recordings/joe-take.wav --labels recordings/joe/spans.csv
    """
    if model is None or not takes:
        raise UsageError("a stream needs --model CARD and a TAKE, a long recording")

    from robustness.jobs.stream import StreamRequest, said_of, stream_models
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of

    said = tuple(word.strip() for word in words.split(",") if word.strip())
    request = StreamRequest(hop_ms, phase_ms, rule, threshold, settings_of(setting or ()), tolerance_ms, said)
    options.use_threads(threads)
    given, left_out = variants_of(load_classifiers(model, weights=weights, device=device), list(dict.fromkeys(variants or VARIANTS)))
    with progress_bar() as progress:
        result = stream_models(given, takes, labels or [], request, progress)
    for notice in (*left_out, *result.notices):
        warn(f"note: {notice}")
    if as_json:
        for line in json.dumps(said_of(result, request), indent=1, ensure_ascii=False, allow_nan=False).splitlines():
            say(line)
    else:
        say_result(result)


def settings_of(given: Sequence[str]) -> dict[str, str]:
    """The settings of `--setting NAME=VALUE`.

    Raises:
        UsageError: one is not of that form.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--setting {text} says nothing; give a name and a value, such as --setting refractory_ms=500")
        found[name.replace("-", "_")] = value
    return found


def say_result(result: StreamResult) -> None:
    """The result in sentences, variant by variant."""
    from robustness.streaming.sentences import alarms_sentence, failing_sentences, phases_sentence, repairs_sentence, stream_sentence

    for one in result.variants:
        hop_ms, first = one.phases.hop_ms, one.phases.figures[0]
        say(f"{one.name}: rule {one.rule.name}, an answer every {hop_ms:g} ms")
        parts = [stream_sentence(first), phases_sentence(one.phases), alarms_sentence(first)]
        if one.repairs.words:
            parts += [repairs_sentence(one.repairs, hop_ms, one.phases.step_ms), *failing_sentences(one.records, hop_ms)]
        for sentence in filter(None, parts):
            say(f"  {sentence}")
