"""Is a word written in another way than its label: other capitals, a numeral, another Unicode form?"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from robustness.audio.files import counted, some
from robustness.audio.spelling import plain_word
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest
from robustness.run.checks import Finding


@CHECKS.register
@dataclass(frozen=True)
class LabelSpelling(Check):
    """Words that are like a label and are none, and labels that are like one another."""

    name: ClassVar[str] = "label-spelling"
    order: ClassVar[int] = 6

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """Each word, and each pair of labels."""
        labels, rejections = model.classifier.labels, model.classifier.rejections
        words = Counter(one.word for one in model.facts if one.word is not None and one.word not in labels)
        like = {word: label for word in sorted(words) if (label := _like(word, labels)) is not None and label not in rejections}
        forms = {word: label for word, label in like.items() if _form(word) == _form(label)}
        others = {word: label for word, label in like.items() if word not in forms}
        if others:
            yield _of_words(others, sum(words[word] for word in others), model.classifier.unknown)
        if forms:
            yield _of_forms(forms, sum(words[word] for word in forms))
        for place, label in enumerate(labels):
            twin = next((other for other in labels[place + 1 :] if plain_word(other) == plain_word(label)), None)
            if twin is not None:
                yield Finding(
                    self.name,
                    f"the labels {label!r} and {twin!r} are one word, written in two ways",
                    "see whether the training had one class for both, and give each label its own word",
                    about="one word with two labels",
                    evidence={"label": label, "other": twin},
                )


def _like(word: str, labels: Sequence[str]) -> str | None:
    return next((label for label in labels if plain_word(label) == plain_word(word)), None)


def _form(word: str) -> str:
    return unicodedata.normalize("NFC", word)


def _of_words(words: Mapping[str, str], count: int, unknown: str | None) -> Finding:
    """Recordings whose words are like a label and are none."""
    names, meant = some([repr(word) for word in words]), some([repr(label) for label in words.values()])
    one, taken = len(words) == 1, f"count as {unknown}" if unknown else "have no label"
    return Finding(
        "label-spelling",
        f"{counted(count, 'recording')} {'is' if count == 1 else 'are'} of the word{'' if one else 's'} {names}, and the label"
        f"{' is' if one else 's are'} {meant}: they {taken}",
        f"name {'it' if one else 'them'} as the label{' is' if one else 's are'}, in the folder's name or in a table given by --labels",
        about="words written otherwise than labels",
        evidence={"words": dict(words), "recordings": count},
    )


def _of_forms(words: Mapping[str, str], count: int) -> Finding:
    """Recordings whose words are labels in another Unicode form."""
    pairs = [f"{word!r} is in {_form_of(word)} and the label in {_form_of(label)}" for word, label in words.items()]
    return Finding(
        "label-spelling",
        f"the words of {counted(count, 'recording')} are written in another Unicode form than their labels: {some(pairs)}; they are "
        f"taken for the same",
        "write both in NFC, for other programs take them for two words",
        cause=False,
        evidence={"words": dict(words), "recordings": count},
    )


def _form_of(text: str) -> str:
    return next((form for form in ("NFC", "NFD", "NFKC", "NFKD") if unicodedata.is_normalized(form, text)), "a mixed form")
