"""Run folders of as many recordings, speakers and conditions as one likes: every answer is planted by a rule that is written here.

A recording is right where its ease, less what its speaker, its label and the condition cost, is above nought. So the worst speaker, the
worst label and the costliest perturbation are known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from robustness.run.folder import TRIALS, Run, RunWriter
from tests.report.planted import Plan, manifest_of
from tests.trials import outcome_of

LABELS: Final = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "unknown")
HARD_LABEL: Final = "off"
HARD_SPEAKER: Final = "speaker-003"
COSTLIEST: Final = "white-noise"
PLACES: Final = {"start": 0.0, "center": 0.5, "end": 1.0}
LEADS: Final = tuple(float(ms) for ms in range(-40, 320, 20))
SHIFTS: Final = tuple(float(ms) for ms in range(-100, 101, 20))
SNR_DB: Final = (30.0, 20.0, 10.0, 5.0, 0.0, -5.0)
AT_A_TIME: Final = 1000  # recordings whose rows are made together


class Asked(NamedTuple):
    """A row of every recording: what was done, and what that costs."""

    perturbation: str
    placement: str
    fill: str
    level: float | None
    draw: int
    cost: float


def asked() -> list[Asked]:
    """The 60 rows of a recording and variant: clean, six placements, a shift curve, an atlas, and two noises in two draws."""
    rows = [Asked("none", "center", "zeros", None, 0, 0.0)]
    rows += [
        Asked("padding-placement", name, fill, share, 0, 2.4 * abs(share - 0.5))
        for fill in ("zeros", "floor")
        for name, share in PLACES.items()
    ]
    rows += [Asked("time-shift", "center", "zeros", ms, 0, abs(ms) / 100) for ms in SHIFTS]
    rows += [Asked("time-shift", "offset", "zeros", ms, 0, abs(ms - 150) / 120) for ms in LEADS]
    for name, harm in ((COSTLIEST, 2.0), ("pink-noise", 1.0)):
        rows += [Asked(name, "center", "zeros", db, draw, harm * (30 - db) / 20) for db in SNR_DB for draw in range(2)]
    return rows


@dataclass(frozen=True)
class Crowd:
    """A run of many recordings.

    Attributes:
        recordings: how many.
        speakers: how many say them, in turn.
        variants: names; each one after the first costs a little more.
        harder: added to what every perturbation costs, so that two runs differ.
        model: its name.
        rows: what every recording is asked.
    """

    recordings: int = 400
    speakers: int = 40
    variants: Sequence[str] = ("float32", "dynamic-int8")
    harder: float = 0.0
    model: str = "planted"
    rows: Sequence[Asked] = tuple(asked())

    def table(self) -> pd.DataFrame:
        """The recordings."""
        rng = np.random.default_rng(1)
        order = np.arange(self.recordings)
        labels = np.asarray(LABELS)[order % len(LABELS)]
        speakers = [f"speaker-{i % self.speakers:03d}" for i in order]
        length_ms = rng.uniform(300, 700, self.recordings).round(1)
        names = [f"{label}/{speaker}_{i:05d}.wav" for i, label, speaker in zip(order, labels, speakers, strict=True)]
        facts: dict[str, Any] = {"id": names, "word": labels, "label": labels, "speaker": speakers, "duration_ms": length_ms}
        facts |= {"native_ms": length_ms, "speech_start_ms": 20.0, "speech_end_ms": length_ms - 20, "slack_ms": (1000 - length_ms).round(1)}
        facts |= {"trimmed": False, "untestable": False, "level_dbfs": rng.uniform(-40, -15, self.recordings).round(1)}
        return pd.DataFrame(facts | {"sha256": [f"{i:064d}" for i in order]})

    def ease(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """How much each recording bears, [recordings]."""
        base: NDArray[np.float64] = np.random.default_rng(2).normal(3.0, 1.0, len(table))
        base -= 1.5 * (table["label"] == HARD_LABEL).to_numpy()
        base -= 2.5 * (table["speaker"] == HARD_SPEAKER).to_numpy()
        return base

    def write(self, out: Path) -> Run:
        """The run folder."""
        table, writer = self.table(), RunWriter(out)
        writer.write_manifest(self._manifest(table))
        writer.write_recordings(table)
        ease, rng = self.ease(table), np.random.default_rng(3)
        for start in range(0, len(table), AT_A_TIME):
            part = table.iloc[start : start + AT_A_TIME]
            for mark, variant in enumerate(self.variants):
                writer.add(self._rows(part, ease[start : start + AT_A_TIME] - 0.1 * mark, variant, rng))
            writer.seal(f"crowd-{start:07d}", {})  # a part each: what is flushed twice is the same part
        return writer.finish()

    def _rows(self, part: pd.DataFrame, ease: NDArray[np.float64], variant: str, rng: np.random.Generator) -> dict[str, pa.Array]:
        count, rows = len(part), self.rows
        costs = np.asarray([row.cost + (self.harder if row.perturbation != "none" else 0.0) for row in rows])
        margin = (ease[None] - costs[:, None] + rng.normal(0, 0.2, (len(rows), count))).ravel()
        place = np.tile([LABELS.index(label) for label in part["label"]], len(rows))
        said = np.where(margin > 0, place, (place + 1) % len(LABELS))
        columns = {"recording": _words(part["id"], np.tile(np.arange(count), len(rows))), "label": _words(LABELS, place)}
        columns |= {"predicted": _words(LABELS, said), "rival": _words(LABELS, (place + 1) % len(LABELS))}
        columns |= {name: _words([text], np.zeros(len(said), int)) for name, text in (("model", self.model), ("variant", variant))}
        for name in ("perturbation", "placement", "fill"):
            columns[name] = pa.array([getattr(row, name) for row in rows for _ in range(count)], pa.string()).dictionary_encode()
        columns["level"] = pa.array([row.level for row in rows for _ in range(count)], pa.float64())
        columns["draw"] = pa.array(np.repeat([row.draw for row in rows], count), pa.int32())
        leads = [row.level if row.placement == "offset" else PLACES[row.placement] * 400 for row in rows]
        numbers = {"offset_ms": np.repeat(np.asarray(leads, float), count), "margin": margin.astype("f4"), "correct": margin > 0}
        sure = (1 / (1 + np.exp(-np.abs(margin)))).astype("f4")
        numbers |= {"p_predicted": sure, "p_label": sure, "lost_start_ms": np.zeros(len(said)), "lost_end_ms": np.zeros(len(said))}
        columns |= {name: pa.array(values) for name, values in numbers.items()}
        rows_said = [outcome_of(LABELS[at], LABELS[found], p) for at, found, p in zip(place, said, sure, strict=True)]
        columns["outcome"] = pa.array(rows_said, pa.string()).dictionary_encode()
        columns["clipped"] = pa.array(np.zeros(len(said), bool))
        return {field.name: columns[field.name] if field.name in columns else pa.nulls(len(said), field.type) for field in TRIALS}

    def _manifest(self, table: pd.DataFrame) -> dict[str, Any]:
        plan = Plan(["yes"], labels=LABELS, variants=self.variants, model=self.model)
        manifest = manifest_of(plan)
        grids, facts = manifest["plan"]["grids"], manifest["recordings"]
        grids["time-shift"] |= {"levels": list(SHIFTS)}
        noise = {**grids["white-noise"], "levels": list(SNR_DB)}
        grids |= {COSTLIEST: noise, "pink-noise": noise}
        manifest["plan"]["grids"] = {name: grid for name, grid in grids.items() if name in {row.perturbation for row in self.rows}}
        facts |= {"count": len(table), "speakers": self.speakers, "words": table["word"].value_counts().to_dict()}
        return manifest


def _words(names: Any, codes: NDArray[Any]) -> pa.Array:
    """A column of words from codes."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(names), pa.string()))
