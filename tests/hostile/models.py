"""Hostile cards, weights, code of cards, and what is no file."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Final

import torch

from tests.hostile.cases import VARIANT, Place, changed_bytes, kind, planned, reported
from tests.hostile.texts import NUMBERS

HUGE: Final = (0, -1, 1, 2, 3, 7, 100, 16_000, 10**6, 10**9, 10**12, 2**63, "nan", "inf", '"x"', "1.5", "true", "[]")
SETTINGS: Final = (
    "rate_hz n_fft hop_samples n_mels top_db n_mfcc window_samples f_min_hz f_max_hz power floor scale offset lowest highest round_to "
    "normalise_frames pre_emphasis center padding window log layout samples partial reference normalise remove_dc"
).split()
KINDS: Final = ("log-mel", "mel", "mfcc", "spectrogram", "waveform", "pcen", "microfrontend", "nothing")
CODE: Final = """
import os, sys, time
import torch
from torch import nn
from robustness.models.architectures import TutorialNet

class Net(TutorialNet):
    def forward(self, features):
        {forward}

def make(labels):
    {make}
    return Net(labels)
"""
DOES: Final = (
    "sys.exit(0)", "raise KeyError('x\\n::error::y')", "raise SystemExit('a')", "raise GeneratorExit", "return None",
    "return 3", "raise BaseException('b')",
    "raise MemoryError", "raise RecursionError", "1 / 0", "make(labels)", "return nn.Linear(2, 2)", "raise StopIteration",
    "return torch.zeros(1)", "torch.zeros(10**13)", "return torch.full((len(features), 11), float('nan'))",
    "raise RuntimeError('m' * 100000)", "import nothing_like_this", "return features", "return super().forward(features).double()",
)  # fmt: skip


def own_card(at: Place) -> Path:
    """A copy of the card and its weights."""
    folder = at.folder / "model"
    shutil.copytree(at.base.card.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "small.toml"


def with_weights(card: Path, data: bytes) -> Path:
    """Other weights, under their hash."""
    card.with_suffix(".pt").write_bytes(data)
    text = re.sub(r'sha256 = ".*"', f'sha256 = "{hashlib.sha256(data).hexdigest()}"', card.read_text(encoding="utf-8"))
    card.write_text(text, encoding="utf-8")
    return card


def checked(at: Place, card: Path) -> list[object]:
    """Either of the commands that load a card."""
    return at.rng.choice((["check", card, *VARIANT], planned(at, card=card)))


@kind("cards with bytes changed", "read, or refused with the line")
def _bent(at: Place) -> list[object]:
    card = own_card(at)
    card.write_bytes(changed_bytes(card.read_bytes(), at.rng) if at.rng.random() < 0.9 else b"a = " + b"[" * 50_000)
    return ["check", card, *VARIANT]


@kind("cards of odd values", "taken, or refused by key")
def _values(at: Place) -> list[object]:
    card = own_card(at)
    lines = card.read_text(encoding="utf-8").splitlines()
    for _ in range(at.rng.choice((1, 1, 2))):
        place = at.rng.choice([number for number, line in enumerate(lines) if " = " in line and not line.startswith("sha256")])
        key = lines[place].partition(" = ")[0]
        many = at.rng.choice((str([f"l{n}" for n in range(10_000)]), str(["x" * 10_000] * 2), f'"{"y" * 100_000}"')).replace("'", '"')
        lines[place] = f"{key} = {at.rng.choice((*NUMBERS, *HUGE, many))}"
    card.write_text("\n".join(lines), encoding="utf-8")
    return ["check", card, *VARIANT]


@kind("settings of front-ends", "taken, or refused by name before anything is computed")
def _settings(at: Place) -> list[object]:
    card = own_card(at)
    text = card.read_text(encoding="utf-8")
    head, _, rest = text.partition("[frontend]")
    frontend, _, window = rest.partition("[window]")
    given = dict(line.split(" = ", 1) for line in frontend.strip().splitlines())
    if at.rng.random() < 0.5:
        given = {"kind": f'"{at.rng.choice(KINDS)}"', "rate_hz": "16000"}
    for _ in range(at.rng.choice((1, 1, 2))):
        given[at.rng.choice(SETTINGS)] = str(at.rng.choice(HUGE))
    card.write_text(f"{head}[frontend]\n" + "\n".join(f"{k} = {v}" for k, v in given.items()) + f"\n[window]{window}", encoding="utf-8")
    return ["check", card, *VARIANT]


class Runs:
    """What runs where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, ("pwned",))


