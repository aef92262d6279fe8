"""`robustness stream`: is fragility harmless when the model runs many times a second over a take?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from robustness.cli import options
from robustness.cli.grouping import gives_json
from robustness.cli.printing import answer, note, say
from robustness.cli.progress import progress_shown
from robustness.cli.repeating import repeated
from robustness.conditions import VARIANTS
from robustness.errors import DONE, UsageError

if TYPE_CHECKING:
    from robustness.jobs.stream import StreamRequest, StreamResult
    from robustness.models.classifier import Classifier

MOST_WORDS: Final = 40  # that have a sentence in the terminal; the page has more
EVERY_MS: Final = 100.0


@dataclass(frozen=True)
class StreamedModel:
    """The model."""

    panel: ClassVar[str] = "Model"
    model: Annotated[Path | None, typer.Option(help="The model card, a TOML file. Its network's code is run.")] = None
    weights: options.WeightsOption = None
    variants: options.VariantsOption = None
    device: options.Device = "cpu"
    threads: options.Threads = None


@dataclass(frozen=True)
class SpokenWords:
    """What is said in the takes."""

    panel: ClassVar[str] = "Words of the takes"
    labels: Annotated[
        list[Path],
        typer.Option(help="When which word is said, one file a take: a CSV (start_s, end_s, label), an Audacity label track, a TextGrid."),
    ] = field(default_factory=list)
    words: Annotated[str, typer.Option(help="The words of the one take in the order said, with commas, for a detector to find.")] = ""
    tolerance_ms: Annotated[float | None, typer.Option(help="How long after its end a word may be hit; by default the window.")] = None


@dataclass(frozen=True)
class Deciding:
    """When the device says a command."""

    panel: ClassVar[str] = "Decisions"
    rule: Annotated[
        str | None, typer.Option(help="The decision rule (`robustness list rules`); by default the card's [streaming], or plain.")
    ] = None
    threshold: Annotated[float | None, typer.Option(help="Of the rule; by default the card's, or the rule's usual one.")] = None
    setting: Annotated[list[str], typer.Option(help="Of the rule, as NAME=VALUE; several times for several.")] = field(default_factory=list)
    hop_ms: Annotated[
        float | None, typer.Option(help="How often the device answers: H; by default the card's, or 100, or as often as the scores are.")
    ] = None
    phase_ms: Annotated[float, typer.Option(help="How finely the first window's phase is moved; H or more tries one phase.")] = 20.0
    rules: Annotated[
        Path | None, typer.Option(help="Rules for what is streamed, as `robustness gate --stream` judges: a TOML file, or avs-like.")
    ] = None


@dataclass(frozen=True)
class OtherScores:
    """Scores of another engine, instead of a model and takes."""

    panel: ClassVar[str] = "Scores of another engine"
    scores: Annotated[Path | None, typer.Option(help="A CSV of time_s, label, score; wekws' list; MLPerf Tiny's log; a table of ours.")] = (
        None
    )
    label: Annotated[list[str], typer.Option(help="If they number their keywords: the name of each, in order.")] = field(
        default_factory=list
    )
    reject: Annotated[list[str], typer.Option(help="A label that is no command; by default the usual names.")] = field(default_factory=list)
    step_ms: Annotated[float, typer.Option(help="If they have no times: from one frame to the next.")] = 10.0


@gives_json
def stream(
    takes: Annotated[
        list[Path] | None, typer.Argument(help="Long recordings with words in them, or without: hours are read as a stream.")
    ] = None,
    *,
    given: StreamedModel,
    spoken: SpokenWords,
    deciding: Deciding,
    other: OtherScores,
    out: Annotated[Path, typer.Option(help="The folder to write: the page, the figures, the scores.")] = Path("reports/stream"),
    no_audio: options.NoAudio = False,
) -> int:
    """Run a model over takes as a device does, every H ms, and count hits, misses, wrong commands and false alarms an hour.

    Example: robustness stream --model models/commands.toml recordings/joe-take.wav --labels recordings/joe/spans.csv
    """
    if other.scores is None and (given.model is None or not takes):
        raise UsageError("a stream needs --model CARD and a TAKE, a long recording; or --scores FILE of another engine")
    if other.scores is not None and (given.model is not None or takes or spoken.words or len(spoken.labels) > 1):
        raise UsageError("--scores stands alone: leave the model, the takes and --words out, and give one --labels")

    from robustness.cli.verdict_lines import say_verdicts
    from robustness.gates.outputs import FOLDER, facts
    from robustness.gates.rule_checks import checked_rules
    from robustness.gates.rules import named_rules, read_rules
    from robustness.gates.run_judgement import judge_stream
    from robustness.jobs.stream import AskedDecisions, StreamRequest, said_of
    from robustness.jobs.stream_folder import write_stream
    from robustness.streaming.rules.base import PLAIN

    said = tuple(word.strip() for word in spoken.words.split(",") if word.strip())
    usual_ms = EVERY_MS if other.scores is None else 0.0
    hop_ms = usual_ms if deciding.hop_ms is None else deciding.hop_ms
    settings = settings_of(deciding.setting)
    request = StreamRequest(hop_ms, deciding.phase_ms, deciding.rule or PLAIN, deciding.threshold, settings, spoken.tolerance_ms, said)
    if given.model is not None:
        request = request.by_card(given.model, AskedDecisions(deciding.rule, deciding.hop_ms, deciding.threshold))
    rules = None if deciding.rules is None else checked_rules(read_rules(named_rules(deciding.rules)))
    result = _of_model(given, takes or [], spoken, request) if other.scores is None else _of_scores(other, spoken, request)
    for notice in result.notices:
        note(notice)
    page = write_stream(result, request, out, repeated(sys.argv[1:]), audio=not no_audio)
    judged = None if rules is None else judge_stream(out, rules, out)
    verdicts = {} if judged is None or rules is None else {"gate": facts(rules, judged.verdicts, judged.subject)}
    if not answer(said_of(result, request) | verdicts):
        say_result(result)
    status = DONE if judged is None else say_verdicts(judged.verdicts, out / FOLDER)
    say(page)
    return status


def _of_model(given: StreamedModel, takes: Sequence[Path], spoken: SpokenWords, request: StreamRequest) -> StreamResult:
    from robustness.jobs.stream import stream_models

    options.use_threads(given.threads)
    made = _variants(given)
    with progress_shown() as progress:
        return stream_models(made, takes, spoken.labels, request, progress)


def _of_scores(other: OtherScores, spoken: SpokenWords, request: StreamRequest) -> StreamResult:
    from robustness.jobs.stream import stream_scores
    from robustness.streaming.score_files import FileFacts

    if other.scores is None:
        raise TypeError("scores are asked for, and there is no file of them")
    facts = FileFacts(tuple(other.label), other.step_ms, frozenset(other.reject) or None)
    return stream_scores(other.scores, spoken.labels[0] if spoken.labels else None, request, facts)


def _variants(given: StreamedModel) -> list[Classifier]:
    from robustness.models.card import load_classifiers
    from robustness.quantization.variants import variants_of

    if given.model is None:
        raise TypeError("a stream without scores has a model")
    loaded = load_classifiers(given.model, weights=given.weights, device=given.device)
    usual = [one.variant for one in loaded] if loaded[0].deployed else VARIANTS
    made, left_out = variants_of(loaded, list(dict.fromkeys(given.variants or usual)))
    for one in left_out:
        note(str(one))
    return made


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
    from robustness.streaming.advice import advice_of
    from robustness.streaming.sentences import (
        alarms_sentence,
        failing_sentences,
        pairs_sentence,
        phases_sentence,
        repairs_sentence,
        states_sentence,
        stream_sentence,
    )

    for one in result.variants:
        hop_ms, first = one.phases.hop_ms, one.phases.figures[0]
        say(f"{one.name}: rule {one.rule.name}, an answer every {hop_ms:g} ms")
        parts = [
            stream_sentence(first),
            phases_sentence(one.phases),
            alarms_sentence(first),
            states_sentence(one.states, memory=one.memory) if one.memory else "",
        ]
        if one.repairs.words:
            parts += [repairs_sentence(one.repairs, hop_ms, one.phases.step_ms), *failing_sentences(one.records, hop_ms, MOST_WORDS)]
        for sentence in filter(None, [*parts, *(f"To do: {line}" for line in advice_of(one))]):
            say(f"  {sentence}")
    once = "" if not result.takes or any(one.memory for one in result.variants) else states_sentence((), memory=False)
    for sentence in filter(None, (pairs_sentence(result.pairs), once)):
        say(sentence)
