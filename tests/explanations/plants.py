"""Networks whose margin depends on what was planted in them alone, each beside a twin that has the same margins without it.

At 4 kHz; the features are the samples themselves, so that a plant measures what it likes. `python -m tests.explanations.plants` prints the
table of docs/diagnosis.md.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import torch
from torch import Tensor, nn

from robustness.audio.placement import Frame
from robustness.audio.recordings import Recording
from robustness.explanations.edits import Answers, attempts
from robustness.explanations.naming_rule import name, named_pair, pairs
from robustness.explanations.subject import Subject
from robustness.frontends.base import Frontend
from robustness.interventions.scene import Scene
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.run.restoration import Naming

RATE_HZ: Final = 4000
WINDOW: Final = 4000
FRAME: Final = 40  # samples of a frame, 10 ms
LABELS: Final = ("yes", "no")
CASES: Final = 10  # of each plant and each twin
MOST: Final = 6.0  # a margin's size, in logits

Measure = Callable[[Tensor], Tensor]  # windows [clips time] → what is measured, [clips]


@dataclass(frozen=True)
class Samples(Frontend):
    """The samples themselves."""

    name: ClassVar[str] = "samples"
    rate_hz: int = RATE_HZ
    hop_samples: int = 1

    def features(self, samples: Tensor) -> Tensor:
        return samples[:, None, None]

    def silence(self, features: Tensor) -> Tensor:
        return torch.zeros(len(features), 1, 1, 1)

    @property
    def band_hz(self) -> tuple[float, ...]:
        return tuple(50.0 * i + 25.0 for i in range(40))


class Planted(nn.Module):
    """Margins by a function of the windows."""

    def __init__(self, margin: Measure) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, features: Tensor) -> Tensor:
        margins = torch.stack([self.margin(clip[None])[0] for clip in features[:, 0, 0]])
        return torch.stack([margins, torch.zeros_like(margins)], 1)


def powers(windows: Tensor) -> Tensor:
    """Power of each 10 ms frame, [clips frames]."""
    return windows.double().reshape(len(windows), -1, FRAME).square().mean(2)


def onset_ms(windows: Tensor) -> Tensor:
    """Where a twentieth of the energy lies before, between frames."""
    total = powers(windows).cumsum(1)
    share = total / total[:, -1:].clamp_min(1e-20)
    before = (share < 0.05).sum(1)
    low = share.gather(1, (before - 1).clamp_min(0)[:, None]).squeeze(1) * (before > 0)
    high = share.gather(1, before[:, None]).squeeze(1)
    return 10 * (before + (0.05 - low) / (high - low))


def level_db(windows: Tensor) -> Tensor:
    """The loudest tenth of a second."""
    return 10 * powers(windows).topk(10, 1).values.mean(1).clamp_min(1e-12).log10()


def noise_db(windows: Tensor) -> Tensor:
    """The tenth quietest of the forty frames around the energy's center, against the loudest: between words, away from the padding."""
    found = []
    for power in powers(windows):
        center = int((power * torch.arange(len(power))).sum() / power.sum())
        near = power[max(0, center - 20) : center + 20].sort().values
        found.append(10 * (near[9].clamp_min(1e-12) / near[-1]).log10())
    return torch.stack(found)


def high_db(windows: Tensor) -> Tensor:
    """What lies above 1.2 kHz, against all."""
    power = torch.fft.rfft(windows.double()).abs().square()
    edge = round(1200 * windows.shape[1] / RATE_HZ)
    share: Tensor = power[:, edge:].sum(1) / power.sum(1)
    return 10 * share.clamp_min(1e-12).log10()


def rising(measure: Measure, middle: float, width: float) -> Measure:
    """A margin from −MOST to MOST around the middle of what is measured; falling where the width is negative."""
    return lambda windows: MOST * torch.tanh((measure(windows) - middle) / width)


def least(*margins: Measure) -> Measure:
    """All must be as they should: each alone keeps the answer wrong."""
    return lambda windows: torch.stack([margin(windows) for margin in margins]).amin(0)


