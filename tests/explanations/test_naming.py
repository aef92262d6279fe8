"""Is a kind named exactly where the rule says so, and do factors sum to the drop?"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from robustness.conditions import Fill
from robustness.explanations.edits import Attempt, Rung
from robustness.explanations.factors import FACTORS, State, account, differing, exact_shapley
from robustness.explanations.naming_rule import Beside, mostly, name, named_pair
from robustness.explanations.standing import Side
from robustness.interventions.base import EditKind
from robustness.run.restoration import EditPair


def attempt(
    called: str,
    kind: EditKind,
    share: float | None,
    *,
    restores: bool = True,
    control: float | None = 0.0,
    control_restores: bool = False,
    size: float = 10.0,
) -> Attempt:
    tried_size = Rung(size, 1.0 if restores else -1.0, share, 1.0, "yes", restores)
    return Attempt(called, kind, (tried_size,), Rung(10.0, -1.0, control, 0.0, "no", control_restores), 1)


@pytest.mark.parametrize(
    ("share", "other", "control", "control_restores", "named"),
    [
        (0.5, 0.25, 0.25, False, True),
        (0.499, 0.0, 0.0, False, False),
        (0.5, 0.2501, 0.0, False, False),
        (0.5, 0.0, 0.2501, False, False),
        (1.0, 0.5, 0.0, False, True),
        (3.0, 0.51, 0.0, False, False),  # shares count up to the whole drop
        (1.0, -0.4, -0.3, False, True),
        (1.0, 0.0, 0.0, True, False),
        (None, None, 0.0, False, True),  # by the weaker verb
    ],
)
def test_the_rule(share: float | None, other: float | None, control: float, control_restores: bool, named: bool) -> None:
    tried = [
        attempt("move-word", "placement", share, control=control, control_restores=control_restores),
        attempt("gain", "level", other, restores=False),
    ]
    found = name(tried)
    assert (found.verdict == "named") is named
    assert found.kind == ("placement" if named else None)
    assert named or found.verdict == "one"


@pytest.mark.parametrize(("other", "control", "named"), [(0.9, 0.0, True), (0.0, 0.75, True), (0.0, 0.7501, False)])
def test_where_a_measurement_speaks_what_does_not_restore_is_no_hindrance(other: float, control: float, named: bool) -> None:
    tried = [attempt("gain", "level", 1.0, control=control), attempt("speed", "speed", other, restores=False)]
    assert (name(tried, Beside(frozenset({"level"}))).kind == "level") is named


def test_a_kind_is_named_beside_others_where_something_else_speaks_for_it() -> None:
    alike = [attempt("move-word", "placement", 1.0), attempt("gain", "level", 0.9)]
    assert name(alike, Beside(frozenset({"level"}))).kind == "level"
    assert name(alike, Beside(frozenset({"level", "placement"}))).kind is None
    assert name(alike, Beside(frozenset({"noise"}))).kind is None
    four = [*alike, attempt("equalise", "band", 1.0), attempt("speed", "speed", 1.0)]
    assert name(four, Beside(frozenset({"level"}))).kind is None  # more than three name nothing


def test_of_what_a_shift_alone_makes_wrong_its_place_is_named_or_nothing() -> None:
    tried = [attempt("move-word", "placement", 1.0), attempt("speed", "speed", 1.0)]
    assert name(tried, Beside(frozenset({"speed"}))).kind == "speed"
    assert name(tried, Beside(frozenset({"speed"}), shifted=True)).kind == "placement"  # a small move is enough
    found = name(tried[1:], Beside(frozenset({"speed"}), shifted=True))
    assert (found.kind, found.verdict) == (None, "one")


def test_what_is_measured_as_ordinary_comes_after_what_is_not() -> None:
    tried = [attempt("gain", "level", 0.9), attempt("move-word", "placement", 1.0)]
    assert name(tried).kind is None
    assert name(tried, Beside(frozenset({"placement"}), frozenset({"level"}))).kind == "placement"
    assert name(tried[:1]).kind == "level"
    assert name(tried[:1], Beside(ordinary=frozenset({"level"}))).kind is None
    assert name(tried[:1], Beside(rings=True)).kind is None
    assert name(tried[:1], Beside(frozenset({"level"}), rings=True)).kind == "level"


@pytest.mark.parametrize(
    ("length", "size", "share", "other", "named"),
    [
        ("low", -10.0, 0.9, None, True),
        ("low", 10.0, 0.9, None, False),  # a short word, and made shorter
        ("high", 10.0, 0.9, None, True),
        (None, -10.0, 0.9, None, False),  # as long as most
        ("low", -10.0, 0.5, None, True),
        ("low", -10.0, 0.5, 0.3, False),  # a little comes back by other edits as well
        ("low", -10.0, 0.67, 0.3, True),
        ("low", -10.0, 0.9, 0.6, False),  # another kind counts
    ],
)
def test_speed_is_named_where_the_word_is_short_or_long_and_becomes_less_so(
    length: Side | None, size: float, share: float, other: float | None, named: bool
) -> None:
    tried = [attempt("speed", "speed", share, size=size), attempt("equalise", "band", 1.0, restores=share > 0.5)]
    tried += [] if other is None else [attempt("move-word", "placement", other)]
    beside = Beside(ordinary=frozenset({"band", "noise"}), length=length, compared=True)
    assert (name(tried, beside).kind == "speed") is named
    assert name(tried, replace(beside, rings=True)).kind is None
    assert name(tried, replace(beside, speaks=frozenset({"noise"}))).kind == name(tried, beside).kind
    spoken = replace(beside, speaks=frozenset({"placement"}), ordinary=frozenset({"band", "noise"}))
    assert name(tried, spoken).kind != "speed" or other is None


@pytest.mark.parametrize(
    ("group", "length", "size", "kind"),
    [
        ({"speed"}, "low", -10.0, "speed"),
        ({"speed"}, "low", 10.0, None),  # a word that is shorter than most, and made shorter
        ({"speed"}, "high", 10.0, "speed"),
        ({"level"}, None, -10.0, "level"),
        ({"level", "speed"}, "low", -10.0, None),  # of two that count, neither
        ({"level", "noise"}, None, -10.0, "level"),  # of noise no edit counts
        ({"noise"}, None, -10.0, None),
        (set(), None, -10.0, None),
    ],
)
def test_what_all_that_fail_have_in_common_speaks_for_its_kind(
    group: set[EditKind], length: Side | None, size: float, kind: str | None
) -> None:
    tried = [attempt("speed", "speed", 0.6, size=size), attempt("gain", "level", 0.9), attempt("equalise", "band", 0.7)]
    beside = Beside(ordinary=frozenset({"band", "level", "speed"}), compared=True, group=frozenset(group), group_length=length)
    assert name(tried, beside).kind == kind
    assert name(tried, replace(beside, rings=True)).kind is None


def test_what_the_others_that_fail_have_as_well_comes_before_what_one_has_alone() -> None:
    tried = [attempt("gain", "level", 0.9), attempt("fill-floor", "padding", 0.9), attempt("move-word", "placement", 0.9)]
    beside = Beside(frozenset({"level"}), frozenset({"padding", "placement"}), compared=True)
    assert name(tried, beside).kind == "level"
    assert name(tried, replace(beside, group=frozenset({"padding"}))).kind == "padding"
    assert name(tried, replace(beside, group=frozenset({"noise"}))).kind is None
    elsewhere = replace(beside, speaks=frozenset({"placement"}), ordinary=frozenset())  # the same recording is right at another place
    assert name(tried, replace(elsewhere, group=frozenset({"padding"}))).kind == "placement"


def test_the_output_is_not_named_where_all_that_fail_have_something_in_common() -> None:
    tried = [attempt("lower-rejections", "output", 0.9, size=2.0)]
    assert name(tried, Beside(lean=2.0, compared=True)).kind == "output"
    assert name(tried, Beside(lean=2.0, compared=True, group=frozenset({"speed"}))).kind is None


def test_no_word_is_called_too_fast_for_its_length_where_all_that_fail_share_another_thing() -> None:
    tried = [attempt("speed", "speed", 0.9, size=-10.0)]
    beside = Beside(length="low", compared=True)
    assert name(tried, beside).kind == "speed"
    assert name(tried, replace(beside, group=frozenset({"band"}))).kind is None


def test_beside_others_nothing_is_named_that_nothing_speaks_for() -> None:
    tried = [attempt("gain", "level", 0.9)]
    assert name(tried, Beside()).kind == "level"
    assert (name(tried, Beside(compared=True)).kind, name(tried, Beside(compared=True)).verdict) == (None, "one")
    assert name(tried, Beside(frozenset({"level"}), compared=True)).kind == "level"


def test_of_two_that_are_spoken_for_the_one_far_outside_is_named() -> None:
    tried = [attempt("remove-hum", "noise", 0.9), attempt("drop-lowest-bands", "band", 1.0)]
    beside = Beside(frozenset({"noise", "band"}), compared=True)
    assert name(tried, beside).kind is None
    assert name(tried, replace(beside, loudest="noise")).kind == "noise"
    placed = [*tried, attempt("move-word", "placement", 0.8)]  # the network's own answers speak for a place
    assert name(placed, Beside(frozenset({"noise", "placement"}), loudest="noise")).kind is None


def test_noise_is_named_by_an_edit_that_undoes_what_was_measured() -> None:
    beside = Beside(frozenset({"noise"}), compared=True, undoing=frozenset({"remove-offset"}))
    assert name([attempt("remove-offset", "noise", 0.9)], beside).kind == "noise"
    assert name([attempt("remove-noise", "noise", 0.9)], beside).kind is None
    both = [attempt("remove-offset", "noise", 0.9), attempt("drop-lowest-bands", "band", 0.9)]
    assert name(both, replace(beside, speaks=frozenset({"noise", "band"}))).kind == "noise"  # the band lacks something else
    partly = [attempt("remove-noise", "noise", 0.9, restores=False)]
    assert mostly(name(partly, beside), partly, beside).kind is None
    assert mostly(name(partly, beside), partly, replace(beside, undoing=None)).kind == "noise"
    assert beside.fits(["noise", "level"], ["remove-offset", "gain"])
    assert not beside.fits(["noise", "level"], ["remove-noise", "gain"])


@pytest.mark.parametrize(
    ("lean", "own", "share", "kind"),
    [
        (None, True, 0.5, "placement"),
        (6.6, True, 0.5, "placement"),
        (6.7, True, 0.5, "output"),
        (6.7, True, 0.4, "placement"),  # the place costs more than twice the lean
        (6.6, False, 0.4, "placement"),
        (6.7, False, 0.4, "output"),
    ],
)
def test_the_output_is_named_where_no_more_than_the_networks_lean_restores(lean: float | None, own: bool, share: float, kind: str) -> None:
    tried = [attempt("move-word", "placement", 1.0), attempt("lower-rejections", "output", share)]  # both restore at 10
    assert name(tried, Beside(frozenset({"placement"}), lean=lean, own_drop=own)).kind == kind


def pair(first: EditKind, second: EditKind, share: float, *, restores: bool = True) -> EditPair:
    return EditPair(("a", "b"), (first, second), (1.0, 1.0), 1.0, share, restores)


def test_a_pair_is_named_beside_others_where_it_fits_what_was_measured() -> None:
    found = [pair("noise", "level", 0.9)]
    assert named_pair(found, []) is found[0]
    assert named_pair(found, [], Beside(compared=True)) is None
    assert named_pair(found, [], Beside(frozenset({"noise"}), compared=True)) is found[0]
    assert named_pair(found, [], Beside(frozenset({"noise"}), frozenset({"level"}), compared=True)) is None
    moved = [pair("noise", "placement", 0.9)]
    assert named_pair(moved, [], Beside(frozenset({"noise"}), compared=True)) is None  # it is right at no other place
    assert named_pair(moved, [], Beside(frozenset({"noise", "placement"}), compared=True)) is moved[0]
    most = [pair("noise", "level", 0.7, restores=False), pair("noise", "placement", 0.9)]
    assert named_pair(most, [], Beside(frozenset({"noise", "level"}), compared=True)) is most[0]


def test_most_of_a_loss_is_said_of_the_one_kind_that_is_spoken_for() -> None:
    tried = [attempt("remove-noise", "noise", 0.8, restores=False), attempt("equalise", "band", 0.5, restores=False)]
    beside = Beside(frozenset({"noise"}))
    nothing = name(tried, beside)
    assert (nothing.verdict, nothing.kind) == ("none", None)
    found = mostly(nothing, tried, beside)
    assert (found.verdict, found.kind, found.by, found.share) == ("most", "noise", "remove-noise", 0.8)
    assert mostly(nothing, tried, Beside(frozenset({"noise", "band"}), loudest="noise")).kind == "noise"
    for other in (Beside(frozenset({"noise", "band"})), Beside(frozenset({"band"})), Beside(frozenset({"noise"}), rings=True)):
        assert mostly(nothing, tried, other).kind is None
    weaker = [attempt("remove-noise", "noise", 0.6, restores=False), tried[1]]
    stronger = [tried[0], attempt("equalise", "band", 0.9, restores=False)]
    restored = [tried[0], attempt("equalise", "band", 0.5)]
    assert [mostly(nothing, some, beside).kind for some in (weaker, stronger, restored)] == [None, None, None]
    assert mostly(nothing, stronger, Beside(frozenset({"noise"}), ordinary=frozenset({"band"}))).kind == "noise"
    shared = Beside(frozenset({"noise"}), group=frozenset({"noise"}))  # all that fail there have it in common
    weakest = [attempt("remove-noise", "noise", 0.49, restores=False), tried[1]]
    assert [mostly(nothing, some, shared).kind for some in (weaker, weakest, stronger, restored)] == ["noise", None, None, None]
    alone = replace(shared, speaks=frozenset())  # nothing lies outside of this one by itself
    assert [mostly(nothing, some, alone).kind for some in (weaker, weakest)] == ["noise", None]
    assert mostly(nothing, weaker, replace(alone, rings=True)).kind is None


@pytest.mark.parametrize(("size", "kind"), [(-10.0, "speed"), (10.0, None)])
def test_most_of_a_loss_is_said_of_another_speed_where_it_makes_a_short_word_longer(size: float, kind: str | None) -> None:
    tried = [attempt("speed", "speed", 0.6, restores=False, size=size)]
    beside = Beside(group=frozenset({"speed"}), group_length="low", compared=True)
    assert mostly(name(tried, beside), tried, beside).kind == kind


@pytest.mark.parametrize(("speaks", "own", "strength"), [((), True, "full"), ((), False, "weak"), (("level",), False, "full")])
def test_the_verb_is_weaker_where_nothing_but_the_edit_speaks(speaks: tuple[EditKind, ...], own: bool, strength: str) -> None:
    assert name([attempt("gain", "level", 0.9)], Beside(frozenset(speaks), own_drop=own)).strength == strength


def test_without_a_loss_the_only_kind_is_named_unless_a_measurement_speaks_for_another() -> None:
    tried = [attempt("speed", "speed", None, control=None)]
    assert (name(tried).kind, name(tried).strength) == ("speed", "weak")
    assert name(tried, Beside(frozenset({"band"}))).kind is None
    assert name(tried, Beside(frozenset({"speed"}))).kind == "speed"


def test_several_and_none() -> None:
    alike: list[Attempt] = [attempt("move-word", "placement", 1.0), attempt("gain", "level", 0.9)]
    assert name(alike).verdict == "several"
    assert name(alike).restoring == ("move-word", "gain")
    assert name([attempt("gain", "level", 0.4, restores=False)]).verdict == "none"


def test_two_edits_of_one_kind_do_not_stand_in_each_others_way() -> None:
    found = name([attempt("lengthen-lead-in", "placement", 1.0), attempt("move-word", "placement", 0.95), attempt("gain", "level", 0.3)])
    assert (found.verdict, found.kind) == ("named", "placement")


def test_exact_shapley_is_the_mean_over_orders_and_sums_to_the_drop() -> None:
    names = ("lead_ms", "fill", "gain_db")
    values = {
        frozenset(some): float(3 * ("lead_ms" in some) + 2 * (len(some) == 3) + ("fill" in some) * ("gain_db" in some))
        for some in _subsets(names)
    }
    found = exact_shapley(names, values)
    assert found is not None
    for one in names:
        orders = list(permutations(names))
        gains = [values[frozenset(o[: o.index(one) + 1])] - values[frozenset(o[: o.index(one)])] for o in orders]
        assert found[one] == pytest.approx(sum(gains) / len(orders))
    assert math.fsum(found.values()) == pytest.approx(6.0)


def _subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tuple(n for i, n in enumerate(names) if mask >> i & 1) for mask in range(2 ** len(names))]


def test_a_combination_that_cannot_be_made_is_left_out_and_said() -> None:
    failing, right = State("float32", -80.0, cut=(1280, 0)), State("float32", 100.0)

    def margins(states: object) -> list[float]:
        return [(4.0 if state.lead_ms == 100 else 0.0) + (3.0 if state.cut == (0, 0) else 0.0) for state in states]  # type: ignore[attr-defined]

    shares = account(failing, right, margins, lambda state: state.lead_ms >= 0 or state.cut != (0, 0))
    assert shares is not None
    assert dict(shares.values) == {"onset position": 4.0, "truncation": 3.0}
    assert shares.drop == 7.0
    assert shares.left_out == (("truncation",),)


def test_one_factor_is_the_set_up_and_no_finding() -> None:
    assert account(State("float32", 0.0), State("float32", 100.0), lambda states: [0.0] * len(states), lambda state: True) is None


@pytest.mark.parametrize("fill", ["zeros", "floor"])
def test_states_differ_in_what_they_say(fill: Fill) -> None:
    a, b = State("float32", 0.0, fill), State("dynamic-int8", 0.0, "zeros", cut=(3, 0))
    assert [FACTORS[one] for one in differing(a, b)] == ["numeric precision", *(["fill"] if fill == "floor" else []), "truncation"]


DOC = Path(__file__).resolve().parents[2] / "docs" / "diagnosis.md"


@pytest.mark.slow
def test_planted_kinds_are_found_and_nothing_is_named_falsely() -> None:
    from tests.explanations.plants import rows

    found = list(rows())
    assert all(row.found is None or row.found >= 0.9 * row.cases for row in found if row.plant != "noise")
    nothing = [row for row in found if row.found is None]
    assert sum(row.falsely for row in nothing) <= 0.05 * sum(row.cases for row in nothing)
    assert sum(row.cases for row in nothing) >= 100
    assert sum(row.falsely for row in found if row.found is not None) == 0
    text = DOC.read_text(encoding="utf-8")
    assert [str(row) for row in found if str(row) not in text] == [], "python -m tests.explanations.plants prints the table"
