"""What a failing recording's card needs: what the model heard, where it is right, what restores it, and which sound spoke for what.

Everything goes into the run folder's `evidence/`: `failures.json`, and for each failure an .npz of log-mel and maps and two sounds, so that
drawing needs no torch. Same inputs, same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from robustness.audio.recordings import Recording
from robustness.conditions import CARDS
from robustness.explanations.card_records import card_of, name_of
from robustness.explanations.cases import COUNTERPART, HERE, Case, Cases
from robustness.explanations.diagnosis import Restoration
from robustness.explanations.explained_parts import ExplainedParts
from robustness.explanations.explained_table import ExplainedRow, write_explanations
from robustness.explanations.failures import Failure, find_failures
from robustness.explanations.good_recordings import GoodRun
from robustness.explanations.map_workers import Mapped, mappers
from robustness.explanations.maps import Map
from robustness.models.classifier import Classifier
from robustness.perturbations.base import Perturbation
from robustness.run.atomic import whole
from robustness.run.evidence import FailedRecordings, FailureCard, FailureFacts, FailureMaps, ShownOfAll, write_failures
from robustness.run.folder import Run
from robustness.run.good_recordings import write_good_recordings
from robustness.threads import worker_threads

ELSEWHERE: Final = 2  # more, of those that fail under another perturbation alone
IN_FULL: Final = 2  # of them; segments and the counterpart as donor cost as much as ten maps
CARDS_MADE: Final = "cards: failures that are shown"
OTHERS: Final = "explain: failures without a card"
StageProgress = Callable[[str, int, int], None]


def write_evidence(  # noqa: PLR0913 - what is shown, kept and told, all by name
    run: Run,
    classifiers: Sequence[Classifier],
    recordings: Sequence[Recording],
    *,
    seed: int,
    perturbations: Mapping[str, Perturbation] | None = None,
    good_run: GoodRun | None = None,
    cards: int | None = CARDS,
    audio: bool = True,
    everything: bool = False,
    kept: ExplainedParts | None = None,
    progress: StageProgress = lambda doing, done, total: None,
) -> None:
    """Explains the worst failures of a run and writes them down; `failures.json` comes last.

    Args:
        run: its trials say what fails; what is found goes into its evidence/.
        classifiers: the variants that made the trials.
        recordings: as the sweep heard them (already cut to their speech where it did so).
        seed: of the run.
        perturbations: of the run's plan, done again; one that is not among them is made from its registered class.
        good_run: the good recordings of another run of the same model, which serve where too few are right here.
        cards: how many failures to show, worst first; the rest are counted. A few that fail elsewhere alone come after. None shows all.
        audio: False leaves the voices out.
        everything: whether those that have no card are explained as well, without maps; all go into a table then.
        kept: what is known of those that have no card; what is found of them is kept there.
        progress: told what is being done, and how many failures of how many are done.
    """
    cases = Cases(run, classifiers, recordings, seed, perturbations, good_run=good_run)
    restoration, chosen = Restoration(cases), CardChoice.of(run, cases, cards)
    folder = run.evidence
    folder.mkdir(parents=True, exist_ok=True)
    rest = chosen.rest if everything else []
    written = []
    progress(CARDS_MADE, 0, len(chosen.shown))
    for card in _cards(chosen.shown, restoration, folder, audio=audio):
        written.append(card)
        progress(CARDS_MADE, len(written), len(chosen.shown))
    if rest:
        progress(OTHERS, 0, len(rest))
    for done, rows in enumerate(_explained(rest, restoration, kept), start=1):
        restoration.rows += rows
        progress(OTHERS, done, len(rest))
    restoration.write(run, folder)
    if everything:
        write_explanations(folder, restoration.rows)
        write_good_recordings(folder, cases.good.facts())
    serving = good_run.name if good_run is not None and cases.good.served else None
    write_failures(folder, FailedRecordings(chosen.places.total, chosen.places.shown, tuple(written), chosen.elsewhere, serving))


def explain_others(
    cases: Cases,
    run: Run,
    kept: ExplainedParts,
    *,
    cards: int | None = CARDS,
    share: slice = slice(None),
    progress: StageProgress = lambda doing, done, total: None,
) -> None:
    """Explains a share of the failures that get no card, and keeps what is found.

    Args:
        cases: of the run.
        run: its trials say what fails.
        kept: where it is kept; what is there is not explained again.
        cards: how many failures get a card; None is all, which leaves nothing to share.
        share: which of the others.
        progress: told what is being done, and how many of how many are done.
    """
    rest = CardChoice.of(run, cases, cards).rest[share]
    progress(OTHERS, 0, len(rest))
    for done, _ in enumerate(_explained(rest, Restoration(cases), kept), start=1):
        progress(OTHERS, done, len(rest))


class CardChoice(NamedTuple):
    """Which failures get a card, and which do not.

    Attributes:
        shown: worst first at a place, and then some that fail under another perturbation alone.
        rest: the others.
        places: how many fail at a place, and how many of them are shown.
        elsewhere: the same of those that fail under another perturbation alone.
    """

    shown: list[Failure]
    rest: list[Failure]
    places: ShownOfAll
    elsewhere: ShownOfAll

    @classmethod
    def of(cls, run: Run, cases: Cases, cards: int | None) -> CardChoice:
        """Of a run; so many cards, or all."""
        every = find_failures(run, cases.placed, cases.kinds, cases.frame.reference)
        places, elsewhere = ([one for one in every if one.at_a_place is at_a_place] for at_a_place in (True, False))
        most, most_elsewhere = (len(places), len(elsewhere)) if cards is None else (cards, ELSEWHERE)
        first, others = places[:most], elsewhere[:most_elsewhere]
        rest = [*places[most:], *elsewhere[most_elsewhere:]]
        return cls([*first, *others], rest, ShownOfAll(len(places), len(first)), ShownOfAll(len(elsewhere), len(others)))


def _cards(shown: Sequence[Failure], restoration: Restoration, folder: Path, *, audio: bool) -> Iterator[FailureCard]:
    """The card of each failure, its maps and sounds written; maps of several are made at once."""
    cases = restoration.cases
    asked: dict[str, tuple[Case, Future[Mapped]]] = {}
    with mappers(cases) as makers:
        for failure in shown:
            case = cases.case(failure)
            asked[name_of(case, asked)] = case, makers.submit(case, in_full=len(asked) < IN_FULL)
        for name, (case, maps) in asked.items():
            restoration.add(name, case)
            made = maps.result()
            write_arrays(folder / f"{name}.npz", made.arrays)
            files = _write_sounds(case, name, folder, audio=audio)
            yield _card(name, files, card_of(case), made.facts)


def _explained(failures: Sequence[Failure], restoration: Restoration, kept: ExplainedParts | None) -> Iterator[list[ExplainedRow]]:
    """The rows of each failure in their order; several are explained at once, each thread with networks of its own."""
    known = {} if kept is None else {one.recording: rows for one in failures if (rows := kept.of(one.recording)) is not None}
    made = _rows_of([one for one in failures if one.recording not in known], restoration)
    try:
        for failure in failures:
            if failure.recording in known:
                yield known[failure.recording]
                continue
            rows = next(made)
            if kept is not None:
                kept.add(rows)
            yield rows
    finally:
        if kept is not None:
            kept.flush()


def _rows_of(failures: Sequence[Failure], restoration: Restoration) -> Iterator[list[ExplainedRow]]:
    """The rows of each failure, made."""
    cases = restoration.cases
    count = min(torch.get_num_threads(), len(failures)) if cases.copies else 1
    free: SimpleQueue[Cases] = SimpleQueue()
    for one in [cases, *(cases.copied() for _ in range(count - 1))]:
        free.put(one)

    def rows_of_one(failure: Failure) -> list[ExplainedRow]:
        own = free.get()
        try:
            return restoration.rows_for(failure, own)
        finally:
            free.put(own)

    with worker_threads(max(1, count)) as pool:
        yield from pool.map(rows_of_one, failures)


def _card(name: str, sounds: CardSounds, facts: FailureFacts, maps: FailureMaps) -> FailureCard:
    return FailureCard(id=name, arrays=f"{name}.npz", **sounds._asdict(), **vars(facts), **vars(maps))


class CardSounds(NamedTuple):
    """The files of what the model heard: here, at the counterpart, and here with what sounded before the window; None if it is not kept."""

    sound: str | None = None
    counterpart_sound: str | None = None
    before_sound: str | None = None


def _write_sounds(case: Case, name: str, folder: Path, *, audio: bool) -> CardSounds:
    there = {file: case.heard[where].window for where, file in ((HERE, ""), (COUNTERPART, "-counterpart")) if where in case.heard}
    if case.subject.before is not None:
        there["-before"] = torch.cat([case.subject.before, case.heard[HERE].window])
    if not audio:
        return CardSounds()
    for ending, samples in there.items():
        write_sound(folder / f"{name}{ending}.wav", samples, case.worst.frame.rate_hz)
    return CardSounds(*(f"{name}{ending}.wav" if ending in there else None for ending in ("", "-counterpart", "-before")))


def write_arrays(path: Path, arrays: Mapping[str, Map]) -> None:
    """An .npz file, whole or not at all; no clock in it."""
    with whole(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def write_sound(path: Path, samples: Tensor, rate_hz: int) -> None:
    """A 16-bit wav file of samples [time], whole or not at all."""
    encoded = BytesIO()  # libsndfile's own error does not say that a disk is full
    soundfile.write(encoded, samples.numpy(), rate_hz, subtype="PCM_16", format="WAV")
    with whole(path) as temporary:
        temporary.write_bytes(encoded.getvalue())
