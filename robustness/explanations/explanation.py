"""Why does a model answer so to this recording: maps, segments and sounds, as arrays and tables.

`explain` is the Python door of `robustness explain`; the page draws what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from robustness.audio.levels import SPEECH_THRESHOLD_DB
from robustness.audio.placement import Trim, trimmed
from robustness.audio.recordings import Recording
from robustness.explanations.answering import worst_of
from robustness.explanations.cases import Cases
from robustness.explanations.diagnosis import Restoration
from robustness.explanations.good_recordings import GoodRun
from robustness.explanations.map_checks import CheckedMap, checked_maps
from robustness.explanations.map_records import MapCost, cost_of
from robustness.explanations.maps import Map, Progress, maps_of, named_methods
from robustness.explanations.question import ExplanationSettings, Question, check, question_of
from robustness.explanations.segments import segment_maps, segment_shares
from robustness.explanations.sounds import Sound, sounds_of
from robustness.explanations.word_tracking import Following, Moved
from robustness.models.classifier import Classifier
from robustness.perturbations.base import Inputs
from robustness.rendering import NO_INPUTS
from robustness.run.evidence import LayerTracking
from robustness.run.restoration import RestoredAnswer


@dataclass(frozen=True)
class MapRow:
    """One map: what it cost, and what else says of it."""

    cost: MapCost
    checks: CheckedMap

    @property
    def key(self) -> str:
        """The name of its array."""
        return f"{self.cost.method}/{self.cost.variant}/{self.cost.target}"

    @property
    def title(self) -> str:
        """Method, variant and target."""
        return f"{self.cost.method}, {self.cost.variant}: {self.cost.target}"

    @property
    def second_opinion(self) -> float | None:
        """The rank correlation with another method's map."""
        return self.checks.second_opinion

    @property
    def tested(self) -> bool:
        """Whether it was tested."""
        return self.checks.tests is not None

    @property
    def failed(self) -> list[str] | None:
        """What it failed, in words; None where it was not tested."""
        return None if self.checks.tests is None else self.checks.tests.box.failed

    def plain(self) -> dict[str, object]:
        """As a row of a table."""
        return {**vars(self.cost), "second_opinion": self.second_opinion, "tested": self.tested, "failed": self.failed}


@dataclass(frozen=True)
class Axes:
    """Of a picture: ms from frame to frame, of the window, and the centers of its bands."""

    hop_ms: float
    window_ms: float
    band_hz: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is known of one recording's answer.

    Attributes:
        question: the recording, its place, the variants and what they answer.
        arrays: `log_mel` and each map, [bands frames], by `method/variant/target`; in logits.
        rows: a row a map: what it cost and whether it can be trusted.
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
    arrays: Mapping[str, Map]
    rows: Sequence[MapRow]
    segments: pd.DataFrame
    sounds: Sequence[Sound]
    strips: Mapping[str, Map]
    bars: Mapping[str, Map]
    tops: Mapping[str, npt.NDArray[np.bool_]]
    following: LayerTracking | None = None
    restored: Mapping[str, RestoredAnswer] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table: what each map cost, its second opinion, whether it was tested, and what it failed."""
        return pd.DataFrame([row.plain() for row in self.rows])

    @property
    def axes(self) -> Axes:
        """Of the arrays."""
        picture, frame = self.question.first.frontend.picture, self.question.first.frame
        return Axes(picture.hop_ms, frame.samples * 1000 / frame.rate_hz, tuple(picture.band_hz))


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
    fill: str = "zeros",
    trim: Trim = "auto",
    speech_threshold_db: float = SPEECH_THRESHOLD_DB,
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
        fill: what the padding holds, zeros or floor.
        trim: whether the recording is cut to its speech before it is placed.
        speech_threshold_db: how far below the loudest frame its speech may be.
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
    wanted = ExplanationSettings(
        placement=placement,
        offset_ms=offset_ms,
        targets=tuple(targets),
        methods=tuple(methods),
        baseline=baseline,
        seed=seed,
        perturbation=perturbation,
        level=level,
        draw=draw,
        inputs=inputs,
        fill=fill,
        trim=trim,
        speech_threshold_db=speech_threshold_db,
        layers=tuple(layers),
        tested=tested,
    )
    variants = [classifier] if isinstance(classifier, Classifier) else list(classifier)
    return explain_settled(variants, recording, wanted, progress=progress)


def explain_settled(
    classifiers: Sequence[Classifier],
    recording: Recording,
    wanted: ExplanationSettings,
    among: Cases | GoodRun | None = None,
    progress: Progress = lambda doing, done, total: None,
) -> Explanation:
    """The same, with what is asked for in one record.

    Args:
        classifiers: the variants.
        recording: as in `explain`; one of `among` as it is there.
        wanted: what is asked for.
        among: the variants and recordings of a run, with which the answer is compared as on a card; or the good recordings of one.
        progress: as in `explain`.
    """
    check(classifiers[0], recording, wanted)
    if not isinstance(among, Cases):
        recording = trimmed(recording, classifiers[0].frame, wanted.trim, wanted.speech_threshold_db)
    threshold_db = wanted.speech_threshold_db
    if isinstance(among, Cases):
        cases = among
    else:
        cases = Cases(None, classifiers, [recording], wanted.seed, inputs=wanted.inputs, threshold_db=threshold_db, good_run=among)
    question = question_of(cases, recording, wanted)
    network, request = Following(cases.given, wanted.layers), question.map_request
    methods = named_methods(wanted.methods, list(question.classifiers.values()))
    maps = maps_of(request, methods, surrogates=True, progress=progress)
    picture = question.first.frontend.picture.features(question.here.window[None])[0, 0].float().cpu().numpy()
    checks = checked_maps(maps, wanted.seed, tested=wanted.tested, progress=progress)
    return Explanation(
        question,
        {"log_mel": picture, **{one.key: one.map for one in maps}},
        [MapRow(cost_of(one), checked) for one, checked in zip(maps, checks, strict=True)],
        pd.DataFrame(map(vars, segment_shares(segment_maps(request, maps)))),
        sounds_of(question, maps),
        {one.key: one.over_time for one in maps},
        {one.key: one.over_bands for one in maps},
        {one.key: one.top for one in maps},
        _followed(question, network),
        {} if question.case is None else Restoration(cases).answers(question.case),
    )


def _followed(question: Question, network: Following) -> LayerTracking | None:
    """Where in the network it stops following the word, in the variant that is worst off."""
    if question.counterpart is None or question.truth is None or question.subject.changed:
        return None
    variant = worst_of(question.given)
    return network.of(Moved(question.subject, question.here.lead_ms, question.counterpart.lead_ms, question.truth, variant))
