"""What does the place do to the evidence?

Against silence, padding says nothing. So the failing window is compared with its counterpart, the same recording where it is answered
rightly, moved segment by segment into the wrong one: the values sum to the margin lost. And between the wrong place and the nearest right
one the time strips stand one under another, for one pair of classes and on one scale.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from robustness.attributions.base import Relevance, Target
from robustness.attributions.baselines import baseline_of
from robustness.attributions.methods.occlusion import Occlusion
from robustness.explanations.answering import given_by
from robustness.explanations.cases import COUNTERPART, HERE, Case
from robustness.explanations.maps import Map, seen
from robustness.explanations.segments import edges_ms, method_for, values_of
from robustness.models.classifier import Classifier
from robustness.run.evidence import CounterpartValues, LeadSteps
from robustness.sweep.trials import answer_of

STRIPS: Final = 8  # leads at most, both ends included
WHOLE: Final = 1_000_000  # bands of a patch: all there are


def donor(case: Case) -> CounterpartValues | None:
    """What each segment costs against the counterpart, on the worst variant; None where it is right nowhere.

    Segments are of the network's own features: where it takes samples, of these.
    """
    if COUNTERPART not in case.heard or case.subject.before is not None:  # it is the same window, if what differs came before
        return None
    classifier = case.worst
    here, there = (classifier.features(case.heard[where].window[None]) for where in (HERE, COUNTERPART))
    found = method_for(classifier).attribute(classifier, here, case.target, baseline_of("counterpart", classifier, here, there))
    return CounterpartValues(
        variant=case.failure.variant,
        edges_ms=edges_ms(classifier.frontend, found.settings["frame_edges"]),
        values=values_of(found),
        change=float(found.change[0]),
        passes=found.passes,
    )


def leads_between(here_ms: float, right_ms: float, hop_ms: float) -> list[float]:
    """From the wrong lead to the right one, whole frames apart, no more than `STRIPS`."""
    frames = abs(right_ms - here_ms) / hop_ms
    stride = max(1, int(np.ceil(frames / (STRIPS - 1)))) * hop_ms
    sign = 1.0 if right_ms > here_ms else -1.0
    count = int(np.ceil(abs(right_ms - here_ms) / stride - 1e-9))
    return [*(here_ms + sign * stride * i for i in range(count)), right_ms]


def lead_steps(case: Case) -> tuple[LeadSteps | None, dict[str, Map]]:
    """The ladder of the worst variant, and its strips [leads frames] by the name they are stored under; None where it is right nowhere."""
    variant, classifier = case.failure.variant, case.worst
    restored = case.restored[variant]
    there = None if case.changed else case.counterpart
    right_ms = restored.at_ms if restored is not None else None if there is None else there.offset_ms
    if right_ms is None or right_ms == case.failure.offset_ms:
        return None, {}
    leads = leads_between(case.failure.offset_ms, right_ms, classifier.frontend.picture.hop_ms)
    windows = case.subject.at(leads).samples
    logits = classifier.logits(windows)
    label = classifier.labels.index(case.failure.label)
    margin = answer_of(logits, torch.full((len(leads),), label)).margin
    found = _strips(classifier, windows, case.target)
    strips: Map = torch.cat([one.map[:, 0] for one in found]).numpy()
    key = f"ladder/{variant}"
    facts = LeadSteps(
        variant=variant,
        key=key,
        leads_ms=tuple(leads),
        margins=tuple(margin.tolist()),
        right=tuple(one.good for one in given_by(classifier, logits, [case.failure.label] * len(leads))),
        max_abs=float(abs(strips).max()),
        passes=sum(one.passes for one in found),
    )
    return facts, {key: strips}


def _strips(classifier: Classifier, windows: Tensor, target: Target) -> list[Relevance]:
    """What each frame says in each window [leads time], all bands together: at once, or one by one where each is resynthesized."""
    method = Occlusion(bands=WHOLE)
    if classifier.frontend.picture is classifier.frontend:
        return [method.attribute(classifier, classifier.features(windows), target)]
    heard = [seen(classifier, window, target) for window in windows]
    return [method.attribute(one.classifier, one.features, target) for one in heard]
