"""From which recordings does a scheme learn its ranges: some of a folder, chosen by label, known by their hashes.

The choice depends on the seed and the ids alone. Windows are [clips time], each recording at the model's reference placement, as it is.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from robustness.audio.files import AudioFile, counted, find_audio, some
from robustness.audio.labels import Label, LabelSource, label_files
from robustness.audio.placement import Frame
from robustness.audio.reading import read_audio
from robustness.audio.recordings import Recording
from robustness.audio.streaming import Clip
from robustness.errors import RecordingError
from robustness.models.classifier import Classifier
from robustness.quantization.base import DIGITS, Calibration
from robustness.rendering import reference_windows
from robustness.seeds import seed_of

COUNT: Final = 300  # recordings; of the tutorial's model the accuracy no longer changes with more
FEW: Final = 50  # with fewer, a range may well miss what the tested recordings reach


class _Candidate(NamedTuple):
    file: AudioFile
    word: str
    label: str


def read_calibration(
    folder: Path,
    classifier: Classifier,
    *,
    labels: LabelSource = LabelSource(),  # noqa: B008 - frozen
    count: int = COUNT,
    seed: int = 0,
) -> Calibration:
    """Recordings of a folder, as many of each label as there can be, as the model hears them.

    Args:
        folder: with words as for `--recordings`.
        classifier: whose labels and window they are for.
        labels: how names hold the word; a CSV is not looked at, for it lists the tested recordings.
        count: how many recordings.
        seed: of the choice.

    Raises:
        RecordingError: the folder is missing, or holds no recording that can be used.
    """
    chosen, passed_over = _read(folder, classifier, labels, count, seed)
    if not chosen:
        raise RecordingError(
            f"--calibration {folder} holds no recording of a word that {classifier.name} knows and that fits its window of "
            f"{classifier.frame.samples * 1000 / classifier.frame.rate_hz:g} ms; expected folders of words, <word>/<file>"
        )
    windows = reference_windows(chosen, classifier.frame)
    digest = hashlib.sha256("\n".join(windows.ids).encode())
    digest.update(windows.samples.contiguous().numpy().tobytes())
    found = tuple(str(classifier.truth(recording.label)) for recording in chosen)
    return Calibration(
        source=folder.resolve().name,
        samples=windows.samples,
        ids=windows.ids,
        labels=found,
        sha256=digest.hexdigest(),
        clips=tuple(recording.sha256 for recording in chosen),
        notices=_notices(classifier, found, passed_over),
    )


def refuse_tested(classifiers: Sequence[Classifier], recordings: Sequence[Clip | Recording]) -> None:
    """No recording is tested from which a variant has learned.

    Raises:
        RecordingError: where one is; some are named.
    """
    for classifier in classifiers:
        calibration = classifier.about.get("calibration") or {}
        learned = set(calibration.get("recordings", ()))
        both = [recording.id for recording in recordings if recording.sha256[:DIGITS] in learned]
        if both:
            raise RecordingError(
                f"{counted(len(both), 'recording')} of those to test {'is' if len(both) == 1 else 'are'} also among those from which "
                f"{classifier.name} ({classifier.variant}) learned its ranges, {calibration.get('source')}: {some(both)}; a model that is "
                f"tested on what it was made with looks better than it is: calibrate with others, or test on others"
            )


def _read(folder: Path, classifier: Classifier, labels: LabelSource, count: int, seed: int) -> tuple[list[Recording], int]:
    """The recordings, and how many could not be used."""
    chosen: list[Recording] = []
    passed_over = 0
    for candidate in _in_turn(_candidates(folder, classifier, labels), seed):
        if len(chosen) == count:
            break
        recording = _usable(candidate, classifier.frame)
        if recording is None:
            passed_over += 1
        else:
            chosen.append(recording)
    return chosen, passed_over


def _candidates(folder: Path, classifier: Classifier, labels: LabelSource) -> list[_Candidate]:
    try:
        files = find_audio([folder]).files
    except RecordingError as error:
        raise RecordingError(str(error).replace("--recordings PATH", "--calibration DIR")) from error
    words: dict[str, Label] = label_files(files, replace(labels, csv=None, required=False)).labels
    found = [(file, words[file.id].word) for file in files if file.id in words]
    return [_Candidate(file, word, label) for file, word in found if (label := _label(classifier, word)) is not None]


def _label(classifier: Classifier, word: str) -> str | None:
    """The label of a word; None where the model has none for it."""
    try:
        return classifier.truth(word)
    except RecordingError:
        return None


def _in_turn(candidates: Sequence[_Candidate], seed: int) -> Iterator[_Candidate]:
    """One of each label in turn, in an order that the seed and the ids decide."""
    groups: defaultdict[str, list[_Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda one: seed_of(seed, "calibration", one.file.id)):
        groups[candidate.label].append(candidate)
    for turn in zip_longest(*(groups[label] for label in sorted(groups))):
        yield from (candidate for candidate in turn if candidate is not None)


def _usable(candidate: _Candidate, frame: Frame) -> Recording | None:
    """The recording; None where it is damaged, silent or longer than the window."""
    try:
        audio = read_audio(candidate.file.path, frame.rate_hz)
    except RecordingError:
        return None
    if len(audio.samples) > frame.samples:
        return None
    return Recording(candidate.file.id, audio.samples, frame.rate_hz, candidate.word, None, candidate.file.path, audio.sha256)


def _notices(classifier: Classifier, labels: Sequence[str], passed_over: int) -> tuple[str, ...]:
    notices = []
    missing = [label for label in classifier.labels if label not in labels and label != classifier.silence]
    if missing:
        notices.append(f"the recordings from which ranges were learned hold none of {some(missing)}: what those words reach may be clipped")
    if len(labels) < FEW:
        notices.append(f"ranges were learned from {counted(len(labels), 'recording')} only; some hundred are usual")
    if passed_over:
        notices.append(f"{counted(passed_over, 'recording')} for calibration passed over as damaged, silent or longer than the window")
    return tuple(notices)
