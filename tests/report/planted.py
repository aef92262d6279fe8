"""Run folders in which every answer is planted, so that each sentence of the page can be predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from robustness.conditions import NO_WORD, NONE
from robustness.run.folder import TRIALS, Run, RunWriter
from tests.evidence_records import completed
from tests.trials import with_outcomes

LABELS = ("up", "left", "go", "unknown")
WORDS = {"start": 0.0, "center": 0.5, "end": 1.0}
Rule = Callable[[str, str, str], str]


@dataclass(frozen=True)
class Plan:
    """What to plant.

    Attributes:
        words: of the recordings; None is a recording without a label.
        answer: (word, placement, variant) → the label answered.
        variants: names.
        slack_ms: how far each recording can move.
        shifts: also a curve and an atlas.
        wordless: answers to windows without a word.
    """

    words: Sequence[str | None]
    answer: Rule = lambda word, place, variant: word
    variants: Sequence[str] = ("float32", "dynamic-int8")
    slack_ms: float = 400.0
    unknown: str | None = "unknown"
    threshold: float | None = None
    shifts: bool = True
    wordless: Sequence[str] = ()
    labels: Sequence[str] = LABELS
    model: str = "planted"
    models: Sequence[str] = ()
    speakers: Sequence[str | None] | None = None
    failures: Sequence[dict[str, Any]] = ()
    trim: str = "auto"
    probability: float = 0.9
    manifest: dict[str, Any] = field(default_factory=dict)


def truth(plan: Plan, word: str | None) -> str | None:
    return word if word is None or word in plan.labels else plan.unknown


def rows_of(plan: Plan) -> list[dict[str, Any]]:
    """Every row of trials."""
    rows: list[dict[str, Any]] = []
    for model in plan.models or (plan.model,):
        for variant in plan.variants:
            for i, word in enumerate(plan.words):
                rows += _rows(plan, model, variant, f"{i:03d}.wav", word)
            silent = {"perturbation": NO_WORD, "recording": "silence", "label": None, "placement": "center", "level": -40.0, "unit": "dBFS"}
            rows += [_row(plan, model, variant, answer, **silent, draw=k) for k, answer in enumerate(plan.wordless)]
    return rows


def _rows(plan: Plan, model: str, variant: str, name: str, word: str | None) -> list[dict[str, Any]]:
    answers = {place: plan.answer(word or "up", place, variant) for place in WORDS}
    said = {place: answer if answer in plan.labels else str(plan.unknown) for place, answer in answers.items()}
    one = {"recording": name, "label": truth(plan, word)}
    found = [_row(plan, model, variant, said["center"], perturbation=NONE, placement="center", **one)]
    for fill in ("zeros", "floor"):
        for place, share in WORDS.items():
            there = {"placement": place, "level": share, "unit": "share", "offset_ms": share * plan.slack_ms}
            found.append(_row(plan, model, variant, said[place], perturbation="padding-placement", fill=fill, **there, **one))
    if plan.shifts:
        shift = {"perturbation": "time-shift", "unit": "ms", **one}
        for level in (-100.0, 0.0, 100.0):
            found.append(_row(plan, model, variant, said["center"], placement="center", level=level, **shift))
        for lead in range(-20, 60, 10):
            answer = said["start"] if lead < 20 else said["center"]
            found.append(_row(plan, model, variant, answer, placement="offset", level=float(lead), **shift))
        noise = {"perturbation": "white-noise", "placement": "center", "unit": "dB", **one}
        for draw in range(2):
            for level in (20.0, 0.0):
                found.append(_row(plan, model, variant, said["center"], level=level, draw=draw, **noise))
    return found


def _row(plan: Plan, model: str, variant: str, answer: str, **other: Any) -> dict[str, Any]:
    label = other.get("label")
    right = None if label is None else label == answer
    row: dict[str, Any] = dict.fromkeys(TRIALS.names)
    row |= {"model": model, "variant": variant, "fill": "zeros", "draw": 0, "offset_ms": 0.0, "predicted": answer, "correct": right}
    row |= {"p_predicted": plan.probability, "margin": None if right is None else 2.0 if right else -2.0, "clipped": False}
    row |= {"p_label": None if right is None else plan.probability if right else 1 - plan.probability}
    return row | {"lost_start_ms": 0.0, "lost_end_ms": 0.0} | other


def write_run(plan: Plan, out: Path) -> Run:
    """The run folder of a plan."""
    writer = RunWriter(out)
    manifest = {**manifest_of(plan), **plan.manifest}
    rows = with_outcomes(pd.DataFrame(rows_of(plan), columns=TRIALS.names), manifest["models"][0])
    writer.add({name: pa.array(list(rows[name]), from_pandas=True).cast(TRIALS.field(name).type) for name in TRIALS.names})
    writer.flush()
    writer.write_recordings(recordings_of(plan))
    writer.write_manifest(manifest)
    run = writer.finish()
    content = {"total": len(plan.failures), "shown": len(plan.failures), "failures": [completed(card) for card in plan.failures]}
    (run.evidence / "failures.json").write_text(json.dumps(content), encoding="utf-8")
    return run


def recordings_of(plan: Plan) -> pd.DataFrame:
    """The table of recordings."""
    speakers = plan.speakers or [None] * len(plan.words)
    untestable = plan.slack_ms < 20
    rows = [
        {"id": f"{i:03d}.wav", "word": word, "label": truth(plan, word), "speaker": speaker, "duration_ms": 1000.0 - plan.slack_ms}
        | {"native_ms": 1000.0 - plan.slack_ms, "speech_start_ms": 0.0, "speech_end_ms": 300.0, "slack_ms": plan.slack_ms}
        | {"trimmed": False, "untestable": untestable, "level_dbfs": -20.0, "sha256": f"{i:064d}"}
        for i, (word, speaker) in enumerate(zip(plan.words, speakers, strict=True))
    ]
    return pd.DataFrame(rows)


def manifest_of(plan: Plan) -> dict[str, Any]:
    """A manifest that fits the plan."""
    about = {"engine": "planted", "quantized_layers": [], "float_layers": ["fc"], "quantized_share": 0.0, "bytes": 8}
    model: dict[str, Any] = {"labels": list(plan.labels), "unknown": plan.unknown, "silence": None, "threshold": plan.threshold}
    model |= {"output": "logits", "rate_hz": 16000, "window_ms": 1000.0, "reference": "center", "parameters": 1, "about": {}}
    model |= {"weights_sha256": "0" * 64, "variants": [{"name": name, "about": about} for name in plan.variants]}
    shift: dict[str, Any] = {"axis": "time shift", "unit": "ms", "levels": [-100.0, 100.0], "neutral": 0.0, "draws": 1}
    shift |= {"fills": ["zeros"], "source": "planted"}
    noise = shift | {"axis": "signal-to-noise ratio", "unit": "dB", "levels": [20.0, 0.0], "neutral": "inf", "draws": 2}
    padding = shift | {"axis": "share", "unit": "share", "levels": [0.5, 0.0, 1.0], "neutral": 0.5, "fills": ["zeros", "floor"]}
    grids = {"padding-placement": padding, **({"time-shift": shift, "white-noise": noise} if plan.shifts else {})}
    speakers = set(plan.speakers or ()) - {None}
    words = pd.Series(list(plan.words), dtype=object).dropna().value_counts().to_dict()
    facts = {"folders": ["planted"], "count": len(plan.words), "speakers": len(speakers), "words": words, "trimmed": 0}
    facts |= {"untestable": len(plan.words) if plan.slack_ms < 20 else 0, "bad": [], "notices": [], "sha256": "0" * 64}
    return {
        "complete": True,
        "interrupted": False,
        "models": [model | {"name": name} for name in plan.models or (plan.model,)],
        "plan": {"seed": 0, "trim": plan.trim, "speech_threshold_db": 35.0, "grids": grids, "conditions": 10, "skipped": {}, "no_word": {}},
        "recordings": facts,
        "audio_sha256": {"none//zeros/0/center": "0" * 64},
        "self_check": {"checked": 1, "flips": 0},
        "versions": {"torch": "0"},
        "repeat": "robustness report --model planted.toml",
        "provenance": {"when": "never", "where": "nowhere", "command": "none"},
    }


def fails_at(placement: str, answers: dict[str, str], variants: Sequence[str] = ("float32", "dynamic-int8")) -> Rule:
    """Right everywhere, but for these words at one placement in these variants."""
    return lambda word, place, variant: answers[word] if place == placement and variant in variants and word in answers else word


def restored(
    name: str, placement: str, moves_ms: dict[str, float | None], searched_ms: tuple[float, float] | None = (-200.0, 600.0)
) -> dict[str, Any]:
    """As much of a failure's evidence as the sentences need."""
    moves = {variant: {"restored_by_ms": ms, "restored_at_ms": ms} for variant, ms in moves_ms.items()}
    variants = {variant: {"wrong": True, "searched_ms": searched_ms, **move} for variant, move in moves.items()}
    return {
        "id": f"card-{name[:3]}",
        "recording": name,
        "condition": {"perturbation": "padding-placement", "placement": placement},
        "also_wrong": [],
        "variants": variants,
    }
