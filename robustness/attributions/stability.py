"""Is a map faithful to small changes, steady under them, and one of its class?

Three figures for one clip: infidelity (0 is best), max-sensitivity (0 is best), and the rank correlation of the target's map
with that of other labels (a map that is the same for all labels explains none).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from robustness.attributions.agreement import map_correlation
from robustness.attributions.base import Attribution, Target
from robustness.attributions.coalitions import Parts, coalition_scores
from robustness.attributions.masking import Explainable
from robustness.seeds import generator_of

DRAWS: Final = 64  # of blocks removed together
KEPT: Final = 0.8  # a block stays with this chance
NEIGHBOURS: Final = 4  # each costs a map
RADIUS: Final = 0.1  # of each band's own spread


def infidelity(case: Explainable, relevance: Tensor, seed: int = 0) -> float | None:
    """How far Σ φ over random sets of blocks is from the fall of the score without them: E[(β Σφ − Δf)²] / E[Δf²], β the best scale.

    0 is a map that predicts every fall, 1 one that predicts none; None where nothing falls.
    Source: Yeh et al. 2019, arXiv:1901.09392; β as in its section 5.
    """
    with case.classifier.network.evaluating(), torch.inference_mode():
        masked = case.masked()
        blocks = Parts.of(case.features, 8, 10).blocks().to(case.features.device)
        kept = torch.rand(DRAWS, len(blocks), generator=generator_of(seed, "infidelity")) < KEPT
        fall = (masked.known[0, 0] - coalition_scores(masked, blocks, kept.to(blocks.device))[:, 0]).double().cpu()
    predicted = (~kept).double() @ (blocks.cpu().flatten(1).double() @ relevance.flatten().double())
    power, own = (fall**2).mean(), (predicted**2).mean()
    if power == 0:
        return None
    scale = (predicted * fall).mean() / own if own > 0 else torch.zeros(())
    return float(((scale * predicted - fall) ** 2).mean() / power)


def max_sensitivity(case: Explainable, method: Attribution, relevance: Tensor, seed: int = 0) -> float:
    """The largest relative change of the map when each sounding cell moves by up to a tenth of its band's spread.

    NaN where the answer flips for one of the neighbours: it is another answer's map then.
    Source: Yeh et al. 2019, arXiv:1901.09392.
    """
    sounding = case.features != case.baseline
    spread = torch.where(sounding, case.features, torch.nan)
    deviation = (spread - spread.nanmean(3, keepdim=True)).square().nanmean(3, keepdim=True).sqrt().nan_to_num()
    noise = torch.rand(NEIGHBOURS, *case.features.shape[1:], generator=generator_of(seed, "sensitivity")).to(case.features) * 2 - 1
    near = case.features + torch.where(sounding, RADIUS * noise * deviation, 0.0)
    answers = case.classifier.logits_from(torch.cat([case.features, near])).argmax(1)
    norm = relevance.norm()
    if bool((answers != answers[0]).any()) or norm == 0:
        return float("nan")
    found = method.attribute(case.classifier, near, case.target, case.baseline).map
    return float((found - relevance).flatten(1).norm(dim=1).max() / norm)


def class_sensitivity(case: Explainable, method: Attribution, others: int | None = None) -> Mapping[str, float | None]:
    """The rank correlation of the logit map of the target's label with that of other labels, by label.

    Args:
        case: what is explained.
        method: the one that made the map.
        others: so many of the other labels, those with the highest logits; None = all. A gradient method pays for each.
    """
    labels, logits = case.classifier.labels, case.classifier.logits_from(case.features)[0]
    ranked = [i for i in logits.argsort(descending=True, stable=True).tolist() if i != case.target.label][:others]
    chosen = [Target(i) for i in (case.target.label, *ranked)]
    cells = (case.features != case.baseline)[0, 0].cpu()
    mine, *maps = (found.map[0][cells] for found in method.attribute_all(case.classifier, case.features, chosen, case.baseline))
    return {labels[i]: map_correlation(mine, other) for i, other in zip(ranked, maps, strict=True)}
