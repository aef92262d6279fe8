"""Which variants are asked at every sample of lead, how long does that take, and where is it kept?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from robustness.errors import UsageError
from robustness.models.classifier import Classifier
from robustness.run.every_sample import write_every_sample
from robustness.run.folder import Run
from robustness.sweep.every_sample import WIDEST_MS, Enumeration, every_sample, seconds_by_itself
from robustness.sweep.inference.preparing import FLOAT
from robustness.sweep.worst_found import beside_a_shift, worst_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from robustness.jobs.assess import Job


def refuse_range(within_ms: float | None) -> None:
    """Raises UsageError if a range of leads cannot be enumerated."""
    if within_ms is not None and not 0 < within_ms <= WIDEST_MS:
        raise UsageError(f"--every-sample {within_ms:g}: give a range in ms, more than 0 and at most {WIDEST_MS:g} to each side")


def asked_at_every_sample(job: Job) -> list[Classifier]:
    """The variants that are asked: float ones, and others where the request says so."""
    every = job.request.every_sample
    if every.within_ms is None:
        return []
    there = [one for one in job.classifiers if not every.variants or one.variant in every.variants]
    return [one for one in there if every.quantized or one.variant == FLOAT]


def every_sample_notices(job: Job) -> list[str]:
    """What the user should know before it is computed: which variants are not asked, and how long those take that share nothing."""
    within_ms = job.request.every_sample.within_ms
    if within_ms is None:
        return []
    asked = asked_at_every_sample(job)
    left = [one.variant for one in job.classifiers if one not in asked]
    leads = 2 * round(within_ms * job.frame.rate_hz / 1000) + 1
    found = []
    if left and not job.request.every_sample.variants:
        found.append(f"every sample: {', '.join(left)} left out; --every-sample-quantized asks each of {leads:,} windows a recording")
    for one in asked:
        if one.variant != FLOAT:
            each_s = seconds_by_itself(one, leads)
            total_min = each_s * len(job.placed) / 60
            found.append(f"every sample: {one.variant} takes about {each_s:.1f} s a recording, {total_min:.1f} min in all")
    return found


def write_every_lead(job: Job, run: Run, progress: Callable[[str, int, int], None]) -> None:
    """Asks every sample of lead where the request says so, and keeps what was found."""
    every, asked = job.request.every_sample, asked_at_every_sample(job)
    if every.within_ms is None or not asked:
        return
    told = partial(progress, "every sample: leads")
    threshold_db, recordings = job.plan.settings.speech_threshold_db, list(job.placed)
    found = every_sample(asked, recordings, every.within_ms, threshold_db=threshold_db, progress=told)
    told = partial(progress, "search: leads and levels together")
    floats = [Enumeration(one, threshold_db) for one in asked if one.variant == FLOAT]
    besides = beside_a_shift()
    worst, total = [], len(floats) * len(recordings) * len(besides)
    for done, (enumeration, recording, beside) in enumerate(product(floats, recordings, besides)):
        told(done, total)
        worst.append(worst_found(enumeration, recording, every.within_ms, beside))
    write_every_sample(run.evidence, replace(found, found=tuple(one for one in worst if one is not None)))
