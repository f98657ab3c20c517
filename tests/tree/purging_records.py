"""What the model of pruning is about: two copies, the records and packs on them, and work that has begun; and
those records as the rules see them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from vaultd.format.record import Record

Key = tuple[int, int]  # device and number of a record
PACK = b"P" * 32
ZERO = (0, 1)  # the first snapshot
PRUNER = 0
COPIES = (0, 1)


class Said(NamedTuple):
    """One record."""

    kind: str
    seen: tuple[Key, ...]
    packs: tuple[bytes, ...] = ()
    answers: tuple[Key, ...] = ()
    marked: tuple[Key, ...] = ()


class Work(NamedTuple):
    """A record that will be written: on which copy, with what knowledge, and the pack that a snapshot is
    going to store; None where it relies on what is there.
    """

    copy: int
    known: tuple[Key, ...]
    pack: bytes | None = None
    kind: str = "snapshot"


class Copy(NamedTuple):
    records: frozenset[Key]
    packs: frozenset[bytes]


@dataclass(frozen=True)
class State:
    """`said` are all records that there are anywhere."""

    copies: tuple[Copy, ...]
    said: frozenset[tuple[Key, Said]]
    work: tuple[Work | None, ...]
    stored: int = 0

    def records(self, copy: int) -> dict[Key, Said]:
        here = self.copies[copy].records
        return {key: said for key, said in self.said if key in here}


def device_id(device: int) -> bytes:
    return bytes([device + 1]) * 8


def record_key(key: Key) -> bytes:
    return device_id(key[0]) + key[1].to_bytes(24, "big")


def _pairs(keys: Sequence[Key]) -> list[tuple[bytes, int, bytes]]:
    return [(device_id(device), seq, record_key((device, seq))) for device, seq in keys]


def _body(said: Said) -> dict[str, Any]:
    match said.kind:
        case "forget":
            return {"by": "owner", "snapshots": [record_key(ZERO)]}
        case "condemn":
            return {"packs": list(said.packs)}
        case "purge":
            answers = [record_key(key) for key in said.answers]
            return {"answers": answers, "marked": _pairs(said.marked), "packs": list(said.packs)}
        case "device":
            return {"name": "", "replaces": None}
        case _:
            return {}


@lru_cache(100_000)
def _record(key: Key, said: Said) -> Record:
    device, seq = key
    prev = record_key((device, seq - 1)) if seq > 1 else None
    return Record(
        body=_body(said),
        device=device_id(device),
        kind=said.kind,
        needs_read=[],
        prev=prev,
        salt=bytes(16),
        seen=_pairs(said.seen),
        seq=seq,
        time=0,
        v=1,
    )


class Log:
    """Records as the rules see them."""

    def __init__(self, records: Mapping[Key, Said]) -> None:
        self.records = {record_key(key): _record(key, said) for key, said in records.items()}
