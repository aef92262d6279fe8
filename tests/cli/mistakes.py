"""The mistakes that a user can make in a report's command, each with the words by which it must be answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import nn

from robustness.models.formats.torch_module import module_of
from tests.builders import RATE_HZ, classifier, recording
from tests.cards import write_card


class Place(NamedTuple):
    """A folder with a good card, good recordings and a free place for the run."""

    root: Path

    @property
    def card(self) -> Path:
        return self.root / "model" / "small.toml"

    @property
    def words(self) -> Path:
        return self.root / "words"

    @property
    def out(self) -> Path:
        return self.root / "runs" / "run"

    def arguments(self) -> list[str]:
        """A command that works."""
        given = {"--model": self.card, "--recordings": self.words, "--out": self.out, "--perturbation": "sample-shift"}
        return ["report", *(str(part) for pair in given.items() for part in pair)]

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


Mistake = Callable[[Place], list[str] | None]  # spoils the place; what it returns is added to the command, or stands for it
MISTAKES: dict[str, tuple[Mistake, str]] = {}


def mistake(words: str) -> Callable[[Mistake], Mistake]:
    """Registers a mistake with the words by which it must be answered."""

    def register(spoil: Mistake) -> Mistake:
        MISTAKES[spoil.__name__.replace("_", " ")] = (spoil, words)
        return spoil

    return register


def with_changes(card: Path, changes: dict[str, str]) -> None:
    """Replaces parts of a card's text; each must be in it."""
    text = card.read_text(encoding="utf-8")
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{card} does not hold {old!r}")
        text = text.replace(old, new)
    card.write_text(text, encoding="utf-8")


def with_weights(card: Path, write: Callable[[Path], object]) -> None:
    """Other weights under the card's hash of them."""
    weights = card.with_suffix(".pt")
    old = hashlib.sha256(weights.read_bytes()).hexdigest()
    write(weights)
    with_changes(card, {old: hashlib.sha256(weights.read_bytes()).hexdigest()})


def sound(at: Place, samples: np.ndarray, **options: str) -> None:
    folder = at.words / "up"
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / "bad.wav", samples, RATE_HZ, **options)


@mistake(r"absent")
def no_such_folder(at: Place) -> list[str]:
    return ["--recordings", str(at.root / "absent")]


@mistake(r"empty")
def empty_folder(at: Place) -> list[str]:
    (at.root / "empty").mkdir()
    return ["--recordings", str(at.root / "empty")]


@mistake(r"bad\.wav")
def text_for_audio(at: Place) -> None:
    (at.words / "yes" / "bad.wav").write_text("not a sound")


@mistake(r"bad\.wav.*(truncated|cut|short|incomplete)")
def truncated_audio(at: Place) -> None:
    sound(at, recording("cut").samples.numpy())
    whole = at.words / "up" / "bad.wav"
    whole.write_bytes(whole.read_bytes()[:3000])


@mistake(r"bad\.wav.*silen")
def digital_silence(at: Place) -> None:
    sound(at, np.zeros(8000))


@mistake(r"bad\.wav.*(NaN|not a number|not numbers)")
def nan_samples(at: Place) -> None:
    sound(at, np.full(8000, np.nan, dtype=np.float32), subtype="FLOAT")


@mistake(r"bad\.wav.*(segment)")
def longer_than_the_window(at: Place) -> None:
    sound(at, np.random.default_rng(0).normal(size=3 * RATE_HZ) * 0.1)


@mistake(r"take\.wav lasts 3\.0 s, longer than the window, and has no word; .*`robustness segment take\.wav --words")
def a_take_without_a_word(at: Place) -> list[str]:
    soundfile.write(at.root / "take.wav", np.random.default_rng(0).normal(size=3 * RATE_HZ) * 0.1, RATE_HZ)
    return ["--recordings", str(at.root / "take.wav")]


@mistake(r"bad\.wav")
def empty_audio(at: Place) -> None:
    sound(at, np.zeros(0))


@mistake(r"fc2")
def weights_of_another_network(at: Place) -> None:
    state = module_of(classifier().network).state_dict() | {"fc2.weight": torch.zeros(12, 128)}
    with_weights(at.card, lambda path: torch.save(state, path))


@mistake(r"SHA-256|sha256")
def wrong_hash(at: Place) -> None:
    with (at.root / "model" / "small.pt").open("ab") as weights:
        weights.write(b"x")


@mistake(r"state_dict")
def pickled_module(at: Place) -> None:
    with_weights(at.card, lambda path: torch.save(nn.Linear(2, 2), path))


@mistake(r"small\.pt")
def weights_are_text(at: Place) -> None:
    with_weights(at.card, lambda path: path.write_text("weights"))


@mistake(r"small\.pt")
def weights_are_absent(at: Place) -> None:
    (at.root / "model" / "small.pt").unlink()


@mistake(r"small\.toml.*hop_sample\b")
def misspelt_key(at: Place) -> None:
    with_changes(at.card, {"hop_samples": "hop_sample"})


@mistake(r"small\.toml.*placment")
def misspelt_key_of_the_window(at: Place) -> None:
    with_changes(at.card, {"placement": "placment"})


@mistake(r"small\.toml")
def card_is_no_toml(at: Place) -> None:
    at.card.write_text("labels: [yes, no]")


@mistake(r"other\.toml")
def no_such_card(at: Place) -> list[str]:
    return ["--model", str(at.root / "other.toml")]


