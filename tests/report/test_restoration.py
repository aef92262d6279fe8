"""What does a card say of two edits that explain a failing recording together?"""

from __future__ import annotations

from robustness.report.cards.restoration import restoration_sentence
from robustness.run.restoration import EditPair, MarginLoss, Naming, NamingVerdict, RestoredAnswer, TriedEdit, TriedSize


def edit(name: str, kind: str, does: str, unit: str, size: float, *, restores: bool = False) -> TriedEdit:
    tried = TriedSize(size, 1.0 if restores else -1.0, 0.5, 1.0 if restores else 0.0, "yes" if restores else "unknown", restores)
    return TriedEdit(name, kind, does, "nothing", "size", unit, 1, (tried,), size if restores else None, tried, tried, None)


def answer(pair: EditPair | None, *alone: TriedEdit, verdict: NamingVerdict = "none") -> RestoredAnswer:
    edits = (edit("gain", "level", "a gain", "dB", 12.0), edit("remove-noise", "noise", "removing steady noise", "dB", 20.0), *alone)
    naming = Naming(verdict, None, None, None, None, None, tuple(one.name for one in alone))
    drop = MarginLoss(-5.0, 3.0, "other recordings", 30)
    return RestoredAnswer(-5.0, drop, edits, naming, () if pair is None else (pair,), pair, ())


def both(*, restores: bool) -> EditPair:
    return EditPair(("gain", "remove-noise"), ("level", "noise"), (12.0, 20.0), 1.0, 0.8, restores)


def says(facts: RestoredAnswer) -> str:
    return restoration_sentence(facts).replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_two_edits_restore_it_or_regain_most_of_what_is_lost() -> None:
    assert says(answer(both(restores=True))) == (
        "None of the edits tried restores it alone; a gain (12 dB) and removing steady noise (20 dB) together do, 80 % of the loss."
    )
    assert says(answer(both(restores=False))) == (
        "None of the edits tried restores it alone. A gain (12 dB) and removing steady noise (20 dB) together regain 80 % of the loss "
        "(counted to the median of 30 other recordings that are right there). What was measured of the recording speaks for both."
    )
    assert says(answer(None)) == "None of the edits tried restores it, alone or in pairs."


def test_two_edits_are_told_beside_one_that_is_not_named() -> None:
    filled = edit("fill-floor", "padding", "filling the padding", "dB", -12.0, restores=True)
    said = says(answer(both(restores=True), filled, verdict="one"))
    assert "only filling the padding (-12 dB) restores it" in said
    assert "A gain (12 dB) and removing steady noise (20 dB) together restore it, 80 % of the loss, and what was measured" in said
    assert "together" not in says(answer(None, filled, verdict="one"))
