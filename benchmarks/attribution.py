"""How much faster are maps made here than by plain Captum calls that give the same maps?

Occlusion of every label against `Occlusion.attribute` with its defaults, called once a label; integrated gradients with 50 steps against
`IntegratedGradients.attribute` with its defaults; exact Shapley values over ten segments, all of them sounding. The maps are held equal to
1e-4 first. Wanted: 20 ×, 1.3 ×, and less than 1 s a recording, in 2 GB. Plain Captum needs seconds for the labels of one recording, so five
are timed by default; --recordings 20 times all of a small set.
"""

from __future__ import annotations

import resource
from collections.abc import Callable

import captum.attr
import torch
from torch import Tensor

from benchmarks.harness import Contender, Table, arguments, finish, interleaved
from robustness.attributions.base import Target
from robustness.attributions.methods.integrated_gradients import IntegratedGradients
from robustness.attributions.methods.occlusion import Occlusion
from robustness.attributions.methods.shapley import Shapley
from robustness.audio.placement import batch_of, place
from robustness.models.classifier import Classifier
from robustness.models.formats.torch_module import module_of
from robustness.sweep.inference.preparing import each_alone, for_gradients
from tests.builders import FRAME, classifier, recordings

STEPS = 50
Maps = Callable[[Classifier, Tensor], Tensor]


def plain_occlusion(net: Classifier, clip: Tensor) -> Tensor:
    """A pass a patch and a label, [labels bands frames]."""
    baseline = net.frontend.silence(clip).expand_as(clip)
    method = captum.attr.Occlusion(module_of(net.network))
    found = [method.attribute(clip, (1, 8, 11), strides=(1, 4, 5), baselines=baseline, target=i) for i in range(len(net.labels))]
    return torch.cat(found)[:, 0].detach()


def own_occlusion(net: Classifier, clip: Tensor) -> Tensor:
    """Every label from one set of passes."""
    targets = [Target(i) for i in range(len(net.labels))]
    return torch.cat([found.map for found in Occlusion(marginals=False).attribute_all(net, clip, targets)])


def plain_gradients(net: Classifier, clip: Tensor) -> Tensor:
    """All steps at once, with gradients of the weights as well."""
    baseline = net.frontend.silence(clip).expand_as(clip)
    found: Tensor = captum.attr.IntegratedGradients(module_of(net.network)).attribute(clip, baseline, target=0, n_steps=STEPS)[:, 0]
    return found.detach()


def own_gradients(net: Classifier, clip: Tensor) -> Tensor:
    """Frozen weights, BatchNorm folded, small batches."""
    return IntegratedGradients(steps=(STEPS,)).attribute(net, clip, Target(0)).map


def compared(net: Classifier, ready: Classifier, clips: Tensor, plain: Maps, own: Maps) -> Table:
    """Plain Captum on the network as it is, and ours on the one made ready for it, in turn, after their maps are found equal."""
    torch.testing.assert_close(own(ready, clips[:1].clone()), plain(net, clips[:1].clone()), rtol=0, atol=1e-4)

    def over(maps: Maps, on: Classifier) -> Callable[[], object]:
        return lambda: [maps(on, clip.clone()) for clip in clips.split(1)]

    timings = interleaved([Contender("plain Captum", over(plain, net)), Contender("here", over(own, ready))])
    return Table.of(timings, per=len(clips), unit="s a recording")


def shapley(net: Classifier) -> Table:
    """A recording in which every segment sounds: all 1,024 coalitions."""
    rng = torch.Generator().manual_seed(0)
    clip = net.features(torch.randn(1, FRAME.samples, generator=rng) * 0.1).clone()
    passes = Shapley().attribute(net, clip, Target(0)).passes
    timings = interleaved([Contender("exact Shapley", lambda: Shapley().attribute(net, clip, Target(0)))])
    return Table.of(timings, unit="s a recording", notes=[f"{passes:,} passes; wanted: less than 1 s."])


def main() -> None:
    """The three tables."""
    count = arguments(__doc__, recordings=5).recordings
    net = classifier()
    leads = torch.zeros(count, dtype=torch.long)
    windows = place(batch_of(recordings(count)), leads, FRAME).samples
    clips = net.features(windows).clone()
    (fast,), (smooth,) = each_alone([net], windows[:4]), for_gradients([net], windows[:4])  # as a report asks it
    occlusion = compared(net, fast, clips, plain_occlusion, own_occlusion)
    gradients = compared(net, smooth, clips, plain_gradients, own_gradients)
    exact = shapley(fast)
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    notes = [
        f"The tables: occlusion 11/5 × 8/4 of {len(net.labels)} labels (wanted 20 ×), integrated gradients with {STEPS} steps (1.3 ×), "
    ]
    notes[0] += f"exact Shapley values over ten segments. At most {memory_gb:.2f} GB were resident."
    finish(__file__, "How much faster are maps than by plain Captum calls?", [occlusion, gradients, exact], ["captum"], notes)


if __name__ == "__main__":
    main()
