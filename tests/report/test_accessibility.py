"""axe-core finds nothing on any kind of page, light and dark, wide and narrow, with every fold open.

axe-core (MPL-2.0) comes with axe-playwright-python, of the extra `dev`; it reads the page in a browser and is no part of the project.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser

from robustness.audio.cutting import read_words, segment_take
from robustness.cli.main import run
from robustness.comparison import compare
from robustness.gates.run_judgement import JudgedBeside, judge_run
from robustness.jobs.segment import segmented_page
from robustness.report.banner import write_alone
from robustness.report.comparison_page import write_comparison
from robustness.report.page import write_page
from robustness.run.folder import Run
from tests.browser import PATIENCE_MS
from tests.cards import write_card
from tests.gates.planted import Answers, Planted, right, rules_in

KINDS: Final = ("report", "gate", "audit", "compare", "inspector", "take")
VIEWS: Final[tuple[tuple[Literal["light", "dark"], int], ...]] = (("light", 1280), ("dark", 380))
OPEN: Final = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
PARTS: Final = {"audit": ["#summary", "#quantization"]}  # the rest is the report's
LOOKS: Final = ("color-contrast", "target-size", "scrollable-region-focusable")  # what colours and the width can change
FOUND: Final = """
([parts, rules]) => axe.run({include: parts, exclude: [[".plot"]]}, {...(rules ? {runOnly: rules} : {}), resultTypes: ["violations"]})
  .then((found) => found.violations.flatMap(
    (one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")}: ${node.failureSummary}`)))
"""


@pytest.fixture(scope="module")
def axe() -> str:
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("needs axe-core: pip install -c constraints.txt axe-playwright-python")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, hostile_run: Run, root: Path) -> dict[str, Path]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    audit = folder / "audit"
    shutil.copytree(hostile_run.path, audit)
    manifest: dict[str, Any] = json.loads((audit / "manifest.json").read_text(encoding="utf-8"))
    (audit / "manifest.json").write_text(json.dumps({**manifest, "purpose": "audit"}), encoding="utf-8")
    write_page(Run.open(audit), audit / "index.html")
    judged = Planted([Answers(right(15, 20))]).write(folder / "gate")
    text = '[rule.hard]\nmetric = "accuracy"\nmin = 0.9\n[rule.easy]\nmetric = "accuracy"\nmin = 0.1\n'
    judge_run(judged, rules_in(folder, text), JudgedBeside(), judged.path)
    write_alone(judged, judged.path / "index.html")
    found = {"report": hostile_run.path / "index.html", "audit": audit / "index.html", "gate": judged.path / "index.html"}
    runs = [Planted([Answers(right(good, 20))]).write(folder / name) for name, good in (("a", 20), ("b", 18))]
    found["compare"] = folder / "compare.html"
    write_comparison(compare(*runs), found["compare"])
    take, words = root / "recordings" / "joe-take.wav", read_words("tutorial", None)
    segment_take(take, words, folder / "take", name="{label}_{count}.wav", rate_hz=16000, page=segmented_page)
    found["take"] = folder / "take" / "take.html"
    found["inspector"] = _explained(folder, root)
    return found


def _explained(folder: Path, root: Path) -> Path:
    heard = root / "recordings" / "joe" / "synthetic_joe_piper_clean_four_1.wav"
    given = ["--model", write_card(folder / "model"), heard, "--placement", "start", "--method", "occlusion", "--untested", "--label", "up"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["robustness", "explain", *map(str, given), "--out", str(folder / "explained")])
        assert run() == 0
    return folder / "explained" / "index.html"


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(kind: str, pages: dict[str, Path], axe: str, browser: Browser) -> None:
    """In what plotly draws it has nothing to find: each figure is an image with a sentence, and a table behind it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"file://{pages[kind]}", wait_until="load")
    if kind not in PARTS:
        page.evaluate(OPEN)
    page.evaluate(axe)
    parts = PARTS.get(kind, ["html"])
    for scheme, width in VIEWS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(FOUND, [parts, None if scheme == "light" else list(LOOKS)]) == [], (scheme, width)
    context.close()
