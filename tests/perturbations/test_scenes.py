"""Is a scene its stages one after the other, and is an impossible one refused in a sentence?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from robustness.conditions import Condition
from robustness.perturbations.base import PERTURBATIONS, WindowPerturbation
from robustness.perturbations.scenes import ComposedScene, SceneError, add_scenes, read_scene
from robustness.registry import _ADDED
from robustness.rendering import Renderer
from robustness.seeds import generator_of
from robustness.sweep.plan import Settings, plan_of
from tests.builders import FRAME, recordings

SHIPPED = ("car-window-open", "far-field-office", "kitchen-3m", "own-playback", "phone-line", "tv-beside")
HEAD = 'name = "mine"\nabout = "a test"\naxis = "packets lost"\nunit = "%"\nlevels = [2.0, 4.0, 10.0]\nneutral = 0.0\n'
ROOM, NOISE = '[[stage]]\nkind = "far-field"\nlevel = 2.0\n', '[[stage]]\nkind = "white-noise"\nlevel = 20.0\n'
CODEC, LOSS = '[[stage]]\nkind = "mu-law"\nlevel = 8.0\n', '[[stage]]\nkind = "packet-loss"\nlevels = [2.0, 4.0, 10.0]\n'
GAIN = '[[stage]]\nkind = "gain"\nlevel = -6.0\n'


def scene_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_ADDED, PERTURBATIONS.package, {})


def window_kind(name: str) -> WindowPerturbation:
    made = PERTURBATIONS[name]()
    assert isinstance(made, WindowPerturbation)
    return made


def test_what_ships_is_a_perturbation_like_any_other() -> None:
    assert tuple(name for name, kind in PERTURBATIONS.all().items() if issubclass(kind, ComposedScene)) == SHIPPED
    assert all(PERTURBATIONS[name]().unavailable({}) is None for name in SHIPPED)


@pytest.mark.usefixtures("added")
def test_a_scene_is_its_stages_one_after_the_other(tmp_path: Path) -> None:
    (name,) = add_scenes([scene_file(tmp_path, HEAD + ROOM + NOISE + GAIN + CODEC + LOSS)])
    renderer = Renderer.of(recordings(3), FRAME, seed=7)
    found = renderer.render(Condition(name, 4.0, draw=1))
    for clip, recording in enumerate(recordings(3)):
        rng = generator_of(7, recording.id, name, 1)
        one = Renderer.of([recording], FRAME).placed("center")
        for kind, level in (("far-field", 2.0), ("white-noise", 20.0), ("gain", -6.0), ("mu-law", 8.0), ("packet-loss", 4.0)):
            stage = window_kind(kind)
            random = stage.realization(FRAME.samples, FRAME.rate_hz, rng)
            changed = stage.perturb(one, level, None if random is None else random[None])
            one = type(one)(changed.samples / max(1.0, float(changed.samples.abs().max())), one.rate_hz, one.lead, one.speech, one.ids)
        torch.testing.assert_close(found.samples[clip], one.samples[0], rtol=0, atol=1e-6)
    assert found.measured is not None
    assert found.measured.tolist() == pytest.approx([4.0] * 3)


@pytest.mark.usefixtures("added")
def test_a_users_scene_is_planned_by_its_name(tmp_path: Path) -> None:
    (name,) = add_scenes([scene_file(tmp_path, HEAD + CODEC + LOSS)])
    plan = plan_of(Settings(perturbations=(name,)), FRAME)
    assert {c.level for c in plan.conditions if c.perturbation == name} == {0.0, 2.0, 4.0, 10.0}
    assert plan.kinds("center")[name].unit == "%"


def test_a_folder_takes_the_place_of_made_noise(tmp_path: Path) -> None:
    kinds = [[s.perturbation.name for s in PERTURBATIONS["kitchen-3m"].made(given).stages] for given in ({}, {"noises": tmp_path})]  # type: ignore[attr-defined]
    assert kinds == [["far-field", "speech-shaped-noise", "high-pass"], ["far-field", "background-noise", "high-pass"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + '[[stage]]\nkind = "far-feild"\nlevel = 2.0\n', "there is no perturbation 'far-feild'; did you mean far-field?"),
        (HEAD + CODEC + ROOM, "mu-law (channel) stands before far-field (room); the order of physics is source → room → noise"),
        (HEAD + NOISE + ROOM, "white-noise (noise) stands before far-field (room)"),
        (HEAD + '[[stage]]\nkind = "opus"\nlevel = 2.0\n', "opus at 2 kbit/s is out of its range, 6 to inf kbit/s"),
        (HEAD + '[[stage]]\nkind = "speed"\nlevel = 5.0\n', "speed moves or cuts the recording before it is placed"),
        (HEAD + '[[stage]]\nkind = "time-shift"\nlevel = 20.0\n', "time-shift moves or cuts the recording"),
        (HEAD + '[[stage]]\nkind = "phone-line"\nlevel = 4.0\n', "phone-line is a scene itself"),
        (HEAD + '[[stage]]\nkind = "mu-law"\n', "mu-law needs a `level`, or `levels` with one for each of the scene's 3"),
        (HEAD + '[[stage]]\nkind = "mu-law"\nlevels = [8.0, 7.0]\n', "mu-law has 2 levels, and the scene has 3"),
        (HEAD.replace("neutral = 0.0", "neutral = 2.0") + LOSS, "the neutral level 2 stands for no scene at all, and is among `levels`"),
        (HEAD.replace('name = "mine"', 'name = "My scene"') + LOSS, "key `name`: string should match pattern"),
        (HEAD + "colour = 3\n" + LOSS, "key `colour`: does not exist"),
        (HEAD, "key `stage`: field required"),
        ("name = ", "is not TOML"),
    ],
)
def test_an_impossible_scene_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"the scene .*mine\.toml") as caught:
        read_scene(scene_file(tmp_path, text))
    assert words in str(caught.value)


def test_a_name_that_is_taken_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="has the name gain, which a perturbation has"):
        add_scenes([scene_file(tmp_path, HEAD.replace("mine", "gain") + LOSS)])
    with pytest.raises(SceneError, match=r"nowhere\.toml cannot be read"):
        add_scenes([tmp_path / "nowhere.toml"])


def test_a_stage_without_its_folder_says_which(tmp_path: Path) -> None:
    text = read_scene(scene_file(tmp_path, HEAD + '[[stage]]\nkind = "babble"\nlevel = 10.0\n' + LOSS))
    made: Any = type("Made", (ComposedScene,), {"text": text})()
    assert made.unavailable({}) == "its stage babble: no talkers were given: give their folder by --input talkers=DIR"
