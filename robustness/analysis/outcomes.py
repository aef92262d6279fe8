"""What does the device do with an answer, and how far is that from the boundary between good and bad?

The one definition of "right". Every answer to a recording with a label, or to a window without a word, has one of five outcomes; two are
good. A command is carried out where it wins and its probability reaches the threshold; without a threshold the winning label decides. With
sigmoids, and where a single command has a threshold, there is no contest: a command is carried out where its own probability reaches its
threshold (of several the largest). A probability is kept in float32, and what is kept is what is compared; ties go to the first label.

The outcome margin is the signed distance in log-odds (natural logarithm) to the boundary, positive where the outcome is good; the outcome,
and not its sign, decides at 0. It is computed in float64, from the logits f and the probabilities p that the device compares:
a command c: min(f_c − max_{j≠c} f_j, logit p_c − logit θ_c); anything else: − max_k min(f_k − max_r f_r, logit p_k − logit θ_k) over the
commands k and rejection labels r. A term that does not exist is left out; with neither it is undefined. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame, Series
from scipy.special import expit, logit, softmax

from robustness.conditions import NO_WORD, OTHER_WORD
from robustness.errors import CannotJudgeError

ACCEPTED: Final = "accepted right"
MISSED: Final = "missed"
SUBSTITUTED: Final = "substituted"
FALSE_ACCEPT: Final = "falsely accepted"
LEFT_ALONE: Final = "left alone"
OUTCOMES: Final = (MISSED, SUBSTITUTED, ACCEPTED, LEFT_ALONE, FALSE_ACCEPT)
GOOD: Final = (ACCEPTED, LEFT_ALONE)
BAD: Final = (MISSED, SUBSTITUTED, FALSE_ACCEPT)

NO_LABEL: Final = -1  # the truth is not known
NO_COMMAND: Final = -2  # the truth is a word outside of the labels, or no word
SIGMOIDS: Final = "sigmoids"
NEAREST: Final = 0.501  # of a step: what was clipped to half of one is 0
SMALLEST: Final = 1e-7  # where a float probability is clipped before its log-odds are taken

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class OperatingPoint:
    """When a device acts on an answer.

    Attributes:
        rejections: labels on which it does nothing (unknown, silence).
        threshold: the probability that a command must reach; None takes every command that wins.
        own: thresholds of single labels, in place of that one.
        contest: whether a command must also be the winning label; not so for sigmoids and for a single command with a threshold.
    """

    rejections: frozenset[str]
    threshold: float | None = None
    own: tuple[tuple[str, float], ...] = ()
    contest: bool = True

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> OperatingPoint:
        """From a model's entry in the manifest: its labels, unknown, silence, output and threshold (a number, or one a label)."""
        given, rejections = model["threshold"], frozenset(name for name in (model["unknown"], model["silence"]) if name)
        commands = [label for label in model.get("labels", ()) if label not in rejections]
        contest = model.get("output") != SIGMOIDS and not (len(commands) == 1 and given is not None)
        if isinstance(given, Mapping):
            return cls(rejections, None, tuple((str(label), float(value)) for label, value in sorted(given.items())), contest)
        return cls(rejections, given, (), contest)

    def threshold_of(self, label: str) -> float | None:
        """What this label must reach; None where nothing is asked."""
        return dict(self.own).get(label, self.threshold)

    @property
    def words(self) -> str:
        """The thresholds as text, such as `0.8` or `no 0.7, yes 0.8`; empty where there is none."""
        if not self.own:
            return "" if self.threshold is None else f"{self.threshold:g}"
        rest = [] if self.threshold is None else [f"others {self.threshold:g}"]
        return ", ".join([*(f"{label} {value:g}" for label, value in self.own), *rest])

    def accepts(self, trials: DataFrame) -> Series[bool]:
        """Whether a command is carried out in each trial.

        Raises:
            CannotJudgeError: where the command's own probability decides and an older run does not hold it.
        """
        label, p = self._candidates(trials)
        words = label.astype("category")
        acts = [name not in self.rejections for name in words.cat.categories.astype(str)]
        needed = [self.threshold_of(name) for name in words.cat.categories.astype(str)]
        bars = np.asarray([-np.inf if bar is None else bar for bar in needed] + [np.inf], dtype=np.float32)
        places = words.cat.codes.to_numpy()  # a missing one has the code −1, the last
        acting = np.asarray([*acts, False])[places] & (p.to_numpy(dtype=np.float32) >= bars[places])
        return Series(acting, index=trials.index)

    def carried_out(self, trials: DataFrame) -> Series[str]:
        """The command that would be carried out in each trial, if any is."""
        return self._candidates(trials)[0]

    def _candidates(self, trials: DataFrame) -> tuple[Series[str], Series[float]]:
        """The label that would be carried out, and its probability."""
        if self.contest:
            return trials["predicted"], trials["p_predicted"]
        if "command" in trials and trials["command"].notna().all():
            return trials["command"], trials["p_command"]
        least = min([value for value in (self.threshold, *dict(self.own).values()) if value is not None], default=1.0)
        if least < 0.5:  # from one half on, a command that reaches it wins
            raise CannotJudgeError(
                f"with a threshold of {least:g} a command is carried out where its own probability reaches it, and this run was made "
                f"before that probability was kept; make it again by `robustness report`"
            )
        return trials["predicted"], trials["p_predicted"]


