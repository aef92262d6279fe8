"""What a run says of itself: models, plan, recordings, digests, versions; and, apart from all that, where and when it was made."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import torch

from robustness.audio.reading import Reading
from robustness.errors import CardError
from robustness.models.card import digest_of, read_card
from robustness.models.classifier import Classifier
from robustness.models.golden import golden_stages
from robustness.quantization.variants import LeftOut
from robustness.sweep.plan import Plan
from robustness.sweep.state import Tally

LIBRARIES: Final = ("speech-robustness", "torch", "torchaudio", "captum", "numpy", "scipy", "soundfile")


def card_facts(path: Path, classifier: Classifier) -> dict[str, Any]:
    """What the run keeps of a card.

    Raises:
        CardError: where the card's golden samples get other features or logits than it says: nothing would be of the trained model.
    """
    card = read_card(path)
    if card.golden is not None:
        departs = next((stage for stage in golden_stages(classifier, card.golden, path) if not stage.agrees), None)
        if departs is not None:
            raise CardError(
                f"{path}: the {departs.name} of the golden samples are not those of the card ({departs.says}); the front-end is not that "
                f"of the training, or the weights are not: see `robustness check {path}`"
            )
    try:  # TOML knows dates, which JSON does not, and nan, which no page can show
        about = json.loads(json.dumps(card.about, default=str, allow_nan=False))
    except ValueError as error:
        raise CardError(f"{path}: about: a number is nan or infinite; leave it out, or write it as text") from error
    return {"card": path.name, "weights_sha256": digest_of(path, card) or "", "about": about}


def models_of(
    classifiers: Sequence[Classifier], cards: dict[str, dict[str, Any]], left_out: Sequence[LeftOut] = ()
) -> list[dict[str, Any]]:
    """Each model with its variants; `cards` has each model's free-form facts and the digest of its weights, by name.

    Variants that are none stand in `left_out`, each with its reason.
    """
    models: dict[str, dict[str, Any]] = {}
    for classifier in classifiers:
        model = models.setdefault(classifier.name, {**_model(classifier), **cards[classifier.name], "variants": []})
        model["variants"].append({"name": classifier.variant, "about": classifier.about})
    for one in left_out:
        models[one.model].setdefault("left_out", {})[one.variant] = one.why
    return list(models.values())


def _model(classifier: Classifier) -> dict[str, Any]:
    frame = classifier.frame
    return {
        "name": classifier.name,
        "labels": list(classifier.labels),
        "unknown": classifier.unknown,
        "silence": classifier.silence,
        "output": classifier.output,
        "threshold": classifier.threshold,
        "rate_hz": frame.rate_hz,
        "window_ms": frame.samples * 1000 / frame.rate_hz,
        "reference": frame.reference,
        "frontend": repr(classifier.frontend),
        "parameters": classifier.network.parameters,
    }


def plan_facts(plan: Plan, classifiers: Sequence[Classifier], tally: Tally) -> dict[str, Any]:
    """The settings, the grids and what was left out."""
    settings = plan.settings
    return {
        "seed": settings.seed,
        "trim": settings.trim,
        "speech_threshold_db": settings.speech_threshold_db,
        "batch": tally.engine.get("batch", settings.batch),
        "threads": torch.get_num_threads(),
        "devices": sorted({f"{c.variant}: {c.device}" for c in classifiers}),
        "grids": {name: kind.plain() for name, kind in plan.kinds(classifiers[0].frame.reference).items()},
        "conditions": len(plan.conditions),
        "skipped": plan.skipped,
        "no_word": dict(tally.no_word),
        "engine": {"runtime": settings.engine, **tally.engine},
        **({"every_window": True} if settings.every_window else {}),
        **({"kernels": tally.kernels} if tally.kernels else {}),
    }


def recordings_facts(table: pd.DataFrame, reading: Reading, folders: Sequence[Path]) -> dict[str, Any]:
    """The counts that the page opens with, and what was noticed while reading."""
    return {
        "folders": [folder.name for folder in folders],
        "count": len(table),
        "speakers": int(table["speaker"].nunique()),
        "words": dict(sorted(Counter(table["word"].dropna()).items())),
        "trimmed": int(table["trimmed"].sum()),
        "untestable": int(table["untestable"].sum()),
        "bad": [bad._asdict() for bad in reading.bad],
        "notices": reading.notices,
        "sha256": hashlib.sha256("".join(table["sha256"]).encode()).hexdigest(),
    }


def versions() -> dict[str, str]:
    """Of the libraries that the numbers come from, and the kind of CPU instructions."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {**found, "python": platform.python_version(), "cpu": torch.backends.cpu.get_cpu_capability()}


def cpu_kind() -> str:
    """The kind of processor, as far as answers depend on it: the instructions that torch uses, and those for int8 products."""
    vnni = platform.machine() in {"x86_64", "AMD64"} and torch.cpu._is_vnni_supported()  # no public name
    return f"{torch.backends.cpu.get_cpu_capability()}{' with VNNI' if vnni else ''}"
