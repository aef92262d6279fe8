"""A model and recordings whose words are known, as checks ask them: every recording is answered once, experiments are made on a sample.

Windows are [clips time], logits [clips labels]. Recordings lie at the reference placement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from robustness.analysis.outcomes import GOOD, NO_COMMAND, NO_LABEL, OUTCOMES, Bools, Floats, Places
from robustness.audio.levels import decibels, frame_powers, span_power, speech_span
from robustness.audio.recordings import Recording
from robustness.checks.reference_sounds import reference_sounds
from robustness.conditions import OTHER_WORD
from robustness.errors import RecordingError
from robustness.models.classifier import Classifier
from robustness.rendering import reference_windows
from robustness.seeds import generator_of

AT_ONCE: Final = 32
SAMPLE: Final = 60  # recordings on which experiments are made; more would not decide what these do not
GOOD_PLACES: Final = tuple(OUTCOMES.index(name) for name in GOOD)
SOFTEST_DBFS: Final = -40.0  # speech of a usual recording lies between
LOUDEST_DBFS: Final = -6.0
CLEAR_DB: Final = 25.0  # from background to speech
SCALES: Final = (0.5, 1.0, 2.0, 4.0)
QUIET_SHARE: Final = 0.1  # of a recording's frames: its background


class RecordingFacts(NamedTuple):
    """What a check asks of a recording.

    Attributes:
        id: of the recording.
        word: as its source has it.
        file: SHA-256 of its bytes.
        sound: SHA-256 of its samples in 16 bit.
        level_dbfs: of its speech.
        range_db: from its quietest tenth of frames to its speech.
        offset: the mean of its samples, of full scale.
    """

    id: str
    word: str | None
    file: str
    sound: str
    level_dbfs: float
    range_db: float
    offset: float


@dataclass(frozen=True, eq=False)
class ModelUnderTest:
    """A classifier, and what it answers.

    Attributes:
        classifier: the model.
        facts: of each recording.
        sample: those of the recordings on which experiments are made, evenly from first to last.
        places: of the sample among all.
        logits: of each recording, [clips labels].
    """

    classifier: Classifier
    facts: tuple[RecordingFacts, ...]
    sample: tuple[Recording, ...]
    places: tuple[int, ...]
    logits: Tensor

    @classmethod
    def of(cls, classifier: Classifier, recordings: Sequence[Recording] = (), most: int | None = None) -> ModelUnderTest:
        """Asks a classifier about recordings.

        Args:
            classifier: the model.
            recordings: at its rate, no longer than its window.
            most: answer so many at most, evenly from first to last; None is all.
        """
        asked = _evenly(len(recordings), len(recordings) if most is None else most)
        places = _evenly(len(asked), SAMPLE)
        sampled = {asked[place] for place in places}
        facts, sample, logits = [], [], [torch.zeros(0, len(classifier.labels))]
        for start in range(0, len(asked), AT_ONCE):
            part = [recordings[place] for place in asked[start : start + AT_ONCE]]
            facts += [_facts(one) for one in part]
            sample += [one for place, one in zip(asked[start:], part, strict=False) if place in sampled]
            logits.append(classifier.logits(reference_windows(part, classifier.frame).samples))
        return cls(classifier, tuple(facts), tuple(sample), tuple(places), torch.cat(logits))

    @cached_property
    def truth(self) -> Places:
        """The place of each recording's label, `NO_COMMAND` or `NO_LABEL`, [clips]."""
        return truth_of(self.classifier, [one.word for one in self.facts])

    @cached_property
    def answers(self) -> Places:
        """The place of the most probable label, [clips]."""
        return self.logits.argmax(1).numpy()

    @cached_property
    def right(self) -> Bools:
        """Which recordings are recognised correctly, [clips]; none of those without a label."""
        return self.right_by(self.logits, self.truth)

    @property
    def known(self) -> Bools:
        """Which recordings have a label, [clips]."""
        found: Bools = self.truth != NO_LABEL
        return found

    @cached_property
    def good(self) -> Bools:
        """With which recordings the device does what it should, [clips]."""
        decisions = self.classifier.decide(self.logits, torch.from_numpy(self.truth))
        return np.isin(decisions.outcome, GOOD_PLACES)

    @cached_property
    def probabilities(self) -> Floats:
        """What the device compares with its threshold, [clips labels]."""
        return self.classifier.probabilities(self.logits)

    def right_by(self, logits: Tensor, truth: Places) -> Bools:
        """Which answers are right: the most probable label; for a model without a contest, what the device does."""
        if self.classifier.point.contest:
            best: Places = logits.argmax(1).numpy()
            found: Bools = (best == truth) & (truth >= 0)
            return found
        return np.isin(self.classifier.decide(logits, torch.from_numpy(truth)).outcome, GOOD_PLACES)

    @cached_property
    def windows(self) -> Tensor:
        """The windows of the sample, [clips time]."""
        if not self.sample:
            return torch.zeros(0, self.classifier.frame.samples)
        return reference_windows(self.sample, self.classifier.frame).samples

    @cached_property
    def sample_truth(self) -> Places:
        """As `truth`, of the sample."""
        return self.truth[list(self.places)]

    @cached_property
    def sample_right(self) -> Bools:
        """As `right`, of the sample."""
        return self.right[list(self.places)]

    @cached_property
    def sample_margins(self) -> Floats:
        """As `margins`, of the sample as it is."""
        return self.margins(self.logits[list(self.places)])

    def margins(self, logits: Tensor) -> Floats:
        """By how much the true label of each recording of the sample wins, in logits, [clips]; 0 for one without a label."""
        truth = torch.from_numpy(self.sample_truth)
        own = logits.double().gather(1, truth.clamp_min(0)[:, None])[:, 0]
        others = logits.double().scatter(1, truth.clamp_min(0)[:, None], -torch.inf).amax(1)
        found: Floats = torch.where((truth >= 0) & others.isfinite(), own - others, torch.zeros_like(own)).numpy()
        return found

    def log_likelihoods(self, logits: Tensor) -> Floats:
        """The logarithm of the true label's probability for each recording of the sample, [clips]; 0 for one without a label."""
        truth = torch.from_numpy(self.sample_truth)
        own = logits.double().log_softmax(1).gather(1, truth.clamp_min(0)[:, None])[:, 0]
        found: Floats = torch.where(truth >= 0, own, torch.zeros_like(own)).numpy()
        return found

    @cached_property
    def sample_commands(self) -> Bools:
        """Which recordings of the sample say a command of the model, [clips]."""
        acts = np.asarray([label not in self.classifier.rejections for label in self.classifier.labels])
        found: Bools = (self.sample_truth >= 0) & acts[np.maximum(self.sample_truth, 0)]
        return found

    @cached_property
    def range_db(self) -> float:
        """From the recordings' background to their speech, the median; NaN without recordings."""
        return float(np.median([one.range_db for one in self.facts])) if self.facts else float("nan")

    @cached_property
    def level_dbfs(self) -> float:
        """The level of the recordings' speech, the median; NaN without recordings."""
        return float(np.median([one.level_dbfs for one in self.facts])) if self.facts else float("nan")

    @property
    def usual_level(self) -> bool:
        """Whether a usual recording's speech lies there; so is what is not known."""
        return not (self.level_dbfs < SOFTEST_DBFS or self.level_dbfs > LOUDEST_DBFS)

    @property
    def clear(self) -> bool:
        """Whether the recordings are so free of noise and reverberation that these explain nothing."""
        return self.range_db >= CLEAR_DB

    def at_random(self) -> Tensor:
        """What the network gives for reference sounds, and for features drawn around theirs at several scales, [draws labels]."""
        features = self.classifier.features(self.references).cpu()
        mean, spread = features.mean((0, 3), keepdim=True), features.std((0, 3), keepdim=True)
        rng = generator_of("features at random")
        drawn = [mean + scale * spread * torch.randn(features.shape, generator=rng) for scale in SCALES]
        return self.classifier.logits_from(torch.cat([features, *drawn]))

    @cached_property
    def references(self) -> Tensor:
        """Reference sounds in the model's window, [clips time]."""
        return reference_sounds(self.classifier.frame)


