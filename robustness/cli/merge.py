"""`robustness merge`: the shards of a sweep become one run folder, the same bytes as of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robustness.cli.printing import note, say
from robustness.errors import UsageError


def merge(
    places: Annotated[list[str], typer.Argument(metavar="DIR...", help="Folders or addresses that `robustness sweep` wrote to.")],
    out: Annotated[Path | None, typer.Option(help="The run folder to write; an existing run is replaced as a whole, at the end.")] = None,
    same_cpu: Annotated[bool, typer.Option("--same-cpu", help="Refuse shards that were computed on different kinds of processor.")] = False,
) -> None:
    """Verify the shards of a sweep and join them to one run, or name what is missing or differs.

    Example: robustness merge shards --out reports/merged
    """
    if out is None:
        raise UsageError("a merge needs --out, a run folder to write, such as --out reports/merged")
    from robustness.report.words import plural
    from robustness.run.merging import Merger

    merger = Merger.of(places, same_cpu=same_cpu)
    merger.write(out)
    if len(merger.cpus) > 1:
        note(f"{len(merger.cpus)} kinds of processor took part, between which int8 answers can differ: {', '.join(merger.cpus)}")
    say(f"{plural(len(merger.blocks), 'block')} of {plural(merger.first.layout.recordings, 'recording')} merged")
    say("`robustness report --from RUN --model CARD` explains and draws it, and `robustness gate --from RUN --rules FILE` judges it")
    say(out)
