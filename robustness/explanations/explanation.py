"""Why does a model answer so to this recording: maps, segments and sounds, as arrays and tables.

`explain` is the Python door of `robustness explain`; the page draws what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from robustness.audio.recordings import Recording
from robustness.explanations.answering import worst_of
from robustness.explanations.map_checks import checked_map
from robustness.explanations.question import Question, Wanted, question_of
from robustness.explanations.single_verdicts import single_verdicts
from robustness.explanations.sounds import Sound, sounds_of
from robustness.explanations.target_maps import Progress, maps_of, segments_of
from robustness.explanations.word_tracking import Following, Moved
from robustness.models.classifier import Classifier
from robustness.perturbations.base import Inputs
from robustness.rendering import NO_INPUTS
from robustness.run.evidence import LayerTracking
from robustness.run.restoration import RestoredAnswer

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is known of one recording's answer.

    Attributes:
        question: the recording, its place, the variants and what they answer.
        arrays: `log_mel` and each map, [bands frames], by `method/variant/target`; in logits.
        table: a row a map: what it cost and whether it can be trusted.
        segments: a row a segment of 100 ms, variant and target: its exact Shapley share of f(x) − f(baseline).
        sounds: what was heard, and for each map its strongest tenth and everything but that, with the answers to them.
        strips: for each map its marginal over time, [frames], by the map's key.
        bars: and over bands, [bands].
        tops: which cells are the strongest tenth of each map, [bands frames].
        following: what each layer gives here beside the counterpart, and what its parts bring back; None without one, and where the sound
            is changed.
        restored: what restores the answer of each variant that is not good here; empty where the word is not known.
    """

    question: Question
    arrays: Mapping[str, Array]
    table: pd.DataFrame
    segments: pd.DataFrame
    sounds: Sequence[Sound]
    strips: Mapping[str, Array]
    bars: Mapping[str, Array]
    tops: Mapping[str, npt.NDArray[np.bool_]]
    following: LayerTracking | None = None
    restored: Mapping[str, RestoredAnswer] = field(default_factory=dict)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, with None for what is not known."""
        records = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        return [{str(name): value for name, value in record.items()} for record in records]

    @property
    def axes(self) -> dict[str, Any]:
        """hop_ms, window_ms and band_hz of the arrays."""
        picture, frame = self.question.first.frontend.picture, self.question.first.frame
        return {
            "hop_ms": picture.hop_ms,
            "window_ms": frame.samples * 1000 / frame.rate_hz,
            "band_hz": list(picture.band_hz),
        }


def explain(  # noqa: PLR0913 - the options of the command, all but two by name
    classifier: Classifier | Sequence[Classifier],
    recording: Recording,
    *,
    placement: str | None = None,
    offset_ms: float | None = None,
    perturbation: str | None = None,
    level: float | None = None,
    draw: int = 0,
    inputs: Inputs = NO_INPUTS,
    targets: Sequence[str] = (),
    methods: Sequence[str] = (),
    baseline: str = "silence",
    layers: Sequence[str] = (),
    seed: int = 0,
    tested: bool = True,
    progress: Progress = lambda doing, done, total: None,
) -> Explanation:
    """Explains what a model, or several variants of one, answer to a recording at one place in the window.

    Args:
        classifier: from `load_classifier`, or variants of it from `quantized`; all with the same labels and window.
        recording: at the model's rate, as from `read_recordings`.
        placement: start, center or end; by default the model's reference.
        offset_ms: the silence before the recording, in place of a placement.
        perturbation: under which it is heard, as a sweep of the same seed has it; by default none.
        level: of that perturbation.
        draw: of that perturbation.
        inputs: folders by name, for a perturbation that needs some.
        targets: labels for their logits, or `up-unknown` for a margin; by default the margin of the right answer to its strongest rival
            and both logits.
        methods: attribution methods by name; by default block regression, occlusion, integrated gradients and Shapley values of segments.
        baseline: silence, band-mean, floor or counterpart.
        layers: names of the layers that are compared with the counterpart; by default all with weights.
        seed: of every random number.
        tested: whether the maps of the first target are tested, which takes several times as long as the maps.
        progress: told what is being done, and how many of how many are.

    Raises:
        UsageError: an unknown name, that of a layer too, or a gradient method alone on a variant that has no gradients.
        RecordingError: the recording is of another rate, or longer than the window.
        CannotJudgeError: a logit or a map is not a number.
    """
    variants = [classifier] if isinstance(classifier, Classifier) else list(classifier)
    wanted = Wanted(placement, offset_ms, tuple(targets), tuple(methods), baseline, seed, perturbation, level, draw, inputs)
    question = question_of(variants, recording, wanted)
    network = Following(question.original, layers)
    maps = maps_of(question, wanted.methods, progress)
    trust = checked_map(question, maps, tested=tested, progress=progress)
    picture = question.first.frontend.picture.features(question.here.window[None])[0, 0].float().cpu().numpy()
    return Explanation(
        question,
        {"log_mel": picture, **{one.key: one.map for one in maps}},
        pd.DataFrame([one.row() | row for one, row in zip(maps, trust, strict=True)]),
        pd.DataFrame(segments_of(question, maps)),
        sounds_of(question, maps),
        {one.key: one.relevance.over_time[0].float().numpy() for one in maps},
        {one.key: one.relevance.over_bands[0].float().numpy() for one in maps},
        {one.key: one.top for one in maps},
        _followed(question, network),
        single_verdicts(question),
    )


def _followed(question: Question, network: Following) -> LayerTracking | None:
    """Where in the network it stops following the word, in the variant that is worst off."""
    if question.counterpart is None or question.truth is None or question.subject.changed:
        return None
    variant = worst_of(question.given)
    return network.of(Moved(question.subject, question.here.lead_ms, question.counterpart.lead_ms, question.truth, variant))
