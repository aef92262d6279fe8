"""How much faster are maps made here than by plain Captum calls that give the same maps?

Usage: python -m benchmarks.attribution [RECORDINGS]

Occlusion of every label against `Occlusion.attribute` with its defaults, called once a label; integrated gradients with 50 steps against
`IntegratedGradients.attribute` with its defaults; exact Shapley values over ten segments, all of them sounding. The ratios are of one run,
the contenders taking turns; the maps are held equal to 1e-4 first. Targets: 20 ×, 1.3 ×, and 1 s a recording. Plain Captum needs a few
seconds for the labels of one recording, so by default three recordings are timed; give 20 for all.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import captum.attr
import torch
from torch import Tensor

from robustness.attributions.base import Target
from robustness.attributions.integrated_gradients import IntegratedGradients
from robustness.attributions.occlusion import Occlusion
from robustness.attributions.shapley import Shapley
from robustness.audio.placement import batch_of, place
from robustness.classifiers.classifier import Classifier
from tests.builders import FRAME, classifier, recordings

ROUNDS = 3
STEPS = 50


def plain_occlusion(net: Classifier, clip: Tensor) -> Tensor:
    """A pass a patch and a label, [labels bands frames]."""
    baseline = net.frontend.silence(clip).expand_as(clip)
    method = captum.attr.Occlusion(net.net)
    found = [method.attribute(clip, (1, 8, 11), strides=(1, 4, 5), baselines=baseline, target=i) for i in range(len(net.labels))]
    return torch.cat(found)[:, 0].detach()


def own_occlusion(net: Classifier, clip: Tensor) -> Tensor:
    """Every label from one set of passes."""
    targets = [Target(i) for i in range(len(net.labels))]
    return torch.cat([found.map for found in Occlusion().attribute_all(net, clip, targets)])


def plain_gradients(net: Classifier, clip: Tensor) -> Tensor:
    """All steps at once, with gradients of the weights as well."""
    baseline = net.frontend.silence(clip).expand_as(clip)
    return captum.attr.IntegratedGradients(net.net).attribute(clip, baseline, target=0, n_steps=STEPS)[:, 0].detach()


def own_gradients(net: Classifier, clip: Tensor) -> Tensor:
    """Frozen weights and small batches."""
    return IntegratedGradients(steps=(STEPS,)).attribute(net, clip, Target(0)).map


def ratio(
    slow: Callable[[Classifier, Tensor], Tensor], fast: Callable[[Classifier, Tensor], Tensor], net: Classifier, clips: Tensor
) -> str:
    """How many times as long the slow one takes, over clips and rounds; the maps are compared first."""
    torch.testing.assert_close(fast(net, clips[:1]), slow(net, clips[:1].clone()), rtol=0, atol=1e-4)
    times, ratios = [], []
    for turn in range(ROUNDS):
        for index, clip in enumerate(clips.split(1)):
            both = [(slow, 0), (fast, 1)]
            took = [0.0, 0.0]
            for call, place_of in both if (turn + index) % 2 else both[::-1]:
                began = time.perf_counter()
                call(net, clip.clone())
                took[place_of] = time.perf_counter() - began
            times.append(took)
            ratios.append(took[0] / took[1])
    plain, own = (statistics.median(column) for column in zip(*times, strict=True))
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    return f"plain {plain:.3f} s, own {own:.3f} s a recording: {middle:.1f} × ({low:.1f} to {high:.1f})"


def shapley_s(net: Classifier) -> float:
    """Seconds a recording in which every segment sounds: all 1,024 coalitions."""
    rng = torch.Generator().manual_seed(0)
    clip = net.features(torch.randn(1, FRAME.samples, generator=rng) * 0.1)
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = Shapley().attribute(net, clip, Target(0))
        took.append(time.perf_counter() - began)
    if found.passes != 2**10:
        raise SystemExit(f"{found.passes} passes were counted and 1,024 expected")
    return statistics.median(took)


def main(count: int = 3) -> None:
    """Prints the ratios."""
    net = classifier()
    net.net.eval()
    batch = batch_of(recordings(count))
    clips = net.features(place(batch, torch.zeros(count, dtype=torch.long), FRAME).samples).clone()
    print(f"occlusion, {len(net.labels)} labels: {ratio(plain_occlusion, own_occlusion, net, clips)}; wanted 20 ×")
    print(f"integrated gradients, {STEPS} steps: {ratio(plain_gradients, own_gradients, net, clips)}; wanted 1.3 ×")
    print(f"exact Shapley values, 1,024 passes: {shapley_s(net):.2f} s a recording; wanted 1 s")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most; wanted 2 GB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
