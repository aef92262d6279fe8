"""Who fails at a place, said before it is tried there: from the margin at the reference placement, and from the word?

margin at a place = intercept + slope × margin at the reference + the word's cost there. Slope and intercept are least squares. A word's
cost is the mean of what is left of its recordings, shrunken towards 0 by the share of its variance that lies between words (empirical
Bayes, James & Stein 1961). Of a recording that was not heard at all, the word's own mean margin at the reference, shrunken alike, stands
in. Margins are outcome margins in log-odds; 0 or less fails. Errors are of recordings that were left out, with all of their speakers
where several are known. Loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame, Series

FEWEST: Final = 5  # recordings from which a forecast is made
FOLDS: Final = 50  # groups of speakers left out at most
Z: Final = 1.96  # 95 %
Basis = Literal["constant", "word", "reference", "reference and word"]
BASES: Final[tuple[Basis, ...]] = ("constant", "word", "reference", "reference and word")
HEARD: Final[Basis] = "reference and word"
WITHOUT_WORD: Final[Mapping[Basis, Basis]] = {HEARD: "reference", "word": "constant"}  # what is left of a basis without the word
Floats = NDArray[np.float64]


class PlaceForecast(NamedTuple):
    """What some recordings teach of a place.

    Attributes:
        mean: of the margins there.
        intercept, slope: of the margin there over that at the reference.
        costs: what each word has there beside that.
        usual: the mean margin at the reference.
        words: by how much each word's margin at the reference departs from that.
    """

    mean: float
    intercept: float
    slope: float
    costs: Mapping[str, float]
    usual: float
    words: Mapping[str, float]

    @classmethod
    def of(cls, rows: DataFrame) -> PlaceForecast:
        """From recordings with the columns word, reference and margin."""
        reference, margin = rows["reference"].to_numpy(float), rows["margin"].to_numpy(float)
        spread = float(reference.var())
        slope = float(np.cov(reference, margin, bias=True)[0, 1] / spread) if spread > 0 else 0.0
        intercept = float(margin.mean() - slope * reference.mean())
        costs = shrunken(rows["word"], margin - intercept - slope * reference)
        usual = float(reference.mean())
        return cls(float(margin.mean()), intercept, slope, costs, usual, shrunken(rows["word"], reference - usual))

    def margin(self, word: str, reference: float | None, basis: Basis) -> float:
        """The margin of a recording there; `reference` is None where it was not heard."""
        if basis == "constant":
            return self.mean
        known = self.usual + self.words.get(word, 0.0) if basis == "word" or reference is None else reference
        cost = 0.0 if basis == "reference" else self.costs.get(word, 0.0)
        return self.intercept + self.slope * known + cost


def shrunken(words: Series[str], values: Floats) -> dict[str, float]:
    """The mean of each word's values, shrunken towards 0 as far as chance alone would set the means apart."""
    groups = {str(word): values[(words == word).to_numpy()] for word in sorted(set(words))}
    means = {word: float(some.mean()) for word, some in groups.items()}
    left = sum(float(((some - some.mean()) ** 2).sum()) for some in groups.values())
    within = left / max(1, len(values) - len(groups))
    by_chance = within * float(np.mean([1 / len(some) for some in groups.values()]))
    between = max(0.0, float(np.var(list(means.values()), ddof=1)) - by_chance) if len(groups) > 1 else 0.0
    if between == 0:
        return dict.fromkeys(means, 0.0)
    return {word: mean * between / (between + within / len(groups[word])) for word, mean in means.items()}


class ForecastScore(NamedTuple):
    """How far forecasts of one place are off, in logits, for a variant.

    Attributes:
        variant, placement: of the margins.
        basis: of the forecast that is counted: of recordings that were not heard, the word alone.
        recordings: how many were forecast.
        failing: how many of them fail there.
        hits: failing ones that were said to fail.
        false_alarms: good ones that were said to fail.
        failing_anyway: failing ones that fail at the reference as well.
        hits_anyway: those of them that were said to fail.
        errors: the mean error on each basis.
        gain: by how much the error of the forecast is smaller than without the word.
        gain_low, gain_high: its interval of 95 %, over speakers.
    """

    variant: str
    placement: str
    basis: Basis
    recordings: int
    failing: int
    hits: int
    false_alarms: int
    failing_anyway: int
    hits_anyway: int
    errors: Mapping[Basis, float]
    gain: float
    gain_low: float
    gain_high: float

    @property
    def adds(self) -> bool:
        """Whether the word adds anything to what else is known."""
        return self.gain_low > 0


def left_out(rows: DataFrame) -> DataFrame:
    """Each recording's margin on each basis, from recordings of other speakers, in columns named by the bases."""
    group = rows["group"].astype("category").cat.codes.to_numpy() % FOLDS
    found = rows.assign(**dict.fromkeys(BASES, math.nan))
    for fold in np.unique(group):
        rest, mine = rows[group != fold], group == fold
        taught = PlaceForecast.of(rest) if len(rest) else None
        for basis in BASES:
            found.loc[mine, basis] = math.nan if taught is None else said(taught, rows[mine], basis)
    return found


def said(taught: PlaceForecast, rows: DataFrame, basis: Basis) -> list[float]:
    """The margin of each row."""
    return [taught.margin(str(word), float(one), basis) for word, one in zip(rows["word"], rows["reference"], strict=True)]


def score(variant: str, placement: str, rows: DataFrame, basis: Basis = HEARD) -> ForecastScore:
    """How good forecasts on one basis are, from rows with a column for each."""
    rows = rows.dropna(subset=[*BASES])
    off = {each: (rows[each] - rows["margin"]).abs() for each in BASES}
    alarm, fails, anyway = rows[basis] <= 0, rows["margin"] <= 0, rows["reference"] <= 0
    gains = (off[WITHOUT_WORD[basis]] - off[basis]).groupby(rows["group"]).mean()
    half = Z * float(gains.std(ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    gain = float(gains.mean()) if len(gains) else math.nan
    return ForecastScore(
        variant=variant,
        placement=placement,
        basis=basis,
        recordings=len(rows),
        failing=int(fails.sum()),
        hits=int((alarm & fails).sum()),
        false_alarms=int((alarm & ~fails).sum()),
        failing_anyway=int((fails & anyway).sum()),
        hits_anyway=int((alarm & fails & anyway).sum()),
        errors={each: float(one.mean()) for each, one in off.items()},
        gain=gain,
        gain_low=gain - half,
        gain_high=gain + half,
    )
