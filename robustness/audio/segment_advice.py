"""What to move where a take has more or fewer words than were given: found by trying, not by rule.

Each setting is moved alone, in both directions, and the nearest value that finds the right number is named. Nothing is applied:
whether those are the words, only a listener knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from robustness.audio.segment_settings import DetectorSettings
from robustness.audio.segmentation import FoundWord, Hearing, find_words
from robustness.errors import RecordingError, UsageError

TRIED: Final[dict[str, tuple[float, ...]]] = {
    "min_pause_ms": (30, 50, 70, 90, 120, 150, 200, 250, 300, 400, 500, 700, 1000),
    "min_word_ms": (20, 30, 40, 60, 100, 120, 150, 200, 250, 300),
    "word_percent": (15, 20, 25, 30, 35, 40, 50, 55, 60, 65, 70, 75, 80),
    "edge_percent": (8, 12, 16, 20, 30, 35, 40, 45),
}
SHORT_SHARE: Final = 0.5  # of the median duration: a word this short may be a click or a piece of one
LONG_SHARE: Final = 1.8  # of the median duration: a word this long may be two


def standing_out(words: Sequence[FoundWord]) -> list[bool]:
    """Whether each word is much shorter or longer than the usual one: a piece of a word, or two of them."""
    typical = median(map(_duration_ms, words))
    return [not SHORT_SHARE * typical <= word.duration_ms <= LONG_SHARE * typical for word in words]


def check_count(hearing: Hearing, words: Sequence[FoundWord], labels: Sequence[str], settings: DetectorSettings) -> None:
    """Refuses a take whose words are not as many as the labels.

    Raises:
        RecordingError: listing what was found and when, and which setting to move.
    """
    if len(words) == len(labels):
        return
    given = f"{len(labels)} {'word was' if len(labels) == 1 else 'words were'} given"
    message = (
        f"{given} and {len(words)} found, with pauses at {hearing.pause_dbfs:.1f} dBFS and a peak of {hearing.peak_dbfs:.1f} dBFS; "
        "nothing was written"
    )
    details = [
        *(f"  {number:>3}. {_place(word)}, {word.duration_ms:.0f} ms, {word.level_dbfs:.1f} dBFS" for number, word in enumerate(words, 1)),
        f"  {_suspicion(words, too_many=len(words) > len(labels))}",
        f"  {_remedy(hearing, len(labels), settings)}",
    ]
    raise RecordingError(message, details)


def _place(word: FoundWord) -> str:
    return f"{word.start_ms / 1000:.2f}–{word.end_ms / 1000:.2f} s"


def _suspicion(words: Sequence[FoundWord], *, too_many: bool) -> str:
    """What stands out among the words found, and which way to move what."""
    if not words:
        return "No sound reaches the word threshold for long enough: lower --word-percent or --min-word-ms."
    typical = median(word.duration_ms for word in words)
    shortest, longest = min(words, key=_duration_ms), max(words, key=_duration_ms)
    if too_many:
        short = f" ({_place(shortest)} is suspiciously short)" if shortest.duration_ms < SHORT_SHARE * typical else ""
        return (
            f"A noise was taken for a word{short}: raise --min-word-ms or --word-percent; or a word fell apart: raise --min-pause-ms or "
            "lower --edge-percent."
        )
    if longest.duration_ms > LONG_SHARE * typical:
        return (
            f"{_place(longest)} is long against the usual {typical:.0f} ms, perhaps two words: lower --min-pause-ms or raise "
            "--edge-percent."
        )
    return "A word was missed: lower --word-percent or --min-word-ms; or two were joined: lower --min-pause-ms or raise --edge-percent."


def _duration_ms(word: FoundWord) -> float:
    return word.duration_ms


def _remedy(hearing: Hearing, count: int, settings: DetectorSettings) -> str:
    """Which single move finds as many words as were given."""
    found = [f"--{name.replace('_', '-')} {value:g} (now {getattr(settings, name):g})" for name, value in moves(hearing, count, settings)]
    if found:
        return f"There are {count} with {', or with '.join(found)}; look at what is found before trusting one."
    return f"No setting moved alone finds {count}: check that the words given are the words said, with pauses between them."


def moves(hearing: Hearing, count: int, settings: DetectorSettings) -> list[tuple[str, float]]:
    """The nearest value of each setting, moved alone, with which the take has so many words."""
    nearest = []
    for name, ladder in TRIED.items():
        fitting = [value for value in ladder if _count(hearing, settings, name, value) == count]
        if fitting:
            distances = [abs(value - getattr(settings, name)) for value in fitting]
            nearest.append((name, fitting[distances.index(min(distances))]))
    return nearest


def _count(hearing: Hearing, settings: DetectorSettings, name: str, value: float) -> int | None:
    try:
        return len(find_words(hearing, replace(settings, **{name: value})))
    except UsageError:  # an edge above the word's threshold
        return None
