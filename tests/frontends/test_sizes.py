"""Are settings that no front-end has refused before anything is computed with them?"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from robustness.errors import CardError
from robustness.models.card import load_classifier
from tests.cards import write_card


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("n_fft = 320", "n_fft = 1000000000", r"n_fft is 1e\+09; expected 65,536 or less"),
        ("n_mels = 64", "n_mels = 1000000", r"n_mels is 1e\+06; expected 1,024 or less"),
        ("hop_samples = 160", "hop_samples = 0", "hop_samples is 0; expected 1 or more"),
        ("hop_samples = 160", "hop_samples = 100000000", r"hop_samples is 1e\+08; expected 1,048,576 or less"),
        ("top_db = 80.0", "top_db = nan", "top_db is nan; expected a number, or leave it out"),
        ("top_db = 80.0", "floor = inf", "floor is inf; expected a number"),
        (
            "hop_samples = 160",
            "hop_samples = 1\nwindow_samples = 60000",
            "16000 frames of 60000, and at most 16,777,216 numbers are computed",
        ),
        ("rate_hz = 16000", "rate_hz = 4000000000", "rate_hz.*768000"),
        ("duration_ms = 1000.0", "duration_ms = 1e9", "duration_ms.*60000"),
    ],
)
def test_a_setting_that_would_take_all_memory_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    card = write_card(tmp_path)
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new), encoding="utf-8")
    since = time.process_time()
    with pytest.raises(CardError, match=says):
        load_classifier(card)
    assert time.process_time() - since < 2


@pytest.mark.parametrize(
    ("setting", "says"),
    [("hop_samples = 0", "hop_samples is 0; expected 1 or more"), ("preroll_ms = 1e9", r"preroll_ms is 1e\+09; expected 60,000 or less")],
)
def test_a_program_with_a_memory_is_bounded_too(tmp_path: Path, setting: str, says: str) -> None:
    card = write_card(tmp_path)
    before, _, rest = card.read_text(encoding="utf-8").partition("[frontend]")
    window = rest.partition("[window]")[2]
    card.write_text(f'{before}[frontend]\nkind = "microfrontend"\nrate_hz = 16000\n{setting}\n[window]{window}', encoding="utf-8")
    with pytest.raises(CardError, match=says):
        load_classifier(card)