def outcomes(trials: DataFrame, point: OperatingPoint) -> Series[str]:
    """What the device does in each trial, from the answer, its probability, the label and the threshold; missing without a label.

    Args:
        trials: label, predicted, p_predicted and perturbation; command and p_command where there is no contest.
        point: the operating point of the variant that all of them are of.
    """
    label, acts = trials["label"], point.accepts(trials).to_numpy()
    empty = label.isin([*point.rejections, OTHER_WORD]).to_numpy() | (trials["perturbation"] == NO_WORD).to_numpy()
    known = label.notna().to_numpy() & ~empty
    return as_words(_codes(known, empty, acts, same(label, point.carried_out(trials))), trials.index)


def _codes(known: Bools, empty: Bools, acts: Bools, right: Bools) -> Places:
    """The places among OUTCOMES, [rows]; −1 for none.

    Args:
        known: where the truth is a command.
        empty: where the truth is no command.
        acts: where one is carried out.
        right: where it is the one that was said.
    """
    choices = [known & ~acts, known & ~right, known, empty & ~acts, empty]
    return np.select(choices, range(len(OUTCOMES)), default=-1).astype(np.int64)


def as_words(codes: Places, index: pd.Index[Any] | None = None) -> Series[str]:
    """Outcomes by their places, [rows]."""
    return Series(pd.Categorical.from_codes(codes, categories=pd.Index(OUTCOMES)), index=index)


def good(outcome: Series[str]) -> Series[float]:
    """1 where an outcome is good, 0 where it is bad, NaN where there is none, [rows]."""
    return outcome.isin(GOOD).astype(float).where(outcome.notna())


def same(a: Series[str], b: Series[str]) -> Bools:
    """Where two columns hold the same word, [rows]; nowhere where one is missing. Compares places in a list of words, not the words."""
    first, second = (column.astype("category") for column in (a, b))
    there = second.cat.categories.get_indexer(first.cat.categories)
    there = np.append(there, -1)  # a missing word has the code −1
    places = there[first.cat.codes.to_numpy()]
    found: Bools = (places >= 0) & (places == second.cat.codes.to_numpy())
    return found


def probabilities_of(logits: NDArray[Any], output: str, step: float | None = None) -> Floats:
    """The probabilities that the device compares, [clips labels]; those that a network gives itself are never renormalised.

    Args:
        logits: as classifiers give them: natural-log scores, or log-odds for sigmoids, [clips labels].
        output: the card's `output`.
        step: of a quantized probability: they are its multiples.
    """
    scores = np.asarray(logits, dtype=np.float64)
    made = {SIGMOIDS: expit, "probabilities": np.exp}.get(output)
    p: Floats = softmax(scores, axis=1) if made is None else made(scores)
    return p if step is None else np.ceil(p / step - NEAREST) * step + 0.0  # no zero has a sign


class Decisions(NamedTuple):
    """What the device does with a batch, [clips] each; labels by their places.

    Attributes:
        outcome: the place among OUTCOMES; −1 where the truth is not known.
        margin: the outcome margin in log-odds; NaN where it is undefined or the truth is not known.
        predicted: the label with the highest probability.
        command: the best command, or without a contest the one that would be carried out; −1 where the model has none.
        p_command: its probability.
        command_margin: its logit minus that of the best rejection label; NaN where there is none.
    """

    outcome: Places
    margin: Floats
    predicted: Places
    command: Places
    p_command: Floats
    command_margin: Floats


class _Scores(NamedTuple):
    """Logits and probabilities beside the thresholds.

    Attributes:
        f: logits, [clips labels].
        p: probabilities, [clips labels].
        over: whether the probability reaches the threshold; always so without one, [clips labels].
        odds: logit p, clipped, [clips labels].
        above: logit p − logit θ; +∞ without a threshold, [clips labels].
        bars: thresholds, −∞ for none, [labels].
        acts: whether a label is a command, [labels].
        contest: whether commands must win.
    """

    f: Floats
    p: Floats
    over: Bools
    odds: Floats
    above: Floats
    bars: Floats
    acts: Bools
    contest: bool


