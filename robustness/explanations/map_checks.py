"""Can a map be believed? What it does when it is tested, on a card and by `robustness explain` alike.

Deletion and insertion against random orders, and weights drawn anew, are of every map that is tested; β-infidelity, max-sensitivity, and
how like it the maps of other labels are, cost more, and are of `explain` alone. A map that fails says so on its face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from robustness.attributions.deletion import DeletionCurves
from robustness.attributions.stability import class_sensitivity, infidelity, max_sensitivity
from robustness.attributions.trust import Checks, TrustBox
from robustness.explanations.map_records import second_opinion
from robustness.explanations.maps import COMPARING, Progress, RelevanceMap
from robustness.run.evidence import MapForgetting, MapLift, MapTrust

OTHERS: Final = 4  # labels, the likeliest, whose maps a map is compared with
STAGES: Final = 3  # of forgetting, by `explain`
ON_A_CARD: Final = {True: 2, False: 1}  # of a card in full: the last layer, and all of them; else all. Each costs a map


@dataclass(frozen=True)
class MapTests:
    """What the tests of one map gave.

    Attributes:
        box: deletion and insertion against random orders, and weights drawn anew.
        infidelity: β-infidelity; None where nothing falls.
        sensitivity: max-sensitivity, of the map's own size; NaN where the answer flips for a neighbour.
        alike: the rank correlation with the map of each of the likeliest other labels; None where one is constant.
    """

    box: TrustBox
    infidelity: float | None
    sensitivity: float
    alike: Mapping[str, float | None]


@dataclass(frozen=True)
class CheckedMap:
    """What else says of a map, and its tests; None where it was not tested."""

    second_opinion: float | None
    tests: MapTests | None


@dataclass(eq=False)
class Boxes:
    """The trust boxes of maps of one window: the random orders of a variant and target serve all its maps.

    Attributes:
        seed: of the random orders and weights.
        stages: at how many depths the network forgets.
    """

    seed: int
    stages: int = STAGES
    _curves: dict[tuple[str, str], DeletionCurves] = field(default_factory=dict)

    def of(self, one: RelevanceMap) -> TrustBox:
        """The trust box of a map."""
        key = (one.variant, one.name)
        checks = Checks(one.asked, self.seed, self.stages, self._curves.get(key))
        self._curves[key] = checks.curves
        return checks.of_map(one.method, one.relevance)


def trust_of(maps: Sequence[RelevanceMap], seed: int, *, in_full: bool) -> dict[str, MapTrust]:
    """The trust box of each map of a card, by the name under which the map is stored.

    Args:
        maps: for one target.
        seed: of the random orders and weights.
        in_full: with the network forgetting layer by layer, and not only all at once.
    """
    boxes = Boxes(seed, ON_A_CARD[in_full])
    return {one.of_variant: _record(boxes.of(one)) for one in maps if one.method.name != COMPARING.name}


def _record(box: TrustBox) -> MapTrust:
    lift = None if box.lift is None else MapLift(box.lift.deletion, box.lift.insertion, box.lift.spread)
    stages = tuple(MapForgetting(stage.layers, stage.of, stage.down_to, stage.spearman) for stage in box.stages)
    return MapTrust(box.gap, box.change, lift, stages, box.seed, box.passes, tuple(box.failed))


def checked_maps(
    maps: Sequence[RelevanceMap], seed: int, *, tested: bool, progress: Progress = lambda doing, done, total: None
) -> list[CheckedMap]:
    """The checks of each map, in their order.

    Args:
        maps: all of them; those of the first target are tested.
        seed: of every random number.
        tested: False leaves the tests out, which cost several times the map.
        progress: told which map is tested, and how many were.
    """
    boxes, first = Boxes(seed), maps[0].name
    todo = [one for one in maps if tested and one.name == first]
    found: dict[str, MapTests] = {}
    for one in todo:
        progress(f"test: {one.of_variant.replace('/', ', ')}", len(found), len(todo))
        found[one.key] = _tests(one, boxes, seed)
    return [CheckedMap(second_opinion(one, maps), found.get(one.key)) for one in maps]


def _tests(one: RelevanceMap, boxes: Boxes, seed: int) -> MapTests:
    """What the tests of one map gave."""
    values = one.relevance.map[0]
    return MapTests(
        boxes.of(one),
        infidelity(one.asked, values, seed),
        max_sensitivity(one.asked, one.method, values, seed),
        class_sensitivity(one.asked, one.method, OTHERS),
    )
