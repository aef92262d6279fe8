"""A term of ours has its meaning at its first use in a section, and nowhere that it would break something."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from robustness.report.terms import GLOSSARY, with_glossary, with_terms


def marked(html: str) -> list[str]:
    return re.findall(r"<dfn[^>]*>([^<]*)</dfn>", str(with_terms(Markup(html))))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>A lead of 1 ms, leads of 2 ms.</p>", ["lead"]),
        ("<p>Leads to the outcome margin, then a margin.</p>", ["Leads", "outcome margin", "margin"]),
        ("<p>pleads, misleading, lead-in</p>", []),
        ("<p><a href='#x'>lead</a> <button>SNR</button> <code>margin</code></p><h3>lead</h3><p>a lead</p>", ["lead"]),
        ("<table><tr><th>SQNR</th><td>SQNR 40 dB</td></tr></table>", ["SQNR"]),
        ('<p data-x="lead">no <br> SNR</p>', ["SNR"]),
        ("<svg><text>lead</text></svg><details><summary>lead</summary>lead</details>", ["lead"]),
        ("<p>&lt;b&gt;margin</p>", ["margin"]),
        ("", []),
    ],
)
def test_the_first_use_is_marked(html: str, expected: list[str]) -> None:
    assert marked(html) == expected
    assert re.sub(r"</?dfn[^>]*>", "", str(with_terms(Markup(html)))) == html


def test_every_mark_names_its_entry_and_says_it() -> None:
    found = str(with_terms(Markup("<p>SNR</p>")))
    (term,) = [term for term in GLOSSARY if term.name == "SNR"]
    assert f'aria-describedby="{term.id}"' in found
    assert 'tabindex="0"' in found
    assert len({term.id for term in GLOSSARY}) == len(GLOSSARY)
    assert all(re.fullmatch(r"[^<>\"]+", term.meaning) and term.meaning.endswith((".", "same bits.")) for term in GLOSSARY)


def test_a_term_within_a_longer_one_is_not_marked_there() -> None:
    assert marked("<p>outcome margin</p>") == ["outcome margin"]


def test_a_page_without_a_glossary_gets_one_of_the_terms_that_it_uses() -> None:
    page = "<body><main><section><p>SNR, SNR</p></section><section><p>SNR</p></section></main><p>margin</p></body>"
    found = with_glossary(page)
    assert found.count("<dfn") == 2  # once in each section, and nothing outside of main
    assert re.findall(r'<dd id="([^"]+)">', found) == ["term-snr"]
    assert found.index("<dd") < found.index("</main>")
    plain = "<main><p>nothing of ours</p></main>"
    assert with_glossary(plain) == plain
