"""The main job, end to end: model cards and recordings → a run folder with its page."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from robustness.audio.labels import LabelSource
from robustness.audio.noises import read_noises
from robustness.audio.placement import Frame, slack_ms
from robustness.audio.reading import Reading, read_recordings
from robustness.audio.recordings import Recording
from robustness.classifiers.card import load_classifier, read_card
from robustness.classifiers.classifier import Classifier
from robustness.classifiers.probing import golden_result
from robustness.conditions import VARIANTS
from robustness.corruption import try_reference
from robustness.diagnosis.evidence import write_evidence
from robustness.engine import answers
from robustness.errors import CardError, UsageError
from robustness.manifest import models_of, plan_facts, provenance, recordings_facts, recordings_table, versions
from robustness.plan import Plan, Settings, plan_of
from robustness.quantization.base import quantized
from robustness.report.page import write_page
from robustness.run import Run, RunWriter
from robustness.sweep import Sweep, Tally, common_frame, placeable

Progress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


@dataclass(frozen=True)
class Request:
    """What to assess, on what, and how.

    Attributes:
        models: cards.
        recordings: folders or files.
        weights: of the one model, where they are not beside its card.
        variants: names of quantization schemes.
        labels: where the words come from.
        settings: of the sweep.
        threshold: the operating point, in place of the card's.
        device: where float networks run.
        skip_bad: go on without the recordings that cannot be used.
        audio: whether the run keeps what was heard; voices are personal data.
        repeat: the command that repeats this, for the page.
        reference: a run of another model on the same recordings, to give errors against.
    """

    models: tuple[Path, ...]
    recordings: tuple[Path, ...]
    weights: Path | None = None
    variants: tuple[str, ...] = VARIANTS
    labels: LabelSource = field(default_factory=LabelSource)
    settings: Settings = field(default_factory=Settings)
    threshold: float | None = None
    device: str = "cpu"
    skip_bad: bool = False
    audio: bool = True
    repeat: str = ""
    reference: Path | None = None


class Job(NamedTuple):
    """A request with everything loaded and checked: what is left is to compute."""

    request: Request
    classifiers: list[Classifier]
    reading: Reading
    placed: list[Recording]
    plan: Plan
    cards: dict[str, dict[str, Any]]
    noises: dict[str, str]  # SHA-256 of each file of background noise, by name

    @property
    def frame(self) -> Frame:
        """The window that all classifiers hear."""
        return common_frame(self.classifiers)

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


def prepare(request: Request) -> Job:
    """Everything that a wrong input can stop, before anything is computed or written."""
    if request.reference is not None:
        Run.open(request.reference)
    originals = {path: load_classifier(path, weights=request.weights, device=request.device) for path in request.models}
    if request.threshold is not None:
        originals = {path: replace(classifier, threshold=request.threshold) for path, classifier in originals.items()}
    classifiers = [quantized(classifier, scheme) for classifier in originals.values() for scheme in request.variants]
    _refuse_twice([f"{classifier.name} {classifier.variant}" for classifier in classifiers])
    frame = common_frame(classifiers)
    noises = _noises(request.settings, frame)
    reading = read_recordings(
        request.recordings, rate_hz=frame.rate_hz, longest_samples=frame.samples, labels=request.labels, skip_bad=request.skip_bad
    )
    for classifier in classifiers:
        for recording in reading.recordings:
            classifier.truth(recording.label)
    cards = {classifier.name: _card_facts(path, classifier) for path, classifier in originals.items()}
    placed = placeable(reading.recordings, frame, request.settings)
    plan = plan_of(request.settings, frame.reference, max(slack_ms(len(recording.samples), frame) for recording in placed))
    return Job(request, classifiers, reading, placed, plan, cards, noises)


def execute(job: Job, writer: RunWriter, progress: Progress, finish: Finish | None = None) -> Run:
    """Computes a job into a run folder; what an interrupt leaves stays readable beside the folder's place.

    Args:
        job: what to compute.
        writer: the run folder.
        progress: told what is being done.
        finish: what to do with the trials before the folder stands in its place; by default failures are explained and the page is drawn.
    """
    table = recordings_table(job.reading.recordings, job.placed, job.classifiers[0], job.plan)
    tally = Tally()

    def note(**state: bool) -> None:
        writer.write_manifest({**_manifest(job, table, tally), **state})

    done = 0

    def swept(rows: int, doing: str) -> None:
        nonlocal done
        done += rows
        progress(f"sweep: {doing}", done, max(done, job.answers))

    try:
        note(complete=False, interrupted=False)
        writer.write_recordings(table)
        Sweep(job.classifiers, job.plan, writer, swept, tally).run(job.placed)
        note(complete=True, interrupted=False)
        (finish or explain_and_draw)(job, Run.open(writer.path), progress)
    except KeyboardInterrupt:
        writer.flush()
        note(complete=False, interrupted=True)
        raise
    except BaseException:
        writer.discard()
        raise
    return writer.finish()


def explain_and_draw(job: Job, run: Run, progress: Progress) -> None:
    """Says of each failure what restores the answer, and draws the page."""
    seed, audio = job.plan.settings.seed, job.request.audio
    explained = lambda now, total: progress("explain: failures", now, total)  # noqa: E731
    write_evidence(run, run.evidence, job.classifiers, job.placed, seed=seed, audio=audio, progress=explained)
    if job.request.reference is not None:
        try_reference(run, job.request.reference)
    progress("draw: page", 0, 1)
    write_page(run, run.path / "index.html")


def _refuse_twice(names: list[str]) -> None:
    """A variant of a model stands in a run once.

    Raises:
        UsageError: where two have one name.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{', '.join(twice)} is asked for twice; name each variant once, and give each model's card its own name")


