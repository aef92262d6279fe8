"""How alike are the answers of two networks to the same clips?

KL is KL(float ‖ other) in nats. The margin of a clip is that of its label, or where it has none that of the float network's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from robustness.audit.distortion import Distortion
from robustness.run.audit_records import AnswerChanges
from robustness.sweep.trials import answer_of


@dataclass
class AnswerAgreement:
    """Counts and sums over batches, and a number a clip for the margins."""

    clips: int = 0
    alike: int = 0
    labelled: int = 0
    right: int = 0
    right_before: int = 0
    right_to_wrong: int = 0
    wrong_to_right: int = 0
    divergence: float = 0.0
    farthest: float = -1.0
    farthest_clip: str = ""
    logits: Distortion = field(default_factory=Distortion)
    moved: list[Tensor] = field(default_factory=list)

    def add(self, original: Tensor, other: Tensor, labels: Tensor, ids: Sequence[str]) -> None:
        """The logits of a batch, [clips labels] each; labels [clips], −1 for none."""
        before, after = original.argmax(1), other.argmax(1)
        known, was, is_now = labels >= 0, before == labels, after == labels
        self.clips += len(ids)
        self.alike += int((before == after).sum())
        self.labelled += int(known.sum())
        self.right_before += int((known & was).sum())
        self.right += int((known & is_now).sum())
        self.right_to_wrong += int((known & was & ~is_now).sum())
        self.wrong_to_right += int((known & ~was & is_now).sum())
        self._diverge(original, other, ids)
        self.logits.add(original, other)
        target = torch.where(known, labels, before)
        self.moved.append((answer_of(other, target).margin - answer_of(original, target).margin).double())

    def _diverge(self, original: Tensor, other: Tensor, ids: Sequence[str]) -> None:
        before, after = original.double().log_softmax(1), other.double().log_softmax(1)
        divergence = (before.exp() * (before - after)).sum(1).clamp_min(0)  # rounding can make it −1e-17
        self.divergence += float(divergence.sum())
        worst = int(divergence.argmax())
        if float(divergence[worst]) > self.farthest:
            self.farthest, self.farthest_clip = float(divergence[worst]), ids[worst]

    def facts(self) -> AnswerChanges:
        """Everything for the run folder."""
        moved = torch.cat(self.moved)
        return AnswerChanges(
            clips=self.clips,
            alike=self.alike,
            labelled=self.labelled,
            right_before=self.right_before,
            right=self.right,
            right_to_wrong=self.right_to_wrong,
            wrong_to_right=self.wrong_to_right,
            kl_mean=self.divergence / self.clips,
            kl_largest=self.farthest,
            kl_largest_of=self.farthest_clip,
            margin_change_median=float(moved.median()),
            margin_change_lowest=float(moved.min()),
            margin_change_highest=float(moved.max()),
            logits_sqnr_db=self.logits.sqnr_db,
        )
