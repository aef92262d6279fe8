"""Whether any run makes a page: whole, the same again, without torch, and with nothing left out silently."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from robustness.errors import RunError
from robustness.report import page, stream_page, take_page
from robustness.report.packing import own, packed_page, unpacked
from robustness.report.page import page_of, write_page
from robustness.report.sections.base import SECTIONS
from robustness.report.trials import whole_recordings
from robustness.report.view import MOST_ROWS, View
from robustness.run.folder import Run
from tests.report.conftest import HOSTILE
from tests.report.planted import Plan, fails_at, restored, rows_of, write_run

WORDS = ("up", "left", "go", "two")
PLAIN = Plan(words=WORDS, answer=fails_at("start", {"up": "unknown", "left": "go"}), unknown="unknown")
PLANS = {
    "plain": PLAIN,
    "one variant": replace(PLAIN, variants=("float32",)),
    "three variants": replace(PLAIN, variants=("float32", "dynamic-int8", "static-int8")),
    "two models": replace(PLAIN, models=("a", "b")),
    "no label for unknown words": replace(PLAIN, words=WORDS[:3], unknown=None, labels=("up", "left", "go", "unknown")),
    "no labels": replace(PLAIN, words=(None, None)),
    "some labels": replace(PLAIN, words=("up", None)),
    "unknown words only": replace(PLAIN, words=("two", "three")),
    "no shifts": replace(PLAIN, shifts=False),
    "nothing can move": replace(PLAIN, slack_ms=0.0, trim="never"),
    "no speakers": replace(PLAIN, speakers=(None,) * 4),
    "many speakers": replace(PLAIN, words=WORDS * 6, speakers=[f"s{i}" for i in range(24)]),
    "a threshold": replace(PLAIN, threshold=0.95),
    "windows without a word": replace(PLAIN, wordless=("go", "unknown")),
    "one recording": replace(PLAIN, words=("up",)),
    "all wrong": replace(PLAIN, answer=lambda word, place, variant: "unknown"),
    "interrupted": replace(PLAIN, manifest={"complete": False, "interrupted": True}),
}


class Elements(HTMLParser):
    """Every opening tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_any_run_makes_a_page(plan: Plan, tmp_path: Path) -> None:
    text = page_of(write_run(plan, tmp_path / "run"))
    elements = Elements(text).found
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    links = [str(attributes["href"]) for tag, attributes in elements if tag == "a"]
    assert [link for link in links if link.startswith("#") and link[1:] not in ids] == []
    assert sum(attributes.get("data-figure") is not None for _, attributes in elements) == len(data_of(text)["figures"])
    assert ">nan" not in text.lower()
    assert "None" not in re.sub(r"<script.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL).replace("None of", "")


def data_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = unpacked(text)["data"]
    return found


def test_a_page_without_labels_calls_nothing_wrong(tmp_path: Path) -> None:
    text = page_of(write_run(replace(PLANS["no labels"], answer=fails_at("start", {"up": "go"})), tmp_path / "run"))
    assert 'id="curves"' not in text
    assert 'id="failures"' not in text
    assert "only changed" in text


def test_the_table_stops_at_its_worst_rows_and_says_so(tmp_path: Path) -> None:
    words = ["up"] * (MOST_ROWS + 10)
    text = page_of(write_run(Plan(words=words), tmp_path / "run"))
    assert text.count("<tr id=") == MOST_ROWS
    assert f"the worst {MOST_ROWS} of {len(words)} recordings, the rest is in the CSV" in " ".join(text.split())
    csv = re.search(r"data:text/csv;charset=utf-8;base64,([^\"]+)", text)
    assert csv is not None
    assert len(base64.b64decode(csv[1]).decode().splitlines()) == 1 + len(words) * 3 * 2


def test_a_command_under_the_threshold_is_marked(tmp_path: Path) -> None:
    mark = '<span aria-hidden="true">↓</span>'
    assert page_of(write_run(replace(PLAIN, threshold=0.95), tmp_path / "over")).count(mark) == 3 * 3 * 2 - 2
    assert mark not in page_of(write_run(replace(PLAIN, threshold=0.5), tmp_path / "under"))


def test_the_worst_margin_comes_first(tmp_path: Path) -> None:
    view = View(write_run(PLAIN, tmp_path / "run"))
    assert list(view.recordings["name"])[:2] == ["up", "left"]
    assert list(view.recordings["address"]) == ["up", "left", "go", "two"]


def test_words_that_repeat_or_are_sections_get_addresses_of_their_own(tmp_path: Path) -> None:
    view = View(write_run(Plan(words=("up", "up", "curves"), labels=("up", "curves", "unknown")), tmp_path / "run"))
    assert list(view.recordings["address"]) == ["up", "up-2", "curves-2"]


def test_two_models_are_told_apart_everywhere(tmp_path: Path) -> None:
    view = View(write_run(PLANS["two models"], tmp_path / "run"))
    assert [v.name for v in view.variants] == ["a · float32", "a · dynamic-int8", "b · float32", "b · dynamic-int8"]
    assert len({v.slug for v in view.variants}) == 4
    assert len(view.of(view.variants[3], view.clean)) == 4


def test_what_an_interrupt_cut_short_is_left_out() -> None:
    rows = pd.DataFrame(rows_of(replace(PLAIN, shifts=False)))
    cut = rows.iloc[: len(rows) - 9]
    kept = whole_recordings(cut)
    assert set(kept["recording"]) == {"000.wav", "001.wav"}
    sizes = kept.groupby(["perturbation", "placement", "fill", "level"], dropna=False).size()
    assert set(sizes) == {4}


def test_a_run_without_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no answers"):
        page_of(write_run(replace(PLAIN, words=()), tmp_path / "run"))


def test_the_first_failure_is_linked_from_the_first_sentence(tmp_path: Path) -> None:
    card = restored("000.wav", "start", {"float32": 35.0, "dynamic-int8": 34.0})
    view = View(write_run(replace(PLAIN, failures=[card]), tmp_path / "run"))
    assert view.card("000.wav", "start") == card["id"]
    assert view.card("000.wav", "end") is None


def test_the_same_run_gives_the_same_bytes_and_no_torch_is_loaded(hostile_run: Run, tmp_path: Path) -> None:
    write_page(hostile_run, tmp_path / "again.html")
    code = (
        "import sys; from pathlib import Path; from robustness.run.folder import Run; from robustness.report.page import write_page; "
        f"write_page(Run.open(Path({str(hostile_run.path)!r})), Path({str(tmp_path / 'third.html')!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    first = (hostile_run.path / "index.html").read_bytes()
    assert first == (tmp_path / "again.html").read_bytes() == (tmp_path / "third.html").read_bytes()
    assert len(first) < 4_000_000


def test_hostile_names_are_escaped_and_only_our_scripts_may_run(hostile_run: Run) -> None:
    text = (hostile_run.path / "index.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "<img" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    scripts = [*re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL), *unpacked(text)["scripts"]]
    policy = next(str(attributes["content"]) for tag, attributes in Elements(text).found if "http-equiv" in attributes)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.count("sha256-") == len(scripts)
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_data_cannot_end_its_element_and_come_back_as_they_were() -> None:
    data = {"name": "</script><!-- & \u2028", "é": [1.5, None]}
    packed = packed_page(["first();", "second('</script>');"], data)
    content = str(packed.elements).partition('id="packed">')[2].partition("</script>")[0]
    assert not re.search(r"[<>&\"'`\s]", content)
    assert unpacked(str(packed.elements)) == {"data": data, "scripts": ["first();", "second('</script>');"]}
    assert packed == packed_page(["first();", "second('</script>');"], data)


def test_every_figure_has_a_sentence_and_numbers_behind_it(hostile_run: Run) -> None:
    text = (hostile_run.path / "index.html").read_text(encoding="utf-8")
    figures = [attributes for _, attributes in Elements(text).found if attributes.get("data-figure")]
    assert len(figures) >= 10
    assert all(len(str(attributes["aria-label"])) > 40 for attributes in figures)
    drawings = re.findall(r'<svg class="drawing[^"]*" role="img" aria-label="([^"]+)"', text)
    assert drawings
    assert all(len(sentence) > 30 for sentence in drawings)
    assert text.count('<details class="behind">') >= len(figures)


def test_no_clock_and_no_machine_on_the_page(hostile_run: Run) -> None:
    text = (hostile_run.path / "index.html").read_text(encoding="utf-8")
    for secret in hostile_run.manifest["provenance"].values():
        assert str(secret) not in text
    assert str(hostile_run.path.parent) not in text


def test_a_section_is_a_file_with_its_name_title_and_place() -> None:
    sections = SECTIONS.all()
    order = sorted(sections, key=lambda name: sections[name].order)
    first = ["summary", "costs", "groups", "recordings", "causes", "failures", "outcomes", "leads", "every-sample", "tolerance", "curves"]
    assert order == [*first, "threshold", "confusion", "reference", "quantization", "method", "provenance"]
    assert all(kind.name == name and kind.title for name, kind in sections.items())


@pytest.mark.parametrize("scripts", [page.SCRIPTS, stream_page.SCRIPTS, take_page.SCRIPTS], ids=["report", "stream", "take"])
def test_no_two_scripts_of_a_page_have_one_name_for_two_things(scripts: tuple[str, ...]) -> None:
    """They share one scope in the browser: a name that comes twice keeps the later script from being read at all."""
    texts = [own(f"scripts/{name}") for name in scripts]
    named = [name for text in texts for name in re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, flags=re.MULTILINE)]
    assert len(named) > 20
    assert [name for name, count in Counter(named).items() if count > 1] == []
