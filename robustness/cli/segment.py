"""`robustness segment`: a long take becomes one file a word, and a page that shows where they were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

import typer

from robustness.audio.segment_settings import CutSettings, DetectorSettings
from robustness.cli.printing import say, warn
from robustness.errors import UsageError

# The word is the fifth field between underscores, where the default label pattern looks for it.
DEFAULT_NAME: Final = "segment_{take}_take_clean_{label}_{count}.wav"
DETECTOR: Final = DetectorSettings()
CUT: Final = CutSettings()


@dataclass(frozen=True)
class WordFinding:
    """Where words are found."""

    panel: ClassVar[str] = "Finding words"
    word_percent: Annotated[float, typer.Option(help="What a word must reach, in % of the way from background level to peak.")] = (
        DETECTOR.word_percent
    )
    edge_percent: Annotated[float, typer.Option(help="Where a word begins and ends, in % of that way.")] = DETECTOR.edge_percent
    noise_spreads: Annotated[
        float, typer.Option(help="And at least so many times as far above the background level as the noise varies.")
    ] = DETECTOR.noise_spreads
    min_word_ms: Annotated[float, typer.Option(help="Anything shorter is a click.")] = DETECTOR.min_word_ms
    min_pause_ms: Annotated[float, typer.Option(help="A shorter gap lies inside a word.")] = DETECTOR.min_pause_ms
    frame_ms: Annotated[float, typer.Option(help="How much sound one level is measured over.")] = DETECTOR.frame_ms
    hop_ms: Annotated[float, typer.Option(help="How often the level is measured.")] = DETECTOR.hop_ms
    highpass_hz: Annotated[float, typer.Option(help="What lies under it is left out: rumble, hum, an offset.")] = DETECTOR.highpass_hz


@dataclass(frozen=True)
class Cutting:
    """How much is kept around a word."""

    panel: ClassVar[str] = "Cutting"
    before_ms: Annotated[float, typer.Option(help="Kept before each word.")] = CUT.before_ms
    after_ms: Annotated[float, typer.Option(help="Kept after each word.")] = CUT.after_ms
    longest_ms: Annotated[float, typer.Option(help="No file is longer; the margins give way.")] = CUT.longest_ms
    rate_hz: Annotated[int, typer.Option(min=4000, help="The files' sampling rate; another take is resampled, with a notice.")] = 16000
    name: Annotated[str, typer.Option(help="The files' names, with the fields {label}, {count}, {number} and {take}.")] = DEFAULT_NAME


def segment(
    take: Annotated[Path, typer.Argument(help="The long take, of any format that is read, any rate, mono or stereo; with --one a folder.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to write; an existing one is replaced only if this command wrote it.")],
    words: Annotated[str, typer.Option(help="The words in the order said, with commas; 'tutorial' is the tutorial's twenty.")] = "tutorial",
    words_file: Annotated[Path | None, typer.Option(help="A text file with one word a line, in place of --words.")] = None,
    finding: WordFinding,
    cut: Cutting,
    one: Annotated[
        bool, typer.Option("--one", help="TAKE is a folder; each file in it holds one word, is cut to it, and keeps its label.")
    ] = False,
    page: Annotated[bool, typer.Option(help="Also write take.html, which draws the take with the words found.")] = True,
) -> None:
    """Cut a long take of words into one file a word.

    Example: robustness segment recordings/joe-take.wav --words tutorial --out words
    """
    from robustness.audio.cutting import PAGE, read_words, segment_take
    from robustness.jobs.segment import segmented_page
    from robustness.run.lock import FolderLock

    cutting = CutSettings(cut.before_ms, cut.after_ms, cut.longest_ms)
    if words_file is not None and words != "tutorial":
        raise UsageError("both --words and --words-file were given; give one of them")
    if one:
        _segment_folder(take, out, cut.rate_hz, cutting)
        return
    if take.is_dir():
        raise UsageError(f"{take} is a folder and a take is one file; for a folder with one word a file, give --one")
    detector = DetectorSettings(**asdict(finding))
    labels = read_words(words, words_file)
    with FolderLock(out):
        drawn = segmented_page if page else None
        done = segment_take(take, labels, out, name=cut.name, rate_hz=cut.rate_hz, detector=detector, cutting=cutting, page=drawn)
    for notice in done.notices:
        warn(f"{take.name}: {notice}")
    say(_cut(done.durations_ms, out))
    if page:
        say(f"{out / PAGE} shows where they were found")


def _segment_folder(folder: Path, out: Path, rate_hz: int, cutting: CutSettings) -> None:
    from robustness.audio.one_word import segment_folder
    from robustness.run.lock import FolderLock

    with FolderLock(out):
        done = segment_folder(folder, out, rate_hz=rate_hz, cutting=cutting)
    for notice in done.notices:
        warn(f"{folder.name}: {notice}")
    say(_cut(done.durations_ms, out))


def _cut(durations_ms: Sequence[float], out: Path) -> str:
    """`20 words of 210 to 640 ms in words`, `1 word of 300 ms in words`."""
    low, high = f"{min(durations_ms):.0f}", f"{max(durations_ms):.0f}"
    return f"{len(durations_ms)} word{'' if len(durations_ms) == 1 else 's'} of {low if low == high else f'{low} to {high}'} ms in {out}"
