"""Do several files of one model make one card? Each is a variant of it; what they say of the model must be the same.

What one file leaves to fill in is taken from another that tells it, as labels that are packed in one file alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from robustness.errors import CardError
from robustness.models.drafts.draft import Draft, DraftSection, Known, Missing

VARIANTS: Final = "variants."
OWN: Final = frozenset({"name", "threshold"})  # what the first file says counts


def joined_draft(files: Sequence[Path], drafts: Sequence[Draft]) -> Draft:
    """One card of several drafts, in the order of the files.

    Args:
        files: of the drafts, for messages.
        drafts: one a file.

    Raises:
        CardError: a file is no variant of a model, or two say something different of it.
    """
    if len(drafts) == 1:
        return drafts[0]
    _refuse_others(files, drafts)
    sections: list[DraftSection] = []
    for section in drafts[0].sections:
        if section.name.startswith(VARIANTS):
            sections += _variants(drafts)
        else:
            same = [next((one for one in draft.sections if one.name == section.name), section) for draft in drafts]
            sections.append(section if section.name.startswith("about") else _agreed(files, same))
    return Draft(tuple(sections), tuple(dict.fromkeys(note for draft in drafts for note in draft.notes)))


def _refuse_others(files: Sequence[Path], drafts: Sequence[Draft]) -> None:
    for file, draft in zip(files, drafts, strict=True):
        if not any(section.name.startswith(VARIANTS) for section in draft.sections):
            raise CardError(
                f"{file} is a state_dict, which is the whole of a card; give it alone, or files that ship (.tflite, .onnx, .pt2)"
            )


def _variants(drafts: Sequence[Draft]) -> Iterator[DraftSection]:
    """The section of each file; a name that is taken gets a number."""
    taken: list[str] = []
    for draft in drafts:
        section = next(one for one in draft.sections if one.name.startswith(VARIANTS))
        name, number = section.name, 1
        while name in taken:
            number += 1
            name = f"{section.name}-{number}"
        taken.append(name)
        yield DraftSection(name, section.entries, section.comments)


def _agreed(files: Sequence[Path], same: Sequence[DraftSection]) -> DraftSection:
    """One section that all files agree on.

    Raises:
        CardError: two say something different.
    """
    entries: list[Known | Missing] = []
    for entry in same[0].entries:
        others = [next((one for one in section.entries if one.key == entry.key), entry) for section in same]
        told = [(file, one) for file, one in zip(files, others, strict=True) if isinstance(one, Known)]
        for file, one in told[1:]:
            if entry.key not in OWN and one.value != told[0][1].value:
                differ = f"{entry.key} is {told[0][1].value!r} and {one.value!r}"
                raise CardError(f"{told[0][0]} and {file} are not of one model: {differ}; write a card of each")
        counts = {one.expected for one in others if isinstance(one, Missing) and entry.key == "labels"}
        if len(counts) > 1:
            raise CardError(
                f"the files are not of one model: one answers with {' and one with '.join(sorted(counts))}; write a card of each"
            )
        entries.append(told[0][1] if told else entry)
    return DraftSection(same[0].name, tuple(entries), same[0].comments)
