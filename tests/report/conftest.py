"""A real run with hostile names, and its page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import pytest
import soundfile
import torch
from playwright.sync_api import Page, expect

from robustness.jobs.assess import assess
from robustness.jobs.request import Explaining, Request
from robustness.models.formats.torch_module import module_of
from robustness.run.folder import Run
from robustness.sweep.plan import Settings
from tests.browser import Watched
from tests.builders import RATE_HZ, classifier, recordings
from tests.cards import CARD
from tests.made_once import made_once

HOSTILE: Final = "<script>window.hacked=1</script>"
IMAGE: Final = '"><img src=x onerror=window.hacked=1>'
HOSTILE_LABELS: Final = (HOSTILE, "no", "<b>up</b>", IMAGE, "left", "right", "on", "off", "stop", "go", "unknown")
ATLAS: Final = '[data-figure="atlas"]'
FEW: Final = Settings(perturbations=("padding-placement", "time-shift", "white-noise"))


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A sweep and its evidence over recordings whose names, words and labels try to become markup."""
    return Run.open(made_once(tmp_path_factory, "hostile", _make_hostile) / "run")


def _make_hostile(folder: Path) -> None:
    model, voices = folder / "model", folder / "voices"
    model.mkdir()
    voices.mkdir()
    torch.save(module_of(classifier().network).state_dict(), model / "small.pt")
    digest = hashlib.sha256((model / "small.pt").read_bytes()).hexdigest()
    card = CARD.format(name="NAME", labels="LABELS", sha256=digest).replace('"NAME"', json.dumps(HOSTILE))
    (model / "small.toml").write_text(card.replace("LABELS", json.dumps(HOSTILE_LABELS)), encoding="utf-8")
    lines = ["path,label,speaker"]
    for one, label in zip(recordings(5), (*HOSTILE_LABELS[:4], "<i>outside</i>"), strict=True):
        name = one.id.replace(".wav", "<img src=x onerror=window.hacked=1>.wav")
        soundfile.write(voices / name, one.samples.numpy(), RATE_HZ)
        lines.append(",".join('"' + text.replace('"', '""') + '"' for text in (name, label, HOSTILE)))
    (voices / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    request = Request(
        (model / "small.toml",), (voices,), settings=FEW, explaining=Explaining(cards=3), repeat=f"robustness report --model {HOSTILE}"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["robustness", "report", "--out", str(folder)])  # whatever runs the tests
        assess(request, folder / "run")


@pytest.fixture
def page(watched: Watched, hostile_run: Run) -> Page:
    opened = watched.open(hostile_run.path / "index.html")
    show(opened, ATLAS)
    return opened


def show(page: Page, selector: str) -> None:
    page.locator(selector).scroll_into_view_if_needed()
    page.wait_for_selector(f"{selector} .main-svg")


def draw_all(page: Page) -> None:
    """Opens every card and fold, and looks at every figure."""
    page.evaluate("document.querySelectorAll('details.card, details.card details.more').forEach((fold) => { fold.open = true; })")
    for plot in page.locator("[data-figure]").all():
        plot.scroll_into_view_if_needed()
        expect(plot.locator(".main-svg").first).to_be_attached()
