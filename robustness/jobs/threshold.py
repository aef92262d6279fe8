"""At which threshold does a model stay within a budget of false alarms an hour, and what does that cost in words missed?

Thresholds are chosen on one half of the speakers and of the negatives, and confirmed on the other. Words are composed into a take with
pauses and streamed as a device hears them; negatives are sounds without a command. One threshold for all commands, or one for each, of the
plain rule.
"""

from __future__ import annotations

import hashlib
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.files import READ
from robustness.audio.recordings import Recording
from robustness.audio.streaming import Clip, Recordings, known
from robustness.audio.takes import open_take
from robustness.errors import CannotJudgeError, OutputError, RecordingError, UsageError
from robustness.jobs.compose import Composition, compose
from robustness.jobs.stream import named
from robustness.models.classifier import Classifier
from robustness.models.toml import to_toml
from robustness.report.threshold_page import About, threshold_page
from robustness.run.atomic import write_text
from robustness.streaming.figures import StreamFigures, hours_needed
from robustness.streaming.matching import Timeline
from robustness.streaming.sentences import counted, shown
from robustness.streaming.spans import read_spans
from robustness.streaming.thresholds import NEVER, StreamPart, one_threshold, own_thresholds
from robustness.sweep.takes import scores_of

BUDGET: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*(h|hour|day|d))?\s*")
PAGE: Final = "index.html"
SECTION: Final = re.compile(r"^\[threshold\][^\n]*\n(?:(?!\[)[^\n]*\n?)*", re.MULTILINE)
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
        per_label: whether each command gets a threshold of its own.
    """

    per_hour: float
    hop_ms: float = 100.0
    refractory_ms: float = 1000.0
    seed: int = 0
    per_label: bool = False


class Chosen(NamedTuple):
    """Thresholds, and how they did.

    Attributes:
        values: by command.
        halves: on which they were chosen, and on which confirmed.
        chosen: the figures of the first.
        confirmed: those of the second.
    """

    values: dict[str, float]
    halves: tuple[StreamPart, StreamPart]
    chosen: StreamFigures
    confirmed: StreamFigures

    @property
    def value(self) -> float | None:
        """The one threshold; None if commands have several."""
        found = set(self.values.values())
        return found.pop() if len(found) == 1 else None


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
) -> Chosen:
    """The thresholds within the budget that hit most words on one half, and what they do on the other.

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
    if classifier.threshold is None:  # a single command with a threshold is no contest of labels
        classifier = replace(classifier, threshold=NEVER)
    first, second = (_half(classifier, part, files[at::2], budget, progress) for at, part in enumerate(halves_of(recordings)))
    choose = own_thresholds if budget.per_label else one_threshold
    values = choose(first, budget.per_hour, budget.refractory_ms)
    if not values:
        hours = sum(timeline.hours for timeline in first.timelines)
        raise CannotJudgeError(
            f"at no threshold does {classifier.name} hit a word with at most {budget.per_hour:g} false alarms an hour in "
            f"{shown(hours)} h; give a larger budget, or more hours of negatives: "
            "with one false alarm the rate is already above a small budget"
        )
    return Chosen(values, (first, second), *(half.figures(values, budget.refractory_ms) for half in (first, second)))


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


def _half(
    classifier: Classifier, recordings: Sequence[Recording], negatives: Sequence[Path], budget: Budget, progress: Progress
) -> StreamPart:
    rate_hz, half = classifier.frame.rate_hz, StreamPart([], [])
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


def threshold_sentences(found: Chosen, budget: Budget) -> list[str]:
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
    named = ", ".join(f"{label} {value:.4g}" for label, value in found.values.items())
    which, they = (f"Thresholds {named}", "they were") if found.value is None else (f"Threshold {found.value:.4g}", "it was")
    return [
        f"{which}: {chosen.hits} of {counted(chosen.words, 'word')} hit with "
        f"{counted(chosen.false_alarms, 'false alarm')} in {shown(chosen.hours)} h, on the half on which {they} chosen.",
        f"On the other half {confirmed.hits} of {counted(confirmed.words, 'word')} hit, another command said during "
        f"{confirmed.wrong_words}, and "
        f"{counted(confirmed.false_alarms, 'false alarm')} in {shown(confirmed.hours)} h: {shown(rate.value)} an hour "
        f"(95 % interval {shown(rate.low)}–{shown(rate.high)}), {shows}.",
    ]


def write_threshold_page(found: Chosen, about: About, folder: Path) -> Path:
    """Writes the page of what thresholds cost.

    Raises:
        OutputError: the place cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); give another --report") from error
    write_text(folder / PAGE, threshold_page(found.halves, found.values, about))
    return folder / PAGE


def write_threshold(card: Path, values: float | Mapping[str, float], out: Path) -> None:
    """Writes a copy of a card with these thresholds: one above its sections, or a section with one a command.

    Args:
        card: the card.
        values: one threshold, or one by command.
        out: in the same folder, for a card names its weights from there.

    Raises:
        UsageError: `out` lies elsewhere.
    """
    if out.resolve().parent != card.resolve().parent:
        raise UsageError(f"--out is {out}; a card lies beside its weights: give a name in {card.parent or '.'}")
    text = SECTION.sub("", card.read_text(encoding="utf-8"))
    top, rest = _split(text)
    top = re.sub(r"^threshold\s*=.*\n", "", top, flags=re.MULTILINE).rstrip("\n") + "\n"
    if not isinstance(values, Mapping):
        write_text(out, f"{top}threshold = {rounded_up(values)}\n\n{rest}")
        return
    section = to_toml({"threshold": {label: rounded_up(value) for label, value in values.items()}})
    write_text(out, f"{top}\n{rest.rstrip()}\n\n{section.strip()}\n")


def rounded_up(value: float) -> float:
    """A threshold with seven digits, not below itself, so that no score passes that did not before."""
    return min(1.0, math.ceil(value * 1e7 - 1e-6) / 1e7)


def _split(text: str) -> tuple[str, str]:
    """What stands before the first section of a card, and the rest."""
    found = re.search(r"^\[", text, re.MULTILINE)
    at = len(text) if found is None else found.start()
    return text[:at], text[at:]
