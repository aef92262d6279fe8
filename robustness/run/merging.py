"""How do shards become one run? Blocks are verified and put side by side: the same bytes as of one process, but for provenance.

What differs between shards is named, what is missing too. Loads no torch.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from robustness.errors import RunError, UsageError
from robustness.run.blocks import Shard, SweepBlock, Total
from robustness.run.folder import Run, RunWriter
from robustness.run.provenance import provenance
from robustness.run.resume import differences, other_recordings
from robustness.run.schema import RECORDINGS, REQUEST, SCHEMA, SHARDS, part_name
from robustness.run.shards import BlockFacts, ShardFacts, ShardPlace, json_bytes
from robustness.run.store import store_of

NAMED: Final = 3  # blocks or shards that a message names


@dataclass(frozen=True)
class StoredBlock:
    """A block that is whole, and where it lies."""

    place: ShardPlace
    facts: BlockFacts


@dataclass(frozen=True, eq=False)
class Merger:
    """Places of shards, looked at together.

    Attributes:
        places: where shards lie.
    """

    places: Sequence[ShardPlace]

    @classmethod
    def of(cls, addresses: Iterable[str], *, same_cpu: bool = False) -> Merger:
        """The shards at these addresses, each of the same sweep and all blocks of it there.

        Raises:
            UsageError: an address cannot be used.
            RunError: there is no shard, shards differ, blocks are missing, or one is there twice with other bytes; also where processors
                differ and may not.
        """
        merger = cls([ShardPlace(store_of(address)) for address in addresses])
        merger._refuse_other()
        if same_cpu and len(merger.cpus) > 1:
            raise RunError(
                f"the blocks were computed on {len(merger.cpus)} kinds of processor: {', '.join(merger.cpus)}; "
                f"compute all shards on one kind, or leave out --same-cpu"
            )
        merger._refuse_missing()
        return merger

    @cached_property
    def shards(self) -> list[tuple[ShardPlace, ShardFacts]]:
        """Every shard, with its place."""
        for place in self.places:
            if not place.store.names(SHARDS):
                raise RunError(f"{place.store} holds no shard; give folders that `robustness sweep --shard` wrote")
        found = [(place, facts) for place in self.places for facts in place.shards()]
        if not found:
            raise UsageError("a merge needs the folders of shards; give at least one")
        return found

    @property
    def first(self) -> ShardFacts:
        """The facts that all share."""
        return self.shards[0][1]

    @cached_property
    def blocks(self) -> dict[str, StoredBlock]:
        """Every block that is whole; of one that was computed twice, that of the first place.

        Raises:
            RunError: one was computed twice with other bytes.
        """
        names = {block.name: block for block in self.first.layout.blocks}
        found: dict[str, StoredBlock] = {}
        for place in self.places:
            for name, facts in place.done().items():
                if name not in names:
                    raise RunError(f"{place.store} holds block {name}, which is none of this sweep; remove blocks/{name}.json")
                before = found.setdefault(name, StoredBlock(place, facts))
                if not before.facts.same_answers(facts):
                    raise RunError(
                        f"{names[name]} was computed twice with other bytes, in {before.place.store} ({before.facts.cpu}) and "
                        f"{place.store} ({facts.cpu}); leave one of them out"
                    )
        return found

    @property
    def cpus(self) -> list[str]:
        """The kinds of processor that computed blocks."""
        return sorted({found.facts.cpu for found in self.blocks.values()})

    def _refuse_other(self) -> None:
        first_place = self.shards[0][0]
        for place, facts in self.shards[1:]:
            unlike = differences(self.first.comparable, facts.comparable)
            if facts.recordings_sha256 != self.first.recordings_sha256:
                before, now = (pq.read_table(io.BytesIO(each.store.read(RECORDINGS))).to_pandas() for each in (first_place, place))
                unlike += other_recordings(before, now) or ["the table of recordings is another"]
            if unlike:
                raise RunError(
                    f"{place.store} (shard {facts.shard}) and {first_place.store} (shard {self.first.shard}) are of different sweeps: "
                    f"{'; '.join(unlike)}; compute all shards with the same command"
                )

    def _refuse_missing(self) -> None:
        missing = [block for block in self.first.layout.blocks if block.name not in self.blocks]
        if missing:
            said = f"{', '.join(map(str, missing[:NAMED]))}{f' and {len(missing) - NAMED} more' if len(missing) > NAMED else ''}"
            raise RunError(f"{said} {'is' if len(missing) == 1 else 'are'} missing; {self._to_do(missing)}")

    def _to_do(self, missing: Sequence[SweepBlock]) -> str:
        """Which shards have what is missing."""
        counts = {Shard.read(facts.shard).total for _, facts in self.shards}
        if len(counts) > 1:
            return "compute the shards that hold them, and merge again"
        (count,) = counts
        places = {block.name: place for place, block in enumerate(self.first.layout.blocks)}
        numbers = sorted({places[block.name] % count + 1 for block in missing})
        shards = ", ".join(f"{number}/{count}" for number in numbers[:NAMED]) + (" and others" if len(numbers) > NAMED else "")
        return f"run `robustness sweep --shard` for {shards} and merge again"

    def write(self, out: Path) -> Run:
        """The run of all shards, with its trials and without explanations and a page.

        Args:
            out: the run folder; an existing run is replaced as a whole.

        Raises:
            RunError: a part is not the file that was written, or the digests of the recordings do not agree.
            OutputError: the place cannot be written.
        """
        writer = RunWriter(out)
        try:
            self._put_recordings(writer)
            writer.put(REQUEST, json_bytes({"schema": SCHEMA, **self._request()}))
            total = Total()
            for block in self.first.layout.blocks:
                found = self.blocks[block.name]
                for folder, content in found.place.parts(block.name, found.facts).items():
                    writer.put(f"{folder}/{part_name(block.name)}", content)
                writer.blocks[block.name] = {**found.facts.parts, "cpu": found.facts.cpu}
                total.add(found.facts.state)
            writer.write_manifest(self._manifest(writer, total))
        except BaseException:
            writer.discard()
            raise
        return writer.finish()

    def _put_recordings(self, writer: RunWriter) -> None:
        place = self.shards[0][0]
        if writer.put(RECORDINGS, place.store.read(RECORDINGS)) != self.first.recordings_sha256:
            raise RunError(f"{place.store}/{RECORDINGS} is not the file that was written; compute shard {self.first.shard} again")

    @property
    def _versions(self) -> dict[str, str]:
        kinds = sorted({facts.request["versions"]["cpu"] for _, facts in self.shards})
        return {**self.first.request["versions"], "cpu": ", ".join(kinds)}

    def _request(self) -> dict[str, Any]:
        return {**self.first.request, "versions": self._versions}

    def _manifest(self, writer: RunWriter, total: Total) -> dict[str, Any]:
        """What the run says of itself, as one process would have written it."""
        manifest = self.first.manifest
        return {
            **manifest,
            "plan": {**manifest["plan"], "no_word": total.no_word, **({"kernels": total.kernels} if total.kernels else {})},
            "audio_sha256": total.audio,
            "self_check": {"checked": total.checked, "flips": total.flips},
            "versions": self._versions,
            "blocks": writer.blocks,
            "complete": True,
            "interrupted": False,
            "provenance": {**manifest["provenance"], **provenance()},
        }
