"""Which card does a file stand for? Written as a draft: what the file tells is filled in, the rest is left to its owner.

A model that is published is known by its SHA-256; others are asked what they say of themselves, by the suffix of their name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from robustness.errors import CardError, OutputError
from robustness.models.checkpoints import Source, state_dict_key, unwrapped_prefix, weights_in
from robustness.models.drafts.draft import Draft, DraftSection, Known, Missing
from robustness.models.drafts.graphs import FACTS, GraphFacts
from robustness.models.drafts.joining import joined_draft
from robustness.models.drafts.place import Place
from robustness.models.drafts.wake_word import wake_word_draft
from robustness.models.formats.torch_module import TorchModule
from robustness.run.atomic import said_when_full, write_text

MOST_SHOWN: Final = 200  # tensors of a state_dict
FRONTEND: Final = "the front-end of the training: one that `robustness frontend list` has, or `kind` with its settings"
RATE: Final = "the sampling rate in Hz that the model was trained at"
WINDOW: Final = (
    Missing("duration_ms", "1000.0", "the length in ms of what the model is given for one answer"),
    Missing("placement", '"center"', "where a recording lies in the window, as in training: start, center or end", needed=False),
)
THRESHOLD: Final = Missing("threshold", "0.5", "the probability from which a command is carried out", needed=False)
NETWORK: Final = (
    Missing("factory", '"module:callable"', "what builds the network that the weights fill; a module beside the card is found"),
    Missing("arguments", "{}", "the factory's keyword arguments", needed=False),
)
OTHERS: Final = (
    Missing("unknown", '"unknown"', "the label of words outside the vocabulary, if there is one", needed=False),
    Missing("silence", '"silence"', "the label of windows without a word, if there is one", needed=False),
)


def write_draft(file: Path, card: Path, *others: Path, force: bool = False) -> Draft:
    """Writes the card that a file stands for, or several of one model.

    Args:
        file: a deployed model, a state_dict, or ESPHome's manifest of a wake word.
        card: where to write.
        others: more deployed files of the same model, such as that in int8.
        force: whether a card that is there may be replaced.

    Raises:
        CardError: a file cannot be read, or is of another kind, or several are not of one model.
        OutputError: there is a card already, or it cannot be written.
    """
    files = (file, *others)
    draft = joined_draft(files, [draft_of(one, card) for one in files])
    if card.exists() and not force:
        raise OutputError(f"{card} is there already; give another --out, or --force to replace it")
    with said_when_full(card):
        card.parent.mkdir(parents=True, exist_ok=True)
    write_text(card, draft.text)
    return draft


def draft_of(file: Path, card: Path) -> Draft:
    """The card that a file stands for, if it is written at `card`.

    Raises:
        CardError: the file cannot be read, or is of another kind.
    """
    suffix = file.suffix.lower()
    known = (".json", *FACTS, *TorchModule.suffixes)
    if suffix not in known:
        raise CardError(f"{file} ends in {file.suffix or 'no suffix'}; expected {', '.join(known)}: a model's file, or ESPHome's manifest")
    if suffix == ".json":
        return wake_word_draft(file, card)
    place = Place.of(file, card)
    published = tomllib.loads((resources.files(__package__) / "published.toml").read_text(encoding="utf-8")).get(place.sha256)
    if published is not None:
        return _published(published, place)
    if suffix in FACTS:
        try:
            return _deployed(FACTS[suffix](file.read_bytes()), place, file.stem)
        except CardError as error:
            raise CardError(f"{file}: {error}") from error
    return _state_dict(Source(card, file, place.sha256), place)


def _published(said: Mapping[str, Any], place: Place) -> Draft:
    """The card of a model that is known."""

    def entries(*keys: str) -> tuple[Known, ...]:
        return tuple(Known(key, said[key]) for key in keys)

    return Draft(
        (
            DraftSection("", entries("name", "labels", "unknown", "silence", "output")),
            DraftSection(f"variants.{said['variant']}", place.entries()),
            DraftSection("frontend", entries("preset", "rate_hz")),
            DraftSection("window", entries("duration_ms", "placement")),
            DraftSection("about", tuple(Known(key, value) for key, value in said["about"].items())),
        ),
        ("the file is known by its SHA-256, and the card is whole",),
    )


def _deployed(facts: GraphFacts, place: Place, name: str) -> Draft:
    """The card of a file that is run as it is."""
    top = (Known("name", name, "the file's name"), _labels(facts), *OTHERS, *_output(facts))
    gives = f"{FRONTEND}; it must give what the file takes, {facts.taken}"
    rate = Missing("rate_hz", "16000", RATE) if facts.rate_hz is None else Known("rate_hz", facts.rate_hz, "in the file's metadata")
    frontend = DraftSection("frontend", (Missing("preset", '"tutorial"', gives), rate), (facts.hint,) if facts.hint else ())
    about = (DraftSection("about.metadata", tuple(Known(key, value) for key, value in facts.about.items())),) if facts.about else ()
    variant = DraftSection(f"variants.{facts.variant}", place.entries())
    return Draft((DraftSection("", top), variant, frontend, DraftSection("window", WINDOW), *about), (facts.hint,) if facts.hint else ())


def _labels(facts: GraphFacts) -> Known | Missing:
    if facts.labels is not None:
        return Known("labels", list(facts.labels), facts.labels_from)
    what = "the classes" if facts.count is None else "the one label" if facts.count == 1 else f"the {facts.count} classes"
    return Missing("labels", '["…"]' if facts.count == 1 else '["…", "…"]', f"{what} in the order of the outputs")


def _output(facts: GraphFacts) -> tuple[Known | Missing, ...]:
    ends = f"the graph ends in {facts.last}" if facts.last else "nothing tells by what the graph ends"
    found = facts.output
    if found is None:
        said: Known | Missing = Missing("output", '"probabilities"', f"logits, log-probabilities, probabilities or sigmoids; {ends}")
    else:
        said = Known("output", found, ends)
    return said, THRESHOLD._replace(needed=found == "sigmoids")


def _state_dict(source: Source, place: Place) -> Draft:
    """The card of a state_dict, whose network is its owner's code."""
    key = state_dict_key(source.path)
    prefix = unwrapped_prefix(weights_in(replace(source, key=key)))
    state = weights_in(replace(source, key=key, prefix=prefix))
    shapes = [f"{name} [{' '.join(map(str, value.shape))}]" for name, value in state.items() if hasattr(value, "shape")]
    more = (f"and {len(shapes) - MOST_SHOWN} more",) if len(shapes) > MOST_SHOWN else ()
    held = ("what it holds, which the network has to have:", *shapes[:MOST_SHOWN], *more)
    chosen = tuple(Known(name, value) for name, value in (("key", key), ("prefix", prefix)) if value)
    top = (
        Known("name", source.path.stem, "the file's name"),
        Missing("labels", '["…", "…"]', "the classes in the order of the outputs"),
        *OTHERS,
        Missing("output", '"logits"', "logits, log-probabilities, probabilities or sigmoids: what the network gives"),
        THRESHOLD,
    )
    return Draft(
        (
            DraftSection("", top),
            DraftSection("weights", (*place.entries(), *chosen), held),
            DraftSection("network", NETWORK),
            DraftSection("frontend", (Missing("preset", '"tutorial"', FRONTEND), Missing("rate_hz", "16000", RATE))),
            DraftSection("window", WINDOW),
        ),
        ("a state_dict has no code: the card names what builds its network, and that is run",),
    )