def most(*margins: Measure) -> Measure:
    """One is enough: wrong only where both are as they should not be."""
    return lambda windows: torch.stack([margin(windows) for margin in margins]).amax(0)


class Case(NamedTuple):
    """A network, a recording and the lead at which it fails, and what the margin is where it is right."""

    margin: Measure
    samples: Tensor
    lead_ms: float
    wanted: float
    seed: int


def word(seed: int, *, level_dbfs: float = -20.0, floor_dbfs: float = -62.0, bright_dbfs: float = -45.0) -> Tensor:
    """A word of sorts, 400 ms: three tones that swell and fade over a floor, with something above 1.2 kHz."""
    rng = torch.Generator().manual_seed(seed)
    count = 1600
    time = torch.arange(count) / RATE_HZ
    tones = sum(torch.sin(2 * math.pi * float(hz) * time) for hz in 200 + 700 * torch.rand(3, generator=rng))
    bright = torch.sin(2 * math.pi * (1450 + 100 * float(torch.rand(1, generator=rng))) * time)
    envelope = torch.zeros(count)
    envelope[240:1360] = torch.hann_window(1120).sqrt()
    made = tones * envelope * 10 ** (level_dbfs / 20) * 0.8 + bright * envelope * 10 ** (bright_dbfs / 20)
    return made + torch.randn(count, generator=rng) * 10 ** (floor_dbfs / 20)


def beyond(case: Case, measure: Measure, distance: float, width: float) -> Measure:
    """Right where what is measured lies so far from what it is in the failing window, and wrong there."""
    here = float(measure(heard(case)[None])[0])
    return rising(measure, here + distance, width if distance > 0 else -width)


def _cases(kind: str, seed: int) -> Case:
    """One case of a plant."""
    near = 1 + 0.3 * float(torch.rand(1, generator=torch.Generator().manual_seed(seed)))
    samples = {
        "onset": word(seed),
        "noise": word(seed, floor_dbfs=-40),
        "band": word(seed, bright_dbfs=-26),
    }.get(kind, word(seed, level_dbfs=-34, floor_dbfs=-76, bright_dbfs=-60))
    blank = Case(level_db, samples, 300.0 if kind in {"level", "noise", "band"} else 0.0, MOST, seed)
    late, loud = beyond(blank, onset_ms, 35 * near, 25), beyond(blank, level_db, 4 * near, 2.5)
    margins = {
        "onset": late,
        "level": loud,
        "noise": beyond(blank, noise_db, -4 * near, 2.0),
        "band": beyond(blank, high_db, -4 * near, 2.5),
        "two at once": least(late, loud),
        "only with another": most(late, loud),
    }
    return blank._replace(margin=margins[kind])


PLANTS: Final = ("onset", "level", "noise", "band", "two at once", "only with another")
EXPECTED: Final = {
    "onset": {"placement"},
    "level": {"level"},
    "noise": {"noise"},
    "band": {"band"},
    "two at once": {"placement", "level"},
    "only with another": {"placement", "level"},
}


def planted(kind: str) -> Iterator[Case]:
    """The cases of a plant."""
    yield from (_cases(kind, seed) for seed in range(CASES))


def twins(kind: str) -> Iterator[Case]:
    """The same recordings and margins; everything else answers as it will: by chance around the failing margin, wider from case to case."""
    for case in planted(kind):
        here = float(case.margin(heard(case)[None])[0])
        yield case._replace(margin=by_chance(here, abs(here) * (0.1 + 0.15 * case.seed), heard(case), case.seed))


def by_chance(here: float, spread: float, failing: Tensor, seed: int) -> Measure:
    """As it was in the failing window; drawn anew for every window that differs from it in a single sample."""

    def drawn(windows: Tensor) -> Tensor:
        return torch.stack([_drawn(clip) for clip in windows])

    def _drawn(clip: Tensor) -> Tensor:
        if torch.equal(clip, failing):
            return torch.tensor(here, dtype=torch.float64)
        digest = hashlib.sha256(str(seed).encode() + clip.numpy().tobytes()).digest()
        rng = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        return here + spread * torch.randn((), generator=rng, dtype=torch.float64)

    return drawn


