"""What do the stages of a model give for one clip, so that a training program or firmware can be compared with it?

Written are `samples.npy` (the window), `features.npy` [bands frames], `outputs.npy` (what the network gives) and `golden.toml`, the section
of a card that would hold another program to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from robustness.audio.labels import LabelSource
from robustness.audio.reading import read_recordings
from robustness.models.classifier import Classifier
from robustness.rendering import reference_windows
from robustness.run.atomic import whole, write_text

Array32 = NDArray[np.float32]
UNLABELLED: Final = LabelSource(required=False)


class GoldenStages(NamedTuple):
    """What each stage gives for a clip.

    Attributes:
        samples: the window, [time].
        features: [bands frames].
        outputs: of the network, [labels].
        logits: [labels].
        probabilities: [labels].
        label: the most probable one.
    """

    samples: Array32
    features: Array32
    outputs: Array32
    logits: Array32
    probabilities: Array32
    label: str

    @property
    def section(self) -> str:
        """A card's section that says the same."""
        logits = ", ".join(f"{value:.6f}" for value in self.logits.tolist())
        return f'[golden]\nsamples = "samples.npy"\nfeatures = "features.npy"\nlogits = [{logits}]\nlabel = "{self.label}"\n'


def golden_export(classifier: Classifier, clip: Path) -> GoldenStages:
    """Every stage of a model for one clip at the reference placement.

    Raises:
        RecordingError: the clip cannot be read, or is longer than the window.
    """
    frame = classifier.frame
    found = read_recordings([clip], rate_hz=frame.rate_hz, longest_samples=frame.samples, labels=UNLABELLED).recordings
    window = reference_windows(found, frame).samples
    features = classifier.features(window)
    with classifier.network.evaluating(), torch.inference_mode():
        outputs = classifier.outputs(features).float().cpu()[0].numpy()
    logits = classifier.logits_from(features)
    probabilities = classifier.probabilities(logits)[0].astype(np.float32)
    label = classifier.labels[int(logits[0].argmax())]
    return GoldenStages(window[0].numpy(), features[0, 0].float().cpu().numpy(), outputs, logits[0].numpy(), probabilities, label)


def write_golden(stages: GoldenStages, folder: Path) -> None:
    """Writes the stages into a folder, each file whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("samples", "features", "outputs"):
        with whole(folder / f"{name}.npy") as path, path.open("wb") as file:
            np.save(file, getattr(stages, name))
    write_text(folder / "golden.toml", stages.section)
