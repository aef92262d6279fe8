"""`robustness init`: a model's file, or its manifest, becomes a card; what cannot be known is left to fill in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from robustness.cli.printing import note, say


def init(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A .tflite, .onnx, .pt2, a state_dict (.pt), or ESPHome's manifest of a wake word (.json); or several files of one model, "
            "such as one in float and one in int8."
        ),
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="The card to write; by default beside the first file, with the suffix .toml.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the card that is there.")] = False,
) -> None:
    """Write a model card from what a file says of itself, with a line to fill in for each thing that it does not say.

    Example: robustness init kws_float.tflite kws_int8.tflite
    """
    from robustness.models.drafts.reading import write_draft
    from robustness.report.words import plural

    card = files[0].with_suffix(".toml") if out is None else out
    draft = write_draft(files[0], card, *files[1:], force=force)
    for line in draft.notes:
        note(line)
    missing, check = draft.missing, f"robustness check {shlex.quote(str(card))} --recordings DIR, a folder of single words by their label"
    if not missing:
        say(f"{card}: nothing to fill in; next: {check}")
        return
    say(f"{card}: {plural(len(missing), 'key')} to fill in")
    for one in missing:
        say(f"  {one.key}: {one.expected}")
    say(f"then: {check}")
