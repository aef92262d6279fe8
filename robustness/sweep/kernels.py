"""Which windows must the slow kernels of a file answer, if quick ones hardly round otherwise? Reference kernels after built-in ones.

Every window is answered by the quick kernels. The reference kernels answer again where a margin lies within a bound: twice the largest
difference of a margin that the two kernels have on probe windows, and no less than two steps of the scores. Margins are those of the
outcome (`analysis.outcomes`), of the winning label as if it were the truth, and the lead of the winner over the next label: so neither the
outcome nor the winning label of another window can differ, if no difference is above the bound. Of the rest a seeded share is asked as
well, and a difference there ends the run. Conditions whose margins are shown for each recording are asked of the reference kernels as a
whole, and so is a small set. A PC's own kernels (XNNPACK) answer every window beside them; how many of their answers are others is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from robustness.analysis.outcomes import NO_COMMAND
from robustness.audio.placement import Windows
from robustness.conditions import NO_WORD, NONE, Condition
from robustness.errors import CannotJudgeError
from robustness.models.classifier import Classifier
from robustness.models.formats.base import Network
from robustness.run.blocks import KERNEL_COUNTS
from robustness.seeds import seed_of
from robustness.sweep.plan import Plan
from robustness.sweep.trials import coded

LARGE: Final = 10_000  # windows; of fewer, the reference kernels answer every one: 2 ms each
PROBED: Final = 32  # recordings, each under conditions from all over the plan, on which the kernels are compared
PROBE_CONDITIONS: Final = 8
SAFETY: Final = 2.0  # the bound, in units of the largest difference on probe windows, or of one step
CHECKED_EACH: Final = 50  # of the windows that the quick kernels answer alone, one in so many is asked again: 2 %
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Screen:
    """A classifier whose windows are answered by quick kernels first.

    Attributes:
        exact: the classifier, with the kernels that count.
        quick: the same with the quick ones; with those of a PC where every window is asked of both.
        pc: the same with the kernels of a PC.
        bound: a margin above it cannot change its sign; in natural log-odds.
        everywhere: whether every window is asked of both.
        seed: of the spot check.
        copies: of the exact network, one a thread.
    """

    exact: Classifier
    quick: Classifier
    pc: Classifier
    bound: float
    everywhere: bool
    seed: int
    copies: tuple[Network, ...]

    @classmethod
    def ready(cls, classifier: Classifier, probes: Sequence[AskedWindows], *, everywhere: bool, seed: int) -> Screen | None:
        """The screen of a classifier, with a copy of its network for each of torch's threads; None if there are no other kernels for it.

        Args:
            classifier: with the kernels that count.
            probes: windows on which both are asked.
            everywhere: whether every window will be asked of both.
            seed: of the spot check.
        """
        network, quick, pc = classifier.network, classifier.network.quicker(), classifier.network.of_a_pc()
        if quick is None or pc is None:
            return None
        beside = replace(classifier, network=pc, variant=f"{classifier.variant} by XNNPACK")
        first = beside if everywhere else replace(classifier, network=quick)
        copies = (network, *(network.copied() for _ in range(torch.get_num_threads() - 1)))
        screen = cls(classifier, first, beside, 0.0, everywhere, seed, copies)
        return screen if everywhere else replace(screen, bound=SAFETY * max(network.score_step or 0.0, *map(screen.distance, probes)))

    @property
    def name(self) -> str:
        """Of the variant, as the plan has it."""
        return f"{self.exact.name} {self.exact.variant}"

    @property
    def facts(self) -> dict[str, Any]:
        """What stands in the plan before anything is counted."""
        return {
            "first": self.quick.network.can.kernels,
            "then": self.exact.network.can.kernels,
            "beside": self.pc.network.can.kernels,
            "bound": self.bound,
            "everywhere": self.everywhere,
            **dict.fromkeys(KERNEL_COUNTS, 0),
        }

    def settled(self, asked: AskedWindows, quick: Tensor, pc: Tensor) -> Settled:
        """The answers that count.

        Args:
            asked: the windows under a condition.
            quick: the logits of the quick kernels, [clips labels].
            pc: those of a PC's kernels, [clips labels].

        Raises:
            CannotJudgeError: a spot check found another outcome.
        """
        near = np.ones(len(quick), bool) if self.everywhere or asked.whole else self._near(quick, asked.truth)
        checked: Mask = np.zeros(len(quick), bool) if near.all() else np.logical_and(~near, self._drawn(asked))
        both = torch.from_numpy(near | checked)
        logits = quick.clone()
        if both.any():
            logits[both] = self._exactly(asked.windows.heard[both])
        wrong = np.flatnonzero(checked & self._differ(quick, logits, asked.truth))
        if len(wrong):
            self._refuse(asked, int(wrong[0]), quick, logits)
        others = self._differ(pc, logits, asked.truth)
        counts = {"windows": len(quick), "both": int(both.sum()), "differ": int(others.sum()), "checked": int(checked.sum())}
        names = (self.quick.network.can.kernels, self.exact.network.can.kernels)
        return Settled(logits, coded(both.int(), names), counts)

    def distance(self, asked: AskedWindows) -> float:
        """The largest difference of a margin between the two kernels on some windows."""
        quick, exact = self.quick.logits(asked.windows.heard), self._exactly(asked.windows.heard)
        first, then = (margins(self.exact, logits, asked.truth, quick) for logits in (quick, exact))
        both = np.isfinite(first) & np.isfinite(then)
        return float(np.abs(first[both] - then[both]).max(initial=0.0))

    def _near(self, logits: Tensor, truth: Tensor) -> Mask:
        """Where a margin lies within the bound, [clips]."""
        found: Mask = np.abs(margins(self.exact, logits, truth, logits)).min(axis=1) <= self.bound
        return found

    def _drawn(self, asked: AskedWindows) -> Mask:
        """The seeded share that is checked, by recording and condition, [clips]."""
        return np.array([seed_of(self.seed, self.name, asked.key, name) % CHECKED_EACH == 0 for name in asked.windows.ids], bool)

    def _exactly(self, samples: Tensor) -> Tensor:
        """The logits of the kernels that count, by all copies at once, [clips time] → [clips labels]."""
        parts = samples.tensor_split(len(self.copies))
        made = [replace(self.exact, network=network) for network in self.copies]
        with ThreadPoolExecutor(len(made)) as pool:
            found = list(pool.map(lambda one, part: one.logits(part) if len(part) else None, made, parts))
        return torch.cat([logits for logits in found if logits is not None])

    def _differ(self, quick: Tensor, logits: Tensor, truth: Tensor) -> Mask:
        """Where outcome or winning label differ, [clips]."""
        before, after = (self.exact.decide(scores, truth) for scores in (quick, logits))
        found: Mask = (before.outcome != after.outcome) | (before.predicted != after.predicted)
        return found

    def _refuse(self, asked: AskedWindows, at: int, quick: Tensor, logits: Tensor) -> None:
        said = [self.exact.labels[int(self.exact.probabilities(scores[at : at + 1]).argmax())] for scores in (quick, logits)]
        raise CannotJudgeError(
            f"{self.name}: on {asked.windows.ids[at]} under {asked.key} the built-in kernels answer {said[0]} and the reference kernels "
            f"{said[1]}, where every margin is above the bound of {self.bound:.2f}; run it again with --every-window"
        )


@dataclass(frozen=True, eq=False)
class AskedWindows:
    """Windows under a condition.

    Attributes:
        windows: what is heard.
        key: the condition in a word.
        truth: the place of the label, NO_LABEL or NO_COMMAND, [clips].
        whole: whether the kernels that count are asked for all of them.
    """

    windows: Windows
    key: str
    truth: Tensor
    whole: bool

    @classmethod
    def of(cls, condition: Condition, windows: Windows, label: Tensor, plan: Plan, key: str) -> AskedWindows:
        """Of a condition of a plan; margins are shown at every place of a recording, and of windows without a word."""
        known = plan.perturbations.get(condition.perturbation)
        whole = condition.perturbation in (NONE, NO_WORD) or (known is not None and known.moves)
        truth = torch.full_like(label, NO_COMMAND) if condition.perturbation == NO_WORD else label
        return cls(windows, key, truth, whole or plan.is_neutral(condition, condition.placement))


@dataclass(frozen=True, eq=False)
class Settled:
    """Logits [clips labels], the kernels that gave each row, and counts by the names of `Screen.facts`."""

    logits: Tensor
    kernels: pa.Array
    counts: dict[str, int]


def margins(classifier: Classifier, logits: Tensor, truth: Tensor, first: Tensor) -> npt.NDArray[np.float64]:
    """Every distance to a boundary that an answer could cross, [clips 3]; infinite if there is no such boundary.

    Args:
        classifier: whose operating point.
        logits: [clips labels].
        truth: the place of the label, NO_LABEL or NO_COMMAND, [clips].
        first: the logits whose winner the second and third column are about, [clips labels].
    """
    winner = torch.from_numpy(classifier.probabilities(first).argmax(1))
    own, as_won = classifier.decide(logits, truth), classifier.decide(logits, winner)
    index = winner[:, None]
    lead = (logits.gather(1, index).squeeze(1) - logits.scatter(1, index, -torch.inf).amax(1)).double().numpy()
    found = np.stack([own.margin, as_won.margin, lead], axis=1)
    return np.where(np.isnan(found), np.inf, found)
