"""Run folders whose every answer is planted: no network, no sound, so that each verdict can be worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from robustness.conditions import NONE, Condition
from robustness.gates.rules import Rules, read_rules
from robustness.gates.run_judgement import data_of
from robustness.gates.verdicts import Verdict, judge
from robustness.run.folder import Run, RunWriter
from tests.trials import outcome_of

LABELS = ("yes", "no", "unknown")
CLEAN = Condition(NONE)
SHIFTS = (-40.0, -20.0, 20.0, 40.0)
SAID = {"axis": "planted", "source": "planted"}
GRIDS: dict[str, Any] = {
    "padding-placement": SAID | {"unit": "share", "levels": [0.5, 0.0, 1.0], "neutral": 0.5, "draws": 1, "fills": ["zeros"]},
    "time-shift": SAID | {"unit": "ms", "levels": list(SHIFTS), "neutral": 0.0, "draws": 1, "fills": ["zeros"]},
    "white-noise": SAID | {"unit": "dB", "levels": [20.0, 10.0, 0.0], "neutral": "inf", "draws": 2, "fills": ["zeros"]},
}
PLACES = {"start": 0.0, "center": 0.5, "end": 1.0}


@dataclass(frozen=True)
class Answers:
    """Which recordings are right under one condition of one variant.

    Attributes:
        right: whether each recording is, [recordings].
        condition: what was done.
        variant: which.
        predicted: the wrong answers' label; right ones have the recording's.
        p: of the winning label.
    """

    right: Sequence[bool | int]
    condition: Condition = CLEAN
    variant: str = "float32"
    predicted: str = "no"
    p: float = 0.9


@dataclass(frozen=True)
class Planted:
    """A run to be written.

    Attributes:
        answers: of every variant and condition.
        labels: of each recording; `yes` for all by default.
        speakers: of each recording.
        slack_ms: of each recording.
        model: what the model's entry says besides.
        manifest: what the manifest says besides.
        no_word: how many windows without a word, and how many of them are accepted.
        sound: what is in them.
    """

    answers: Sequence[Answers]
    labels: Sequence[str | None] | None = None
    speakers: Sequence[str | None] | None = None
    slack_ms: float = 300.0
    model: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    no_word: tuple[int, int] = (0, 0)
    sound: str = "silence"

    @property
    def count(self) -> int:
        return len(self.answers[0].right)

    def write(self, out: Path) -> Run:
        """The run folder."""
        writer = RunWriter(out)
        writer.write_manifest({**self._manifest(), **self.manifest})
        writer.write_recordings(self._recordings())
        for each in self.answers:
            writer.add(self._rows(each))
        if self.no_word[0]:
            writer.add(self._no_word())
        writer.flush()
        return writer.finish()

    def _manifest(self) -> dict[str, Any]:
        variants = [
            {"name": name, "about": {"bytes": 1000 // (i + 1)}} for i, name in enumerate(dict.fromkeys(a.variant for a in self.answers))
        ]
        model: dict[str, Any] = {"name": "planted", "rate_hz": 16000, "window_ms": 1000.0, "variants": variants}
        model |= {"labels": list(LABELS), "unknown": "unknown", "silence": None, "threshold": None, "reference": "center"}
        model |= {"output": "logits", "parameters": 1, "weights_sha256": "0" * 64, "about": {}}
        model |= self.model
        plan = {"grids": GRIDS, "skipped": {}, "seed": 0, "trim": "auto", "speech_threshold_db": 35.0, "conditions": len(self.answers)}
        facts: dict[str, Any] = {"folders": ["planted"], "count": self.count, "speakers": 0, "words": {}, "trimmed": 0, "untestable": 0}
        facts |= {"bad": [], "notices": [], "sha256": "0" * 64}
        said = {"models": [model], "plan": plan, "recordings": facts, "complete": True, "interrupted": False, "versions": {"torch": "2"}}
        said |= {"audio_sha256": {}, "self_check": {"checked": 0, "flips": 0}, "repeat": "robustness report", "provenance": {}}
        return said

    def _recordings(self) -> pd.DataFrame:
        count = self.count
        return pd.DataFrame(
            {
                "id": self.ids,
                "label": list(self.labels or ["yes"] * count),
                "speaker": pd.Series(list(self.speakers or [None] * count), dtype=object),
                "slack_ms": self.slack_ms,
                "duration_ms": 1000.0 - self.slack_ms,
                "untestable": self.slack_ms < 20,
                "word": list(self.labels or ["yes"] * count),
                "native_ms": 1000.0 - self.slack_ms,
                "speech_start_ms": 0.0,
                "speech_end_ms": 300.0,
                "trimmed": False,
                "level_dbfs": -20.0,
                "sha256": [f"{i:064d}" for i in range(count)],
            }
        )

    @property
    def ids(self) -> list[str]:
        return [f"r{i:06d}.wav" for i in range(self.count)]

    def _rows(self, each: Answers) -> dict[str, pa.Array]:
        labels = list(self.labels or ["yes"] * self.count)
        right = np.asarray(each.right, dtype=bool)
        predicted = [label if good and label else each.predicted for good, label in zip(right, labels, strict=True)]
        known = [label is not None for label in labels]
        at = each.condition
        words = {"label": labels, "predicted": predicted, "recording": self.ids}
        words |= {"variant": [each.variant] * self.count, "model": ["planted"] * self.count, "rival": ["no"] * self.count}
        words |= {key: [getattr(at, key)] * self.count for key in ("placement", "fill", "perturbation")}
        numbers: dict[str, Any] = {"level": [at.level] * self.count, "draw": [at.draw] * self.count, "clipped": [False] * self.count}
        margin = [(1.0 if good else -1.0) if k else None for good, k in zip(right, known, strict=True)]
        p_label = [(each.p if good else 0.1) if k else None for good, k in zip(right, known, strict=True)]
        correct = [bool(good) if k else None for good, k in zip(right, known, strict=True)]
        words |= {"outcome": [outcome_of(a, b, each.p, self.model.get("threshold")) for a, b in zip(labels, predicted, strict=True)]}
        numbers |= {"margin": margin, "p_label": p_label, "p_predicted": [each.p] * self.count, "correct": correct}
        return _columns(words, numbers, self.count)

    def _no_word(self) -> dict[str, pa.Array]:
        count, accepted = self.no_word
        predicted = ["yes"] * accepted + ["unknown"] * (count - accepted)
        words: dict[str, Any] = {"predicted": predicted, "recording": [self.sound] * count, "variant": ["float32"] * count}
        words |= {
            "outcome": ["falsely accepted"] * accepted + ["left alone"] * (count - accepted),
            "perturbation": ["no-word"] * count,
            "placement": ["center"] * count,
            "fill": ["zeros"] * count,
            "model": ["planted"] * count,
        }
        return _columns(words, {"draw": list(range(count)), "p_predicted": [0.9] * count, "clipped": [False] * count}, count)


def _columns(words: dict[str, Any], numbers: dict[str, Any], count: int) -> dict[str, pa.Array]:
    from robustness.run.folder import TRIALS

    columns = {}
    for field_ in TRIALS:
        values = words.get(field_.name, numbers.get(field_.name, [None] * count))
        if pa.types.is_dictionary(field_.type):
            columns[field_.name] = pa.array(values, pa.string()).dictionary_encode()
        else:
            columns[field_.name] = pa.array(values, field_.type)
    return columns


def right(good: int, count: int) -> list[bool]:
    """The first so many right."""
    return [i < good for i in range(count)]


def moved(level: float, draw: int = 0, kind: str = "time-shift") -> Condition:
    """A condition of one of the planted grids."""
    condition = Condition(kind, level, "zeros", draw)
    if kind == "padding-placement":
        placement = next(name for name, share in PLACES.items() if share == level)
        return replace(condition, placement=placement)  # type: ignore[arg-type]
    return condition


def offset(lead: float) -> Condition:
    """A lead of the shift atlas."""
    return Condition("time-shift", lead, "zeros", 0, "offset")


def rules_in(folder: Path, text: str) -> Rules:
    """Rules from their text."""
    path = folder / "gates.toml"
    path.write_text(text, encoding="utf-8")
    return read_rules(path)


def rule(folder: Path, **keys: Any) -> Rules:
    """One rule named `r`."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return rules_in(folder, "[rule.r]\n" + "\n".join(lines))


def verdict(folder: Path, planted: Planted, baseline: Planted | None = None, **keys: Any) -> Verdict:
    """What one rule says of a planted run."""
    run = planted.write(folder / "run")
    path = None if baseline is None else baseline.write(folder / "baseline").path
    rules = rule(folder, **keys)
    (found,) = judge(rules, data_of(run, rules, path))
    return found


NAN = math.nan
