"""What does a shard of a sweep leave, and how is it read? Blocks with the digests of their parts, and what the whole sweep is of.

`shards/3-of-40.json` says of what sweep it is; `blocks/NAME.json` stands once all of a block is there, with the digest of each part;
`trials/` and `heard/` hold the parts, `recordings.parquet` what was recorded, `looks/` what files told when they were decoded. Several
shards may share a place. Loads no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from robustness.errors import OutputError, RunError
from robustness.run.blocks import FOLDERS, Shard, SweepLayout, part_bytes
from robustness.run.looks import FirstLook, LookSettings, looks_bytes, read_looks
from robustness.run.resume import differences
from robustness.run.schema import RECORDINGS, SCHEMA, SHARDS, part_name
from robustness.run.store import Store

LOOKS: Final = "looks"  # the folder of what files told when they were looked at
NAME: Final = 16  # hexadecimal digits of a digest in a file's name
SHARD_KIND: Final = "speech-robustness shard"
MACHINE: Final = ("threads",)  # settings of which no answer depends


@dataclass(frozen=True, kw_only=True)
class ShardFacts:
    """Of what sweep a shard is.

    Attributes:
        kind, schema: that it is a shard, and of which version.
        shard: as in 3/40.
        cpu: the kind of processor.
        request: all that decides the answers, but the recordings.
        engine: what the engine chose: batch, workers, and how each network is run.
        layout: how the sweep is divided into blocks.
        recordings_sha256: of the table of recordings.
        manifest: what the run will say of itself, but for what its blocks tell.
    """

    kind: str
    schema: int
    shard: str
    cpu: str
    request: dict[str, Any]
    engine: dict[str, Any]
    layout: SweepLayout
    recordings_sha256: str
    manifest: dict[str, Any]

    @property
    def comparable(self) -> dict[str, Any]:
        """All in which the shards of one sweep agree, by the names under which a difference is said."""
        request = {key: value for key, value in self.request.items() if key != "versions"}
        request["settings"] = {key: value for key, value in self.request["settings"].items() if key not in MACHINE}
        versions = {key: value for key, value in self.request["versions"].items() if key != "cpu"}
        layout = dict(zip(("recordings", "recordings a block", "windows without a word"), self.layout, strict=True))
        return {**request, **layout, "version of": versions, "batch": self.engine["batch"], "how networks run": self.engine["networks"]}


@dataclass(frozen=True, kw_only=True)
class BlockFacts:
    """A block that is whole.

    Attributes:
        cpu: the kind of processor that computed it.
        parts: the SHA-256 of each part, by its folder.
        state: what the sweep learned of it: digests of what was heard, windows without a word, the self-check.
    """

    cpu: str
    parts: dict[str, str]
    state: dict[str, Any]

    def same_answers(self, other: BlockFacts) -> bool:
        """Whether another process computed the same bytes."""
        return (self.parts, self.state) == (other.parts, other.state)


_SHARD: Final = TypeAdapter(ShardFacts)
_BLOCK: Final = TypeAdapter(BlockFacts)


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


@dataclass(frozen=True)
class ShardPlace:
    """A place of shards, to read and to write."""

    store: Store

    def begin(self, facts: ShardFacts, recordings: bytes) -> None:
        """Writes down of what a shard is; the same shard again goes on with what is there.

        Raises:
            RunError: the place holds shards of another sweep.
            OutputError: it cannot be written.
        """
        for other in self.shards():
            unlike = differences(other.comparable, facts.comparable)
            if other.recordings_sha256 != facts.recordings_sha256:
                unlike.append("other recordings")
            if unlike:
                raise RunError(f"{self.store} holds a shard of another sweep: {'; '.join(unlike)}; give another --out, or remove it")
        self.store.write(RECORDINGS, recordings)
        shard = Shard.read(facts.shard)
        self.store.write(f"{SHARDS}/{shard.number}-of-{shard.total}.json", json_bytes(asdict(facts)))

    def shards(self) -> list[ShardFacts]:
        """The shards that lie here.

        Raises:
            RunError: one is damaged, or of a schema that is not read.
        """
        found = []
        for name in self.store.names(SHARDS):
            facts = self._read(name, _SHARD)
            if facts.kind != SHARD_KIND or facts.schema != SCHEMA:
                raise RunError(f"{self.store}/{name} is no shard of schema {SCHEMA}; compute it again with this version")
            Shard.read(facts.shard)
            found.append(facts)
        return found

    def looks(self, settings: LookSettings) -> dict[tuple[str, int], FirstLook]:
        """What was told of files that were looked at in this way, by their ids and sizes.

        Raises:
            RunError: a table of them is damaged.
        """
        files = [(f"{self.store}/{name}", self.store.read(name)) for name in self.store.names(LOOKS)]
        return {(look.id, look.size): look for name, content in files for look in read_looks(name, content, settings)}

    def add_looks(self, settings: LookSettings, new: Iterable[FirstLook]) -> None:
        """Keeps what was told of more files."""
        content = looks_bytes(settings, new)
        self.store.write(f"{LOOKS}/{hashlib.sha256(content).hexdigest()[:NAME]}.parquet", content)

    def done(self) -> dict[str, BlockFacts]:
        """The blocks that are whole, by name.

        Raises:
            RunError: the record of one is damaged.
        """
        names = [name for name in self.store.names("blocks") if name.endswith(".json")]
        return {name.removeprefix("blocks/").removesuffix(".json"): self._read(name, _BLOCK) for name in names}

    def _read(self, name: str, kind: TypeAdapter[Any]) -> Any:
        try:
            return kind.validate_json(self.store.read(name))
        except ValidationError as error:
            raise RunError(f"{self.store}/{name} is damaged; remove it and compute its shard again") from error

    def add(self, block: str, facts: BlockFacts, parts: Mapping[str, bytes]) -> None:
        """Puts a block in its place, its record last.

        Raises:
            OutputError: it is there already with other bytes, or cannot be written.
        """
        name = f"blocks/{block}.json"
        if name in self.store.names("blocks") and not self._read(name, _BLOCK).same_answers(facts):
            raise OutputError(
                f"{self.store} has block {block} with other answers already ({self._read(name, _BLOCK).cpu} there, {facts.cpu} here); "
                f"give each kind of processor its own --out"
            )
        for folder, content in parts.items():
            self.store.write(f"{folder}/{part_name(block)}", content)
        self.store.write(name, json_bytes(asdict(facts)))

    def parts(self, block: str, facts: BlockFacts) -> dict[str, bytes]:
        """The files of a block, by folder.

        Raises:
            RunError: one is not there, or is not the one that was written.
        """
        found: dict[str, bytes] = {}
        for folder in FOLDERS:
            if folder in facts.parts:
                found[folder] = self.store.read(name := f"{folder}/{part_name(block)}")
                if hashlib.sha256(found[folder]).hexdigest() != facts.parts[folder]:
                    raise RunError(
                        f"{self.store}/{name} is not the file that was written; remove blocks/{block}.json and compute its shard again"
                    )
        return found


def block_of(tables: Mapping[str, pa.Table], state: dict[str, Any], cpu: str) -> tuple[BlockFacts, dict[str, bytes]]:
    """The record and the files of a block that was computed."""
    parts = {folder: part_bytes(table) for folder, table in tables.items()}
    return BlockFacts(cpu=cpu, parts={folder: hashlib.sha256(part).hexdigest() for folder, part in parts.items()}, state=state), parts
