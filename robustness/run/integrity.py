"""Is a whole run folder as a run wrote it? One reader of every file, before anything is judged, compared or drawn.

Damage are files that are missing, cut off or lead elsewhere, keys and columns that are missing, rows that stand there twice or not at all,
numbers that are none, and names that the manifest does not know. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from robustness.conditions import FILLS, NO_WORD, NONE, OTHER_WORD, PLACEMENTS
from robustness.errors import RunError
from robustness.run.audit_records import read_audit, read_latencies
from robustness.run.damage import MANIFEST, adapter, again, damaged, read_arrays, read_sound, read_table, said_when_damaged
from robustness.run.every_sample import FILE as EVERY_SAMPLE
from robustness.run.every_sample import read_every_sample
from robustness.run.evidence import FAILURES, FailureCard, FiniteNumber, read_failures
from robustness.run.folder import Run
from robustness.run.restoration import FILE as RESTORING
from robustness.run.restoration import read_restoration
from robustness.run.resume import is_run
from robustness.run.schema import HEARD, KIND, RECORDINGS, REQUEST, part_name, trials_schema
from robustness.run.sounds import FILE as SOUNDS
from robustness.run.sounds import read_sounds

KEY: Final = ["model", "variant", "recording", "placement", "fill", "perturbation", "level", "draw"]
SAID: Final = ["model", "variant", "recording", "placement", "fill", "perturbation", "draw", "predicted", "p_predicted"]  # in every row
LABELLED: Final = ["correct", "margin"]  # in every row with a label of the model
NUMBERS: Final = ["p_label", "p_predicted", "margin", "offset_ms"]
COLUMNS: Final = (  # of the table of recordings
    "id", "word", "label", "speaker", "duration_ms", "native_ms", "speech_start_ms", "speech_end_ms", "slack_ms", "trimmed", "untestable",
    "level_dbfs", "sha256",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VariantFacts:
    """A variant in the manifest."""

    name: str
    about: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A model in the manifest."""

    name: str
    labels: list[str]
    unknown: str | None
    silence: str | None
    output: str
    threshold: FiniteNumber | dict[str, FiniteNumber] | None
    rate_hz: int
    window_ms: FiniteNumber
    reference: str
    parameters: int | None
    weights_sha256: str  # empty for a program and a function, which have no weights
    about: dict[str, Any]
    variants: list[VariantFacts]


@dataclass(frozen=True, kw_only=True)
class GridFacts:
    """The levels of a perturbation in the manifest; infinity is a word."""

    axis: str
    unit: str
    levels: list[FiniteNumber | str]
    neutral: FiniteNumber | str
    draws: int
    fills: list[str]
    source: str


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """The plan in the manifest."""

    seed: int
    trim: str
    speech_threshold_db: FiniteNumber
    grids: dict[str, GridFacts]
    skipped: dict[str, str]
    conditions: int
    devices: list[str] = field(default_factory=list)
    no_word: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RecordingsFacts:
    """What the manifest says of the recordings."""

    folders: list[str]
    count: int
    speakers: int
    words: dict[str, int]
    trimmed: int
    untestable: int
    bad: list[dict[str, Any]]
    notices: list[str]
    sha256: str


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """The sweep's check of itself."""

    checked: int
    flips: int


@dataclass(frozen=True, kw_only=True)
class BlockDigests:
    """The digests of a block's parts, and the kind of processor that computed it."""

    cpu: str
    trials: str
    heard: str


@dataclass(frozen=True, kw_only=True)
class ManifestFacts:
    """What every manifest has; others of its keys are not looked at."""

    complete: bool
    interrupted: bool
    models: list[ModelFacts]
    plan: PlanFacts
    recordings: RecordingsFacts
    audio_sha256: dict[str, str]
    self_check: CheckFacts
    versions: dict[str, str]
    repeat: str
    provenance: dict[str, str]
    blocks: dict[str, BlockDigests] | None = None  # runs made before name none


def checked_run(path: Path) -> Run:
    """The run at this path, every file of it looked at.

    Raises:
        RunError: where it is no run folder, one of a schema that is not read, or damaged.
    """
    if (path / MANIFEST).exists() and not is_run(path) and (path / "trials").is_dir():
        raise damaged(path, MANIFEST, f"is not that of a {KIND}")
    run = Run.open(path)
    with said_when_damaged(path, MANIFEST) as manifest:
        adapter(ManifestFacts).validate_json(manifest.read_bytes(), strict=True)
    if (path / REQUEST).exists():
        with said_when_damaged(path, REQUEST) as request:
            adapter(dict[str, Any]).validate_json(request.read_bytes())
    _Check(run).all()
    return run


