"""Whether the page of one recording works in a browser: switches, one scale, sounds, nothing that leaves the file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import torch
from playwright.sync_api import Page, expect

from robustness.report.packing import unpacked
from tests.browser import Watched, until
from tests.builders import RATE_HZ, recording
from tests.cards import write_card
from tests.commands import Said, run_here
from tests.models.test_card import with_own_net, with_weights

INSPECTOR = '[data-figure="inspector"]'
OVERLAY = "document.querySelector('[data-figure=\"inspector\"]').data[1]"


def run(*arguments: str) -> Said:
    return run_here("explain", *arguments)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A card and a recording on disk."""
    folder = tmp_path_factory.mktemp("given")
    sound = folder / "up" / "one.wav"
    sound.parent.mkdir()
    soundfile.write(sound, recording("one.wav").samples.numpy(), RATE_HZ)
    return str(write_card(folder / "model")), str(sound)


@pytest.fixture(scope="module")
def explained(given: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes."""
    card, sound = given
    out = tmp_path_factory.mktemp("explained") / "page"
    command = ("explain", "--model", card, sound, "--placement", "start", "--out", str(out), "--untested")
    done = subprocess.run([sys.executable, "-m", "robustness", *command], capture_output=True, text=True, check=False)  # as a shell does
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(out / "index.html")
    return out


@pytest.fixture
def page(watched: Watched, explained: Path) -> Iterator[Page]:
    opened = watched.open(explained / "index.html")
    opened.wait_for_selector(f"{INSPECTOR} .main-svg")
    yield opened
    assert watched.complaints == []
    assert {url.split(":", 1)[0] for url in watched.requests} <= {"file", "data", "blob"}
    assert sum(url.startswith("file:") for url in watched.requests) == 1


def test_switches_change_the_map_and_the_scale_stays(page: Page) -> None:
    sums, scales = [], []
    for choice in (("target", 0), ("target", 1), ("shown", 1), ("shown", 2)):
        page.locator(f'input[name="{choice[0]}"]').nth(choice[1]).check()
        sums.append(page.evaluate(f"{OVERLAY}.z.reduce((s, row) => s + row.reduce((a, b) => a + b, 0), 0)"))
        scales.append(page.evaluate(f"[{OVERLAY}.zmin, {OVERLAY}.zmax]"))
    assert len({round(one, 9) for one in sums}) >= 3
    assert all(scale == scales[0] for scale in scales)
    assert scales[0][0] == -scales[0][1] < 0
    expect(page.locator("#says")).to_contain_text("Scale ±")
    expect(page.locator("#player-only .told")).to_contain_text("a difference has no sound of its own")


def test_sounds_play_and_keys_walk_through_the_cells(page: Page) -> None:
    until(page, "[...document.querySelectorAll('audio')].every((audio) => audio.readyState >= 1)")
    sound = page.locator("#sound-only")
    sound.evaluate("async (audio) => { audio.muted = true; await audio.play(); }")
    until(page, "document.getElementById('sound-only').currentTime > 0")
    before = page.evaluate("document.getElementById('sound-only').src")
    page.locator('input[name="target"]').nth(2).check()
    assert page.evaluate("document.getElementById('sound-only').src") != before
    page.locator(INSPECTOR).press("ArrowRight")
    expect(page.locator("#pointed")).to_contain_text("logits")


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--method", "lime"), 2, "no attribution method 'lime'"),
        (("--target", "sideways"), 2, "no target 'sideways'"),
        (("--target", "up", "--placement", "aside"), 2, "no placement 'aside'"),
        (("--layer", "fc1", "--layer", "fc9"), 2, "small has no layer 'fc9'; it has conv1, conv2, fc1, fc2"),
    ],
)
def test_a_mistake_is_a_sentence(given: tuple[str, str], tmp_path: Path, options: tuple[str, ...], status: int, words: str) -> None:
    card, sound = given
    done = run("--model", card, sound, "--out", str(tmp_path / "x"), *options)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert words in done.stderr
    assert not (tmp_path / "x").exists()


HOSTILE_LAYER = "<img src=x onerror=hacked=1>"
PLACED_NET = f"""
import torch
from torch import nn

class Net(nn.Module):
    '''Says up where the loudness lies late, by weights of its own for each place.'''
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, bias=False)
        self.add_module({HOSTILE_LAYER!r}, nn.Linear(99, 11, bias=False))
    def forward(self, features):
        return getattr(self, {HOSTILE_LAYER!r})(self.conv(features).mean((1, 2)))