def outside(kind: str) -> Iterator[Case]:
    """Plants that no edit of the registry undoes: a bias on the output, and a dead channel of a bank of eight."""
    for seed in range(2 * CASES):
        weights = torch.randn(8, generator=torch.Generator().manual_seed(1000 + seed)).double()
        channels = weights.clone()
        if kind == "dead":
            channels[weights.argmax()] = 0
        sound = _bank(channels)
        here = float(sound(heard(Case(sound, word(seed), 300, MOST, seed))[None])[0])
        yield Case(shifted(sound, -here - 0.1 - 0.1 * seed), word(seed), 300, MOST, seed)


def shifted(margin: Measure, by: float) -> Measure:
    """A margin with a bias."""
    return lambda windows: margin(windows) + by


def _bank(weights: Tensor) -> Measure:
    """A weighted sum of eight band levels in dB against all, wherever they lie: no onset, no level."""

    def banked(windows: Tensor) -> Tensor:
        power = torch.fft.rfft(windows.double()).abs().square()[:, :2000].reshape(len(windows), 8, -1).sum(2)
        margin: Tensor = (10 * (power / power.sum(1, keepdim=True)).clamp_min(1e-5).log10() * weights).sum(1) / 20
        return margin

    return banked


def scene_of(case: Case) -> Scene:
    subject = Subject.of(Recording(f"{case.seed}.wav", case.samples, RATE_HZ, "yes"), Frame(WINDOW, RATE_HZ))
    return subject.scene(case.lead_ms, Samples().band_hz)


def heard(case: Case) -> Tensor:
    return scene_of(case).window


class Verdict(NamedTuple):
    """What is said of a case."""

    naming: Naming
    kinds: frozenset[str]  # named, or restoring where none is; of a pair both
    named: bool


def verdict(case: Case) -> Verdict:
    """Everything tried on one case."""
    classifier = Classifier("planted", "float32", LABELS, Samples(), TorchNetwork(Planted(case.margin)), "logits", Frame(WINDOW, RATE_HZ))
    answers = Answers({"float32": classifier}, scene_of(case), "yes")
    assert not answers.here["float32"].good
    tried = attempts(answers, ["float32"], {"float32": case.wanted})["float32"]
    naming = name(tried)
    found = pairs(answers, "float32", case.wanted) if naming.verdict == "none" else []
    two = named_pair(found, tried)
    if two is not None:
        return Verdict(naming, frozenset(two.kinds), True)
    if naming.verdict == "named":
        return Verdict(naming, frozenset({str(naming.kind)}), True)
    half = {one.kind for one in tried if one.restores_at is not None and (one.best.share or 0) >= 0.5}
    return Verdict(naming, frozenset(half), False)


class Row(NamedTuple):
    """A line of the table: of how many cases the planted kinds are found, and how many are named falsely."""

    plant: str
    cases: int
    found: int | None
    falsely: int

    def __str__(self) -> str:
        found = "–" if self.found is None else f"{self.found} of {self.cases}"
        return f"| {self.plant} | {found} | {self.falsely} of {self.cases} |"


def row_of(kind: str) -> Row:
    """The figures of a plant."""
    verdicts = [verdict(case) for case in planted(kind)]
    expected = EXPECTED[kind]
    return Row(
        kind,
        len(verdicts),
        sum(one.kinds == expected for one in verdicts),
        sum(one.named and not one.kinds <= expected for one in verdicts),
    )


def empty_row(name: str, cases: Iterator[Case]) -> Row:
    """The figures of cases of which nothing may be named."""
    verdicts = [verdict(case) for case in cases]
    return Row(name, len(verdicts), None, sum(one.named for one in verdicts))


def rows() -> Iterator[Row]:
    """The whole table."""
    yield from (row_of(kind) for kind in PLANTS)
    yield from (empty_row(f"twin of {kind}", twins(kind)) for kind in PLANTS)
    yield empty_row("a bias on the output", outside("bias"))
    yield empty_row("a dead channel", outside("dead"))


if __name__ == "__main__":
    for line in rows():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
