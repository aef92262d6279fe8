"""Is one recording there twice, under one word or under two?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from robustness.audio.files import counted, some
from robustness.checks.base import CHECKS, Check
from robustness.checks.model_under_test import ModelUnderTest, RecordingFacts
from robustness.run.checks import Finding


@CHECKS.register
@dataclass(frozen=True)
class SameFile(Check):
    """Recordings with the same bytes or the same samples."""

    name: ClassVar[str] = "same-file"
    order: ClassVar[int] = 7

    def find(self, model: ModelUnderTest) -> Iterator[Finding]:
        """Those under two words, and those that count twice."""
        first: dict[str, RecordingFacts] = {}
        twins = [(one, twin) for one in model.facts if (twin := first.setdefault(one.sound, one)) is not one]
        for same, cause in ((False, True), (True, False)):
            pairs = [f"{one.id} ({one.word}) is {twin.id} ({twin.word})" for one, twin in twins if (one.word == twin.word) is same]
            if pairs:
                under = "of the same word" if same else "under another word"
                change = "leave one of each out, for they count twice" if same else "keep each under the word that is said"
                verb = "is" if len(pairs) == 1 else "are"
                yield Finding(
                    self.name,
                    f"{counted(len(pairs), 'recording')} {verb} the same sound as another {under}: {some(pairs)}",
                    change,
                    cause=cause,
                    about="one recording under two words",
                    evidence={"pairs": pairs},
                )
