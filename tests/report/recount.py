"""What a page should say, counted anew: outcomes in pandas from answer, probability and threshold, margins and advice from the network.

    python -m tests.report.recount RUN --model CARD [--weights FILE] [--sample N] RECORDINGS...

prints what disagrees; the status is 1 where anything does.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from robustness.audio.placement import batch_of, place, trimmed
from robustness.audio.reading import Wish, open_recordings
from robustness.audio.recordings import Recording
from robustness.audio.selection import Selection
from robustness.models.card import load_classifier
from robustness.models.classifier import Classifier
from robustness.report import words
from robustness.run.evidence import FailureCard, read_failures
from robustness.run.folder import Run

PLACES: Final = {"center": "in the middle", "start": "at the start", "end": "at the end"}
HEADS: Final = {"center": "in the center", "start": "at the start", "end": "at the end"}
OF_TABLE: Final = ("accepted right", "missed", "substituted", "falsely accepted")
HAPPENS: Final = {"missed": "is missed", "substituted": "triggers “{}”", "falsely accepted": "is acted on as “{}”"}
CELL: Final = re.compile(
    r'<td id="[^"]*-(?P<place>start|center|end)-[^"]*" data-variant="\d+" data-lead="(?P<lead>[^"]*)"[^>]*? title="(?P<title>[^"]*)"'
    r'\s*class="(?P<bad>bad)?[^"]*"'
)
VERDICT: Final = re.compile(
    r"(\d+) of (\d+) commands (?:is|are) (missed|taken for another command|not carried out)[^;.]*? when the word begins with the window; "
    r"(?:all )?(\d+)(?: of \d+)? (?:is|are) accepted in the middle"
)
PRE_ROLL: Final = re.compile(
    r"Start listening (\d+)(?:–(\d+))? ms before the word : (?:all )?(\d+)(?: of (\d+))? commands? (?:is|are) accepted"
    r"(?: \(but ([^)]*)\))?\.(?: Less gives ([^;.]*))?"
)
LEAST_P: Final = 1e-7  # a probability of a float network is known to this


def without_marks(html: str) -> str:
    """The text of markup, in one line."""
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", " ", text).replace("&gt;", ">").replace("&lt;", "<").replace("&#39;", "'").replace("&amp;", "&")
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u2212", "-")).strip()


def rows_of_table(page: str, caption: str) -> list[list[str]]:
    """The cells of the body of the table with a caption that begins so."""
    start = re.search(rf"<caption[^>]*>{re.escape(caption)}", page)
    if start is None:
        return []
    body = page[start.start() : page.index("</table>", start.start())]
    rows = re.findall(r"<tr\b.*?</tr>", body, flags=re.DOTALL)
    cells = [re.findall(r"<t[hd]\b.*?</t[hd]>", row, flags=re.DOTALL) for row in rows]
    return [[without_marks(cell) for cell in row] for row in cells if any("<td" in cell for cell in row)]


@dataclass(frozen=True)
class Recount:
    """A run with its page, and the network that it is of."""

    run: Run
    network: Classifier
    recordings: Sequence[Recording]

    @cached_property
    def page(self) -> str:
        """The page as it was written."""
        return (self.run.path / "index.html").read_text(encoding="utf-8")

    @cached_property
    def text(self) -> str:
        """The page as text."""
        return without_marks(self.page)

    @property
    def model(self) -> dict[str, Any]:
        """What the manifest says of the model."""
        found: dict[str, Any] = self.run.manifest["models"][0]
        return found

    @cached_property
    def threshold(self) -> float:
        """What a command must reach; 0 where none is set."""
        return float(self.model.get("threshold") or 0.0)

    @cached_property
    def rejections(self) -> set[str]:
        """The labels that carry out nothing."""
        return {name for name in (self.model["unknown"], self.model.get("silence")) if name}

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The labelled trials, with the outcome counted anew."""
        rows = self.run.trials()
        words = ["variant", "recording", "label", "predicted", "outcome", "placement", "fill", "perturbation"]
        rows = rows[rows["label"].notna() & (rows["perturbation"] != "no-word")].astype(dict.fromkeys(words, object))
        done = ~rows["predicted"].isin(self.rejections) & (rows["p_predicted"] >= self.threshold)
        command = ~rows["label"].isin(self.rejections)
        right = rows["predicted"] == rows["label"]
        recounted = np.select(
            [command & done & right, command & done, command, done],
            ["accepted right", "substituted", "missed", "falsely accepted"],
            "left alone",
        )
        return rows.assign(recounted=recounted, command=command)

    @cached_property
    def stuck(self) -> set[str]:
        """The recordings that cannot be moved: no figure that speaks of placement counts them."""
        table = self.run.recordings()
        return set(table.loc[table["untestable"], "id"])

    def movable(self, place: str, fill: str = "zeros") -> pd.DataFrame:
        """The rows of one placement, but of those."""
        rows = self.placed(place, fill)
        return rows[~rows["recording"].isin(self.stuck)]

    def placed(self, place: str, fill: str = "zeros") -> pd.DataFrame:
        """The rows of one placement."""
        rows = self.trials
        return rows[(rows["perturbation"] == "padding-placement") & (rows["placement"] == place) & (rows["fill"] == fill)]

    # each yields what disagrees, in a sentence

    def outcomes(self) -> Iterator[str]:
        """The column of outcomes."""
        other = self.trials[self.trials["outcome"] != self.trials["recounted"]]
        yield from (f"{row.recording}: {row.outcome}, recounted {row.recounted}" for row in other.itertuples())

    def margins(self) -> Iterator[str]:
        """The outcome margin at the placements, float only, from the network itself."""
        for where in PLACES:
            rows = self.placed(where)
            rows = rows[rows["variant"] == "float32"].set_index("recording")
            there = [one for one in self.recordings if one.id in rows.index]
            found = self.asked(there, [float(rows["offset_ms"][one.id]) for one in there])
            for one, logits in zip(there, found, strict=True):
                wanted, said = self.margin(logits, str(rows["label"][one.id])), float(rows["outcome_margin"][one.id])
                if not abs(wanted - said) <= 1e-3 * max(1.0, abs(wanted)):
                    yield f"{one.id} at the {where}: margin {said}, recounted {wanted}"

    def asked(self, recordings: Sequence[Recording], leads_ms: Sequence[float]) -> torch.Tensor:
        """Log-probabilities of recordings placed at these leads, one at a time, [recordings labels]."""
        frame = self.network.frame
        said = []
        for one, lead in zip(recordings, leads_ms, strict=True):
            window = place(batch_of([one]), torch.tensor([round(lead * frame.rate_hz / 1000)]), frame)
            said.append(self.network.logits(window.samples).double().log_softmax(1)[0])
        return torch.stack(said) if said else torch.empty(0, len(self.network.labels))

    def margin(self, logits: torch.Tensor, label: str) -> float:
        """definitions.md's formula, term by term."""
        names = list(self.network.labels)
        f: dict[str, float] = dict(zip(names, logits.tolist(), strict=True))
        odds = {name: float(np.log(p) - np.log1p(-p)) for name in names for p in [float(np.clip(np.exp(f[name]), LEAST_P, 1 - LEAST_P))]}
        bar = float(np.log(self.threshold) - np.log1p(-self.threshold)) if self.threshold else -np.inf
        if label not in self.rejections:
            return min(f[label] - max(f[j] for j in names if j != label), odds[label] - bar)
        rejection = max((f[r] for r in self.rejections), default=-np.inf)
        return -max(min(f[k] - rejection, odds[k] - bar) for k in names if k not in self.rejections)

    def does(self, logits: torch.Tensor) -> str | None:
        """The command that the device carries out; None where it stays silent."""
        best = int(logits.argmax())
        name = self.network.labels[best]
        return name if name not in self.rejections and float(logits[best].exp()) >= self.threshold else None

    def bars(self) -> Iterator[str]:
        """The bars of the first screen."""
        said = {row[0]: row[1:] for row in rows_of_table(self.page, "What the device does with commands")}
        if not said:
            yield "the first screen has no bars"
        for where, name in PLACES.items():
            rows = self.movable(where)
            rows = rows[rows["variant"] == "float32"]
            counts = rows[rows["command"]]["recounted"].value_counts()
            others = rows[~rows["command"]]
            wanted = [str(counts[kind]) for kind in OF_TABLE[:3] if kind in counts]
            found = re.findall(r"\d+", said.get(name, [""])[0])
            if found != wanted:
                yield f"bar {name}: {found}, recounted {wanted}"
            acted = f"{int((others['recounted'] == 'falsely accepted').sum())} of {len(others)}"
            if len(others) and acted not in said.get(name, ["", ""])[1]:
                yield f"bar {name}: {said.get(name)}, other words acted on {acted}"

    def outcome_table(self) -> Iterator[str]:
        """The table of outcomes by placement, padding and variant."""
        shorts = {"float32": "float32", "dynamic-int8": "int8"}
        found = {(row[0], row[1]): row[2:] for row in rows_of_table(self.page, "Outcomes by placement")}
        for where, name in HEADS.items():
            for fill in ("zeros", "floor"):
                every = self.placed(where) if (where, fill) == (self.model["reference"], "zeros") else self.movable(where, fill)
                for variant, rows in every.groupby("variant"):
                    cells = found.get((f"{name}, {fill}", shorts[str(variant)]))
                    counts, commands = rows["recounted"].value_counts(), int(rows["command"].sum())
                    totals = [commands, commands, commands, len(rows) - commands]
                    wanted = [f"{counts.get(kind, 0)} of {of}" if of else "–" for kind, of in zip(OF_TABLE, totals, strict=True)]
                    if cells is None or any(not cell.startswith(text) for cell, text in zip(cells, wanted, strict=False)):
                        yield f"{name}, {fill}, {variant}: {cells}, recounted {wanted}"

    def answers(self) -> Iterator[str]:
        """Each cell of the table of recordings: its mark and its title go by the outcome."""
        rows = self.trials[(self.trials["perturbation"] == "padding-placement") & (self.trials["fill"] == "zeros")]
        there = {
            (place, round(float(lead), 3), outcome)
            for place, lead, outcome in zip(rows["placement"], rows["offset_ms"], rows["recounted"], strict=True)
        }
        cells = list(CELL.finditer(self.page))
        if len(cells) != len(rows) and rows["recording"].nunique() <= 60:
            yield f"{len(cells)} cells, and {len(rows)} answers"
        for cell in cells:
            (outcome,) = (name for name in (*HAPPENS, "accepted right", "left alone") if f", {name}," in cell["title"])
            if (cell["bad"] == "bad") != (outcome in HAPPENS):
                yield f"{cell['place']} at {cell['lead']} ms is marked {cell['bad']!r}, its title says {cell['title']}"
            if (cell["place"], round(float(cell["lead"]), 3), outcome) not in there:
                yield f"{cell['place']} at {cell['lead']} ms is {outcome}, and no answer there is"
        if (
            cells
            and sum(cell["bad"] == "bad" for cell in cells) != int(rows["recounted"].isin(list(HAPPENS)).sum())
            and len(cells) == len(rows)
        ):
            yield "as many cells are marked as answers are bad"

    def verdict(self) -> Iterator[str]:
        """The sentence on a placement, where the page has one."""
        found = VERDICT.search(self.text)
        if found is None:
            return
        start, center = (
            rows[rows["command"] & (rows["variant"] == "float32")]["recounted"] for rows in map(self.movable, ("start", "center"))
        )
        kinds = {"missed": ["missed"], "taken for another command": ["substituted"], "not carried out": ["missed", "substituted"]}
        wanted = (int(start.isin(kinds[found[3]]).sum()), len(start), int((center == "accepted right").sum()))
        if (int(found[1]), int(found[2]), int(found[4])) != wanted:
            yield f"the verdict says {found[0]}, recounted {wanted}"

    def advice(self) -> Iterator[str]:
        """The pre-roll, carried out: every command placed at each lead that is named, and asked again."""
        found = PRE_ROLL.search(self.text)
        if found is None:
            return
        low, high = int(found[1]), int(found[2] or found[1])
        dips = {int(lead): int(count) for count, lead in re.findall(r"(\d+) at (\d+) ms", found[5] or "")}
        steps = {int(lead): int(count) for count, lead in re.findall(r"(\d+) at (\d+) ms", found[6] or "")}
        for lead, wanted in {**dict.fromkeys(range(low, high + 1, 10), int(found[3])), **dips, **steps}.items():
            if (count := self.accepted_at(lead)) != wanted:
                yield f"at a lead of {lead} ms {count} commands are accepted, and the page says {wanted}"

    def accepted_at(self, lead_ms: float) -> int:
        """How many commands the device accepts with so much before the recording."""
        rows = self.movable("center").drop_duplicates("recording").set_index("recording")
        there = [one for one in self.recordings if one.id in rows.index and rows["command"][one.id]]
        said = self.asked(there, [lead_ms] * len(there))
        return sum(self.does(logits) == rows["label"][one.id] for one, logits in zip(there, said, strict=True))

    def cards(self) -> Iterator[str]:
        """Every card's title and first line, and the lead from which it says that the outcome is good, carried out."""
        known = read_failures(self.run.evidence)
        for card in known.failures if known else ():
            yield from (f"{card.id}: {said}" for said in (*self._heading(card), *self._restored(card)))

    def _failing(self, card: FailureCard) -> pd.DataFrame:
        """The rows of the card's recording under its condition."""
        condition, rows = card.condition, self.trials
        if self._placed_only(card):
            rows = self.placed(condition.placement, condition.fill)
        else:
            rows = rows[(rows["perturbation"] == condition.perturbation) & (rows["level"] == condition.level)]
        rows = rows[rows["recording"] == card.recording]
        return rows[rows["draw"] == (condition.draw or 0)]

    @staticmethod
    def _placed_only(card: FailureCard) -> bool:
        return card.condition.perturbation in {None, "", "padding-placement"}

    def _heading(self, card: FailureCard) -> Iterator[str]:
        start = self.page.index(f'<details class="card" id="{card.id}"')
        text = without_marks(self.page[start : self.page.index("</details>", start)])
        rows = self._failing(card)
        row = rows[rows["variant"] == card.worst_variant].iloc[0]
        if f"“{card.word}” {HAPPENS[row['recounted']].format(row['predicted'])}" not in text:
            yield f"{text[:90]}, recounted {row['recounted']}"
        alike = rows[rows["predicted"] == row["predicted"]]  # variants that agree are told once, with the probability of the first
        shown = alike.sort_values("variant", key=lambda names: names != "float32").iloc[0]
        answer = f"Model: {shown['predicted']} {percent(shown['p_predicted'])}"
        if answer not in text:
            yield f"{text[:200]}, recounted {answer}"

    def _restored(self, card: FailureCard) -> Iterator[str]:
        lead = card.variants["float32"].restored_at_ms if "float32" in card.variants else None
        if lead is None or not self._placed_only(card):
            return
        recording = next(one for one in self.recordings if one.id == card.recording)
        said = self.does(self.asked([recording], [float(lead)])[0])
        if said != (None if card.label in self.rejections else card.label):
            yield f"at {lead} ms the device does {said}, and the page calls it good"

    def disagreements(self) -> list[str]:
        """Everything that the page says otherwise."""
        checks = (self.outcomes, self.margins, self.bars, self.outcome_table, self.answers, self.verdict, self.advice, self.cards)
        return [f"{check.__name__}: {said}" for check in checks for said in check()]


def percent(p: float) -> str:
    """As the page writes a probability."""
    return words.percent(p).replace("\u00a0", " ")


def recount_of(run: Run, card: Path, recordings: Sequence[Path], weights: Path | None = None, sample: int | None = None) -> Recount:
    """A run's page beside its network and recordings, cut where the run cut them."""
    network = load_classifier(card, weights=weights)
    wish = Wish(network.frame.rate_hz, network.frame.samples)
    read = open_recordings(list(recordings), wish, selection=Selection(sample=sample)).recordings
    table = run.recordings().set_index("id")
    return Recount(run, network, [trimmed(one, network.frame, "always") if table["trimmed"][one.id] else one for one in read])


def main() -> int:
    """Prints what disagrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--sample", type=int)
    given = parser.parse_args()
    found = recount_of(Run(given.run), given.model, given.recordings, given.weights, given.sample).disagreements()
    print(*found[:50], f"{len(found)} disagreements", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