def _card_facts(path: Path, classifier: Classifier) -> dict[str, Any]:
    """What the run keeps of a card.

    Raises:
        CardError: where the card's golden samples get other logits than it says; nothing measured then would be of the trained model.
    """
    card = read_card(path)
    if card.golden is not None:
        result = golden_result(classifier, card.golden, path)
        if not result.agrees:
            raise CardError(
                f"{path}: the golden samples get {result.found:.4f} for {result.label!r} and the card says {result.expected:.4f} "
                f"± {result.tolerance:g}; the front-end is not that of the training, or the weights are not: see `robustness check {path}`"
            )
    try:  # TOML knows dates, which JSON does not, and nan, which no page can show
        about = json.loads(json.dumps(card.about, default=str, allow_nan=False))
    except ValueError as error:
        raise CardError(f"{path}: about: a number is nan or infinite; leave it out, or write it as text") from error
    return {"card": path.name, "weights_sha256": card.weights.sha256, "about": about}


def _noises(settings: Settings, frame: Frame) -> dict[str, str]:
    """The background noises given, looked at before anything is computed."""
    if settings.noises is None:
        return {}
    return {noise.name: noise.sha256 for noise in read_noises(settings.noises, frame.rate_hz, frame.samples)}


def _manifest(job: Job, table: Any, tally: Tally) -> dict[str, Any]:
    return {
        "models": models_of(job.classifiers, job.cards),
        "plan": {**plan_facts(job.plan, job.classifiers, tally), **_asked(job)},
        "recordings": recordings_facts(table, job.reading, job.request.recordings),
        "audio_sha256": {key: digest.hexdigest() for key, digest in tally.audio.items()},
        "self_check": {"checked": tally.checked, "flips": tally.flips},
        "versions": versions(),
        "repeat": job.request.repeat,
        "provenance": provenance(),
    }


def _asked(job: Job) -> dict[str, Any]:
    """What was asked for, beside what came of it: another request is another run."""
    request = job.request
    return {
        "variants": list(request.variants),
        "perturbations": list(request.settings.perturbations),
        "noises": job.noises,
        "device": request.device,
        "skip_bad": request.skip_bad,
        "audio": request.audio,
    }


def estimate_s(job: Job) -> float:
    """How long the sweep would take, in seconds, from one batch of each variant on this machine."""
    silence = torch.zeros(job.plan.settings.batch, job.frame.samples)
    answers(job.classifiers, silence, len(silence))
    began = time.perf_counter()
    answers(job.classifiers, silence, len(silence))
    return (time.perf_counter() - began) / len(silence) * len(job.plan.conditions) * len(job.placed)
