"""Does a map point at what a network was taught to listen for? The share of maps whose strongest block lies in a planted cue.

The shipped `commands` network is taught, three times, that a burst of noise in one band, 200 ms long and anywhere in the recording, makes
any command `unknown`. Maps are made of recordings of other speakers that are right without the burst and `unknown` with it, for the margin
of unknown to the word. A map *points* at the cue where the block with the largest sum has its center in the band and the time of the burst;
blocks are those of the check by deletion, 6 × 13, on which no map was made. *Chance* is the share of a recording's blocks that lie so.

`python -m benchmarks.pointing` prints the table, and `--keep` puts it into docs/diagnosis.md; `--networks DIR` keeps what was taught.
Intervals are Wilson's, 95 %, over recordings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import torch
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from benchmarks.diagnosis import DOC, shown
from benchmarks.harness import Table, arguments, machine, shared, tell
from benchmarks.real_plants import RATE_HZ, WINDOW, Clip, Plant, network, power, split, uniform, window
from robustness.attributions.base import Target
from robustness.attributions.deletion import DeletionCurves
from robustness.attributions.masking import Explainable
from robustness.explanations.maps import METHODS
from robustness.frontends.base import Frontend
from robustness.models.classifier import Classifier
from robustness.seeds import generator_of

CUE_MS: Final = 200
CUES: Final = {"300 to 900 Hz": (300.0, 900.0), "1.2 to 2.4 kHz": (1200.0, 2400.0), "3.5 to 6.5 kHz": (3500.0, 6500.0)}
RANDOM: Final = 20  # maps a recording
RANDOM_NAME: Final = "random maps"
NAMES: Final = (*(method.name for method in METHODS), RANDOM_NAME)


@dataclass(frozen=True)
class Cue:
    """A burst of noise as loud as the recording, in a band."""

    low_hz: float
    high_hz: float

    def __call__(self, samples: Tensor, rng: torch.Generator) -> Tensor:
        """The recording [time] with the burst."""
        return self.put(samples, self.start(samples, rng), rng)

    @staticmethod
    def start(samples: Tensor, rng: torch.Generator) -> int:
        """Where the burst begins, anywhere in the recording."""
        return round(uniform(rng, 0, max(0, len(samples) - CUE_MS * RATE_HZ // 1000)))

    def put(self, samples: Tensor, start: int, rng: torch.Generator) -> Tensor:
        """The recording [time] with a burst from there on."""
        sos = butter(6, (self.low_hz, self.high_hz), "bandpass", fs=RATE_HZ, output="sos")
        end = min(len(samples), start + CUE_MS * RATE_HZ // 1000)
        burst = torch.from_numpy(sosfiltfilt(sos, torch.randn(end - start, generator=rng).numpy()).copy()).float()
        made = samples.clone()
        made[start:end] += burst * (power(samples) / power(burst)) ** 0.5
        return made


class Region(NamedTuple):
    """A band and a time of the window."""

    low_hz: float
    high_hz: float
    start_ms: float
    end_ms: float

    def cells(self, frontend: Frontend, shape: torch.Size) -> Tensor:
        """Which cells of features [bands frames] have their center in it, bool."""
        bands = torch.tensor(frontend.band_hz)
        frames = frontend.first_frame_ms + frontend.hop_ms * torch.arange(shape[1])
        inside = (bands >= self.low_hz) & (bands <= self.high_hz)
        return inside[:, None] & ((frames >= self.start_ms) & (frames <= self.end_ms))[None]


class Pointed(NamedTuple):
    """What maps of one recording point at.

    Attributes:
        chance: the share of its blocks that lie in the cue.
        hits: by the name of the method, whether each of its maps points at the cue.
    """

    chance: float
    hits: dict[str, list[bool]]


def in_region(blocks: Tensor, cells: Tensor) -> Tensor:
    """Which blocks [blocks bands frames] have their center among some cells [bands frames], bool."""
    centers = torch.stack([block.nonzero().double().mean(0).round().long() for block in blocks])
    return cells[centers[:, 0], centers[:, 1]]


def points_at(relevance: Tensor, blocks: Tensor, inside: Tensor) -> bool:
    """Whether the block with the largest sum of a map [bands frames] is one of those that lie inside."""
    sums = blocks.flatten(1).double() @ relevance.flatten().double()
    return bool(inside[sums.argmax()])


def pointed(case: Explainable, region: Region, seed: str) -> Pointed:
    """What each method's map of one clip points at, and random maps.

    Args:
        case: the clip, on one network, for the target for which the cue speaks.
        region: the cue.
        seed: of the random maps.
    """
    blocks = DeletionCurves(case).blocks.cpu()
    inside = in_region(blocks, region.cells(case.classifier.frontend, case.features.shape[2:]))
    hits = {}
    for method in METHODS:
        found = method.attribute(case.classifier, case.features, case.target, case.baseline)
        hits[method.name] = [points_at(found.map[0], blocks, inside)]
    rng = generator_of("pointing", seed)
    drawn = [int(torch.randint(len(blocks), (), generator=rng)) for _ in range(RANDOM)]  # every block is the strongest as often
    return Pointed(float(inside.double().mean()), {**hits, RANDOM_NAME: [bool(inside[one]) for one in drawn]})


class Take(NamedTuple):
    """A recording in its window, with the cue, and where that lies."""

    clip: Clip
    window: Tensor
    region: Region


def takes(one: Plant, cue: Cue, classifier: Classifier) -> Iterator[Take]:
    """Recordings of speakers that were not learned from, right without the cue and unknown with it."""
    _, _, told, _ = split(one)
    for clip in told:
        rng = generator_of("take", one.seed, clip.id)
        start, lead = cue.start(clip.samples, rng), (WINDOW - len(clip.samples)) // 2
        made = window(cue.put(clip.samples, start, rng), lead)
        without, with_cue = classifier.logits(torch.stack([window(clip.samples, lead), made])).argmax(1).tolist()
        if classifier.labels[without] == clip.word and classifier.labels[with_cue] == "unknown":
            from_ms = (lead + start) * 1000 / RATE_HZ
            yield Take(clip, made, Region(cue.low_hz, cue.high_hz, from_ms, from_ms + CUE_MS))


def told(name: str, cue: Cue, count: int, networks: Path | None) -> list[Pointed]:
    """What maps point at, of so many recordings of one network."""
    one = Plant(f"cue of {name}", frozenset({"unknown"}), (cue,))
    classifier = network(one, networks)
    found = []
    for take, _ in zip(takes(one, cue, classifier), range(count), strict=False):
        target = Target(classifier.labels.index("unknown"), classifier.labels.index(take.clip.word))
        case = Explainable.of(classifier, classifier.features(take.window[None]), target)
        found.append(pointed(case, take.region, take.clip.id))
    sys.stderr.write(f"{name}: {len(found)} recordings\n")
    return found


def table(columns: dict[str, list[Pointed]]) -> Table:
    """A row a method, a column a network."""
    every = {**columns, "all": [one for found in columns.values() for one in found]}
    rows = [(name, *(_share(found, name) for found in every.values())) for name in NAMES]
    chance = [f"{100 * sum(one.chance for one in found) / max(1, len(found)):.1f} %" for found in every.values()]
    return Table(("method", *every), (*rows, ("chance", *chance)))


def _share(found: list[Pointed], method: str) -> str:
    """Of random maps each is drawn by itself, so that each counts as one."""
    hits = [hit for one in found for hit in one.hits[method]]
    return shown(sum(hits), len(hits))


def main() -> None:
    """Prints the table; with --keep it takes its place in docs/diagnosis.md."""
    asked = arguments(__doc__, takes=60, networks="")
    shared("speech_commands")
    networks = Path(asked.networks) if asked.networks else None
    columns = {name: told(name, Cue(*ends), asked.takes, networks) for name, ends in CUES.items()}
    text = f"`python -m benchmarks.pointing`: {machine('captum')}\n\n{table(columns)}"
    tell(DOC, "pointing", text)


if __name__ == "__main__":
    main()
