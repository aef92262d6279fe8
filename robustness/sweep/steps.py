"""What does a network with a state answer over a take? Its front-end and its state run on and on, a few new frames a step.

An answer's time is the end of its last frame. Nothing is asked again: a device starts once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from robustness.audio.takes import Samples, Take
from robustness.errors import RecordingError, UsageError
from robustness.frontends.streamed import WINDOW_SAMPLES, StreamedFrontend, pcm16
from robustness.models.classifier import Classifier
from robustness.streaming.scores import Scores


def keeps_state(classifier: Classifier) -> bool:
    """Whether a classifier is fed step by step."""
    return classifier.network.can.step_frames is not None


def stepped_scores(take: Take, classifier: Classifier) -> Scores:
    """The scores of a classifier with a state for a take, a row a step.

    Raises:
        UsageError: its front-end cannot be fed piece by piece, or the network is none with a state.
        RecordingError: the take is shorter than a step, or cannot be read.
    """
    found = step_scores(take.blocks(), classifier, take.name, take.duration_ms)
    if not len(found):
        raise RecordingError(f"{take.path} lasts {take.duration_ms:.0f} ms, less than one step of {classifier.name}; give a longer take")
    return found


def step_scores(blocks: Iterable[Samples], classifier: Classifier, name: str, duration_ms: float) -> Scores:
    """The scores of a classifier with a state for sound that comes in blocks, a row a step; it starts with the first.

    Raises:
        UsageError: its front-end cannot be fed piece by piece, or the network is none with a state.
    """
    frontend, step = classifier.frontend, classifier.network.can.step_frames
    if step is None or not isinstance(frontend, StreamedFrontend):
        raise UsageError(
            f"{classifier.name} keeps a state and is fed step by step, which needs a front-end that runs on and on; give its card "
            'kind = "microfrontend"'
        )
    program, run = frontend.started(), classifier.network.started()
    answers = torch.cat([run(torch.from_numpy(program(pcm16(torch.from_numpy(block))))) for block in blocks])
    ends = ((np.arange(len(answers)) + 1) * step - 1) * frontend.hop_samples + WINDOW_SAMPLES
    rate_hz = classifier.frame.rate_hz
    return Scores(
        name,
        classifier.labels,
        ends * 1000.0 / rate_hz,
        classifier.probabilities(classifier.logits_of(answers)).astype(np.float32),
        duration_ms,
        classifier.frame.samples * 1000 / rate_hz,
        classifier.point,
        classifier.silence,
        f"{classifier.name}, {classifier.variant}",
    )
