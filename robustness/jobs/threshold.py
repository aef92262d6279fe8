"""At which threshold does a model stay within a budget of false alarms an hour, and what does that cost in words missed?

The threshold is chosen on one half of the speakers and of the negatives, and confirmed on the other. Words are composed into a take with
pauses and streamed as a device hears them; negatives are sounds without a command. One threshold for all commands, of the plain rule.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.files import READ
from robustness.audio.recordings import Recording
from robustness.audio.streaming import Clip, Recordings, known
from robustness.audio.takes import open_take
from robustness.errors import CannotJudgeError, RecordingError, UsageError
from robustness.jobs.compose import Composition, compose
from robustness.jobs.stream import named
from robustness.models.classifier import Classifier
from robustness.run.atomic import write_text
from robustness.streaming.curve import operating_curve
from robustness.streaming.figures import StreamFigures, figures_of, hours_needed
from robustness.streaming.matching import Timeline, match
from robustness.streaming.rules.plain import Plain
from robustness.streaming.scores import Scores
from robustness.streaming.sentences import counted, shown
from robustness.streaming.spans import read_spans
from robustness.sweep.takes import scores_of

BUDGET: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*(h|hour|day|d))?\s*")
HOURS: Final = {"h": 1.0, "hour": 1.0, "d": 24.0, "day": 24.0}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Budget:
    """What is asked.

    Attributes:
        per_hour: false alarms, at most.
        hop_ms: from one answer of the device to the next.
        refractory_ms: of the plain rule.
        seed: of the composed take.
    """

    per_hour: float
    hop_ms: float = 100.0
    refractory_ms: float = 1000.0
    seed: int = 0


class ChosenThreshold(NamedTuple):
    """A threshold, and how it did.

    Attributes:
        value: the threshold.
        chosen: the figures of the half on which it was chosen.
        confirmed: those of the other half.
    """

    value: float
    chosen: StreamFigures
    confirmed: StreamFigures


class _Half(NamedTuple):
    """One half: its scores and the words in them, a take each."""

    scores: list[Scores]
    timelines: list[Timeline]


def read_budget(text: str) -> float:
    """False alarms an hour of `0.5/h` or `3/day`.

    Raises:
        UsageError: it is none.
    """
    found = BUDGET.fullmatch(text)
    if found is None or float(found.group(1)) <= 0:
        raise UsageError(f"--budget is {text!r}; expected false alarms above 0 in a time, such as 0.5/h or 3/day")
    return float(found.group(1)) / HOURS[found.group(2) or "h"]


def choose_threshold(
    classifier: Classifier, recordings: Sequence[Recording], negatives: Sequence[Path], budget: Budget, progress: Progress
) -> ChosenThreshold:
    """The lowest threshold within the budget that hits most words on one half, and what it does on the other.

    Args:
        classifier: one variant.
        recordings: of words, with labels, at its rate.
        negatives: takes without a command; folders of them.
        budget: what is asked.
        progress: told what is done.

    Raises:
        RecordingError: a half would have no word, or no negative.
        CannotJudgeError: no threshold is within the budget on the first half.
    """
    files = negatives_in(negatives)
    halves = [_half(classifier, part, files[at::2], budget, progress) for at, part in enumerate(halves_of(recordings))]
    first, second = halves
    curve = operating_curve(first.scores, first.timelines, 1, budget.refractory_ms)
    place = curve.within(budget.per_hour)
    if place < 0 or curve.hits[place] == 0:
        raise CannotJudgeError(
            f"at no threshold does {classifier.name} hit a word with at most {budget.per_hour:g} false alarms an hour in "
            f"{shown(curve.hours)} h; give a larger budget, or more hours of negatives: "
            "with one false alarm the rate is already above a small budget"
        )
    value = float(curve.thresholds[place])
    return ChosenThreshold(value, *(_figures(half, value, budget) for half in (first, second)))


def negatives_in(paths: Sequence[Path]) -> list[Path]:
    """The sound files, those of folders in order of their names.

    Raises:
        RecordingError: there are fewer than two, so that none would be left to confirm on.
    """
    found = [one for path in paths for one in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [one for one in found if not one.is_dir() and one.suffix.lower() in READ]
    if len(files) < 2:
        raise RecordingError(
            f"{counted(len(files), 'negative take is', 'negative takes are')} given, and two or more are needed: a threshold is "
            "chosen on one half and confirmed on the other"
        )
    return files


def halves_of(recordings: Sequence[Recording]) -> Iterator[Sequence[Recording]]:
    """The recordings of one half of the speakers, and of the other; where they are not all known, halves of the recordings by name.

    Raises:
        RecordingError: a half would be empty.
    """
    clips = known(recordings)
    by_speaker = all(clip.speaker is not None for clip in clips) and len({clip.speaker for clip in clips}) > 1
    keys = sorted({_key(clip, by_speaker=by_speaker) for clip in clips}, key=lambda key: hashlib.sha256(key.encode()).hexdigest())
    for half in range(2):
        mine = {key for at, key in enumerate(keys) if at % 2 == half}
        places = [at for at, clip in enumerate(clips) if _key(clip, by_speaker=by_speaker) in mine]
        if not places:
            raise RecordingError(
                "there is one recording, and two or more are needed: a threshold is chosen on one half and confirmed on the other"
            )
        if isinstance(recordings, Recordings):
            yield replace(recordings, clips=[recordings.clips[at] for at in places])
        else:
            yield [recordings[at] for at in places]


def _key(clip: Recording | Clip, *, by_speaker: bool) -> str:
    return str(clip.speaker) if by_speaker else clip.id


def _half(classifier: Classifier, recordings: Sequence[Recording], negatives: Sequence[Path], budget: Budget, progress: Progress) -> _Half:
    rate_hz, half = classifier.frame.rate_hz, _Half([], [])
    window_ms = classifier.frame.samples * 1000 / rate_hz
    commands = [label for label in classifier.labels if label not in classifier.rejections]
    with tempfile.TemporaryDirectory(prefix="threshold-") as folder:
        composed = Path(folder) / "words.wav"
        spans = compose(recordings, composed, Composition(rate_hz, (window_ms, 1.5 * window_ms), seed=budget.seed)).spans
        words = named(read_spans(spans), classifier)
        for path, said in ((composed, words), *((path, []) for path in negatives)):
            take = open_take(path, rate_hz)
            (scores,), _ = scores_of(take, [classifier], budget.hop_ms, lambda done, of, n=path.name: progress(f"take: {n}", done, of))  # type: ignore[misc]
            half.scores.append(scores)
            half.timelines.append(Timeline.of(said, commands, scores.duration_ms, window_ms))
    return half


def _figures(half: _Half, threshold: float, budget: Budget) -> StreamFigures:
    rule = Plain(threshold, 1, budget.refractory_ms)
    return figures_of([match(rule.decide(scores), timeline) for scores, timeline in zip(half.scores, half.timelines, strict=True)])


def threshold_sentences(found: ChosenThreshold, budget: Budget) -> list[str]:
    """What was chosen, what it costs, and whether the other half shows that the budget holds."""
    chosen, confirmed = found.chosen, found.confirmed
    rate = confirmed.rate
    holds = rate.high <= budget.per_hour
    needed = hours_needed(budget.per_hour, confirmed.false_alarms)
    shows = (
        "which shows that the budget holds"
        if holds
        else f"which does not show that the budget holds: that takes {shown(needed)} h with as many"
    )
    return [
        f"Threshold {found.value:.4g}: {chosen.hits} of {counted(chosen.words, 'word')} hit with "
        f"{counted(chosen.false_alarms, 'false alarm')} in {shown(chosen.hours)} h, on the half on which it was chosen.",
        f"On the other half {confirmed.hits} of {counted(confirmed.words, 'word')} hit, another command said during "
        f"{confirmed.wrong_words}, and "
        f"{counted(confirmed.false_alarms, 'false alarm')} in {shown(confirmed.hours)} h: {shown(rate.value)} an hour "
        f"(95 % interval {shown(rate.low)}–{shown(rate.high)}), {shows}.",
    ]


def write_threshold(card: Path, value: float, out: Path) -> None:
    """Writes a copy of a card with this threshold.

    Args:
        card: the card.
        value: of all commands.
        out: in the same folder, for a card names its weights from there.

    Raises:
        UsageError: `out` lies elsewhere, or the card has thresholds by label.
    """
    if out.resolve().parent != card.resolve().parent:
        raise UsageError(f"--out is {out}; a card lies beside its weights: give a name in {card.parent or '.'}")
    text = card.read_text(encoding="utf-8")
    if re.search(r"^\s*\[threshold\]", text, re.MULTILINE):
        raise UsageError(f"{card} has thresholds by label, [threshold]; take that section out, for one threshold is written")
    top, section, rest = _split(text)
    line = f"threshold = {value:.6g}\n"
    changed, count = re.subn(r"^threshold\s*=.*\n", line, top, count=1, flags=re.MULTILINE)
    write_text(out, (changed if count else top.rstrip("\n") + "\n" + line + "\n") + section + rest)


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the first section of a card, its head, and the rest."""
    found = re.search(r"^\[", text, re.MULTILINE)
    at = len(text) if found is None else found.start()
    return text[:at], text[at : at + 1], text[at + 1 :]
