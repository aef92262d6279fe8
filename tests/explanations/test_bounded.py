"""Explaining the failures of many recordings reads a few of them, however many there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from robustness.audio.decoding import Wish, decode
from robustness.audio.recordings import Recording
from robustness.audio.streaming import Clip, Recordings
from robustness.explanations.cases import PROBES
from robustness.explanations.evidence import write_evidence
from robustness.explanations.good_recordings import MOST as MEASURED
from robustness.explanations.map_differences import UNRELATED
from robustness.explanations.side_effects import MOST
from tests.explanations.planted import RATE_HZ, classifier, recording, run_of

MANY = 160
CARDS = 2
FILE_RATE_HZ = 4000  # the lowest that is read


def test_explaining_reads_the_recordings_that_it_asks_and_no_others(tmp_path: Path) -> None:
    read: list[str] = []

    def noted(one: Recording) -> Recording:
        read.append(one.id)
        return one

    made = [recording(f"{i:03d}.wav", "yes" if i % 2 else "no") for i in range(MANY)]
    clips = []
    for one in made:
        path = tmp_path / one.id
        louder = one.samples.numpy() * np.linspace(0.9, 1.1, len(one.samples))
        soundfile.write(path, louder.repeat(FILE_RATE_HZ // RATE_HZ), FILE_RATE_HZ, subtype="FLOAT")
        clips.append(Clip(one.id, path, one.label, one.speaker, decode(path, Wish(RATE_HZ)).sha256))
    classifiers = [classifier((35, 700)), classifier((35, 700), variant="dynamic-int8")]
    run = run_of(classifiers, made, tmp_path / "run")
    recordings = Recordings(clips, Wish(RATE_HZ), changes=(noted,))
    write_evidence(run, classifiers, recordings, seed=0, cards=CARDS, audio=False)
    asked = MOST + CARDS + PROBES + UNRELATED + 2 * MEASURED  # of those that are right, and of those that fail
    assert CARDS <= len(set(read)) <= asked < MANY
    assert len(read) < 2 * MANY  # those asked again are not read over and over either
