"""What a trained model's card says: every number computed here from the model and the data, none typed.

A model is `NAME.pt` (a state_dict), `NAME.toml` (its card), `NAME.training/` (checkpoint, curves); beside them `golden.wav`, with which a
front-end is checked, and `held-out/SOURCE.csv`, the recordings of the speakers that no model here was trained or chosen on.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import soundfile
import torch
from torch import Tensor

from robustness.audio.placement import Frame
from robustness.frontends.presets import card_settings
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import TorchNetwork
from robustness.models.toml import to_toml
from robustness.seeds import generator_of
from robustness.training import accuracy, evaluation
from robustness.training.accuracy import HeldOut, accuracy_table, listing
from robustness.training.batches import SYNTHETIC
from robustness.training.curves import curves_page
from robustness.training.data import RATE_HZ, UNKNOWN, WINDOW_SAMPLES, Corpus
from robustness.training.recipes import recipe_named
from robustness.training.session import FRONTEND, Trained, TrainingRequest, write_whole

FRAME: Final = Frame(WINDOW_SAMPLES, RATE_HZ)
GOLDEN: Final = "golden.wav"
GOLDEN_TOLERANCE: Final = 1e-3
TrainedVariants = Callable[[Classifier], list[Classifier]]
KNOWN_SOURCES: Final = {
    "speech_commands": {"name": "Google Speech Commands (Warden 2018, arXiv:1804.03209)", "licence": "CC BY 4.0"},
    "fsdd": {"name": "Free Spoken Digit Dataset (Jackson et al.), 8 kHz", "licence": "CC BY-SA 4.0"},
    SYNTHETIC: {
        "name": "single words spoken by espeak-ng, flite and festival (voices kal, ked, slt, awb, rms and espeak-ng's variants)",
        "licence": "made by the recipe; the programs are GPL-3 (espeak-ng) and BSD-like (flite, festival and its voices)",
    },
}
INTENDED: Final = "showing how fragile a small keyword model is, as the example that the suite is run on"
NOT_FOR: Final = (
    "control of anything that can do harm, in particular emergency stops and medical or vehicle functions",
    "telling who speaks, or anything about a person",
    "always-on listening: false accepts an hour were not measured on real life's sounds",
    "languages other than English, children's voices, far microphones: it was measured on none of them",
)


def write_model(
    request: TrainingRequest, trained: Trained, variants: TrainedVariants, recordings: Sequence[Path] = (), *, measure: bool = True
) -> Path:
    """Writes weights, curves, held-out lists and the card of a trained model.

    Args:
        request: what was asked for.
        trained: what came of it.
        variants: makes those of a classifier that the card tells of, float32 first.
        recordings: folders of recordings that nothing was trained or chosen on, to measure on as well.
        measure: whether the card tells how often the model is right; a model that others start from needs no such figures.

    Returns:
        The card's path.
    """
    weights, golden = _state_bytes(trained), golden_samples()
    classifier = classifier_of(request.out.name, trained)
    classifiers = variants(classifier)
    held_out = _held_out(request, trained.corpus)
    sets = (*held_out, *(HeldOut(path.name, path) for path in recordings)) if measure else ()
    measured = {each.name: accuracy_table(classifiers, each) for each in sets}
    validation = trained.corpus.split("validation")
    threshold = accuracy.threshold_for(classifier, evaluation.windows(validation), validation.words)
    content = {
        "name": request.out.name,
        "labels": trained.labels,
        "unknown": UNKNOWN,
        "output": "log-probabilities",
        **({} if threshold is None else {"threshold": threshold}),
        "weights": {"file": f"{request.out.name}.pt", "sha256": hashlib.sha256(weights).hexdigest()},
        "network": {"factory": recipe_named(request.recipe).factory, "arguments": {"labels": len(trained.labels)}},
        "frontend": card_settings(FRONTEND),
        "window": {"duration_ms": WINDOW_SAMPLES * 1000 / RATE_HZ, "placement": FRAME.reference},
        "golden": {"samples": GOLDEN, "logits": _golden_logits(classifier, golden), "tolerance": GOLDEN_TOLERANCE},
        "about": _about(request, trained, classifiers, measured),
    }
    # The card last, and all at once: an older card never stands beside newer weights for the minutes that measuring takes.
    write_whole(request.folder / "curves.html", curves_page(trained.history, request.title, request.epochs).encode())
    write_whole(request.out.with_name(GOLDEN), _wav(golden))
    write_whole(request.out.with_name(f"{request.out.name}.pt"), weights)
    card = request.out.with_name(f"{request.out.name}.toml")
    write_whole(card, to_toml(content).encode())
    return card


def classifier_of(name: str, trained: Trained) -> Classifier:
    """The trained network with its labels, front-end and window."""
    return Classifier(
        name=name,
        variant="float32",
        labels=trained.labels,
        frontend=FRONTEND,
        network=TorchNetwork(trained.net),
        output="log-probabilities",
        frame=FRAME,
        unknown=UNKNOWN,
    )


def golden_samples() -> Tensor:
    """A second of sound that exercises every band: a harmonic sweep in noise, in steps of 16-bit full scale, [time]."""
    time_s = torch.arange(WINDOW_SAMPLES, dtype=torch.float64) / RATE_HZ
    phase = 2 * torch.pi * (110 * time_s + 60 * time_s**2)
    tone = torch.stack([torch.sin(phase * harmonic) / harmonic for harmonic in range(1, 30)]).sum(0)
    envelope = torch.exp(-(((time_s - 0.5) / 0.15) ** 2))
    noise = torch.randn(WINDOW_SAMPLES, generator=generator_of(GOLDEN), dtype=torch.float64)
    return ((0.1 * tone * envelope + 0.003 * noise) * 32768).round().clamp(-32768, 32767).div(32768).float()


def _state_bytes(trained: Trained) -> bytes:
    buffer = io.BytesIO()
    torch.save({name: value.detach().clone().contiguous() for name, value in trained.net.state_dict().items()}, buffer)
    return buffer.getvalue()


def _wav(samples: Tensor) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, (samples * 32768).to(torch.int16).numpy(), RATE_HZ, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _golden_logits(classifier: Classifier, samples: Tensor) -> list[float]:
    logits: list[float] = accuracy.predictions_table([classifier], samples[None])[0][0].double().tolist()
    return [round(value, 6) for value in logits]


def _held_out(request: TrainingRequest, corpus: Corpus) -> list[HeldOut]:
    """The test speakers' recordings of each source, listed beside the model."""
    test = corpus.split("test")
    found = []
    for source, root in corpus.roots:
        listed = request.out.parent / "held-out" / f"{source}.csv"
        write_whole(listed, listing(test, source))
        found.append(HeldOut(source, root, listed))
    return found


