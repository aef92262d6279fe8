"""Whether the page works where it is read: in a browser, from disk, offline, with hostile names."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, Page, expect

from robustness.report.page import write_page
from robustness.run.damage import plain
from robustness.run.evidence import LayerTracking
from robustness.run.folder import Run
from robustness.run.sounds import read_sounds
from tests.browser import PATIENCE_MS, Watched, until
from tests.report.conftest import ATLAS, HOSTILE, IMAGE, draw_all, show
from tests.report.test_following import facts, row

ROWS = "#answers tbody tr:not([hidden])"
SLOWEST = 1.5
ACTIVE = "((e) => e.id || e.dataset.figure || e.name || e.className || e.tagName)(document.activeElement)"
VALIDATED = """plots.flatMap((element) => {
  const id = element.dataset.figure, { data, layout } = MAKERS[id] ? MAKERS[id](element) : DATA.figures[id];
  const found = Plotly.validate(themed(data), themed(completed(layout))) || [];
  return found.filter((one) => one.code !== "unused").map((one) => `${id}: ${one.msg}`);
})"""


def words(page: Page) -> list[str]:
    return [row.locator("th a").inner_text() for row in page.locator(ROWS).all()]


def test_nothing_leaves_the_file_and_nothing_complains(watched: Watched, hostile_run: Run) -> None:
    page = watched.open(hostile_run.path / "index.html")
    draw_all(page)
    assert watched.complaints == []
    assert {url.split(":", 1)[0] for url in watched.requests} <= {"file", "data", "blob"}
    assert sum(url.startswith("file:") for url in watched.requests) == 1


def test_hostile_names_stay_text(page: Page) -> None:
    draw_all(page)
    page.locator(ATLAS).scroll_into_view_if_needed()
    box = page.locator(f"{ATLAS} .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    hover = page.locator(f"{ATLAS} .hovertext")
    expect(hover).to_contain_text(f"{words(page)[0]} · lead")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
    assert page.locator("h1").inner_text().startswith(HOSTILE)
    assert {HOSTILE, "<b>up</b>", IMAGE, "<i>outside</i>"} <= set(words(page))


def test_a_card_says_where_in_the_network_and_it_folds(watched: Watched, hostile_run: Run, tmp_path: Path) -> None:
    """What is said of layers is planted: nowhere is the network of this run right, so that it has no counterpart to compare with."""
    copy = tmp_path / "run"
    shutil.copytree(hostile_run.path, copy)
    evidence = copy / "evidence" / "failures.json"
    found = json.loads(evidence.read_text(encoding="utf-8"))
    rows = [row("features", 0.0), row("conv1", 0.02), row(IMAGE, 0.8, 0.9, stride_ms=None)]
    found["failures"][0]["following"] = plain(LayerTracking, facts(*rows))
    evidence.write_text(json.dumps(found), encoding="utf-8")
    write_page(Run.open(copy), copy / "index.html")
    page = watched.open(copy / "index.html")
    blocks = page.locator("details.following")
    expect(blocks).to_have_count(1)
    page.evaluate("document.querySelectorAll('details.card').forEach((card) => { card.open = true; })")
    summary = blocks.locator("summary").first
    expect(summary).to_have_text(f"where in the network: it stops following the word at {IMAGE}")
    expect(blocks.locator("table")).to_be_hidden()
    summary.click()
    assert [cell.inner_text() for cell in blocks.locator("tbody th").all()] == ["features", "conv1", IMAGE]
    assert [cell.inner_text() for cell in blocks.locator("thead th").all()][2:4] == ["error, float32", "error, int8"]
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


def test_every_figure_is_valid_for_plotly(page: Page) -> None:
    draw_all(page)
    wrong = page.evaluate(VALIDATED)
    assert wrong == []


def test_the_atlas_has_a_row_for_each_of_the_tables_at_its_height(page: Page) -> None:
    assert page.locator(f"{ATLAS} .heatmaplayer image").count() == 1
    rows = page.locator(ROWS)
    shape = page.locator(ATLAS).evaluate("(element) => [element.data[0].z.length, element.data[0].z[0].length]")
    assert shape == [rows.count(), 81]
    plot, body = page.locator(f"{ATLAS} .nsewdrag").bounding_box(), page.locator("#answers tbody").bounding_box()
    assert plot is not None
    assert body is not None
    assert (plot["y"], plot["height"]) == pytest.approx((body["y"], body["height"]), abs=2)


def test_the_table_sorts_both_ways_and_the_atlas_follows(page: Page) -> None:
    first = words(page)
    head = page.locator('th[data-column="0"]')
    head.locator("button").click()
    assert words(page) == sorted(first)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert words(page) == sorted(first, reverse=True)
    order = page.evaluate("atlasState.order.map((row) => ATLAS.names[row])")
    assert order == sorted(first, reverse=True)


def test_a_column_of_answers_sorts_by_margin(page: Page) -> None:
    page.locator('th[data-column="2"] button').click()
    margins = [float(str(cell.get_attribute("data-sort"))) for cell in page.locator(f"{ROWS} td:nth-child(3)").all()]
    assert margins == sorted(margins)
    assert len(margins) == 5


def test_the_table_filters_by_text_and_by_wrong(page: Page) -> None:
    page.locator("#find").fill("OUTSIDE")
    assert words(page) == ["<i>outside</i>"]
    expect(page.locator("#shown")).to_have_text("1 of 5 shown")
    page.locator("#find").fill("no such word")
    expect(page.locator("#shown")).to_have_text("0 of 5 shown")
    page.locator("#find").fill("")
    page.locator("#only-wrong").check()
    wrong = page.locator("#answers tbody tr[data-wrong]").count()
    assert page.locator(ROWS).count() == wrong > 0


def test_one_selection_for_table_and_atlas(page: Page) -> None:
    box = page.locator(f"{ATLAS} .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3)
    row = page.locator("#answers tr[aria-current]")
    assert row.get_attribute("data-row") == "1"
    assert page.url.endswith(f"#{row.get_attribute('id')}")
    pinned = page.locator("#readout").inner_text()
    page.locator(ATLAS).press("ArrowRight")
    assert page.locator("#readout").inner_text() != pinned
    page.locator(ATLAS).press("ArrowDown")
    assert page.locator("#answers tr[aria-current]").get_attribute("data-row") == "2"


def test_the_variants_atlas_is_switched(page: Page) -> None:
    page.get_by_role("group", name="Atlas of").get_by_label("int8").check()
    assert page.evaluate("ATLAS.variants[atlasState.variant].name") == "int8"


def test_the_csv_is_every_answer(page: Page, hostile_run: Run) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    trials = hostile_run.trials(perturbation="padding-placement", fill="zeros")
    assert len(rows) == len(trials) == 5 * 3 * 2
    one = rows[0]
    where = {name: one[name] for name in ("recording", "placement", "variant")}
    match = trials[(trials[list(where)].astype(str) == pd.Series(where)).all(axis=1)]
    assert match["predicted"].astype(str).tolist() == [one["answer"]]
    assert float(one["confidence"]) == pytest.approx(float(match["p_predicted"].iloc[0]), rel=1e-4)


def test_an_address_opens_what_it_names(watched: Watched, hostile_run: Run) -> None:
    page = watched.open(hostile_run.path / "index.html")
    card = page.locator("details.card").last
    name = str(card.get_attribute("id"))
    page.evaluate("document.querySelectorAll('details.card').forEach((card) => { card.open = false; })")
    page.evaluate(f"location.hash = '#{name}'")
    expect(card).to_have_attribute("open", "")
    expect(card).to_be_in_viewport()
    cell = page.locator("#answers td[id$='-int8']").last
    watched.open(hostile_run.path / "index.html", f"#{cell.get_attribute('id')}")
    page.reload()
    expect(page.locator("#answers tbody tr").last).to_have_attribute("aria-current", "")
    expect(page.get_by_role("group", name="Atlas of").get_by_label("int8")).to_be_checked()
    expect(page.locator("#answers tbody tr").last).to_be_in_viewport()


def test_every_link_inside_the_page_leads_somewhere(page: Page) -> None:
    links = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map((link) => link.hash.slice(1))")
    lost = [name for name in links if not page.evaluate("(name) => Boolean(document.getElementById(name))", name)]
    assert lost == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].filter((e) => !e.closest('svg')).map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_a_curve_plays_the_recording_at_the_nearest_level(page: Page, hostile_run: Run) -> None:
    kept = read_sounds(hostile_run.evidence)
    assert kept is not None
    assert [one.level for one in kept.of("white-noise")] == [30.0, 10.0, -5.0]
    page.evaluate("levelSound.muted = true")
    page.locator('[data-hear="curve-white-noise"]').nth(1).click()
    until(page, "levelSound.dataset.hears === 'curve-white-noise 10'")
    until(page, "levelSound.duration > 0.9 && levelSound.duration < 1.2")
    page.evaluate("hear('curve-white-noise', 24)")
    assert page.evaluate("levelSound.dataset.hears") == "curve-white-noise 30"
    plot = '[data-figure="curve-time-shift"]'
    show(page, plot)
    page.evaluate("document.querySelector('" + plot + "').emit('plotly_click', { points: [{ x: 190 }] })")
    assert page.evaluate("levelSound.dataset.hears").startswith("curve-time-shift ")


def test_a_player_has_its_sound_and_plays_from_the_point_clicked(page: Page) -> None:
    draw_all(page)
    sound = page.locator("audio").first
    until(page, "document.querySelector('audio').readyState >= 1")
    assert sound.evaluate("(audio) => audio.duration") == pytest.approx(1.0, abs=0.01)
    plot = page.locator("[data-sound]").first
    plot.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    sound.evaluate("(audio) => audio.addEventListener('play', () => { window.started = audio.currentTime; })")
    sound.evaluate("(audio) => { audio.muted = true; }")
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
    until(page, "window.started !== undefined")
    assert page.evaluate("window.started") == pytest.approx(0.5, abs=0.05)


def test_the_keyboard_reaches_what_a_mouse_does(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate(ACTIVE))
    assert {"find", "only-wrong", "atlas-variant", "atlas", "skip"} <= seen
    page.locator("#find").focus()
    outline = page.locator("#find").evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert outline != "none"


def test_it_is_drawn_in_time(browser: Browser, hostile_run: Run, tmp_path: Path) -> None:
    """In processor time of one browser on one machine, beside a page that has nothing but plotly.js and a heat map."""
    bare = tmp_path / "bare.html"
    figure = go.Figure(go.Heatmap(z=[[0, 1], [1, 0]])).to_html(include_plotlyjs=True, div_id="bare")
    bare.write_text(figure, encoding="utf-8")
    floor = min(seconds_to_draw(browser, bare, "#bare .heatmaplayer image") for _ in range(3))
    whole = min(seconds_to_draw(browser, hostile_run.path / "index.html", f"{ATLAS} .heatmaplayer image") for _ in range(3))
    assert 0 < whole <= SLOWEST * floor


def seconds_to_draw(browser: Browser, path: Path, drawn: str) -> float:
    """Processor seconds from opening a page until something in it is drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 1200})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(f"file://{path}", wait_until="commit")
    page.wait_for_selector(drawn, state="attached", timeout=PATIENCE_MS)
    spent = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    page.close()
    return float(spent["TaskDuration"])


def test_escape_lets_go_and_a_term_says_its_meaning_by_keyboard(page: Page) -> None:
    page.locator("#answers tbody tr td").first.click()  # the truth: an answer may be a link to its card
    expect(page.locator("#answers tr[aria-current]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#answers tr[aria-current]")).to_have_count(0)
    assert page.locator("#readout").inner_text() == ""
    term = page.locator("dfn:visible").first
    term.focus()
    said = "(element) => getComputedStyle(element, '::after').content"
    assert str(term.get_attribute("data-says")) in str(term.evaluate(said)).replace('\\"', '"')
    assert page.locator(f"[id='{term.get_attribute('aria-describedby')}']").count() == 1
    page.keyboard.press("Escape")
    assert term.evaluate(said) == "none"
