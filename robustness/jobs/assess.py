"""The main job, end to end: model cards and recordings → a run folder with its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd

from robustness.analysis.corruption import try_reference
from robustness.audio.noises import digests
from robustness.audio.placement import Frame
from robustness.audio.reading import Reading
from robustness.audio.recordings import Recording
from robustness.audit.evidence import write_audit
from robustness.checks.base import findings_of
from robustness.checks.model_under_test import ModelUnderTest
from robustness.errors import CannotJudgeError, RobustnessError, UsageError
from robustness.jobs.every_lead import refuse_range, write_every_lead
from robustness.jobs.request import Request
from robustness.jobs.sounds import write_condition_sounds
from robustness.models.card import load_classifiers
from robustness.models.classifier import Classifier
from robustness.quantization.base import Calibration
from robustness.quantization.calibration import read_calibration, refuse_tested
from robustness.quantization.variants import LeftOut, is_quantized, variants_of
from robustness.report.page import write_page
from robustness.run.atomic import said_when_full
from robustness.run.blocks import Shard
from robustness.run.checks import CheckedModel, CheckedModels, write_checks
from robustness.run.folder import Run, RunWriter
from robustness.run.integrity import checked_run
from robustness.run.looks import KeptLooks
from robustness.run.provenance import provenance
from robustness.sweep.dataset import Wanted, look_at, recordings_table, unsaid
from robustness.sweep.manifest import card_facts, cpu_kind, models_of, plan_facts, recordings_facts, versions
from robustness.sweep.plan import Plan, plan_of, runnable
from robustness.sweep.state import Tally
from robustness.sweep.sweep import Sweep, common_frame, engine_of, key_of, placeable

if TYPE_CHECKING:
    from robustness.explanations.explained_parts import ExplainedParts
    from robustness.explanations.good_recordings import GoodRun

CHECKED: Final = 200  # recordings that are looked at before the page is drawn; `robustness check` looks at all
Progress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


class Job(NamedTuple):
    """A request with everything loaded and checked: what is left is to compute."""

    request: Request
    classifiers: list[Classifier]
    reading: Reading
    placed: Sequence[Recording]
    table: pd.DataFrame  # a row a recording
    plan: Plan
    cards: dict[str, dict[str, Any]]
    inputs: dict[str, dict[str, str]]  # SHA-256 of each audio file of a folder, by the folder's name
    originals: dict[str, Classifier]  # each model in float, by name
    left_out: Sequence[LeftOut] = ()  # variants that are none
    good_run: GoodRun | None = None  # another run of the same model, whose good recordings serve where too few are good here

    @property
    def frame(self) -> Frame:
        """The window that all classifiers hear."""
        return common_frame(self.classifiers)

    @property
    def most_slack_ms(self) -> float:
        """How far the recording that can move most can move in the window."""
        return float(self.table["slack_ms"].max())

    @property
    def answers(self) -> int:
        """How many answers the sweep will ask for, without windows without a word."""
        return len(self.plan.conditions) * len(self.placed) * len(self.classifiers)


Finish = Callable[[Job, Run, Progress], None]


def assess(request: Request, out: Path, progress: Progress = lambda doing, done, total: None) -> Run:
    """Runs a request and writes its run folder and page.

    Raises:
        RobustnessError: where an input cannot be used, the folder cannot be written, or the answers cannot be trusted.
    """
    return execute(prepare(request), RunWriter(out), progress)


def prepare(request: Request, progress: Progress = lambda doing, done, total: None, kept: KeptLooks | None = None) -> Job:
    """Everything that a wrong input can stop, before anything is computed.

    Args:
        request: what to do.
        progress: told how many recordings were looked at.
        kept: where looks at files are kept; what is known there is not decoded, and nothing else is written.
    """
    if request.reference is not None:
        checked_run(request.reference)
    refuse_range(request.every_sample.within_ms)
    originals, classifiers, left_out = classifiers_of(request)
    _refuse_twice([f"{classifier.name} {classifier.variant}" for classifier in classifiers])
    frame = common_frame(classifiers)
    runnable(request.settings, frame)  # for what it refuses, before recordings are read
    inputs = {name: digests(folder, name) for name, folder in sorted(request.settings.inputs.items())}
    found = look_at(wanted_of(request), frame, request.settings, progress=partial(progress, "read: recordings"), kept=kept)
    refuse_tested(classifiers, found.reading.clips)
    for classifier in classifiers:
        for label in dict.fromkeys(clip.label for clip in found.reading.clips):
            classifier.truth(label)
    # the model's facts are those of its float card
    floats_last = sorted(originals, key=lambda item: not (item[1].deployed or is_quantized(item[1])))
    cards = {classifier.name: card_facts(path, classifier) for path, classifier in floats_last}
    good = good_run_of(request, classifiers, cards)
    table = recordings_table(found, classifiers[0])
    reading = found.reading._replace(notices=[*found.reading.notices, *unsaid(table, classifiers[0]), *map(str, left_out)])
    plan = plan_of(request.settings, frame, float(table["slack_ms"].max()))
    of_inputs = [notice for one in plan.perturbations.values() for notice in one.notices(frame)]
    reading = reading._replace(notices=[*reading.notices, *of_inputs])
    placed = placeable(reading.recordings, frame, request.settings)
    floats = {classifier.name: classifier for _, classifier in floats_last}
    return Job(request, classifiers, reading, placed, table, plan, cards, inputs, floats, left_out, good)


def wanted_of(request: Request) -> Wanted:
    """Which recordings it asks for."""
    return Wanted(request.recordings, request.labels, request.selection, request.skip_bad)


class Loaded(NamedTuple):
    """The models of a request: as their cards give them, each with its card; the variants that are run; those that cannot be."""

    originals: list[tuple[Path, Classifier]]
    classifiers: list[Classifier]
    left_out: Sequence[LeftOut]


def classifiers_of(request: Request) -> Loaded:
    """The models of a request, loaded, in the variants that it asks for."""
    originals = loaded(request)
    return Loaded(originals, *variants_of([classifier for _, classifier in originals], request.variants, calibrating(request)))


def loaded(request: Request) -> list[tuple[Path, Classifier]]:
    """Every classifier that the cards give, each with its card."""
    each = [(path, load_classifiers(path, weights=request.weights, device=request.device)) for path in request.models]
    pairs = [(path, classifier) for path, found in each for classifier in found]
    return [(path, one if request.threshold is None else replace(one, threshold=request.threshold)) for path, one in pairs]


def good_run_of(request: Request, classifiers: Sequence[Classifier], cards: dict[str, dict[str, Any]]) -> GoodRun | None:
    """The run whose good recordings serve where too few are good; None where none is given.

    Raises:
        RunError: it is one of another model, or has no good recordings.
    """
    if request.explaining.good_run is None:
        return None
    from robustness.explanations.good_run import read_good_run

    return read_good_run(request.explaining.good_run, models_of(classifiers, cards))


def calibrating(request: Request) -> Callable[[Classifier], Calibration] | None:
    """From what the variants of a model learn; None where no calibration was asked for."""
    return partial(read_calibration, request.calibration, labels=request.labels) if request.calibration else None


def execute(job: Job, writer: RunWriter, progress: Progress, finish: Finish | None = None) -> Run:
    """Computes a job into a run folder; what an interrupt or a full disk leaves stays readable beside the folder's place.

    Args:
        job: what to compute.
        writer: the run folder; one that goes on with an interrupted run computes what is not there.
        progress: told what is being done.
        finish: what to do with the trials before the folder stands in its place; by default failures are explained and the page is drawn.

    Raises:
        OutputError: where the disk is full; what was swept before is kept.
    """
    try:
        return _computed(job, writer, progress, finish or explain_and_draw)
    finally:
        writer.release()


def _computed(job: Job, writer: RunWriter, progress: Progress, finish: Finish) -> Run:
    writer.cpu = cpu_kind()
    tally = Tally.of(writer.begin(requested(job), job.table))
    if writer.is_finished:
        return writer.finish()
    done = tally.recordings * len(job.plan.conditions) * len(job.classifiers)

    def note(**said: bool) -> None:
        writer.write_manifest({**manifest_of(job, tally), "blocks": writer.blocks, "provenance": provenance(), **said})

    def swept(rows: int, doing: str) -> None:
        nonlocal done
        done += rows
        progress(f"sweep: {doing}", done, max(done, job.answers))

    try:
        sweep = Sweep(job.classifiers, job.plan, writer, swept, tally)
        sweep.ready(job.placed)
        note(complete=False, interrupted=False)
        sweep.run(job.placed)
        note(complete=True, interrupted=False)
        with said_when_full(writer.path):
            finish(job, Run.open(writer.path), progress)
    except KeyboardInterrupt:
        writer.flush()
        note(complete=False, interrupted=True)
        raise
    except BaseException as error:
        _left(writer, error)
        raise
    return writer.finish()


def _left(writer: RunWriter, error: BaseException) -> None:
    """What an error leaves: what is sealed and can be trusted stays, and the user is told how to go on; anything else goes.

    Raises:
        RobustnessError: the error again, with how to go on.
    """
    if not writer.blocks or isinstance(error, CannotJudgeError):
        writer.discard()
    elif isinstance(error, RobustnessError):
        raise type(error)(f"{error}; what was swept before is kept in {writer.path}: --resume goes on from there") from error


def explain_and_draw(job: Job, run: Run, progress: Progress) -> None:
    """Says what quantization did and what restores each failing answer, and draws the page."""
    from robustness.explanations.evidence import write_evidence  # with captum an eighth of all imports, which no first page waits for

    progress("check: what may be wrong with cards and recordings", 0, 1)
    checked = CheckedModels(tuple(_checked(name, one, job.reading) for name, one in job.originals.items()))
    write_checks(run.evidence, checked)
    write_every_lead(job, run, progress)
    write_condition_sounds(job, run)
    settings, told = job.plan.settings, partial(progress, "audit: layers")
    write_audit(run.evidence, job.originals, job.classifiers, job.placed, threshold_db=settings.speech_threshold_db, progress=told)
    kept = _kept(job, run)
    if not checked.misnamed:  # no edit of a recording explains a right answer under another name
        write_evidence(
            run,
            job.classifiers,
            job.placed,
            seed=settings.seed,
            perturbations=job.plan.perturbations,
            good_run=job.good_run,
            cards=job.request.explaining.cards,
            audio=job.request.audio,
            everything=True,
            kept=kept,
            progress=progress,
        )
    kept.remove()
    if job.request.reference is not None:
        try_reference(run, job.request.reference)
    progress("draw: page", 0, 1)
    write_page(run, run.path / "index.html")


def explain_share(job: Job, run: Run, share: Shard, progress: Progress) -> None:
    """Explains a share of the failing recordings that get no card, for who explains and draws the whole run after."""
    from robustness.explanations.cases import Cases
    from robustness.explanations.evidence import explain_others

    seed, again = job.plan.settings.seed, job.plan.perturbations
    cases = Cases(run, job.classifiers, job.placed, seed, again, good_run=job.good_run)
    explain_others(cases, run, _kept(job, run), cards=job.request.explaining.cards, share=share.places, progress=progress)


def _kept(job: Job, run: Run) -> ExplainedParts:
    """What was found of the run's failing recordings already."""
    from robustness.explanations.explained_parts import ExplainedParts

    good = None if job.good_run is None else job.good_run.name
    return ExplainedParts(run.evidence, {"good_run": good, "seed": job.plan.settings.seed, "versions": versions()})


