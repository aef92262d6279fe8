"""`robustness fetch`: gets what is public and not ours to ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robustness.cli.printing import say


def fetch(
    name: Annotated[str, typer.Argument(help="What to fetch: 'tutorial', the tutorial's checkpoint and its twenty recordings.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder under which models/ and recordings/tutorial/ are filled.")] = Path(),
    source: Annotated[str | None, typer.Option("--from", help="Another address to fetch from; a file is at ADDRESS/commit/path.")] = None,
    timeout_s: Annotated[float, typer.Option(min=0.1, help="How long a server may be silent.")] = 30.0,
) -> None:
    """Fetch public weights and recordings at a fixed commit, each verified by its SHA-256.

    Example: robustness fetch tutorial && robustness check models/tutorial.toml --recordings recordings/tutorial
    """
    from robustness.downloads import fetch_files, manifest_of
    from robustness.report.words import plural

    manifest = manifest_of(name)
    done = fetch_files(manifest, out, base=source, timeout_s=timeout_s, told=lambda file: say(f"{file.path} ({file.bytes} bytes)"))
    already = f", {len(done.there)} {'was' if len(done.there) == 1 else 'were'} there already" if done.there else ""
    say(f"{plural(len(done.got), 'file')} fetched and verified{already}; from {manifest.repository}, licence {manifest.licence}")
