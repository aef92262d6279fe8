"""Which answers the variants give under every condition: recordings × conditions × variants → a run folder.

What several conditions share is computed once: a recording is placed once a placement, its noise drawn once a draw, its features computed
once for all variants, and what it gives at many leads by `sweep.shifts`. No answer depends on the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pyarrow as pa
import torch
from torch import Tensor

from robustness.audio.no_word import NoWord, windows_without_word
from robustness.audio.placement import Frame, Windows, trimmed
from robustness.audio.recordings import Recording
from robustness.audio.streaming import blocks, changed
from robustness.conditions import NO_WORD, NONE, Condition
from robustness.errors import CannotJudgeError, UsageError
from robustness.models.classifier import Classifier
from robustness.rendering import Renderer
from robustness.run.blocks import SweepBlock, SweepLayout
from robustness.run.schema import ROWS_A_PART
from robustness.sweep.engine import Engine
from robustness.sweep.kernels import LARGE, PROBE_CONDITIONS, PROBED, AskedWindows, Screen
from robustness.sweep.plan import NOISES, Plan, Settings
from robustness.sweep.shifts import SharedAnswers, SharedShifts, all_facts
from robustness.sweep.state import Tally
from robustness.sweep.trials import Answered, label_indices, trial_columns

RECORDINGS_AT_ONCE = 64
PROBES: Final = 4  # recordings, and conditions over the plan, on whose windows the engine tries its networks
RowProgress = Callable[[int, str], None]


def renderer_of(recordings: Sequence[Recording], plan: Plan, frame: Frame) -> Renderer:
    """Renders recordings as a plan hears them."""
    settings = plan.settings
    return Renderer.of(recordings, frame, seed=settings.seed, threshold_db=settings.speech_threshold_db, perturbations=plan.perturbations)


def engine_of(classifiers: Sequence[Classifier], plan: Plan, recordings: Sequence[Recording]) -> Engine:
    """The engine for a plan, tried on windows of the first recordings under conditions from all over it.

    Raises:
        UsageError: where ONNX Runtime is asked for and not installed.
    """
    renderer = renderer_of(list(recordings[:PROBES]), plan, common_frame(classifiers))
    some = plan.conditions[:: max(1, len(plan.conditions) // PROBES)][:PROBES]
    parts = [renderer.render(condition).samples for condition in some] or [renderer.placed(renderer.frame.reference).samples]
    probes = torch.cat(parts)
    return Engine.ready(classifiers, probes, batch=plan.settings.batch, runtime=plan.settings.engine)


def shifts_of(classifiers: Sequence[Classifier], plan: Plan, recordings: Sequence[Recording]) -> SharedShifts | None:
    """What moves of a recording share, tried on the first one; None if nothing is, or another runtime was asked for."""
    some = list(recordings[:1])
    if not some or plan.settings.engine != "torch":
        return None
    return SharedShifts.ready(classifiers, renderer_of(some, plan, common_frame(classifiers)), plan.conditions)


def screens_of(classifiers: Sequence[Classifier], plan: Plan, recordings: Sequence[Recording]) -> dict[int, Screen]:
    """The classifiers that quick kernels answer first, by their places.

    Args:
        classifiers: of the sweep.
        plan: its conditions.
        recordings: all of them; the kernels are compared on the first, under conditions from all over the plan.
    """
    slow = [at for at, one in enumerate(classifiers) if one.network.of_a_pc() is not None]
    if not slow:
        return {}
    some = list(recordings[:PROBED])
    conditions = plan.conditions[:: max(1, len(plan.conditions) // PROBE_CONDITIONS)][:PROBE_CONDITIONS] if some else ()
    renderer = renderer_of(some, plan, common_frame(classifiers))
    heard = [(condition, renderer.render(condition)) for condition in conditions]
    everywhere = plan.settings.every_window or len(recordings) * len(plan.conditions) < LARGE
    found = {}
    for at in slow:
        labels = label_indices(classifiers[at], [classifiers[at].truth(recording.label) for recording in some])
        probes = [AskedWindows.of(condition, windows, labels, plan, key_of(condition)) for condition, windows in heard]
        screen = Screen.ready(classifiers[at], probes, everywhere=everywhere, seed=plan.settings.seed)
        found.update({} if screen is None else {at: screen})
    return found


def common_frame(classifiers: Sequence[Classifier]) -> Frame:
    """The window that all of these hear.

    Raises:
        UsageError: where they differ in labels, window, rate or reference placement.
    """
    first = classifiers[0]
    for other in classifiers[1:]:
        if (other.frame, other.labels) != (first.frame, first.labels):
            raise UsageError(
                f"{first.name} and {other.name} differ in labels, window, rate or reference placement, and cannot stand in one run; "
                f"make a run of each"
            )
    return first.frame


class Writer(Protocol):
    """Takes rows and what was heard, and what a block of them is called once it is whole."""

    def add(self, columns: dict[str, Any]) -> None:
        """Rows of trials, a column each."""

    def add_heard(self, condition: str, recordings: Sequence[str], marks: Sequence[int]) -> None:
        """The mark of what was heard of each recording under a condition."""

    def seal(self, block: str, state: Mapping[str, Any]) -> None:
        """What was added since is this block; the state says how far the sweep came."""


@dataclass(eq=False)
class Sweep:
    """Recordings × conditions × variants → rows of trials.

    Attributes:
        classifiers: the variants, of one or several models that hear the same window.
        plan: the conditions; the clean one is the first.
        writer: takes the rows, a block at a time: the run folder.
        progress: told after each condition how many answers were given, and to what.
        tally: what it learns of itself; one that is not empty says how far another process came, and the sweep goes on from there.
    """

    classifiers: Sequence[Classifier]
    plan: Plan
    writer: Writer
    progress: RowProgress = lambda rows, doing: None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.frame = common_frame(self.classifiers)
        self._engine: Engine | None = None
        self._screens: dict[int, Screen] = {}
        self._shifts: SharedShifts | None = None
        self._beside: dict[int, int] = {}  # where the engine has the answers of a PC's kernels, by the classifier's place

    def ready(self, recordings: Sequence[Recording]) -> Engine:
        """The engine; made once, and tried on windows of the first of these recordings.

        Args:
            recordings: as `placeable` gives them; the first few of the data set, whichever of it is to be heard.

        Raises:
            UsageError: where ONNX Runtime is asked for and not installed.
        """
        if self._engine is None:
            self._screens = screens_of(self.classifiers, self.plan, recordings)
            first = [self._screens[at].quick if at in self._screens else one for at, one in enumerate(self.classifiers)]
            beside = {at: screen.pc for at, screen in self._screens.items() if screen.pc is not screen.quick}
            self._beside = {at: len(first) + place for place, at in enumerate(beside)}
            self._engine = engine_of([*first, *beside.values()], self.plan, recordings)
            self._shifts = None if self._screens else shifts_of(self.classifiers, self.plan, recordings)
            self.tally.engine = all_facts(self._engine, self._shifts)
        return self._engine

    def run(self, recordings: Sequence[Recording]) -> Tally:
        """Writes a row for each variant, condition and recording, and for each window without a word.

        Args:
            recordings: as `placeable` gives them; those that are read when they are asked for are read while others are computed.

        Raises:
            CannotJudgeError: where a neutral level changed an answer, or an answer is not a number.
        """
        self.ready(recordings)  # a set is large or not as a whole
        for block in self.layout(len(recordings)).blocks:
            if not self.has(block):
                self.compute(block, recordings)
                self.writer.seal(block.name, self.tally.state)
        self.refuse_flips()
        return self.tally

    def has(self, block: SweepBlock) -> bool:
        """Whether another process came as far as the end of a block."""
        return bool(self.tally.no_word) if block.no_word else self.tally.recordings >= block.end

    def compute(self, block: SweepBlock, recordings: Sequence[Recording]) -> None:
        """The rows of one block, handed to the writer."""
        if block.no_word:
            settings = self.plan.settings
            for windows in windows_without_word(self.frame, settings.seed, settings.inputs.get(NOISES)):
                self._hear_no_word(windows)
            return
        for some in blocks(recordings[: block.end], RECORDINGS_AT_ONCE, start=block.first):
            self._hear(some)
            self.tally.recordings += len(some)

    def refuse_flips(self) -> None:
        """Raises CannotJudgeError where a neutral level changed an answer."""
        if self.tally.flips:
            raise CannotJudgeError(
                f"a neutral level, which changes nothing, changed {self.tally.flips} of {self.tally.checked} answers: "
                f"the network answers one input differently from time to time (is a layer random at evaluation?); no answer can be trusted"
            )

    def layout(self, recordings: int) -> SweepLayout:
        """How so many recordings are divided into blocks."""
        return SweepLayout(recordings, self.recordings_a_part, self.plan.no_word)

    @property
    def recordings_a_part(self) -> int:
        """How many recordings a part holds, whole blocks; the plan and the variants alone decide it."""
        rows = max(1, len(self.plan.conditions) * len(self.classifiers)) * RECORDINGS_AT_ONCE
        return RECORDINGS_AT_ONCE * -(-ROWS_A_PART // rows)

    def _hear(self, recordings: Sequence[Recording]) -> None:
        """Every condition of the plan on some recordings."""
        renderer = renderer_of(recordings, self.plan, self.frame)
        labels = [label_indices(c, [c.truth(recording.label) for recording in recordings]) for c in self.classifiers]
        clean: list[Tensor] = []
        engine = self.ready(recordings)
        shared = {} if self._shifts is None else self._shifts.answers(renderer, self.plan.conditions, labels)
        windows = ((condition, renderer.render(condition)) for condition in self.plan.conditions)
        with closing(self._answers(windows, engine, shared)) as answered:
            for condition, heard, first in answered:
                logits, kernels = self._settled(Answered(condition, heard, first), labels)
                clean = logits if condition.perturbation == NONE else clean
                if clean and self.plan.is_neutral(condition, self.frame.reference):
                    self._compare(clean, logits)
                self._write(Answered(condition, heard, logits), kernels, labels)

    def _hear_no_word(self, heard: NoWord) -> None:
        """Windows without a word; each is a draw."""
        count = len(heard.samples)
        nowhere = torch.zeros(count, dtype=torch.long)
        windows = Windows(heard.samples, self.frame.rate_hz, nowhere, nowhere[:, None].expand(-1, 2), (heard.kind,) * count)
        condition = Condition(NO_WORD, heard.level_dbfs, placement=self.frame.reference)
        ((_, _, first),) = self._answers(iter([(condition, windows)]), self.ready(()), {})
        labels = [nowhere - 1] * len(self.classifiers)
        logits, kernels = self._settled(Answered(condition, windows, first), labels)
        self._write(Answered(condition, windows, logits), kernels, labels, draw=range(count))
        self.tally.no_word[heard.kind] += count

    def _answers(
        self, windows: Iterator[tuple[Condition, Windows]], engine: Engine, shared: Mapping[Condition, SharedAnswers]
    ) -> Generator[Answered, None, None]:
        """The logits under conditions, all of them numbers; what is shared is not asked again, and the next windows are made meanwhile."""

        def left(condition: Condition, heard: Windows) -> Tensor:
            return heard.heard[~shared[condition].known] if condition in shared else heard.heard

        with closing(engine.stream(((condition, heard), left(condition, heard)) for condition, heard in windows)) as answered:
            for (condition, heard), logits in answered:
                whole = shared[condition].completed(logits) if condition in shared else logits
                yield Answered(condition, heard, checked_logits(whole, engine.classifiers, heard))

    def _settled(self, answered: Answered, labels: list[Tensor]) -> tuple[list[Tensor], dict[int, pa.Array]]:
        """The logits that count, and by the classifier's place which kernels gave each row, if several did."""
        condition, windows, logits = answered
        scores, kernels = list(logits[: len(self.classifiers)]), {}
        for at, screen in self._screens.items():
            asked = AskedWindows.of(condition, windows, labels[at], self.plan, key_of(condition))
            found = screen.settled(asked, logits[at], logits[self._beside.get(at, at)])
            self.tally.kernels.setdefault(screen.name, screen.facts)
            self.tally.compared(screen.name, found.counts)
            scores[at], kernels[at] = found.logits, found.kernels
        return checked_logits(scores, self.classifiers, windows), kernels

    def _write(self, answered: Answered, kernels: dict[int, pa.Array], labels: list[Tensor], **columns: Sequence[int]) -> None:
        """Rows for each classifier, and what was heard into the digest."""
        condition, windows, logits = answered
        unit = self.plan.unit(condition)
        for at, (classifier, scores, label) in enumerate(zip(self.classifiers, logits, labels, strict=True)):
            rows = trial_columns(classifier, condition, windows, scores, label, unit=unit, frame=self.frame)
            self.writer.add({**rows, **columns, **({"kernels": kernels[at]} if at in kernels else {})})
        no_word = condition.perturbation == NO_WORD
        key = f"{key_of(condition)}{windows.ids[0] if no_word else ''}"
        names = [f"{kind} {draw}" for draw, kind in enumerate(windows.ids)] if no_word else list(windows.ids)
        self.writer.add_heard(key, names, self.tally.heard(key, names, windows.heard))
        self.progress(len(windows.ids) * len(self.classifiers), condition.perturbation)

    def _compare(self, clean: list[Tensor], logits: list[Tensor]) -> None:
        self.tally.checked += sum(map(len, logits))
        self.tally.flips += sum(int((a.argmax(1) != b.argmax(1)).sum()) for a, b in zip(clean, logits, strict=True))


def placeable(recordings: Sequence[Recording], frame: Frame, settings: Settings) -> Sequence[Recording]:
    """The recordings as they are placed: cut to their speech where the settings say so."""
    return changed(recordings, lambda recording: trimmed(recording, frame, settings.trim, settings.speech_threshold_db))


def checked_logits(logits: list[Tensor], classifiers: Sequence[Classifier], windows: Windows) -> list[Tensor]:
    """The logits, all of them numbers.

    Raises:
        CannotJudgeError: where one is not.
    """
    for classifier, scores in zip(classifiers, logits, strict=True):
        bad = ~scores.isfinite().all(1)
        if bad.any():
            name = windows.ids[int(bad.nonzero()[0])]
            raise CannotJudgeError(
                f"{classifier.name} ({classifier.variant}) answers {name} with a logit that is not a number; "
                f"check its weights and its front-end"
            )
    return logits


def key_of(condition: Condition) -> str:
    """A condition in one word, for the manifest."""
    level = "" if condition.level is None else f"{condition.level:g}"
    return f"{condition.perturbation}/{level}/{condition.fill}/{condition.draw}/{condition.placement}"
