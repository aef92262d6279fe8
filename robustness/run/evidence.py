"""What does a run know of its failures, so that they can be drawn without torch? The records of `evidence/`.

What measures writes them, what draws reads them, and neither passes anything else between them. Times are in ms from the window's start,
margins in logits, shares are of the loss of margin. Fields have the names that they have in the files; a number is finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AllowInfNan

from robustness.conditions import Condition
from robustness.run.atomic import write_json
from robustness.run.damage import plain, read_record
from robustness.run.measured_values import MeasuredDifference, MeasuredValue

FAILURES: Final = "failures.json"
FiniteNumber = Annotated[float, AllowInfNan(False)]
Pair = tuple[FiniteNumber, FiniteNumber]


@dataclass(frozen=True)
class CounterpartSpans:
    """Where the same recording is answered rightly: its placement, its lead, and what of the window it and its speech fill."""

    placement: str
    offset_ms: FiniteNumber
    recording_ms: Pair
    speech_ms: Pair


@dataclass(frozen=True)
class TargetPair:
    """The true label and its rival: a map is of the first's logit less the second's."""

    label: str
    rival: str


@dataclass(frozen=True)
class VariantAnswer:
    """What one variant answers where the recording fails, and what restores it.

    Attributes:
        predicted: the winning label.
        p_predicted: its probability.
        p_label: that of the true label.
        margin: the logit of the true label less the strongest other one: what maps attribute.
        wrong: whether the outcome is bad.
        outcome: what a user of the device meets.
        probabilities: of every label, by the window heard: `here`, `counterpart`, a placement.
        outcome_margin: how far it is from the boundary between good and bad, in log-odds; None in earlier runs.
        restored_at_ms: the nearest good lead that loses no speech; None where none was found.
        restored_by_ms: how far that is from here.
        restored_lost_ms: how much speech is lost there, in earlier runs.
        searched_ms: between which leads it was looked for; None where it was not.
    """

    predicted: str
    p_predicted: FiniteNumber
    p_label: FiniteNumber
    margin: FiniteNumber
    wrong: bool
    outcome: str
    probabilities: Mapping[str, Mapping[str, FiniteNumber]]
    outcome_margin: FiniteNumber | None = None
    restored_at_ms: FiniteNumber | None = None
    restored_by_ms: FiniteNumber | None = None
    restored_lost_ms: FiniteNumber | None = None
    searched_ms: Pair | None = None


@dataclass(frozen=True)
class MapMethod:
    """What a method did on some variants.

    Attributes:
        name: of the method.
        source: where it is from.
        variants: whose maps it made.
        baseline: what stands for nothing.
        settings: of the method.
        passes: how many clips the network was asked.
        max_abs: the largest |value| of each variant's map.
        surrogate: on what, where it was not the variant itself; None where it was.
        logit_gap: how far the surrogate's logits lie from the variant's.
        completeness_gap: Σ φ − the change of the score; None where the method does not claim that it is 0.
        score_change: from the baseline.
        within_bound: whether the gap is within its bound.
        steps: of the path.
        error: the largest standard error of a part, where parts were sampled.
    """

    name: str
    source: str
    variants: tuple[str, ...]
    baseline: str
    settings: Mapping[str, object]
    passes: int
    max_abs: Mapping[str, FiniteNumber]
    surrogate: str | None = None
    logit_gap: FiniteNumber | None = None
    completeness_gap: FiniteNumber | None = None
    score_change: FiniteNumber | None = None
    within_bound: bool | None = None
    steps: int | None = None
    error: FiniteNumber | None = None


@dataclass(frozen=True)
class MapCorrelation:
    """The rank correlation of two maps, each named by method and variant; None where one of them is constant."""

    a: tuple[str, str]
    b: tuple[str, str]
    spearman: FiniteNumber | None
    cells: int


@dataclass(frozen=True)
class MapFigures:
    """How alike two maps are; None where one has no such figure."""

    spearman: FiniteNumber | None
    spearman_abs: FiniteNumber | None
    top_iou: FiniteNumber | None
    sign: FiniteNumber | None
    shift_frames: FiniteNumber | None
    shift_bands: FiniteNumber | None


@dataclass(frozen=True)
class MapDifference:
    """One variant's map less the float one's, by one method.

    Attributes:
        method: by which.
        of: the variant.
        against: the float one.
        key: under which name the difference is stored.
        max_abs: its largest |value|.
        agreement: of the two maps.
        floor: of maps of other recordings.
        ceiling: of the same recording moved by one frame.
    """

    method: str
    of: str
    against: str
    key: str
    max_abs: FiniteNumber
    agreement: MapFigures
    floor: MapFigures | None
    ceiling: MapFigures | None


@dataclass(frozen=True)
class MapLift:
    """How much better than random orders a map's is, in logits, and one standard deviation of random orders."""

    deletion: FiniteNumber
    insertion: FiniteNumber
    spread: FiniteNumber


@dataclass(frozen=True)
class MapForgetting:
    """The rank correlation of a map with that after so many layers of all, down to one, were drawn anew."""

    layers: int
    of: int
    down_to: str
    spearman: FiniteNumber | None


@dataclass(frozen=True)
class MapTrust:
    """The checks of one map, and what it failed, in words."""

    gap: FiniteNumber | None
    change: FiniteNumber
    lift: MapLift | None
    stages: tuple[MapForgetting, ...]
    seed: int
    passes: int
    failed: tuple[str, ...]


@dataclass(frozen=True)
class SegmentValues:
    """Exact Shapley values of segments of the window against silence, by variant; they sum to the change of the score."""

    edges_ms: tuple[FiniteNumber, ...]
    values: Mapping[str, tuple[FiniteNumber, ...]]
    change: Mapping[str, FiniteNumber]
    passes: Mapping[str, int]


