"""How far is a long command? A bar a stage on a terminal; elsewhere, as in CI, a line a stage with its time, and estimates."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from robustness.cli.memory import GivingBack
from robustness.cli.printing import more, quiet, warn

if TYPE_CHECKING:
    from robustness.jobs.assess import Progress

FIRST_S: Final = 5.0  # after which a stage says its first estimate
EVERY_S: Final = 30.0
MINUTE_S: Final = 60


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Takes what is being done, how much of it, of how much; with -q nothing is shown."""
    from rich.console import Console

    console = Console(stderr=True)
    moves = sys.stderr.isatty() and not console.is_dumb_terminal  # not by rich, which takes FORCE_COLOR for a terminal, as it is set in CI
    lines = StageLines(more if moves else _nothing if quiet() else warn, estimates=not moves)
    with ExitStack() as stack:
        stack.callback(lines.finish)
        give_back = GivingBack()
        bar = stack.enter_context(_bar(console)) if moves and not quiet() else _no_bar

        def show(doing: str, done: int, total: int) -> None:
            bar(doing, done, total)
            lines(doing, done, total)
            give_back(lines.stage)

        yield show


def _nothing(_: str) -> None:
    """With -q."""


def _no_bar(doing: str, done: int, total: int) -> None:
    """Without a terminal."""


@dataclass
class StageLines:
    """A line a stage: `sweep: 4,210 in 35 s`, and before it, if it takes long, `sweep: 40 % after 5 s, about 8 s left`.

    Attributes:
        tell: prints a line.
        estimates: whether the end of a long stage is estimated in between.
        clock: in seconds.
    """

    tell: Callable[[str], None]
    estimates: bool = True
    clock: Callable[[], float] = time.monotonic
    stage: str = ""
    began: float = 0.0
    before: int = 0  # what a resumed stage had done when it began
    done: int = 0
    next_s: float = FIRST_S

    def __call__(self, doing: str, done: int, total: int) -> None:
        """One step of a stage: the part of `doing` before the colon is its name."""
        stage = doing.partition(":")[0]
        if stage != self.stage:
            self.finish()
            self.stage, self.began, self.before, self.next_s = stage, self.clock(), done, FIRST_S
        self.done = done
        spent = self.clock() - self.began
        if self.estimates and spent >= self.next_s and self.before < done < total:
            left = spent * (total - done) / (done - self.before)
            self.tell(f"{stage}: {100 * done // total} % after {duration(spent)}, about {duration(left)} left")
            self.next_s = spent + EVERY_S

    def finish(self) -> None:
        """The stage is over."""
        if self.stage:
            count = f"{self.done - self.before:,} in " if self.done - self.before > 1 else ""
            self.tell(f"{self.stage}: {count}{duration(self.clock() - self.began)}")
        self.stage = ""


def duration(seconds: float) -> str:
    """A time as one says it: `0.4 s`, `35 s`, `2 min 5 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 2 * MINUTE_S else f"{whole // MINUTE_S} min {whole % MINUTE_S} s"


@contextmanager
def _bar(console: object) -> Iterator[Progress]:
    """A bar a stage with rate and estimate."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:  # type: ignore[arg-type]
        tasks: dict[str, TaskID] = {}

        def show(doing: str, done: int, total: int) -> None:
            phase, _, what = doing.partition(": ")
            if phase not in tasks:
                tasks[phase] = bar.add_task(doing, total=total, completed=done)
            bar.update(tasks[phase], description=f"{phase} {what}", completed=done, total=total)

        yield show
