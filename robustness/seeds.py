"""Which random numbers a recording gets: a seed derived from what is drawn, never from level, batch or order."""

from __future__ import annotations

import hashlib

import torch


def seed_of(*parts: object) -> int:
    """A 63-bit seed that depends on every part, the same on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator_of(*parts: object) -> torch.Generator:
    """A generator on the CPU, seeded by `seed_of`."""
    return torch.Generator().manual_seed(seed_of(*parts))
