"""What is different between two files of one graph, layer by layer and answer by answer? A float file beside an int8 one, as they ship.

Layers are those that the files have. They are paired by the name of the tensor that they give, or else in their order if operator and
shape are the same. What a layer of the int8 file gives is compared with what its partner gives, for the same clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from robustness.audit.agreement import AnswerAgreement
from robustness.audit.arena import arena_of
from robustness.audit.distortion import Distortion, Range
from robustness.audit.measurement import CountProgress, Listening
from robustness.models.classifier import Classifier
from robustness.models.formats.base import FileLayer
from robustness.run.audit_records import ActivationError, LayerRecord, VariantAudit

ALONE: Final = "only in {name}"  # of a layer without a partner


@dataclass(eq=False)
class _Pairing:
    """What is learned of one file beside the float one."""

    classifier: Classifier
    partners: dict[str, str]
    answers: AnswerAgreement = field(default_factory=AnswerAgreement)
    distortions: dict[str, Distortion] = field(default_factory=dict)

    def records(self, original: Classifier) -> tuple[LayerRecord, ...]:
        """Its layers, then those that only the float file has."""
        own = [_record(layer, self._error(layer)) for layer in self.classifier.network.file_layers()]
        left = [layer for layer in original.network.file_layers() if layer.name not in self.partners.values()]
        return (*own, *(_record(layer, None, kind=f"{layer.kind}, {ALONE.format(name=original.variant)}") for layer in left))

    def _error(self, layer: FileLayer) -> ActivationError | None:
        found = self.distortions.get(layer.name)
        return None if found is None else found.error(self.partners[layer.name], _range(layer))


def audited_files(
    original: Classifier, variants: Sequence[Classifier], listening: Listening, progress: CountProgress = lambda done, total: None
) -> list[VariantAudit]:
    """The audit of each file beside the float one.

    Args:
        original: with float activations.
        variants: other files of the model.
        listening: the recordings.
        progress: told how many clips of how many were heard.
    """
    pairs = [_Pairing(one, paired(one.network.file_layers(), original.network.file_layers())) for one in variants]
    wanted = sorted({partner for one in pairs for partner in one.partners.values()})
    done = 0
    for heard in listening:
        before, given = original.logits_from(heard.features), original.activations(heard.features, wanted)
        for one in pairs:
            one.answers.add(before, one.classifier.logits_from(heard.features), heard.labels, heard.ids)
            limits = {layer.name: _range(layer) for layer in one.classifier.network.file_layers()}
            for name, values in one.classifier.activations(heard.features, list(one.partners)).items():
                one.distortions.setdefault(name, Distortion()).add(given[one.partners[name]], values, limits[name])
        done += len(heard.ids)
        progress(done, len(listening.recordings))
    return [_facts(original, one) for one in pairs]


def paired(layers: Sequence[FileLayer], others: Sequence[FileLayer]) -> dict[str, str]:
    """The partner of each layer among others, by name: one of the same name and shape, or the next alike in operator and shape."""
    by_name = {layer.name: layer for layer in others}
    found = {one.name: one.name for one in layers if one.name in by_name and by_name[one.name].shape == one.shape}
    left = [layer for layer in others if layer.name not in found.values()]
    for one in layers:
        partners = [other for other in left if (other.kind, other.shape) == (one.kind, one.shape)]
        if one.name not in found and partners:
            found[one.name] = partners[0].name
            left = left[left.index(partners[0]) + 1 :]
    return found


def _record(layer: FileLayer, error: ActivationError | None, *, kind: str | None = None) -> LayerRecord:
    return LayerRecord(layer.name, kind or layer.kind, layer.parameters, layer.multiplications, layer.quantized, error)


def _range(layer: FileLayer) -> Range | None:
    return None if layer.low is None or layer.high is None else Range(layer.low, layer.high)


def _facts(original: Classifier, one: _Pairing) -> VariantAudit:
    content = one.classifier.network.for_micro
    arena = None if content is None else arena_of(content)
    return VariantAudit(
        model=original.name,
        variant=one.classifier.variant,
        parameters=one.classifier.network.parameters or 0,
        bytes=one.classifier.about.get("bytes"),
        layers=one.records(original),
        answers=one.answers.facts(),
        experiments=(),
        beside=original.variant,
        arena_bytes=arena.bytes if arena else None,
        arena_says=arena.says if arena else None,
    )
