"""Does the page say of a recording that fails in noise alone which noise that is, what was borne, and what restores it?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from robustness.explanations.evidence import write_evidence
from robustness.report.cards.figures import CardFigures
from robustness.report.page import write_page
from robustness.report.sections.failures import Failures
from robustness.report.view import View
from robustness.run.folder import Run
from tests.explanations.planted import LABELS, recording, run_of
from tests.explanations.test_in_noise import NOISES, hush
from tests.report.planted import Plan, manifest_of, recordings_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real sweep and its evidence: two words, of which noise makes both fail."""
    words = [recording("a.wav"), recording("b.wav")]
    variants = [hush(), hush("dynamic-int8")]
    found = run_of(variants, words, tmp_path_factory.mktemp("noisy") / "run", ("padding-placement", "white-noise", "pink-noise"))
    planned = Plan(["yes", "yes"], labels=LABELS)
    planted = manifest_of(planned)
    grids = planted["plan"]["grids"]
    grids = {"padding-placement": grids["padding-placement"], **{name: {**grids["white-noise"], "draws": 5} for name in NOISES}}
    facts = {**found.manifest, **planted, "plan": {**planted["plan"], "grids": grids}}
    model = {**planted["models"][0], "rate_hz": 1000, "window_ms": 1000.0}
    (found.path / "manifest.json").write_text(json.dumps({**facts, "models": [model]}), encoding="utf-8")
    recordings_of(planned).assign(id=["a.wav", "b.wav"]).to_parquet(found.path / "recordings.parquet")
    write_evidence(Run(found.path), variants, words, seed=0, perturbations=NOISES)
    return Run.open(found.path)


def test_a_card_says_which_noise_and_what_was_borne(run: Run) -> None:
    part = Failures().part(View(run))
    assert part is not None
    html = re.sub(r"\s+", " ", str(part.html).replace("\u00a0", " "))
    assert "No recording fails at any placement tried. 2 recordings fail under another perturbation alone; each has a card" in html
    card = View(run).failures.failures[0]
    condition = card.condition
    name = condition.perturbation.replace("-", " ")
    assert f"“yes” is missed in {name} at {condition.level:g} dB" in html
    rows = run.trials(perturbation=condition.perturbation, level=condition.level, recording=card.recording, variant="float32")
    wrong = int((~rows["correct"].astype(bool)).sum())
    assert f"At {condition.level:g} dB {wrong} of 5 draws are bad in float32 and int8; at" in html
    assert "Without the noise it is recognised as yes" in html
    assert ">as it fails</th>" in html
    assert ">undisturbed</th>" in html


def test_its_figure_has_every_draw_at_every_level(run: Run) -> None:
    view = View(run)
    for facts in view.failures.failures:
        figure = CardFigures(view, facts).figures()[-1]
        assert figure.id == f"{facts.id}-noise"
        rows = run.trials(perturbation=facts.condition.perturbation, recording=facts.recording, variant="float32")
        drawn = rows[rows["level"] < float("inf")]
        dots = figure.data[1]
        assert sorted(zip(dots["x"], dots["y"], strict=True)) == sorted(
            zip(drawn["level"], drawn["outcome_margin"].astype(float).round(3), strict=True)
        )
        assert figure.table is not None
        assert len(figure.table.rows) == drawn["level"].nunique()


def test_no_place_in_silence_leads_to_it(run: Run) -> None:
    view = View(run)
    assert [view.card(name, place) for name in ("a.wav", "b.wav") for place in ("start", "center", "end")] == [None] * 6


def test_the_page_has_it(run: Run, tmp_path: Path) -> None:
    write_page(run, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f'id="{View(run).failures.failures[0].id}"' in text
