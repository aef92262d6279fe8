from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.ao.ns.fx.utils import compute_cosine_similarity, compute_normalized_l2_error, compute_sqnr

from robustness.audit.agreement import AnswerAgreement
from robustness.audit.distortion import Distortion, Range
from robustness.seeds import generator_of


def noisy(clips: int = 12, size: int = 40) -> tuple[Tensor, Tensor]:
    rng = generator_of("distortion")
    original = torch.randn(clips, size, generator=rng)
    return original, original + 0.05 * torch.randn(clips, size, generator=rng)


def measured(original: Tensor, other: Tensor, batch: int, limits: Range | None = None) -> Distortion:
    found = Distortion()
    for a, b in zip(original.split(batch), other.split(batch), strict=True):
        found.add(a, b, limits)
    return found


@pytest.mark.parametrize("batch", [1, 5, 12])
def test_sums_over_batches_give_what_torch_gives_for_all_at_once(batch: int) -> None:
    original, other = noisy()
    found = measured(original, other, batch)
    assert found.sqnr_db == pytest.approx(float(compute_sqnr(original, other)), abs=1e-3)
    assert found.normalized_l2 == pytest.approx(float(compute_normalized_l2_error(original, other)), rel=1e-5)
    assert found.cosine == pytest.approx(float(compute_cosine_similarity(original, other)), abs=1e-6)
    assert (found.low, found.high, found.count) == (float(original.min()), float(original.max()), original.numel())


@pytest.mark.parametrize(
    ("original", "other", "sqnr", "l2", "cosine"),
    [
        ([1.0, 2.0], [1.0, 2.0], "exact", 0.0, 1.0),
        ([0.0, 0.0], [0.0, 0.0], "undefined", None, None),
        ([0.0, 0.0], [0.0, 1.0], "-inf", None, None),
        ([3.0, 4.0], [0.0, 0.0], 0.0, 1.0, None),
        ([1.0, 0.0], [-1.0, 0.0], 20 * math.log10(1 / 2), 2.0, -1.0),
    ],
)
def test_the_edges(original: list[float], other: list[float], sqnr: object, l2: float | None, cosine: float | None) -> None:
    found = measured(torch.tensor([original]), torch.tensor([other]), 1)
    assert found.sqnr_db == (sqnr if isinstance(sqnr, str) else pytest.approx(sqnr))
    assert found.normalized_l2 == (l2 if l2 is None else pytest.approx(l2))
    assert found.cosine == (cosine if cosine is None else pytest.approx(cosine))


def test_what_lies_outside_of_an_int8_range_is_counted() -> None:
    values = torch.tensor([[-3.0, -1.0, 0.0, 1.0, 2.5]])
    assert measured(values, values.clamp(-1, 1), 1, Range(-1.0, 1.0)).clipped == 2
    assert measured(values, values, 1, Range(-3.0, 2.5)).clipped == 0


def test_agreement_counts_what_a_loop_counts() -> None:
    rng = generator_of("agreement")
    before = torch.randn(30, 4, generator=rng)
    after = before + torch.randn(30, 4, generator=rng)
    labels = torch.randint(-1, 4, (30,), generator=rng)
    found = AnswerAgreement()
    for rows in torch.arange(30).split(7):
        found.add(before[rows], after[rows], labels[rows], [f"r{int(i)}" for i in rows])
    facts = found.facts()
    told = [(int(b.argmax()), int(a.argmax()), int(c)) for b, a, c in zip(before, after, labels, strict=True)]
    assert facts.alike == sum(b == a for b, a, _ in told)
    assert facts.labelled == sum(c >= 0 for _, _, c in told)
    assert facts.right == sum(a == c for _, a, c in told)
    assert facts.right_to_wrong == sum(b == c != a for b, a, c in told)
    assert facts.wrong_to_right == sum(a == c != b and c >= 0 for b, a, c in told)
    p, q = before.double().softmax(1), after.double().softmax(1)
    divergence = [sum(float(x * (x / y).log()) for x, y in zip(a, b, strict=True)) for a, b in zip(p, q, strict=True)]
    assert facts.kl_mean == pytest.approx(sum(divergence) / 30)
    assert facts.kl_largest == pytest.approx(max(divergence))
    assert facts.kl_largest_of == f"r{divergence.index(max(divergence))}"