def _about(request: TrainingRequest, trained: Trained, classifiers: Sequence[Classifier], measured: dict[str, Any]) -> dict[str, Any]:
    return {
        "intended": INTENDED,
        "not_for": NOT_FOR,
        "licence": "MIT for the weights; see data for what they were learned from",
        "selection": "by validation speakers; models/README.md tells which other figures had been seen",
        "training": _training(request, trained),
        "data": {source: _data(trained.corpus, source) for source in sorted(set(trained.corpus.sources))},
        "variants": {
            c.variant: {key: c.about[key] for key in ("engine", "quantized_layers", "bytes") if key in c.about} for c in classifiers
        },
        "accuracy": {"reads": "95 % Wilson intervals over recordings; placed: cut to their speech where they have no slack", **measured},
    }


def _training(request: TrainingRequest, trained: Trained) -> dict[str, Any]:
    plan = trained.plan
    last = trained.history[-1]
    return {
        "recipe": plan.recipe,
        "placement": recipe_named(plan.recipe).placement,
        "vocabulary": plan.vocabulary,
        "epochs": plan.epochs,
        "seed": plan.seed,
        "precision": plan.precision,
        "threads": plan.threads,
        "started_from": request.init.stem if request.init else "random weights",
        "final_loss": round(last.loss, 4),
        "validation_balanced": {source: round(value, 4) for source, value in last.accuracy.items()},
        "notices": trained.corpus.notices,
    }


def _data(corpus: Corpus, source: str) -> dict[str, Any]:
    rows = [row for row, of in enumerate(corpus.sources) if of == source]
    facts: dict[str, Any] = dict(KNOWN_SOURCES.get(source, {"name": source, "licence": "not stated by its folder"}))
    for split in ("training", "validation", "test"):
        chosen = [row for row in rows if corpus.splits[row] == split]
        facts[f"{split}_clips"] = len(chosen)
        facts[f"{split}_speakers"] = len({corpus.clips[row].speaker for row in chosen})
    return facts