def decide(
    logits: NDArray[Any],
    probabilities: Floats,
    truth: NDArray[Any],
    *,
    labels: Sequence[str],
    point: OperatingPoint,
    step: float | None = None,
) -> Decisions:
    """The outcomes of a batch.

    Args:
        logits: [clips labels].
        probabilities: as the device compares them, [clips labels].
        truth: the place of the label, NO_LABEL or NO_COMMAND, [clips].
        labels: of the model.
        point: the operating point.
        step: of a quantized probability; half of it is where log-odds are clipped.
    """
    scores = _scores(np.asarray(logits, np.float64), probabilities, labels, point, SMALLEST if step is None else step / 2)
    predicted = scores.p.argmax(axis=1)
    command = _command(scores, predicted)
    winner = command if not scores.contest else predicted
    rows = np.arange(len(winner))
    acts = (winner >= 0) & scores.acts[winner] & scores.over[rows, winner]
    place = np.maximum(truth, 0).astype(np.int64)
    known = (truth >= 0) & scores.acts[place]
    empty = (truth == NO_COMMAND) | ((truth >= 0) & ~known)
    margin = np.full(len(truth), np.nan)
    margin[known] = _of_command(scores, place)[known]
    margin[empty] = _of_none(scores)[empty]
    margin[~np.isfinite(margin)] = np.nan
    p_command = np.where(command >= 0, scores.p[rows, command], np.nan)
    codes = _codes(known, empty, acts, winner == truth)
    return Decisions(codes, margin, predicted, command, p_command, _command_margin(scores, command))


def _scores(f: Floats, p: Floats, labels: Sequence[str], point: OperatingPoint, smallest: float) -> _Scores:
    found = [point.threshold_of(label) for label in labels]
    bars = np.asarray([-np.inf if bar is None else bar for bar in found])
    over = np.asarray(p, np.float32) >= bars.astype(np.float32)
    ends = (smallest, 1 - smallest)
    odds = logit(np.clip(p, *ends))
    above = np.where(np.isinf(bars), np.inf, odds - logit(np.clip(bars, *ends)))
    acts = np.asarray([label not in point.rejections for label in labels])
    return _Scores(f, np.asarray(p, np.float64), over, odds, above, bars, acts, point.contest)


def _command(scores: _Scores, predicted: Places) -> Places:
    """The best command, [clips]; where there is no contest, the best of those over their thresholds, if there is any."""
    if not scores.acts.any():
        return np.full(len(predicted), -1)
    p = np.where(scores.acts, scores.p, -np.inf)
    if not scores.contest:
        able = scores.over & scores.acts
        p = np.where(able | ~able.any(axis=1, keepdims=True), p, -np.inf)
    best: Places = p.argmax(axis=1)
    return best


def _of_command(scores: _Scores, truth: Places) -> Floats:
    """The margin where the truth is a command, [clips]."""
    rows = np.arange(len(truth))
    if scores.contest:
        others = scores.f.copy()
        others[rows, truth] = -np.inf
        contest = scores.f[rows, truth] - others.max(axis=1)
    else:  # another command stands in the way where it is over its threshold and larger
        clear = np.maximum(-scores.above, scores.odds[rows, truth][:, None] - scores.odds)
        clear[rows, truth] = np.inf
        contest = np.where(scores.acts, clear, np.inf).min(axis=1)
    least: Floats = np.minimum(contest, scores.above[rows, truth])
    return least


def _of_none(scores: _Scores) -> Floats:
    """The margin where the truth is no command, [clips]; −∞ where every window carries out a command."""
    commands = np.flatnonzero(scores.acts)
    found = np.full((len(scores.f), len(commands)), np.inf)
    for at, k in enumerate(commands):
        # A command with a higher threshold that wins and does not reach it leaves the device silent, like a rejection label.
        silent = ~scores.acts | (scores.bars > scores.bars[k])
        if scores.contest and silent.any():
            found[:, at] = scores.f[:, k] - scores.f[:, silent].max(axis=1)
        found[:, at] = np.minimum(found[:, at], scores.above[:, k])
    margin: Floats = -found.max(axis=1, initial=-np.inf)
    return margin


def _command_margin(scores: _Scores, command: Places) -> Floats:
    if scores.acts.all() or not scores.acts.any():
        return np.full(len(command), np.nan)
    rejected = scores.f[:, ~scores.acts].max(axis=1)
    margin: Floats = scores.f[np.arange(len(command)), command] - rejected
    return margin
