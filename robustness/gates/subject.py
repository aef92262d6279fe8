"""What was judged: which models, on which recordings, and from which probability on a command counts. From a run's manifest alone.

Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from robustness.gates.wording import counted
from robustness.run.folder import Run
from robustness.streaming.kept import KeptStreams

HASH: Final = 8  # hexadecimal digits of a SHA-256 that are shown


@dataclass(frozen=True)
class JudgedModel:
    """A model that was judged.

    Attributes:
        name: the card's.
        sha256: of its weights; empty of a program.
        threshold: from which probability on a command counts; None without one.
    """

    name: str
    sha256: str
    threshold: float | None

    def __str__(self) -> str:
        point = "the most probable label counts" if not self.threshold else f"a command counts from {100 * self.threshold:g} % on"
        return f"{self.name}{f' {self.sha256[:HASH]}' if self.sha256 else ''}, {point}"


@dataclass(frozen=True)
class JudgedRun:
    """What was judged.

    Attributes:
        models: each model.
        recordings: how many.
        folders: the names of their folders.
        speakers: how many; None if that is not known.
        stream: takes, words and hours, if a stream alone was judged.
    """

    models: tuple[JudgedModel, ...]
    recordings: int
    folders: tuple[str, ...]
    speakers: int | None
    stream: str = ""

    @property
    def heard(self) -> str:
        """The recordings in words: `20 recordings of 1 voice (joe)`; of a stream what it is of."""
        if self.stream:
            return self.stream
        voices = "" if self.speakers is None else f" of {counted(self.speakers, 'voice')}"
        return f"{counted(self.recordings, 'recording')}{voices}{self._where}"

    @property
    def _where(self) -> str:
        return f" ({', '.join(self.folders)})" if self.folders else ""


def subject_of(run: Run) -> JudgedRun:
    """What a run is of."""
    recordings: Mapping[str, Any] = run.manifest.get("recordings") or {}
    models = [JudgedModel(str(one["name"]), str(one.get("weights_sha256") or ""), one.get("threshold")) for one in run.manifest["models"]]
    folders = tuple(map(str, recordings.get("folders") or ()))
    return JudgedRun(tuple(models), int(recordings.get("count") or 0), folders, recordings.get("speakers") or None)


def stream_subject(kept: KeptStreams) -> JudgedRun:
    """What a folder of `robustness stream` is of."""
    points = {one.name.rpartition(", ")[0] or one.name: one.scores[0].point.threshold for one in kept.variants}
    first = kept.variants[0]
    words, hours = sum(len(one.words) for one in first.timelines), sum(one.duration_ms for one in first.scores) / 3_600_000
    said = (
        f"{counted(len(first.scores), 'take')} of {hours:.3g} h with {counted(words, 'word')}, an answer every {first.phases.hop_ms:g} ms"
    )
    return JudgedRun(tuple(JudgedModel(name, "", point) for name, point in points.items()), 0, (), None, f"{said}, rule {first.rule.name}")
