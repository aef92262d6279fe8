"""What does each perturbation sound like? A page with a word of ours at the middle level of each grid, which `make docs` makes.

Kinds that need a folder of their own have none to be heard with, and say so.
"""

from __future__ import annotations

import html
import io
import sys
from base64 import b64encode
from pathlib import Path

import soundfile
import torch

from benchmarks.harness import ROOT
from robustness.audio.placement import Frame
from robustness.audio.reading import read_recordings
from robustness.conditions import FAMILIES, Condition
from robustness.perturbations.base import PERTURBATIONS, Perturbation
from robustness.rendering import Renderer

RATE_HZ = 16_000
STYLE = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td,th{padding:.2rem .8rem .2rem 0;text-align:left}"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"


def player(samples: torch.Tensor) -> str:
    """A sound that plays in the page, [time]."""
    file = io.BytesIO()
    soundfile.write(file, samples.numpy(), RATE_HZ, format="OGG", subtype="VORBIS")
    return f'<audio controls preload="none" src="data:audio/ogg;base64,{b64encode(file.getvalue()).decode()}"></audio>'


def row(kind: type[Perturbation], renderer: Renderer) -> str:
    """One perturbation at the middle of its grid."""
    level = kind.axis.grid[len(kind.axis.grid) // 2]
    why = kind().unavailable({})
    heard = html.escape(why) if why else player(renderer.render(Condition(kind.name, level, placement="center")).heard[0])
    cells = (kind.name, kind.family, f"{kind.axis.name} {level:g} {kind.axis.unit}")
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}<td>{heard}</td></tr>"


def page() -> str:
    """The page."""
    take = ROOT / "recordings" / "joe" / "synthetic_joe_piper_clean_seven_1.wav"
    recordings = list(read_recordings([take], rate_hz=RATE_HZ, longest_samples=RATE_HZ).recordings)
    renderer = Renderer.of(recordings, Frame(RATE_HZ, RATE_HZ, memory=True))
    kinds = sorted(PERTURBATIONS.all().values(), key=lambda kind: (FAMILIES.index(kind.family), kind.name))
    rows = "\n".join(row(kind, renderer) for kind in kinds)
    clean = player(renderer.placed("center").samples[0])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What perturbations sound like</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head><body>'
        f"<h1>What perturbations sound like</h1><p>“seven”, a synthetic voice of this repository, at the middle level of each grid. "
        f"Undisturbed: {clean}</p><table><thead><tr><th>perturbation</th><th>family</th><th>level</th><th>sound</th></tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table></body></html>\n"
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs/sounds")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(page(), encoding="utf-8")