def truth_of(classifier: Classifier, words: Sequence[str | None]) -> Places:
    """The place of the label of each word, `NO_COMMAND` for one outside of the labels, `NO_LABEL` where it is not known, [words]."""
    return np.asarray([_place(classifier, word) for word in words], dtype=np.int64)


def _evenly(count: int, wanted: int) -> list[int]:
    """So many places of a list, evenly from first to last."""
    if wanted >= count:
        return list(range(count))
    return [i * count // wanted for i in range(wanted)]


def _place(classifier: Classifier, word: str | None) -> int:
    try:
        label = classifier.truth(word)
    except RecordingError:
        return NO_LABEL
    if label is None:
        return NO_LABEL
    return NO_COMMAND if label == OTHER_WORD else classifier.labels.index(label)


def _facts(recording: Recording) -> RecordingFacts:
    samples, rate_hz = recording.samples, recording.rate_hz
    span = speech_span(samples, rate_hz)
    speech = float(span_power(samples[None] - samples.mean(), torch.tensor([span]))[0])
    powers = frame_powers(samples - samples.mean(), rate_hz).sort().values
    background = float(powers[: max(1, round(len(powers) * QUIET_SHARE))].mean())
    sound = (samples * 32768).round().to(torch.int32).numpy().tobytes()
    level = decibels(speech)
    return RecordingFacts(
        recording.id,
        recording.label,
        recording.sha256,
        sha256(sound).hexdigest(),
        level,
        level - decibels(background),
        float(samples.mean()),
    )