@mistake(r"no_such_module")
def factory_is_absent(at: Place) -> None:
    with_changes(at.card, {"robustness.models.architectures:": "no_such_module:"})


@mistake(r"log-mell.*log-mel")
def unknown_front_end(at: Place) -> None:
    with_changes(at.card, {'"log-mel"': '"log-mell"'})


@mistake(r"'tree'|\"tree\"|tree")
def a_word_outside_the_vocabulary(at: Place) -> None:
    with_changes(at.card, {'unknown = "unknown"\n': ""})
    (at.words / "yes").rename(at.words / "tree")


@mistake(r"notes\.txt|something else|not a run")
def out_holds_something_else(at: Place) -> None:
    at.out.mkdir()
    (at.out / "notes.txt").write_text("mine")


@mistake(r"run")
def out_is_a_file(at: Place) -> None:
    at.out.write_text("mine")


@mistake(r"wall")
def out_cannot_be_made(at: Place) -> list[str]:
    (at.root / "wall").write_text("")
    return ["--out", str(at.root / "wall" / "run")]


@mistake(r"'pink-nois'.*did you mean pink-noise")
def unknown_perturbation(at: Place) -> list[str]:
    return ["--perturbation", "pink-nois"]


@mistake(r"'int7'.*dynamic-int8")
def unknown_variant(at: Place) -> list[str]:
    return ["--variant", "int7"]


@mistake(r"--thresold")
def unknown_option(at: Place) -> list[str]:
    return ["--thresold", "0.5"]


@mistake(r"threshold")
def threshold_above_one(at: Place) -> list[str]:
    return ["--threshold", "1.5"]


@mistake(r"sideways")
def unknown_device(at: Place) -> list[str]:
    return ["--device", "sideways"]


@mistake(r"hums")
def no_noise_in_the_folder(at: Place) -> list[str]:
    (at.root / "hums").mkdir()
    return ["--noises", str(at.root / "hums"), "--perturbation", "background-noise"]


@mistake(r"label")
def a_pattern_without_a_label(at: Place) -> list[str]:
    return ["--label-pattern", r"(\d+)"]


@mistake(r"pattern|parenthesis|regular expression")
def a_pattern_that_is_none(at: Place) -> list[str]:
    return ["--label-pattern", "(?P<label>"]


@mistake(r"words\.csv.*'word'")
def a_column_that_is_not_there(at: Place) -> list[str]:
    (at.root / "words.csv").write_text("path,label\nyes/yes-0.wav,yes\n")
    return ["--labels", str(at.root / "words.csv"), "--label-column", "word"]


@mistake(r"small float32.* asked for twice")
def two_cards_of_one_name(at: Place) -> list[str]:
    return ["--model", str(write_card(at.root / "other"))]


@mistake(r"small float32.* asked for twice")
def one_variant_twice(at: Place) -> list[str]:
    return ["--variant", "float32", "--variant", "float32"]


@mistake(r"--weights goes with one --model")
def one_file_of_weights_for_two_cards(at: Place) -> list[str]:
    return ["--model", str(write_card(at.root / "other", "other")), "--weights", str(at.root / "model" / "small.pt")]


def listed(at: Place, text: str) -> list[str]:
    """The recordings by a table."""
    (at.words / "all.csv").write_text(text)
    return ["--recordings", str(at.words / "all.csv")]


@mistake(r"all\.csv has no column 'label'; it has path, word; --label-column")
def a_table_without_the_words(at: Place) -> list[str]:
    return listed(at, "path,word\nyes/yes-0.wav,yes\n")


@mistake(r"all\.csv, line 3: \.\./model/small\.toml leaves the folder")
def a_table_that_leaves_its_folder(at: Place) -> list[str]:
    return listed(at, "path,label\nyes/yes-0.wav,yes\n../model/small.toml,no\n")


@mistake(r"the splits of .*words are not known; expected a table with the columns path,split")
def a_split_that_is_not_known(at: Place) -> list[str]:
    return ["--split", "testing"]


@mistake(r"--sample 1 cannot hold one of each of 2 words")
def a_sample_of_too_few(at: Place) -> list[str]:
    return ["--sample", "1"]


@mistake("--every-sample 0: give a range in ms, more than 0 and at most 1000 to each side")
def every_sample_of_nothing(at: Place) -> list[str]:
    return ["--every-sample", "0"]


@mistake("cannot be read")
def scene_that_is_not_there(at: Place) -> list[str]:
    return ["--scene", str(at.root / "nowhere.toml")]


@mistake(r"mu-law \(channel\) stands before far-field \(room\)")
def scene_with_a_codec_before_its_room(at: Place) -> list[str]:
    head = 'name = "mine"\nabout = "x"\naxis = "x"\nunit = "%"\nlevels = [2.0, 4.0, 10.0]\nneutral = 0.0\n'
    stages = [("mu-law", 8.0), ("far-field", 2.0)]
    path = at.root / "mine.toml"
    path.write_text(head + "".join(f'[[stage]]\nkind = "{kind}"\nlevel = {level}\n' for kind, level in stages), encoding="utf-8")
    return ["--scene", str(path)]


def spoiled(name: str, at: Place) -> list[str]:
    """The command after the mistake; an option that it gives stands in place of the good one, save --model, which is added."""
    command = at.arguments()
    added = MISTAKES[name][0](at) or []
    for option in ("--recordings", "--out", "--perturbation"):
        if option in added:
            index = command.index(option)
            del command[index : index + 2]
    if name == "no such card":
        del command[1:3]
    return [*command, *added]
