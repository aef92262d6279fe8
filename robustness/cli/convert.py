"""`robustness convert`: a torch model's network becomes a file that runs without its code, with a card beside it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from robustness.cli import options
from robustness.cli.printing import say


def convert(
    card: Annotated[Path, typer.Argument(help="The model card, a TOML file. Its network's code is run.")],
    *,
    to: Annotated[Literal["onnx", "pt2"], typer.Option("--to", help="The format: ONNX (extra onnx), or a program of torch.export.")],
    out: Annotated[Path, typer.Option(help="The file to write, .onnx or .pt2; its card has the same name, as .toml.")],
    weights: options.WeightsOption = None,
    force: Annotated[bool, typer.Option(help="Replace the files that are there.")] = False,
) -> None:
    """Export a torch model's network, load the file back, and keep it only if it gives the same answers.

    Example: robustness convert models/digits.toml --to onnx --out exports/digits.onnx
    """
    from robustness.models.conversion import convert as converted

    done = converted(card, to, out, weights=weights, force=force)
    say(f"{out}: {done.bytes:,} bytes, features in, outputs out; {done.card} is its card")
    say(f"on {done.windows} probe windows a logit differs by {done.difference:.2g} at most; {done.allowed:.2g} is allowed")
    say(f"next: robustness report --model {shlex.quote(str(card))} --model {shlex.quote(str(done.card))} --recordings DIR")
