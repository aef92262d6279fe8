"""How far does a variant's map differ from the float one's, and is that much or little?

Both maps are by one method, for one pair of classes. Beside each figure stand its floor (maps of other recordings at the same placement,
which have nothing to do with this one) and its ceiling (the same recording moved by one frame, its map moved back).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from threading import Lock
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.agreement import MapAgreement, agreement, mean_of, moved_back
from robustness.attributions.base import Target
from robustness.conditions import Condition, Placement
from robustness.explanations.cases import Case, Cases
from robustness.explanations.maps import ALONE, COMPARING, Map, RelevanceMap, seen, sounding
from robustness.explanations.subject import Subject
from robustness.models.after_sound import with_nothing_before
from robustness.models.classifier import Classifier
from robustness.run.evidence import MapDifference, MapFigures
from robustness.run.schema import OVER_BANDS, OVER_TIME

UNRELATED: Final = 4  # recordings of other words, for the floor


_Key = tuple[str, str, str, Placement]  # model, variant, recording, place


class Unrelated:
    """Maps of a few recordings, for all labels at once; made when they are first asked for, once for all threads."""

    def __init__(self, cases: Cases) -> None:
        self.cases = cases
        self._maps: dict[_Key, tuple[Tensor, Tensor]] = {}
        self._making: dict[_Key, Lock] = {}

    def maps(self, case: Case, reference: Classifier) -> list[tuple[Tensor, Tensor]]:
        """Maps for this case's target of recordings of other words, [bands frames], each with its sounding cells."""
        place = case.failure.condition.placement
        return [self._map(id_, place, case.target, reference) for id_ in islice(self._others(case), UNRELATED)]

    def subjects(self, case: Case, count: int) -> list[Subject]:
        """The first few recordings of other words, to be placed."""
        return [self._subject(id_) for id_ in islice(self._others(case), count)]

    def _others(self, case: Case) -> Iterator[str]:
        own = case.recording
        return (r.id for r in self.cases.known if r.id != own.id and (r.label is None or r.label != own.label))

    def _subject(self, recording: str) -> Subject:
        return self.cases.subject(self.cases.recordings[recording], Condition(placement=self.cases.frame.reference))

    def _map(self, recording: str, place: Placement, target: Target, classifier: Classifier) -> tuple[Tensor, Tensor]:
        key = (classifier.name, classifier.variant, recording, place)
        with self._making.setdefault(key, Lock()):
            if key not in self._maps:
                self._maps[key] = self._made(recording, place, target, classifier)
        maps, cells = self._maps[key]
        return maps[target.label] - (0 if target.rival is None else maps[target.rival]), cells

    def _made(self, recording: str, place: Placement, target: Target, classifier: Classifier) -> tuple[Tensor, Tensor]:
        """The maps of every label, [labels bands frames], and which cells sound."""
        subject = self._subject(recording)
        lead = subject.lead_ms(place if place != "offset" else classifier.frame.reference)
        every = [Target(i) for i in range(len(classifier.labels))]
        heard = seen(classifier, subject.at([lead]).samples[0], target)
        found = ALONE.attribute_all(heard.classifier, heard.features, every)
        return torch.stack([one.map[0] for one in found]), sounding(heard)


def compare_maps(case: Case, explained: list[RelevanceMap], unrelated: Unrelated) -> tuple[tuple[MapDifference, ...], dict[str, Map]]:
    """What the page says of each variant against the float one, and the differences of their maps by the name they are stored under."""
    maps = {one.variant: one for one in explained if one.method.name == COMPARING.name}
    found: list[MapDifference] = []
    arrays: dict[str, Map] = {}
    for of, against in map_pairs(case.classifiers):
        one, other = maps[against], maps[of]
        if one.map.shape != other.map.shape:
            continue
        key = f"{COMPARING.name}/{of}-minus-{against}"
        a, b = one.arrays, other.arrays
        arrays |= {f"{kind}{key}": b[f"{kind}{other.of_variant}"] - a[f"{kind}{one.of_variant}"] for kind in ("", OVER_TIME, OVER_BANDS)}
        cells = torch.from_numpy(one.sounding | other.sounding)
        own = agreement(torch.from_numpy(one.map), torch.from_numpy(other.map), cells)
        found.append(
            MapDifference(
                method=COMPARING.name,
                of=of,
                against=against,
                key=key,
                max_abs=float(abs(arrays[key]).max()),
                agreement=MapFigures(*own),
                floor=_figures(_floor(case, one, unrelated)),
                ceiling=_figures(_ceiling(case, one)),
            )
        )
    return tuple(found), arrays


def map_pairs(classifiers: Mapping[str, Classifier]) -> list[tuple[str, str]]:
    """Each variant of a model with the model's first one, which is the float one."""
    first: dict[str, str] = {}
    found = []
    for name, classifier in classifiers.items():
        against = first.setdefault(classifier.name, name)
        if against != name:
            found.append((name, against))
    return found


def _figures(found: MapAgreement | None) -> MapFigures | None:
    return None if found is None else MapFigures(*found)


def _floor(case: Case, one: RelevanceMap, unrelated: Unrelated) -> MapAgreement | None:
    own, mine = torch.from_numpy(one.map), torch.from_numpy(one.sounding)
    others = unrelated.maps(case, with_nothing_before(case.classifiers[one.variant]))
    return mean_of([agreement(own, other, mine | cells) for other, cells in others if other.shape == own.shape])


def _ceiling(case: Case, one: RelevanceMap) -> MapAgreement | None:
    """The same recording moved one frame later, or earlier where there is no room, and its map moved back."""
    classifier, lead = case.classifiers[one.variant], case.failure.offset_ms
    hop_ms = classifier.frontend.picture.hop_ms
    frames = 1 if case.subject.recording_ms(lead + hop_ms)[1] <= classifier.frame.samples * 1000 / classifier.frame.rate_hz else -1
    heard = seen(classifier, case.subject.at([lead + frames * hop_ms]).samples[0], case.target)
    moved = moved_back(ALONE.attribute(heard.classifier, heard.features, case.target).map[0], frames)
    cells = torch.from_numpy(one.sounding) | (moved_back(sounding(heard).float(), frames) > 0)
    return agreement(torch.from_numpy(one.map), moved, cells)