@dataclass(frozen=True)
class CounterpartValues:
    """The same for one variant against its counterpart."""

    variant: str
    edges_ms: tuple[FiniteNumber, ...]
    values: tuple[FiniteNumber, ...]
    change: FiniteNumber
    passes: int


@dataclass(frozen=True)
class LeadSteps:
    """Time strips of one variant between the wrong lead and the right one; `key` is the name of the stored strips [leads frames]."""

    variant: str
    key: str
    leads_ms: tuple[FiniteNumber, ...]
    margins: tuple[FiniteNumber, ...]
    right: tuple[bool, ...]
    max_abs: FiniteNumber
    passes: int


@dataclass(frozen=True)
class LayerError:
    """How far what a layer gives is from following the word, that of other words, and what lies outside; None where it has none."""

    error: FiniteNumber | None
    floor: FiniteNumber | None
    lost: FiniteNumber | None


@dataclass(frozen=True)
class SpanShare:
    """What a span of a layer's output brings back."""

    start_ms: FiniteNumber
    end_ms: FiniteNumber
    share: FiniteNumber


@dataclass(frozen=True)
class ChannelShare:
    """What a channel of a layer's output brings back."""

    channel: int
    share: FiniteNumber


@dataclass(frozen=True)
class PatchedLayer:
    """What parts of a layer's output bring back: all that both windows have, spans, the best channels of those tried, of how many."""

    all: FiniteNumber | None
    spans: tuple[SpanShare, ...]
    channels: tuple[ChannelShare, ...]
    tried: int
    of: int


@dataclass(frozen=True)
class TrackedLayer:
    """One layer: its frames in ms (None without an axis of time), how it follows in each variant, what its parts bring back."""

    layer: str
    stride_ms: FiniteNumber | None
    variants: Mapping[str, LayerError]
    patched: PatchedLayer | None


@dataclass(frozen=True)
class LayerTracking:
    """Where in the network it stops following the word.

    Attributes:
        variant: which fails.
        here_ms: the lead where it fails.
        there_ms: the lead where it is right.
        whole: whether the shift is a whole number of every layer's frames.
        wanted: the layers asked for; none = all.
        layers: in the order they run, the features first.
    """

    variant: str
    here_ms: FiniteNumber
    there_ms: FiniteNumber
    whole: bool
    wanted: tuple[str, ...]
    layers: tuple[TrackedLayer, ...]


@dataclass(frozen=True, kw_only=True)
class FailureMaps:
    """What is said of a failure's maps; the maps themselves are arrays."""

    methods: tuple[MapMethod, ...]
    correlations: tuple[MapCorrelation, ...]
    trust: Mapping[str, MapTrust] | None = None  # by the map's name; None in runs that did not check
    differences: tuple[MapDifference, ...] = ()
    segments: SegmentValues | None = None
    donor: CounterpartValues | None = None
    ladder: LeadSteps | None = None
    following: LayerTracking | None = None


@dataclass(frozen=True, kw_only=True)
class FailureFacts:
    """A failure but for its sounds and maps.

    Attributes:
        recording: its id.
        word: as its source names it.
        label: the true one.
        speaker: None where it is not known.
        condition: under which it fails.
        also_wrong: placements at which it fails as well.
        offset_ms: its lead.
        recording_ms: what of the window it fills.
        speech_ms: what of the window its speech fills.
        window_ms: the window's length.
        rate_hz: of the window.
        hop_ms: of the features.
        band_hz: the center of each band.
        worst_variant: which is worst off.
        counterpart: where it is right; None where it is right nowhere.
        target: of the maps.
        variants: what each answers.
        measured: what was measured; runs made before measured nothing.
        apart: in what those that fail there differ, and this one as well; runs made before have none.
    """

    recording: str
    word: str
    label: str
    speaker: str | None
    condition: Condition
    also_wrong: tuple[str, ...]
    offset_ms: FiniteNumber
    recording_ms: Pair
    speech_ms: Pair
    window_ms: FiniteNumber
    rate_hz: int
    hop_ms: FiniteNumber
    band_hz: tuple[FiniteNumber, ...]
    worst_variant: str
    counterpart: CounterpartSpans | None
    target: TargetPair
    variants: Mapping[str, VariantAnswer]
    measured: tuple[MeasuredValue, ...] = ()
    apart: tuple[MeasuredDifference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FailureCard(FailureFacts, FailureMaps):
    """A failure with all that its card shows; files are names in `evidence/`, None where sounds were not kept."""

    id: str
    arrays: str
    sound: str | None
    counterpart_sound: str | None
    before_sound: str | None = None  # the same as `sound`, with what sounded before the window


@dataclass(frozen=True)
class ShownOfAll:
    """How many have a card, of how many."""

    total: int
    shown: int


@dataclass(frozen=True)
class FailedRecordings:
    """Every failing recording that has a card, worst first; how many fail at a place, and how many under anything else alone.

    `good_run` is the name of the run with whose good recordings some are compared; None where none was needed.
    """

    total: int
    shown: int
    failures: tuple[FailureCard, ...] = ()
    in_noise: ShownOfAll = ShownOfAll(0, 0)
    good_run: str | None = None


def read_failures(evidence: Path) -> FailedRecordings | None:
    """The failures of a run; None where none were written.

    Raises:
        RunError: where they are damaged.
    """
    return read_record(evidence.parent, f"{evidence.name}/{FAILURES}", FailedRecordings) if (evidence / FAILURES).exists() else None


def write_failures(evidence: Path, found: FailedRecordings) -> None:
    """Writes the failures of a run, whole or not at all."""
    write_json(evidence / FAILURES, plain(FailedRecordings, found))
