"""A model and recordings → a run that says what quantization did: layers, answers, experiments, and how fast the variants are here.

Its trials are those of the reference placement and of what else was asked for, so that the rest of the page works as for any run. The
latencies stand in `latency.json`: they, and the page that shows them, are the only part beside `provenance` that differs from run to run.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from robustness.audit.evidence import FLOAT, compared_pairs, write_audit
from robustness.audit.latency import latencies
from robustness.audit.measurement import Listening
from robustness.conditions import VARIANTS
from robustness.errors import UsageError
from robustness.jobs.assess import Job, Progress, calibrating, execute, prepare
from robustness.jobs.request import Request
from robustness.models.classifier import Classifier
from robustness.perturbations.base import PERTURBATIONS
from robustness.report.page import write_page
from robustness.run.audit_records import Latencies, VariantTime, write_latencies
from robustness.run.folder import Run, RunWriter, write_json


def audit(request: Request, out: Path, progress: Progress = lambda doing, done, total: None) -> Run:
    """Audits the quantized variants of a model and writes the run folder and its page.

    Args:
        request: models, recordings, variants; the float network is always run too.
        out: the run folder.
        progress: told what is being done.

    Raises:
        RobustnessError: where an input cannot be used, or no variant is quantized.
    """
    return execute(prepared_audit(request), RunWriter(out), progress, finish)


def prepared_audit(request: Request) -> Job:
    """Everything that a wrong input can stop.

    Raises:
        RobustnessError: where an input cannot be used, or no variant is quantized.
    """
    variants = tuple(dict.fromkeys((FLOAT, *(request.variants or VARIANTS))))
    settings = replace(request.settings, perturbations=request.settings.perturbations or placements())
    job = prepare(replace(request, variants=variants, settings=settings))
    if not compared_pairs(job.originals, job.classifiers):
        if any(one.deployed for one in job.classifiers):
            raise UsageError(
                "there is nothing to audit: files that ship are compared layer by layer, a .tflite with float activations beside an "
                "int8 one of the same graph; give a card with both as [variants.NAME], "
                "which `robustness init FLOAT.tflite INT8.tflite` begins"
            )
        if job.left_out:
            raise UsageError(f"there is nothing to audit: {'; '.join(map(str, job.left_out))}")
        raise UsageError(
            "there is nothing to audit: no quantized variant of a float network is asked for; name one with --variant, such as "
            "dynamic-int8, and give a card whose own weights are float"
        )
    return job._replace(plan=replace(job.plan, no_word=False))


def placements() -> tuple[str, ...]:
    """What an audit sweeps if nothing else is asked for: the perturbations whose levels are placements."""
    return tuple(name for name, kind in PERTURBATIONS.all().items() if kind.placements)


def finish(job: Job, run: Run, progress: Progress) -> None:
    """Writes what the audit found into a run whose trials are there, and draws the page."""
    threshold_db = job.plan.settings.speech_threshold_db
    heard = lambda done, total: progress("audit: layers", done, total)  # noqa: E731
    write_audit(
        run.evidence,
        job.originals,
        job.classifiers,
        job.placed,
        threshold_db=threshold_db,
        calibrate=calibrating(job.request),
        thorough=True,
        progress=heard,
    )
    progress("time: variants", 0, 1)
    write_latencies(run.path, Latencies(tuple(_latencies(job))))
    write_json(run.path / "manifest.json", {**run.manifest, "purpose": "audit"})
    progress("draw: page", 0, 1)
    write_page(Run.open(run.path), run.path / "index.html")


def _latencies(job: Job) -> list[VariantTime]:
    """The times of every variant, beside its float network."""
    rows: list[VariantTime] = []
    for original, variants in compared_pairs(job.originals, job.classifiers):
        first = next(iter(Listening(original, job.placed, job.plan.settings.speech_threshold_db)))
        rows += latencies(_as_here(original), [_as_here(one) for one in variants], first.features)
    return rows


def _as_here(classifier: Classifier) -> Classifier:
    """By the kernels that this PC would run: the reference kernels are made to be read, not to be fast."""
    here = classifier.network.of_a_pc()
    return classifier if here is None else replace(classifier, network=here)
