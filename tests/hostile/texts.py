"""Hostile tables, names, patterns, rules and options: all that is text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.builders import RATE_HZ
from tests.hostile.cases import RULES, VARIANT, Place, changed_bytes, kind, planned
from tests.hostile.sounds import sound, write

WORDS: Final = (
    "up",
    "no",
    "",
    " ",
    "Up",
    "ＵＰ",
    "u\u0301p",
    "2",
    "_silence_",
    "x" * 5000,
    "a,b",
    '"',
    "a\nb",
    "\x1b[31mred",
    "\u202eup",
    "nan",
    "-1",
)
PATHS: Final = (
    "a.wav",
    "a.wav ",
    "./a.wav",
    "../a.wav",
    "/etc/passwd",
    "b.wav",
    "",
    "A.WAV",
    "a\\wav",
    "a\x00.wav",
    "~/a.wav",
    "a" * 300,
    "up/..",
    ".",
)
NUMBERS: Final = (
    0,
    -1,
    1,
    2,
    0.5,
    1e9,
    1e308,
    -1e308,
    2**63,
    "nan",
    "inf",
    "-inf",
    '"0.5"',
    "[]",
    "{}",
    "true",
    "[1, 2]",
    '""',
    "1979-05-27",
)
EVIL: Final = (
    "(a+)+$",
    "(?P<label>(.+)+)$",
    "(?P<label>(x|x)*)y",
    "{label}",
    "{}",
    "{label}{label}",
    "(?P<label>",
    "*",
    "(?P<label>)",
    "{label",
    "[",
    "\\",
)


def table_of(at: Place, rows: list[tuple[str, str]], header: str = "path,label") -> Path:
    """A table beside one good recording."""
    write(at.folder / "in" / "a.wav", "wav", sound())
    path = at.folder / "in" / "table.csv"
    text = "\n".join([header, *(f"{name},{word}" for name, word in rows)])
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


@kind("tables of odd words and paths", "read, or refused with the line")
def _rows(at: Place) -> list[object]:
    rows = [
        (at.rng.choice(PATHS) if at.rng.random() < 0.5 else "a.wav", at.rng.choice(WORDS)) for _ in range(at.rng.choice((0, 1, 1, 2, 9)))
    ]
    header = at.rng.choice(
        (
            "path,label",
            "path,label",
            "path;label",
            "path\tlabel",
            "label,path",
            "file,word",
            "path",
            "",
            "path,label,label",
            "\ufeffpath,label",
        )
    )
    path = table_of(at, rows, header)
    return planned(at, *at.rng.choice(((), ("--path-column", "file", "--label-column", "word"))), words=path)


@kind("tables with bytes changed", "read, or refused")
def _bent_table(at: Place) -> list[object]:
    path = table_of(at, [("a.wav", "up")] * at.rng.choice((1, 2)))
    if at.rng.random() < 0.5:
        path = path.with_suffix(".parquet")
        pq.write_table(pa.table({"path": ["a.wav"], "label": ["up"]}), path)
    path.write_bytes(changed_bytes(path.read_bytes(), at.rng))
    return planned(at, words=path) if at.rng.random() < 0.5 else planned(at, "--labels", path, words=path.parent)


@kind("Parquet tables of other types, and of a million rows", "read as text and whole numbers, anything else is refused")
def _parquet(at: Place) -> list[object]:
    write(at.folder / "in" / "a.wav", "wav", sound())
    count = at.rng.choice((0, 1, 1, 2, 1_000_001))
    odd = [
        pa.array(np.zeros(count)),
        pa.array([b"up"] * count),
        pa.array([[1]] * count),
        pa.array([None] * count),
        pa.array([True] * count),
    ]
    many = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array(["a.wav"]))
    good = [many, pa.array(["up"] * count), pa.array(["no"] * count, pa.large_string()), pa.array(np.full(count, 2, np.int64))]
    columns = [at.rng.choice([many, *odd]), at.rng.choice([*good, *odd])]
    names = at.rng.choice((["path", "label"], ["path", "label"], ["path", "path"], ["label", "path"], ["a", "b"]))
    pq.write_table(pa.Table.from_arrays(columns, names=names), at.folder / "in" / "t.parquet")
    return planned(at, words=at.folder / "in" / "t.parquet")


@kind("tables with many absent rows", "refused within a second or two, the first of them named")
def _absent(at: Place) -> list[object]:
    count = at.rng.choice((1_000, 10_000, 30_000, 100_000) if at.rng.random() < 0.2 else (100, 1_000))
    path = table_of(at, [("a.wav", "up"), *((f"gone/{number}.wav", "up") for number in range(count))])
    return planned(at, *at.rng.choice(((), ("--skip-bad",))), "--labels", path, words=path.parent)


@kind("patterns of labels", "bounded in time; one that matches nothing is refused")
def _patterns(at: Place) -> list[object]:
    name = at.rng.choice(("a" * 200, "x" * 100, "up_joe_1", "up", "(" * 50))
    write(at.folder / "in" / f"{name}.wav", "wav", sound())
    return planned(at, "--label-pattern", at.rng.choice(EVIL) + at.rng.choice(("", "", "_{speaker}", "$", "\n")), words=at.folder / "in")


@kind("names of files and folders", "escaped in all that is printed; names that are no UTF-8 are refused")
def _names(at: Place) -> list[object]:
    odd = (
        "\n::error::pwned",
        "\x1b[2J",
        "\u202egnp",
        "e\u0301",
        "<script>",
        "'",
        '"',
        "%s",
        "{}",
        "-rf",
        " ",
        "😀",
        "\x7f",
        "\u2028",
        "a" * 200,
        "\r",
        "..",
    )
    first, second = at.rng.choice(odd), at.rng.choice(odd)
    folder = at.folder / "in" / f"w{first}"
    path = write(folder / f"x{second}.wav", "wav", sound(), at.rng.choice((RATE_HZ, 3000)))
    if at.rng.random() < 0.2:
        path.rename(folder / os.fsdecode(b"\xff\xfe.wav"))
    if at.rng.random() < 0.3:
        return ["check", at.base.card, *VARIANT, "--recordings", at.folder / "in"]
    return planned(at, words=at.folder / "in" if at.rng.random() < 0.7 else path)


@kind("rules with bytes changed", "read, or refused with the line")
def _bent_rules(at: Place) -> list[object]:
    path = at.folder / "rules.toml"
    path.write_bytes(changed_bytes(RULES.encode(), at.rng) if at.rng.random() < 0.9 else b"a = " + at.rng.choice((b"[", b"{a = ")) * 50_000)
    return ["gate", "--from", at.base.run, "--rules", path, "--out", at.out]


@kind("rules of odd values", "judged, told that they cannot be judged, or refused with rule and key")
def _rules(at: Place) -> list[object]:
    keys = (
        "metric",
        "variant",
        "perturbation",
        "level",
        "fill",
        "placement",
        "label",
        "against",
        "at",
        "min",
        "max",
        "scope",
        "confidence",
        "other",
    )
    words = ('"accuracy"', '"*"', '"padding-placement"', '"up"', '"int8"', '"baseline"', '"files"', '"population"', '"zeros"', '"x\\ny"')
    lines = [f"{at.rng.choice(keys)} = {at.rng.choice((*NUMBERS, *words))}" for _ in range(at.rng.choice((1, 2, 3)))]
    given = {line.partition(" ")[0]: line for line in lines}
    rest = [line for key, line in {"metric": 'metric = "accuracy"', "min": "min = 0.0"}.items() if key not in given]
    path = at.folder / "rules.toml"
    path.write_text("\n".join(["version = 2", "[rule.one]", *rest, *given.values()]), encoding="utf-8")
    return ["gate", "--from", at.base.run, "--rules", path, *at.rng.choice((("--explain-rules",), ("--out", at.out), ("--out", at.out)))]


@kind("many rules", "ten thousand are judged within twenty seconds")
def _many(at: Place) -> list[object]:
    count = 10_000 if at.rng.random() < 0.05 else at.rng.choice((10, 100, 500))
    rules = (f'[rule.r{number}]\nmetric = "accuracy"\nmin = 0.0\n' for number in range(count))
    path = at.folder / "rules.toml"
    path.write_text("version = 2\n" + "".join(rules), encoding="utf-8")
    return ["gate", "--from", at.base.run, "--rules", path, "--out", at.out]


@kind("options", "taken, or refused by their names")
def _options(at: Place) -> list[object]:
    names = "seed threads batch sample threshold variant perturbation device input noises split calibration reference engine trim"
    odd = (
        -1,
        0,
        1,
        7,
        10**6,
        10**20,
        "nan",
        "inf",
        "",
        "x",
        "x\ny",
        "../..",
        "a=b",
        "noises=",
        "/dev/null",
        "cuda",
        "meta",
        "*",
        "[]",
        "\x1b[1m",
    )
    given = [part for name in at.rng.sample(names.split(), at.rng.choice((1, 1, 2))) for part in (f"--{name}={at.rng.choice(odd)}",)]
    return planned(at, *given)