@kind("weights", "loaded as data alone, or refused with what to do")
def _weights(at: Place) -> list[object]:
    card = own_card(at)
    path = card.with_suffix(".pt")
    state = torch.load(path, weights_only=True)
    name = at.rng.choice(list(state))
    wide = torch.zeros(1).expand(10**10)
    odd = (
        torch.zeros(0),
        state[name].double() * float("nan"),
        state[name].half(),
        wide,
        torch.zeros(2, 2).to_sparse(),
        state[name].to("meta"),
    )
    choice = at.rng.randrange(8)
    made: object = OrderedDict(state)
    if choice < 3:
        return checked(at, with_weights(card, changed_bytes(path.read_bytes(), at.rng)))
    if choice == 3:
        return checked(at, with_weights(card, pickle.dumps(Runs())))
    if choice == 4:
        made = {"state_dict": {f"module.{key}": value for key, value in state.items()}}
    elif choice == 5:
        made = at.rng.choice((None, 3, [], {}, "text", torch.zeros(3), {"a": Runs()}, {1: torch.zeros(1)}))
    else:
        made = {**state, at.rng.choice((name, "more\n::error::")): at.rng.choice(odd)}
    torch.save(made, path)
    return checked(at, with_weights(card, path.read_bytes()))


@kind("code of cards", "what it raises is a sentence; ending the program is no success")
def _code(at: Place) -> list[object]:
    card = own_card(at)
    does = at.rng.choice(DOES)
    forward, make = at.rng.choice(((does, "pass"), ("return super().forward(features)", does.replace("features", "labels"))))
    module = at.rng.choice(("own", "own", "torch", "json", "robustness"))
    code = CODE.format(forward=f"{forward}\n        return super().forward(features)", make=make)
    (card.parent / f"{module}.py").write_text(
        at.rng.choice(("", "", f"{does.replace('return', 'x =')}\n" if "import" in does else "")) + code, encoding="utf-8"
    )
    text = card.read_text(encoding="utf-8").replace("robustness.models.architectures:TutorialNet", f"{module}:make")
    card.write_text(text, encoding="utf-8")
    return at.rng.choice((["check", card, *VARIANT], reported(at, card=card)))


@kind("what is no file: pipes, devices, folders, links", "refused by its kind before it is opened")
def _no_file(at: Place) -> list[object]:
    card = own_card(at)
    path = at.folder / at.rng.choice(("in.wav", "in.toml", "in.csv", "in.parquet", "in.pt", "in"))
    make = at.rng.choice(("pipe", "zero", "random", "folder", "loop", "gone", "sparse"))
    if make == "pipe":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    elif make == "sparse":
        path.touch()
        os.truncate(path, 2**36)
    else:
        path.symlink_to({"zero": "/dev/zero", "random": "/dev/urandom", "loop": str(path), "gone": "nowhere"}[make])
    folder = at.folder / "in-folder"
    folder.mkdir()
    (folder / "a.wav").symlink_to(path)
    return at.rng.choice((
        ["check", path, *VARIANT], planned(at, words=path), planned(at, words=folder), planned(at, "--weights", path),
        planned(at, "--labels", path), planned(at, "--noises", folder, "--perturbation", "background-noise"),
        planned(at, "--calibration", folder, "--variant", "static-int8"),
        ["gate", "--from", at.base.run, "--rules", path, "--out", at.out], ["report", "--from", path], ["compare", path, at.base.run],
        ["segment", path, "--out", at.out], ["quantize", card, "--scheme", "dynamic-int8", "--out", path],
        ["report", "--from", at.base.run, "--reference", path],
        reported(at, "--out", path) if make != "folder" else ["check", path, *VARIANT],
    ))  # fmt: skip


@kind("places for results", "written whole, or refused; what stood there is as it was")
def _places(at: Place) -> list[object]:
    out = at.folder / at.rng.choice(("out", "a/b/c/out", "o" * 255, "o\nut", "o" * 300, "out.part", "."))
    make = at.rng.choice(("file", "folder", "link", "other run", "partial", "none"))
    if make != "none" and len(out.name) < 240 and out != at.folder:
        out.parent.mkdir(parents=True, exist_ok=True)
        target = out if make != "partial" else out.with_name(f"{out.name}.partial")
        if make == "file":
            target.write_text("mine", encoding="utf-8")
        elif make == "link":
            target.symlink_to(at.folder / "elsewhere")
        else:
            target.mkdir(exist_ok=True)
            (target / "precious.txt").write_text("mine", encoding="utf-8")
    card = own_card(at)
    return at.rng.choice((
        ["quantize", card, "--scheme", "dynamic-int8", "--out", out], ["segment", at.base.words, "--one", "--out", out],
        [*reported(at, "--out", out), *at.rng.choice(((), ("--resume",)))],
        ["compare", at.base.run, at.base.run, "--out", out / "compare.html"],
        ["gate", "--from", at.base.run, "--rules", at.base.rules, "--out", out],
    ))  # fmt: skip
