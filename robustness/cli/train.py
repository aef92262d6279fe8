"""`robustness train`: folders of words become a model with its card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from robustness.cli.printing import say, warn
from robustness.errors import UsageError

if TYPE_CHECKING:
    from robustness.training.session import Trained, TrainingRequest

VARIANTS = ("float32", "dynamic-int8")


@dataclass(frozen=True)
class DataOptions:
    """What it is trained and measured on."""

    panel: ClassVar[str] = "Data"
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of words, <word>/<file>, or {digit}_{speaker}_{take} files; several times for several."),
    ] = None
    download: Annotated[Path | None, typer.Option(help="Download Speech Commands v2 (2.3 GB) into this folder, and train on it.")] = None
    synthetic: Annotated[bool, typer.Option(help="Add speech of Debian's espeak-ng, flite and festival.")] = False
    cache: Annotated[Path, typer.Option(help="Where synthetic speech is kept, so that it is made once.")] = Path(
        "~/.cache/robustness/synthetic"
    )
    recordings: Annotated[
        list[Path] | None, typer.Option(help="Recordings to measure the model on, never trained on; several times for several.")
    ] = None
    measure: Annotated[bool, typer.Option(help="Measure the model on the test speakers; one that others start from needs none of it.")] = (
        True
    )


@dataclass(frozen=True)
class RecipeOptions:
    """How it is trained."""

    panel: ClassVar[str] = "Recipe"
    recipe: Annotated[
        Literal["tutorial", "hardened", "pooled"], typer.Option(help="Network and augmentation; models/README.md says more.")
    ] = "tutorial"
    vocabulary: Annotated[
        Literal["commands", "digits", "words"], typer.Option(help="The labels; words are both, to start the other two from.")
    ] = "commands"
    epochs: Annotated[int, typer.Option(min=1, help="An epoch sees as many clips as there are to train on.")] = 40
    init: Annotated[Path | None, typer.Option(help="The card of a model whose weights to start from.")] = None
    seed: Annotated[int, typer.Option(help="The seed of weights, order and augmentation.")] = 0
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Threads of torch; another number may round differently.")] = 1
    precision: Annotated[Literal["float32", "bfloat16"], typer.Option(help="bfloat16 is quicker on CPUs that have it.")] = "float32"


def train(
    given: DataOptions,
    how: RecipeOptions,
    out: Annotated[Path, typer.Option(help="The model's path without a suffix; .pt, .toml and a folder .training are written.")] = Path(
        "model"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the last epoch's checkpoint, with the same settings.")] = False,
) -> None:
    """Train a keyword model on folders of words, and write its card.

    Example: robustness train --recipe tutorial --vocabulary commands --epochs 1 --data ../shared/speech_commands --out models/trial
    """
    from robustness.quantization.base import quantized
    from robustness.run.lock import FolderLock
    from robustness.training.cardwriter import write_model
    from robustness.training.session import TrainingRequest, downloaded

    folders = [*(given.data or []), *([downloaded(given.download)] if given.download else [])]
    if not folders:
        raise UsageError("no data is given; give folders of words with --data DIR, or get Speech Commands with --download DIR")
    request = TrainingRequest(
        recipe=how.recipe,
        vocabulary=how.vocabulary,
        data=tuple(folders),
        out=out,
        epochs=how.epochs,
        seed=how.seed,
        threads=how.threads,
        precision=how.precision,
        synthetic=given.synthetic,
        cache=given.cache.expanduser(),
        init=how.init,
        resume=resume,
    )
    with FolderLock(out):
        trained = _watched(request)
        for notice in trained.corpus.notices:
            warn(notice)
        if given.measure:
            say("measuring it on speakers that it was not trained on")
        measured = given.recordings or []
        card = write_model(request, trained, lambda one: [quantized(one, scheme) for scheme in VARIANTS], measured, measure=given.measure)
    say(f"{card} is written; {request.folder / 'curves.html'} shows how the training went")


def _watched(request: TrainingRequest) -> Trained:
    """The training, with a progress bar and a line for each epoch."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from robustness.training.curves import curves_page
    from robustness.training.session import Watch, write_whole
    from robustness.training.session import train as train_model
    from robustness.training.trainer import Epoch

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        speaking = bar.add_task("synthetic speech", total=None, visible=False)
        learning = bar.add_task("reading clips", total=None)

        def spoken(done: int, total: int) -> None:
            bar.update(speaking, completed=done, total=total, visible=True)

        def learned(done: int, total: int, epoch: float) -> None:
            bar.update(learning, completed=done, total=total, description=f"epoch {epoch:.0f}")

        def told(history: list[Epoch]) -> None:
            last = history[-1]
            shares = ", ".join(f"{source} {share:.1%}" for source, share in last.accuracy.items())
            bar.console.print(f"epoch {last.number}: loss {last.loss:.3f}; validation, balanced: {shares}")
            write_whole(request.folder / "curves.html", curves_page(history, request.title, request.epochs).encode())

        return train_model(request, Watch(spoken, learned, told))
