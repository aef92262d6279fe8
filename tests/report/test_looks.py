"""Whether the page looks right where it is not wide and light: on a phone, in the dark, on paper."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from robustness.run.folder import Run
from tests.browser import Watched, until
from tests.report.conftest import ATLAS, draw_all, show


@pytest.mark.parametrize("width", [390, 768])
def test_nothing_moves_sideways_on_a_narrow_screen(browser: Browser, hostile_run: Run, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = Watched(context.new_page()).open(hostile_run.path / "index.html")
    draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_dark_has_its_own_colours_also_in_figures_and_print_is_light(browser: Browser, hostile_run: Run) -> None:
    context = browser.new_context(color_scheme="dark")
    page = Watched(context.new_page()).open(hostile_run.path / "index.html")
    show(page, ATLAS)
    dark = colours(page)
    page.emulate_media(color_scheme="light")
    until(page, f"getComputedStyle(document.body).backgroundColor !== '{dark['paper']}'")
    light = colours(page)
    page.emulate_media(color_scheme="dark")
    page.evaluate("beforePrint()")
    assert brightness(dark["paper"]) < 60
    assert brightness(light["paper"]) > 200
    assert dark["scale"] != light["scale"]
    assert colours(page)["paper"] == light["paper"]
    context.close()


def colours(page: Page) -> dict[str, Any]:
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return {"paper": paper, "scale": page.evaluate("document.querySelector('[data-figure=\"atlas\"]').data[0].colorscale")}


def brightness(colour: str) -> float:
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3


def test_print_draws_every_figure_and_opens_every_card(page: Page) -> None:
    pdf = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) <= 12
    assert page.evaluate("plots.filter((element) => !element.closest('.more')).every((element) => element.querySelector('.main-svg'))")
