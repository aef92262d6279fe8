"""Does every plug-in keep its contract? What a new file is asked for, whoever writes it.

The contracts that need sound (the neutral level changes nothing, the SNR obtained) are in tests/perturbations.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import math
import pickle
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from robustness.attributions.base import ATTRIBUTIONS, MethodKind
from robustness.audio.placement import Windows, batch_of, place
from robustness.conditions import FAMILIES, FILLS, Placement
from robustness.errors import UsageError
from robustness.frontends.base import FRONTENDS
from robustness.interventions.base import INTERVENTIONS
from robustness.jobs.catalogue import TABLES, level_text, levels_text, markdown_table, table
from robustness.perturbations.base import PERTURBATIONS, PlacementPerturbation, RecordingPerturbation, WindowPerturbation
from robustness.perturbations.before import HistoryPerturbation
from robustness.quantization.base import QUANTIZERS
from robustness.registry import Registry
from robustness.report.sections.base import SECTIONS
from robustness.streaming.rules.base import RULES
from tests.builders import FRAME, RATE_HZ, recordings

REGISTRIES: dict[str, Registry[Any]] = {
    "perturbations": PERTURBATIONS,
    "frontends": FRONTENDS,
    "quantization": QUANTIZERS,
    "attributions": ATTRIBUTIONS,
    "interventions": INTERVENTIONS,
    "rules": RULES,
    "sections": SECTIONS,
}
EVERY = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]
WITH_SETTINGS = [(kind, name) for kind, name in EVERY if kind != "sections"]
REFERENCES: tuple[Placement, ...] = ("start", "center", "end")


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_the_name_is_the_files(kind: str, name: str) -> None:
    cls = REGISTRIES[kind][name]
    assert cls.name == name
    assert inspect.getmodule(cls).__name__ == f"{REGISTRIES[kind].package}.{name.replace('-', '_')}"  # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_one_file_registers_one_class_and_says_what_it_is(kind: str, name: str) -> None:
    cls = REGISTRIES[kind][name]
    module = inspect.getmodule(cls)
    assert module is not None
    assert len((module.__doc__ or "").strip()) > 20
    assert (vars(cls)["__doc__"] or "").partition("\n")[0].endswith(".")
    registered = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.ClassDef) and node.decorator_list]
    assert [node.name for node in registered if any("register" in ast.unparse(d) for d in node.decorator_list)] == [cls.__name__]


@pytest.mark.parametrize(("kind", "name"), WITH_SETTINGS)
def test_settings_are_a_frozen_dataclass_with_defaults(kind: str, name: str) -> None:
    made = REGISTRIES[kind][name]()
    assert dataclasses.is_dataclass(made)
    assert made == REGISTRIES[kind][name]()
    for field in dataclasses.fields(made):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, field.name, None)
    hash(made)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name in WITH_SETTINGS if kind != "frontends"])
def test_a_source_is_named(kind: str, name: str) -> None:
    source = REGISTRIES[kind][name].source
    assert re.search(r"\d{4}|torch|the model|our choice", source), f"{name} says where it comes from: a year, a function, or our choice"


@pytest.mark.parametrize("name", PERTURBATIONS.names())
def test_a_grid_has_a_unit_and_goes_from_mild_to_harsh(name: str) -> None:
    axis = PERTURBATIONS[name].axis
    assert axis.name
    assert axis.unit
    assert len(axis.grid) >= 3
    assert len(set(axis.grid)) == len(axis.grid)
    assert all(math.isfinite(level) for level in axis.grid)
    harshness = [-level if math.isinf(axis.neutral) else abs(level - axis.neutral) for level in axis.grid]
    assert all(mild <= harsh for mild, harsh in pairwise(harshness))


@pytest.mark.parametrize("name", PERTURBATIONS.names())
@pytest.mark.parametrize("reference", REFERENCES)
def test_conditions_hold_the_whole_grid_and_the_neutral_level(name: str, reference: Placement) -> None:
    made = PERTURBATIONS[name]()
    conditions = list(made.conditions(reference))
    found = {(c.level, c.fill, c.draw) for c in conditions}
    assert {c.perturbation for c in conditions} == {name}
    assert {c.fill for c in conditions} == set(made.fills) <= set(FILLS)
    assert {c.placement for c in conditions} <= {*REFERENCES, "offset"}
    assert found >= {(level, fill, draw) for level in made.axis.grid for fill in made.fills for draw in range(made.draws)}
    assert any(c.level == made.neutral(reference) and c.placement == reference and c.fill == "zeros" for c in conditions)
    assert list(made.conditions(reference)) == conditions


@pytest.mark.parametrize("name", PERTURBATIONS.names())
def test_a_perturbation_has_a_family_and_says_whether_it_moves_the_word(name: str) -> None:
    kind = PERTURBATIONS[name]
    assert kind.family in FAMILIES
    assert kind.moves is (kind.family == "placement")
    ways = (PlacementPerturbation, RecordingPerturbation, WindowPerturbation, HistoryPerturbation)
    stages = [stage for stage in ways if issubclass(kind, stage)]
    assert len(stages) == 1
    assert set(kind.inputs) <= {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in PERTURBATIONS.names() if issubclass(PERTURBATIONS[name], WindowPerturbation)])
def test_a_window_is_changed_in_a_copy_and_the_same_twice(name: str) -> None:
    if PERTURBATIONS[name].inputs:  # its files are the user's: its own test gives it some
        with pytest.raises(UsageError, match="DIR"):
            PERTURBATIONS[name]()(windows(), 10.0)  # type: ignore[operator]
        return
    made = PERTURBATIONS[name]()
    assert isinstance(made, WindowPerturbation)
    for level in made.axis.grid:
        clean = windows()
        before = clean.samples.clone()
        once, again = (made(clean, level, draw=0, seed=5) for _ in range(2))
        assert torch.equal(clean.samples, before)
        assert torch.equal(once.samples, again.samples)
        assert once.samples.shape == before.shape
        assert once.samples.dtype == torch.float32
        assert once.samples.isfinite().all()
        assert once.samples.abs().max() <= 1.0 + 1e-6
        assert once.ids == clean.ids


@pytest.mark.parametrize("name", [name for name in PERTURBATIONS.names() if issubclass(PERTURBATIONS[name], RecordingPerturbation)])
def test_recordings_are_changed_in_a_copy_each_by_itself(name: str) -> None:
    made = PERTURBATIONS[name]()
    assert isinstance(made, RecordingPerturbation)
    assert made(batch_of(recordings(3)), made.axis.neutral).batch.samples.equal(batch_of(recordings(3)).samples)
    for level in made.axis.grid:
        together = batch_of(recordings(3))
        changed = made(together, level).batch
        assert torch.equal(together.samples, batch_of(recordings(3)).samples)
        assert changed.samples.dtype == torch.float32
        assert changed.samples.isfinite().all()
        assert (changed.lengths <= changed.samples.shape[1]).all()
        for place_, length in enumerate(changed.lengths.tolist()):
            assert not changed.samples[place_, length:].any()
            alone = made(batch_of(recordings(3)[place_ : place_ + 1]), level).batch
            assert alone.lengths.tolist() == [length]
            assert torch.allclose(alone.samples[0, :length], changed.samples[place_, :length], atol=1e-4)


@pytest.mark.parametrize("name", PERTURBATIONS.names())
def test_an_everyday_range_holds_levels_of_the_grid_and_says_who_says_so(name: str) -> None:
    made = PERTURBATIONS[name]()
    facts = made.facts("center")
    assert set(facts.everyday_levels) <= set(made.axis.grid)
    assert facts.everyday_levels
    if made.everyday is not None:
        assert made.everyday.low <= made.everyday.high
        assert math.isfinite(made.everyday.low)
        assert math.isfinite(made.everyday.high)
        assert re.search(r"\d{4}|our choice", made.everyday.source)


def test_the_catalogue_is_wide_enough() -> None:
    """As many as were meant, in every family."""
    kinds = PERTURBATIONS.all()
    assert len(kinds) >= 28
    assert {kind.family for kind in kinds.values()} == set(FAMILIES)


def windows() -> Windows:
    return place(batch_of(recordings(3)), torch.tensor([0, 1000, 2000]), FRAME)


USERS_OWN = {"factory": "module:callable", "command": "needs a program", "tflm-graph": "is not there"}


@pytest.mark.parametrize("name", USERS_OWN)
def test_a_front_end_of_the_users_own_says_what_it_needs(name: str) -> None:
    with pytest.raises(UsageError, match=USERS_OWN[name]):
        FRONTENDS[name]().features(torch.zeros(1, RATE_HZ))


@pytest.mark.parametrize("name", [name for name in FRONTENDS.names() if name not in USERS_OWN])
def test_a_front_end_keeps_clips_apart_and_knows_its_bands(name: str) -> None:
    made = FRONTENDS[name]()
    rng = torch.Generator().manual_seed(0)
    loud_and_quiet = torch.randn(2, RATE_HZ, generator=rng) * torch.tensor([[0.3], [1e-4]])
    together = made.features(loud_and_quiet)
    assert torch.equal(together, torch.cat([made.features(clip[None]) for clip in loud_and_quiet]))
    assert together.shape[:2] == (2, 1)
    assert made.band_hz == () or together.shape[2] == len(made.band_hz)
    assert all(low < high for low, high in pairwise(made.picture.band_hz))
    assert made.silence(together).shape in {(2, 1, 1, 1), (2, 1, together.shape[2], 1)}
    assert made.silence(together).expand_as(together).isfinite().all()
    assert (made.silence(together) <= together.amax(dim=(1, 2, 3), keepdim=True)).all()


@pytest.mark.parametrize("name", ATTRIBUTIONS.names())
def test_an_attribution_says_whether_it_needs_gradients(name: str) -> None:
    assert ATTRIBUTIONS[name].kind in get_args(MethodKind)


@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_wrong_name_is_answered_with_the_right_ones(kind: str) -> None:
    registry = REGISTRIES[kind]
    near = registry.names()[0]
    with pytest.raises(UsageError, match=f"no {registry.kind} '{near}x'; did you mean {near}.*{registry.names()[-1]}"):
        registry[f"{near}x"]


def test_names_are_known_without_importing_anything() -> None:
    for registry in REGISTRIES.values():
        assert registry.names() == sorted(registry.names())
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in registry.names())


def test_a_new_file_is_all_that_a_plugin_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "greetings"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "base.py").write_text("from robustness.registry import Registry\nALL = Registry('greeting', 'greetings')\n", encoding="utf-8")
    code = "from greetings.base import ALL\n@ALL.register\nclass Hello:\n    name = 'good-day'\n"
    (folder / "good_day.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = importlib.import_module("greetings.base").ALL
    assert registry.names() == ["good-day"]
    assert registry["good-day"].__name__ == "Hello"
    for name in ("greetings.good_day", "greetings.base", "greetings"):
        del sys.modules[name]


@pytest.mark.parametrize("what", TABLES)
def test_what_is_listed_is_what_is_registered(what: str) -> None:
    registry = {"variants": QUANTIZERS}.get(what) or REGISTRIES[what]
    rows = table(what)
    assert set(registry.names()) == set(rows["name"]) - {"no-word"}
    assert len(markdown_table(rows).splitlines()) == len(rows) + 2


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ((-20.0, 20.0, -40.0, 40.0), "±20, ±40"),
        ((30.0, 0.0, -5.0), "30, 0, −5"),
        ((0.5, 0.0, 1.0), "0.5, 0, 1"),
        ((0.0, 0.0), "0, 0"),
        ((), ""),
    ],
)
def test_levels_are_written_shortly(levels: tuple[float, ...], text: str) -> None:
    assert levels_text(levels) == text


def test_an_infinite_snr_is_written_as_a_sign() -> None:
    assert level_text(math.inf) == "∞"


def test_the_time_shift_row_writes_out_the_atlas() -> None:
    rows = table("perturbations").set_index("name")
    assert "from the window's start −200 … 600 in steps of 10" in str(rows.loc["time-shift", "levels"])
    assert rows.loc["time-shift", "conditions"] == len(set(PERTURBATIONS["time-shift"]().conditions("center")))


def test_conditions_travel_to_other_processes() -> None:
    for name in PERTURBATIONS.names():
        conditions = list(PERTURBATIONS[name]().conditions("center"))
        assert pickle.loads(pickle.dumps(conditions)) == conditions
