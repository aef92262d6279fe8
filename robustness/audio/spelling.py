"""Is a word one of the labels though it is written in another way, or does it only look like one?

One word in another Unicode form (NFC, NFD) is the same word. Capitals, numerals and what stands between words may be meant otherwise: they
are told, not changed.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

from robustness.audio.files import counted, some

NUMERALS: Final = dict(enumerate("zero one two three four five six seven eight nine ten".split()))


def same_word(word: str, labels: Sequence[str]) -> str | None:
    """The label that is this word in any Unicode form; None if there is none."""
    form = unicodedata.normalize("NFC", word)
    return next((label for label in labels if unicodedata.normalize("NFC", label) == form), None)


def lookalikes(words: Sequence[str], labels: Sequence[str], taken_as: str) -> list[str]:
    """A notice of each word that none of the labels is, and that one is like: in other capitals, a numeral, or joined otherwise.

    Args:
        words: of the recordings that are no label, each as often as it is said.
        labels: the model's.
        taken_as: what such a word counts as.
    """
    notices = []
    for word, count in sorted(Counter(words).items()):
        like = [label for label in labels if plain_word(label) == plain_word(word) and label != taken_as]
        if like:
            count_as = "count" if count > 1 else "counts"
            notices.append(f"{counted(count, 'recording')} of {word!r} {count_as} as {taken_as}; the labels have {some(like)}")
    return notices


def plain_word(word: str) -> str:
    """Without capitals, with spaces for underscores and hyphens, and with numerals as English words."""
    plain = " ".join(unicodedata.normalize("NFKC", word).casefold().replace("_", " ").replace("-", " ").split())
    return NUMERALS.get(int(plain), plain) if plain.isdecimal() and len(plain) < 3 else plain