def _checked(name: str, classifier: Classifier, reading: Reading) -> CheckedModel:
    """What is wrong with a model and the recordings, as far as a sample of them shows it."""
    return CheckedModel(name, findings_of(ModelUnderTest.of(classifier, reading.recordings, most=CHECKED)))


def _refuse_twice(names: list[str]) -> None:
    """Raises UsageError where a variant of a model would stand in a run twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{', '.join(twice)} is asked for twice; name each variant once, and give each model's card its own name")


def manifest_of(job: Job, tally: Tally) -> dict[str, Any]:
    """What a run of this job says of itself, but for its blocks and its provenance."""
    return {
        "models": models_of(job.classifiers, job.cards, job.left_out),
        "plan": {**plan_facts(job.plan, job.classifiers, tally), **_asked(job)},
        "recordings": recordings_facts(job.table, job.reading, job.request.recordings),
        "audio_sha256": tally.audio,
        "self_check": {"checked": tally.checked, "flips": tally.flips},
        "versions": versions(),
        "repeat": job.request.repeat,
    }


def requested(job: Job) -> dict[str, Any]:
    """All that decides what a run holds, but its recordings, by the names under which a difference is said."""
    return {
        "models": {model["name"]: model for model in models_of(job.classifiers, job.cards, job.left_out)},
        "settings": {**_asked(job), **plan_facts(job.plan, job.classifiers, Tally()), "threshold": job.request.threshold},
        "conditions": [key_of(condition) for condition in job.plan.conditions],
        "versions": versions(),
    }


def _asked(job: Job) -> dict[str, Any]:
    """What was asked for, beside what came of it: another request is another run."""
    request = job.request
    return {
        "variants": list(request.variants),
        "calibration": request.calibration.resolve().name if request.calibration else None,
        "perturbations": list(request.settings.perturbations),
        "inputs": job.inputs,
        "device": request.device,
        "selection": asdict(request.selection),
        "skip_bad": request.skip_bad,
        "audio": request.audio,
        "every_sample": asdict(request.every_sample),
    }


def estimate_s(job: Job) -> float:
    """How long the sweep would take, in seconds, from a few batches of each variant on this machine."""
    each_s = engine_of(job.classifiers, job.plan, job.placed).seconds_a_window(job.frame.samples)
    return each_s * len(job.plan.conditions) * len(job.placed)
