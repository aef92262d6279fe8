"""One recording explained: alone, or beside the recordings of a report and as that report heard it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from robustness.audio.labels import LabelSource
from robustness.audio.reading import read_recordings
from robustness.audio.recordings import Recording
from robustness.audio.streaming import known
from robustness.errors import UsageError
from robustness.explanations.cases import Cases
from robustness.explanations.explanation import Explanation, explain_settled
from robustness.explanations.maps import Progress
from robustness.explanations.question import ExplanationSettings
from robustness.jobs.assess import calibrating, execute, good_run_of, loaded, prepare
from robustness.jobs.request import Request
from robustness.models.classifier import Classifier
from robustness.perturbations.base import PERTURBATIONS
from robustness.quantization.variants import variants_of
from robustness.run.folder import RunWriter
from robustness.sweep.manifest import card_facts


class ExplainedRecording(NamedTuple):
    """What is known, and what reading and loading had to say."""

    explanation: Explanation
    notices: Sequence[str]


def explain_recording(
    request: Request, path: Path, label: str | None, wanted: ExplanationSettings, progress: Progress
) -> ExplainedRecording:
    """Explains the answer to one recording.

    Args:
        request: the models, and how recordings are heard; where it names recordings, the answer is compared with theirs, as on a card.
        path: of the recording; it may be one of them.
        label: the word that is said, in place of what a table, a pattern or its folder says.
        wanted: what is explained.
        progress: told what is being done.

    Raises:
        UsageError: the path is a folder.
        RobustnessError: what cannot be used or explained.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder, and one recording is explained at a time; give one file of it")
    if not request.recordings:
        originals = loaded(request)
        classifiers, left_out = variants_of([one for _, one in originals], request.variants, calibrating(request))
        recording, notices = _read(path, classifiers[0], request.labels, label)
        good = good_run_of(request, classifiers, {one.name: card_facts(card, one) for card, one in originals})
        found = explain_settled(classifiers, recording, wanted, good, progress)
        return ExplainedRecording(found, [*map(str, left_out), *notices])
    with _compared(request, wanted, progress) as cases:
        own = next((one.id for one in known(cases.recordings_in_order) if one.path is not None and one.path.samefile(path)), None)
        first = next(iter(cases.given.values()))
        recording, notices = (cases.recordings[own], []) if own is not None else _read(path, first, request.labels, label)
        recording = replace(recording, label=label or recording.label)
        return ExplainedRecording(explain_settled(list(cases.given.values()), recording, wanted, cases, progress), notices)


@contextmanager
def _compared(request: Request, wanted: ExplanationSettings, progress: Progress) -> Iterator[Cases]:
    """The recordings of a report with what is answered to them at each place, which is all that a card compares with."""
    reference = loaded(request)[0][1].frame.reference
    placing = tuple(name for name, kind in PERTURBATIONS.all().items() if kind().facts(reference).placements)
    job = prepare(replace(request, settings=replace(request.settings, perturbations=placing)), progress)
    job = job._replace(plan=job.plan.only(job.plan.conditions, no_word=False))
    with TemporaryDirectory() as folder:
        run = execute(job, RunWriter(Path(folder) / "placed"), progress, finish=lambda *_: None)
        again, seed = job.plan.perturbations, request.settings.seed
        yield Cases(run, job.classifiers, job.placed, seed, again, inputs=wanted.inputs, good_run=job.good_run)


def _read(path: Path, model: Classifier, source: LabelSource, label: str | None) -> tuple[Recording, list[str]]:
    """The one recording, with its word: as given, as its source has it, or its folder's name where that is a label of the model."""
    read = read_recordings([path], rate_hz=model.frame.rate_hz, longest_samples=model.frame.samples, labels=source, skip_bad=True)
    found, folder = read.recordings[0], path.resolve().parent.name
    return replace(found, label=label or found.label or (folder if folder in model.labels else None)), list(read.notices)