@dataclass(frozen=True, eq=False)
class _Check:
    """One run that is looked at."""

    run: Run

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def models(self) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = self.run.manifest["models"]
        return models

    def all(self) -> None:
        """Every file but the page.

        Raises:
            RunError: where one is damaged.
        """
        if not self.models or not all(model["variants"] and model["labels"] for model in self.models):
            raise damaged(self.path, MANIFEST, "names no model with variants and labels")
        known = self._recordings()
        self._blocks()
        self._trials(known)
        for name in self._parts("heard"):
            self._columns(name, read_table(self.path, name), HEARD.names)
        self._failures(known)
        enumerated = read_every_sample(self.run.evidence)
        each = [] if enumerated is None else enumerated.recordings
        self._known(f"evidence/{EVERY_SAMPLE}", "recording", [one.recording for one in each], known)
        self._condition_sounds(known)
        audit = read_audit(self.run.evidence)
        variants = [(one.model, one.variant) for one in (audit.variants if audit else ())]
        variants += [(row.model, row.variant) for row in read_latencies(self.path).measured]
        names = {(model["name"], variant["name"]) for model in self.models for variant in model["variants"]}
        self._known("evidence/audit.json", "variant", [f"{m} {v}" for m, v in variants], {f"{m} {v}" for m, v in names})
        enumerating = [f"{one.model} {one.variant}" for one in each]
        self._known(f"evidence/{EVERY_SAMPLE}", "variant", enumerating, {f"{m} {v}" for m, v in names})

    def _condition_sounds(self, known: set[str]) -> None:
        """What is kept to be heard of each perturbation."""
        found = read_sounds(self.run.evidence)
        if found is not None:
            self._known(f"evidence/{SOUNDS}", "recording", [found.recording], known)
            kinds = set(self.run.manifest["plan"]["grids"])
            self._known(f"evidence/{SOUNDS}", "perturbation", [one.perturbation for one in found.sounds], kinds)

    def _blocks(self) -> None:
        """A whole run has the parts of the blocks that its manifest names, and no others; runs made before name none."""
        blocks = self.run.manifest.get("blocks")
        if blocks is None or not self.run.manifest["complete"]:
            return
        for folder in ("trials", "heard"):
            named = {f"{folder}/{part_name(block)}" for block in blocks}
            there = set(self._parts(folder))
            for name in sorted(there - named):
                raise damaged(self.path, MANIFEST, f"names no block for {name}")
            for name in sorted(named - there):
                raise damaged(self.path, name, "is not there")

    def _parts(self, folder: str) -> list[str]:
        return sorted(f"{folder}/{path.name}" for path in (self.path / folder).glob("part-*.parquet"))

    def _columns(self, name: str, table: pa.Table, wanted: list[str] | tuple[str, ...]) -> None:
        missing = [column for column in wanted if column not in table.column_names]
        if missing:
            raise damaged(self.path, name, f"has no column {', '.join(missing)}")

    def _known(self, name: str, what: str, found: Any, known: set[str]) -> None:
        unknown = sorted({str(one) for one in found} - known)
        if unknown:
            raise damaged(self.path, name, f"has the {what} {unknown[0]}, which the rest of the run does not know")

    def _recordings(self) -> set[str]:
        """The names of the recordings."""
        table = read_table(self.path, RECORDINGS)
        self._columns(RECORDINGS, table, COLUMNS)
        with said_when_damaged(self.path, RECORDINGS):
            frame = table.to_pandas()
            numbers = frame[["duration_ms", "slack_ms"]].astype(float)
        if frame["id"].isna().any() or frame["id"].duplicated().any():
            raise damaged(self.path, RECORDINGS, "has a recording twice, or one without a name")
        if numbers.isna().any(axis=None) or frame["sha256"].isna().any():
            raise damaged(self.path, RECORDINGS, "has a recording without a length or a digest")
        if len(frame) != self.run.manifest["recordings"]["count"]:
            raise damaged(self.path, RECORDINGS, f"has {len(frame)} recordings, and the manifest counts otherwise")
        self._known(RECORDINGS, "label", frame["label"].dropna(), set(self.models[0]["labels"]))
        return set(frame["id"].astype(str))

    def _trials(self, known: set[str]) -> None:
        parts = self._parts("trials")
        if not parts and not self.run.manifest["complete"]:
            begun = again(self.run.manifest)
            raise RunError(f"the run {self.path} was interrupted before its first answers; `{begun}` with --resume goes on with it")
        if not parts:
            raise damaged(self.path, "trials", "holds no answers")
        done: dict[str, str] = {}
        counts: list[pd.Series[int]] = []
        for name in parts:
            rows = self._part(name, known)
            words = rows[rows["perturbation"] != NO_WORD]
            mine = set(words["recording"].unique().astype(str))
            twice = sorted(mine & done.keys())
            if twice:
                raise damaged(self.path, name, f"has {twice[0]} again, which is in {done[twice[0]]}")
            done |= dict.fromkeys(mine, name)
            counts.append(words.groupby(["model", "variant", "recording"], observed=True).size())
        self._whole(done, known, pd.concat(counts))

    def _part(self, name: str, known: set[str]) -> pd.DataFrame:
        """The rows of one part."""
        table = read_table(self.path, name)
        schema = trials_schema(self.run.schema)
        self._columns(name, table, schema.names)
        with said_when_damaged(self.path, name):
            frame: pd.DataFrame = table.select(schema.names).cast(schema).unify_dictionaries().to_pandas()
        labelled = frame["label"].notna() & (frame["label"] != OTHER_WORD)  # of such a word there is no p and no margin
        if frame[SAID].isna().any(axis=None) or frame.loc[labelled, LABELLED].isna().any(axis=None):
            raise damaged(self.path, name, "has rows in which something is missing")
        if any(pc.any(pc.is_nan(table[column])).as_py() for column in NUMBERS):
            raise damaged(self.path, name, "has a number that is none")
        if not frame["p_predicted"].between(0, 1.000001).all() or (frame["margin"].abs() == float("inf")).any():
            raise damaged(self.path, name, "has a probability or a margin that cannot be")
        if frame.duplicated(KEY).any():
            raise damaged(self.path, name, "has rows twice")
        labels, models = set(self.models[0]["labels"]), {model["name"] for model in self.models}
        variants = {variant["name"] for model in self.models for variant in model["variants"]}
        perturbations = {NONE, NO_WORD, *self.run.manifest["plan"]["grids"]}
        allowed: Mapping[str, set[str]] = {"label": labels | {OTHER_WORD}, "predicted": labels, "rival": labels}
        allowed = {**allowed, "model": models, "variant": variants}
        allowed = {**allowed, "perturbation": perturbations, "placement": set(PLACEMENTS), "fill": set(FILLS)}
        for column, names in allowed.items():
            self._known(name, column, frame[column].dropna().unique(), names)
        self._known(name, "recording", frame.loc[frame["perturbation"] != NO_WORD, "recording"].unique(), known)
        return frame

    def _whole(self, done: Mapping[str, str], known: set[str], counts: pd.Series[int]) -> None:
        """In a run that is complete, no recording and no row is missing."""
        if not self.run.manifest["complete"]:
            return
        missing = sorted(known - done.keys())
        if missing and done:
            raise damaged(self.path, "trials", f"holds no answer to {missing[0]}")
        variants = sum(len(model["variants"]) for model in self.models)
        if done and (counts.nunique() != 1 or len(counts) != variants * len(done)):
            raise damaged(self.path, "trials", "holds more answers to one recording, or of one variant, than to others")

    def _failures(self, known: set[str]) -> None:
        found = read_failures(self.run.evidence)
        cards = {} if found is None else {card.id: card for card in found.failures}
        if found is not None and len(cards) != len(found.failures):
            raise damaged(self.path, f"evidence/{FAILURES}", "has a card twice")
        restoration = read_restoration(self.run.evidence)
        if cards and restoration is None:
            raise damaged(self.path, f"evidence/{RESTORING}", "is not there")
        self._known(f"evidence/{RESTORING}", "card", restoration.cards if restoration else (), set(cards))
        for card in cards.values():
            self._card(card, known)

    def _card(self, card: FailureCard, known: set[str]) -> None:
        """One card, its arrays and its sounds."""
        name = f"evidence/{FAILURES}"
        several = len(self.models) > 1
        variants = {f"{m['name']} · {v['name']}" if several else v["name"] for m in self.models for v in m["variants"]}
        self._known(name, "recording", [card.recording], known)
        self._known(name, "variant", [card.worst_variant, *card.variants], variants)
        self._known(name, "label", [card.label, *(answer.predicted for answer in card.variants.values())], set(self.models[0]["labels"]))
        self._known(name, "perturbation", [card.condition.perturbation], {NONE, *self.run.manifest["plan"]["grids"]})
        for file in _sounds(card):
            read_sound(self.path, f"evidence/{file}")
        arrays = read_arrays(self.path, f"evidence/{card.arrays}")
        maps = {f"{method.name}/{variant}" for method in card.methods for variant in method.variants}
        missing = sorted({"log_mel", *maps} - arrays.keys())
        if missing:
            raise damaged(self.path, f"evidence/{card.arrays}", f"has no array {missing[0]}")
        if any(array.shape != arrays["log_mel"].shape or len(array) != len(card.band_hz) for array in (arrays[key] for key in maps)):
            raise damaged(self.path, f"evidence/{card.arrays}", "has a map of another size than the log-mel")


def _sounds(card: FailureCard) -> Iterator[str]:
    yield from (file for file in (card.sound, card.counterpart_sound, card.before_sound) if file is not None)
