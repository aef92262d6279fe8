"""`robustness stream`: is fragility harmless when the model runs many times a second over a take?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from robustness.cli import options
from robustness.cli.printing import say, warn
from robustness.cli.report import progress_bar, repeated
from robustness.conditions import VARIANTS
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.jobs.stream import StreamResult
    from robustness.models.classifier import Classifier

MOST_WORDS: Final = 40  # that have a sentence in the terminal; the page has more


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
    hop_ms: Annotated[
        float | None, typer.Option(help="How often the device answers: H; by default 100, or as often as the scores are.")
    ] = None,
    phase_ms: Annotated[float, typer.Option(help="How finely the first window's phase is moved; H or more tries one phase.")] = 20.0,
    scores: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a model and takes: another engine's scores (a CSV of time_s, label, score; wekws; MLPerf Tiny's log)."
        ),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="Of scores that number their keywords: the name of each, in order.")] = None,
    reject: Annotated[list[str] | None, typer.Option(help="Of scores: a label that is no command; by default the usual names.")] = None,
    step_ms: Annotated[float, typer.Option(help="Of scores without times: from one frame to the next.")] = 10.0,
    tolerance_ms: Annotated[float | None, typer.Option(help="How long after its end a word may be hit; by default the window.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write: the page, the figures, the scores.")] = Path("reports/stream"),
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Keep no sound: voices are personal data.")] = False,
    variants: options.Variants = None,
    weights: options.Weights = None,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")] = False,
) -> None:
    """Run a model over takes as a device does, every H ms, and count hits, misses, wrong commands and false alarms an hour.

    Example: robustness stream --model models/commands.toml recordings/joe-take.wav --labels recordings/joe/spans.csv
    """
    if scores is None and (model is None or not takes):
        raise UsageError("a stream needs --model CARD and a TAKE, a long recording; or --scores FILE of another engine")
    if scores is not None and (model is not None or takes or words or len(labels or ()) > 1):
        raise UsageError("--scores stands alone: leave the model, the takes and --words out, and give one --labels")

    from robustness.jobs.stream import StreamRequest, said_of, stream_models, stream_scores
    from robustness.jobs.stream_folder import write_stream
    from robustness.streaming.score_files import FileFacts

    said = tuple(word.strip() for word in words.split(",") if word.strip())
    usual = 100.0 if scores is None else 0.0
    hop = usual if hop_ms is None else hop_ms
    request = StreamRequest(hop, phase_ms, rule, threshold, settings_of(setting or ()), tolerance_ms, said)
    if scores is not None:
        facts = FileFacts(tuple(label or ()), step_ms, frozenset(reject) if reject else None)
        result = stream_scores(scores, labels[0] if labels else None, request, facts)
    else:
        options.use_threads(threads)
        given = _variants(model, weights, device, variants)
        with progress_bar() as progress:
            result = stream_models(given, takes or [], labels or [], request, progress)
    for notice in result.notices:
        warn(f"note: {notice}")
    page = write_stream(result, request, out, repeated(sys.argv[1:]), audio=not no_audio)
    if as_json:
        for line in json.dumps(said_of(result, request), indent=1, ensure_ascii=False, allow_nan=False).splitlines():
            say(line)
    else:
        say_result(result)
        say(page)


def _variants(model: Path | None, weights: Path | None, device: str, variants: Sequence[str] | None) -> list[Classifier]:
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of

    if model is None:
        raise TypeError("a stream without scores has a model")
    loaded = load_classifiers(model, weights=weights, device=device)
    given, left_out = variants_of(
        loaded, list(dict.fromkeys(variants or ([one.variant for one in loaded] if loaded[0].deployed else VARIANTS)))
    )
    for one in left_out:
        warn(f"note: {one}")
    return given


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
            parts += [repairs_sentence(one.repairs, hop_ms, one.phases.step_ms), *failing_sentences(one.records, hop_ms, MOST_WORDS)]
        for sentence in filter(None, parts):
            say(f"  {sentence}")