"""
BROKEN_NET = """
import torch
from torch import nn

class Net(nn.Module):
    '''Has no answer to a window that is loud in one part and quiet in another.'''
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 11)
    def forward(self, features):
        uneven = features.mean(2).std(2)
        return self.linear(features.mean(3).squeeze(1)) + (10 - uneven).sqrt()
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The card of a network that goes by places, with a layer whose name tries to become markup, and a recording whose word is known."""
    folder = tmp_path_factory.mktemp("hostile")
    soundfile.write(folder / "one.wav", recording("one.wav").samples.numpy(), RATE_HZ)
    (folder / "labels.csv").write_text("path,label\none.wav,up\n", encoding="utf-8")
    card = with_own_net(folder / "model", code=PLACED_NET)
    weight = torch.zeros(11, 99)
    weight[2] = torch.where(torch.arange(99) < 30, -1.0, 1.0)
    weight[2] -= weight[2].mean()
    state = {"conv.weight": torch.full((2, 1, 3, 3), 0.01), f"{HOSTILE_LAYER}.weight": weight}
    return str(with_weights(card, lambda path: torch.save(state, path))), str(folder / "one.wav")


def test_where_in_the_network_stands_on_the_page_and_names_stay_text(hostile: tuple[str, str], watched: Watched, tmp_path: Path) -> None:
    out = tmp_path / "page"
    done = run("--model", *hostile, "--placement", "start", "--untested", "--no-audio", "--out", str(out))
    assert done.returncode == 0, done.stderr
    page = watched.open(out / "index.html")
    block = page.locator("#network")
    expect(block.locator("h2")).to_have_text(f"Where in the network: it stops following the word at {HOSTILE_LAYER}")
    assert [row.inner_text() for row in block.locator("tbody th").all()] == ["features", "conv", HOSTILE_LAYER]
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
    page.set_viewport_size({"width": 360, "height": 800})
    until(page, "document.documentElement.scrollWidth <= 360")
    found = json.loads((out / "explanation.json").read_text(encoding="utf-8"))["following"]
    errors = [row["variants"]["float32"]["error"] for row in found["layers"]]
    assert errors[1] < 0.1
    assert errors[2] > 0.5


def test_layers_are_limited_and_without_a_counterpart_there_is_no_block(hostile: tuple[str, str], tmp_path: Path) -> None:
    options = ("--model", *hostile, "--untested", "--no-audio", "--method", "occlusion", "--layer", "conv")
    for place, there in (("start", True), ("end", False)):
        out = tmp_path / place
        done = run(*options, "--placement", place, "--out", str(out))
        assert done.returncode == 0, done.stderr
        found = json.loads((out / "explanation.json").read_text(encoding="utf-8"))["following"]
        assert (found is not None) is there
        assert ('id="network"' in (out / "index.html").read_text(encoding="utf-8")) is there
        if found is not None:
            assert [row["layer"] for row in found["layers"] if row["patched"]] == ["conv"]


def test_a_model_that_answers_with_nan_cannot_be_judged(given: tuple[str, str], tmp_path: Path) -> None:
    card = with_own_net(tmp_path / "model", code=BROKEN_NET)
    done = run("--model", str(card), given[1], "--out", str(tmp_path / "x"))
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert "answers with NaN or infinite logits" in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_gradient_of_an_int8_variant_is_said_to_be_of_its_surrogate(given: tuple[str, str], tmp_path: Path) -> None:
    options = ("--method", "integrated-gradients", "--variant", "dynamic-int8", "--untested", "--out", str(tmp_path / "page"))
    done = run("--model", given[0], given[1], *options)
    assert done.returncode == 0, done.stderr
    assert "an approximation" in json.dumps(unpacked((tmp_path / "page" / "index.html").read_text(encoding="utf-8"))["data"])


def test_what_is_no_explanation_is_left_alone(given: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = run("--model", given[0], given[1], "--out", str(tmp_path))
    assert done.returncode == 2
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"
