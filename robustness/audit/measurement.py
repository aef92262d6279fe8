"""What did quantization do to a network, layer by layer and answer by answer? One pass over the recordings, in batches.

What is kept are sums, and a few numbers a clip; no activation outlives its batch. Features are computed once for all that hear them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import torch
from torch import Tensor

from robustness.audio.recordings import Recording
from robustness.audit.agreement import AnswerAgreement
from robustness.audit.distortion import Distortion, Range
from robustness.audit.experiments import Experiment, experiments_on
from robustness.audit.layers import AuditedLayer, audited_layers
from robustness.audit.simulation import UINT8, grid_of_layer
from robustness.models.classifier import SMALLEST_PROBABILITY, Classifier
from robustness.models.formats.torch_module import module_of
from robustness.quantization.base import Calibration
from robustness.quantization.one_by_one import RowByRow
from robustness.rendering import reference_windows
from robustness.run.audit_records import ActivationError, ExperimentResult, LayerRecord, VariantAudit
from robustness.sweep.trials import label_indices

BATCH: Final = 32  # clips at once: the memory of an audit
AT_ONCE: Final = 12  # changed networks held at once; more take another pass over the recordings
WHOLE: Final = ""  # torch's name of the network itself
CountProgress = Callable[[int, int], None]


class AuditedBatch(NamedTuple):
    """A batch as all networks hear it: features [clips 1 bands frames], labels [clips] with −1 for none."""

    features: Tensor
    labels: Tensor
    ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Listening:
    """Recordings at the reference placement, batch by batch."""

    classifier: Classifier
    recordings: Sequence[Recording]
    threshold_db: float
    batch: int = BATCH

    def __iter__(self) -> Iterator[AuditedBatch]:
        frame = self.classifier.frame
        for start in range(0, len(self.recordings), self.batch):
            chunk = self.recordings[start : start + self.batch]
            windows = reference_windows(chunk, frame, self.threshold_db)
            labels = label_indices(self.classifier, [self.classifier.truth(recording.label) for recording in chunk])
            yield AuditedBatch(self.classifier.features(windows.samples), labels, windows.ids)


@dataclass(eq=False)
class _Variant:
    """What is learned of one variant on the way."""

    classifier: Classifier
    layers: Sequence[AuditedLayer]
    answers: AnswerAgreement = field(default_factory=AnswerAgreement)
    distortions: dict[str, Distortion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        about = self.classifier.about
        results = about.get("results", {})
        static = "results" in about
        names = [layer.name for layer in self.layers]
        inside = set(about["quantized_layers"])
        self.counterparts = {name: results.get(name) if static and name in inside else name for name in names}
        self.limits = {name: _limits(self.classifier, name) for name in names}

    def add(self, heard: AuditedBatch, original: dict[str, Tensor], logits: Tensor) -> None:
        """A batch, beside what the float network gives."""
        names = [name for name, counterpart in self.counterparts.items() if counterpart is not None and counterpart in original]
        given = _activations(self.classifier, heard.features, names)
        self.answers.add(logits, _logits(self.classifier, given[WHOLE]), heard.labels, heard.ids)
        for name in names:
            counterpart = self.counterparts[name] or name
            self.distortions.setdefault(name, Distortion()).add(original[counterpart], given[name], self.limits[name])

    def rows(self) -> tuple[LayerRecord, ...]:
        """What the run keeps of each layer."""
        inside = set(self.classifier.about["quantized_layers"])
        return tuple(
            LayerRecord(**layer._asdict(), quantized=layer.name in inside, activations=self._error(layer.name)) for layer in self.layers
        )

    def _error(self, name: str) -> ActivationError | None:
        found = self.distortions.get(name)
        return None if found is None else found.error(self.counterparts[name], self.limits[name])


def audited(
    original: Classifier,
    variants: Sequence[Classifier],
    listening: Listening,
    *,
    calibration: Calibration | None = None,
    thorough: bool = False,
    progress: CountProgress = lambda done, total: None,
) -> list[VariantAudit]:
    """The audit of each variant of one float classifier.

    Args:
        original: in float.
        variants: made of it.
        listening: the recordings.
        calibration: from which calibrated variants were made.
        thorough: also quantize each layer alone, leave each in float, and take weights and activations apart.
        progress: told how many clips of how many were heard.
    """
    first = next(iter(listening))
    layers = audited_layers(original, first.features[:1])
    found = [_Variant(variant, layers) for variant in variants]
    experiments = [list(experiments_on(original, variant, calibration)) if thorough else [] for variant in variants]
    passes = 1 + sum(-(-len(some) // AT_ONCE) for some in experiments)
    clips = len(listening.recordings)
    _hear(original, found, listening, lambda done: progress(done, passes * clips))
    done = clips
    facts = []
    for one, some in zip(found, experiments, strict=True):
        results: list[ExperimentResult] = []
        for start in range(0, len(some), AT_ONCE):
            results += _tried(original, some[start : start + AT_ONCE], listening)
            done += clips
            progress(done, passes * clips)
        facts.append(_facts(original, one, results))
    return facts


def _facts(original: Classifier, one: _Variant, experiments: list[ExperimentResult]) -> VariantAudit:
    variant = one.classifier
    return VariantAudit(
        model=original.name,
        variant=variant.variant,
        parameters=original.network.parameters or 0,
        bytes=variant.about.get("bytes"),
        layers=one.rows(),
        answers=one.answers.facts(),
        experiments=tuple(experiments),
    )


def _hear(original: Classifier, variants: Sequence[_Variant], listening: Listening, progress: Callable[[int], None]) -> None:
    """The pass over the recordings that compares layers."""
    wanted = {counterpart for one in variants for counterpart in one.counterparts.values() if counterpart is not None}
    done = 0
    for heard in listening:
        batches = {alone: _float_activations(original, heard.features, wanted, alone=alone) for alone in {_is_alone(v) for v in variants}}
        for one in variants:
            given = batches[_is_alone(one)]
            one.add(heard, given, _logits(original, given[WHOLE]))
        done += len(heard.ids)
        progress(done)


def _is_alone(one: _Variant) -> bool:
    """Whether the variant runs as a whole one clip at a time."""
    return isinstance(module_of(one.classifier.network), RowByRow)


def _float_activations(original: Classifier, features: Tensor, names: set[str], *, alone: bool) -> dict[str, Tensor]:
    """What the float layers give; one clip at a time where the variant runs so, for then a layer's values come in that order."""
    if not alone:
        return _activations(original, features, names)
    parts = [_activations(original, row, names) for row in features.split(1)]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _activations(classifier: Classifier, features: Tensor, names: Sequence[str] | set[str]) -> dict[str, Tensor]:
    return classifier.activations(features, [WHOLE, *names])


def _logits(classifier: Classifier, outputs: Tensor) -> Tensor:
    return outputs.clamp_min(SMALLEST_PROBABILITY).log() if classifier.output == "probabilities" else outputs


def _tried(original: Classifier, experiments: Sequence[Experiment], listening: Listening) -> list[ExperimentResult]:
    """The answers of changed networks, beside the float ones."""
    networks = [experiment.make() for experiment in experiments]
    found = [AnswerAgreement() for _ in experiments]
    for heard in listening:
        logits = original.logits_from(heard.features)
        for network, agreement in zip(networks, found, strict=True):
            agreement.add(logits, network.logits_from(heard.features), heard.labels, heard.ids)
    rows = zip(experiments, found, strict=True)
    return [ExperimentResult(kind=e.kind, layer=e.layer, simulated=e.simulated, **vars(agreement.facts())) for e, agreement in rows]


def _limits(classifier: Classifier, layer: str) -> Range | None:
    """What the int8 output of a layer can be; None where its output is float, or has a range of each clip's own."""
    grid = grid_of_layer(classifier, layer)
    if grid is None:
        return None
    scale, zero = grid
    return Range((UINT8[0] - zero) * scale, (UINT8[1] - zero) * scale)
