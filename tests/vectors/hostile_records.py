"""Records, indexes and log files whose seals are right, and which must be refused for what they say."""

import struct
from collections.abc import Iterator
from typing import Any

from tests.vectors.hostile_meanings import Cases, spelled
from tests.vectors.vectors import Vector
from tests.vectors.writer import CHUNK, FOLDER, NOON, Copy, Maker, digest, entry, pack

ID, OTHER = bytes(range(32)), bytes(range(1, 33))
DEVICE, PHONE = bytes.fromhex("1a" * 8), bytes.fromhex("2b" * 8)
NEEDED = ("device", "seq", "salt", "v", "body")


def vectors() -> Iterator[Vector]:
    yield from spelled("record", records())
    yield from spelled("index", indexes())
    yield from logs()


def records() -> Cases:
    copy = Copy(Maker(seed="records"))

    def snapshot(**changes: Any) -> bytes:
        return copy.snapshot(DEVICE, 1, None, ID, **changes)

    def other(kind: str, body: Any) -> bytes:
        return copy.record(kind, DEVICE, 1, None, body)

    def without(key: str) -> Any:
        record: dict[str, Any] = {
            "body": {},
            "device": DEVICE,
            "kind": "levitate",
            "needs_read": [],
            "prev": None,
            "salt": bytes(16),
        }
        return {k: v for k, v in (record | {"seen": [], "seq": 1, "time": NOON, "v": 1}).items() if k != key}

    return {
        "v-2": ("needs", "a record of version 2", snapshot(record_v=2)),
        "needs-read": (
            "needs",
            "a feature that it must not be read without",
            snapshot(record_needs_read=["holes"]),
        ),
        "array": ("shape", "a record that is an array", [1, 2, 3]),
        **{f"no-{key}": ("shape", f"a record without {key}", without(key)) for key in NEEDED},
        "device-short": ("shape", "a device of 7 bytes", snapshot(record_device=bytes(7))),
        "seq-0": ("shape", "a record before the first", snapshot(record_seq=0)),
        "seen-pair": ("shape", "seen without an id", snapshot(record_seen=[[PHONE, 1]])),
        "prev-at-1": ("chain", "the first record goes on from another", snapshot(record_prev=ID)),
        "no-prev-at-2": ("chain", "the second record goes on from nothing", snapshot(record_seq=2)),
        "body-no-root": ("shape", "a snapshot without a root", other("snapshot", {"attic": None})),
        "body-complete-int": ("shape", "complete is 1", snapshot(complete=1)),
        "body-attic-short": ("shape", "an attic with an id of 31 bytes", snapshot(attic=ID[:31])),
        "root-named": ("name", "a root with a name", snapshot(root=entry(b"up", FOLDER, ID))),
        "root-file": ("shape", "a root that is a file", snapshot(root=entry(b"", 1, []))),
        "truncated": ("canonical", "a record that ends too early", snapshot()[:-9]),
        "trailing": ("canonical", "bytes after the record", snapshot() + bytes(3)),
        "unknown-kind": ("unknown", "a kind of record that version 1 does not know", other("levitate", {})),
        "unknown-key": ("unknown", "a key of a record", snapshot(record_wind="north")),
        "unknown-body-key": ("unknown", "a key of a snapshot", snapshot(mood="calm")),
    }


def indexes() -> Cases:
    row = struct.pack("<32sBBII", ID, CHUNK, 0, 116, 100)

    def index(*pack_: Any, **more: Any) -> Any:
        return {"packs": [list(pack_)] if pack_ else [], "supersedes": [], "v": 1} | more

    return {
        "head-short": ("shape", "a head of 95 bytes", index(ID, 1024, bytes(95), row)),
        "hash-short": ("shape", "a pack's hash of 31 bytes", index(ID[:31], 1024, bytes(96), row)),
        "no-packs": ("shape", "no packs key", {"supersedes": [], "v": 1}),
        "trailing": ("canonical", "a byte after the value", pack(index()) + b"\0"),
        "unknown-key": ("unknown", "a key of an index", index(weather="fair")),
    }


def logs() -> Iterator[Vector]:
    """Log files: what is inside does not fit the name, or itself."""
    copy = Copy(Maker(seed="logs"))
    one = copy.snapshot(DEVICE, 1, None, ID)
    two = copy.snapshot(DEVICE, 2, digest(one), ID)
    three = copy.snapshot(DEVICE, 3, digest(two), ID)
    astray = copy.snapshot(DEVICE, 2, OTHER, ID)
    cases = {
        "device": ("another device than the name says", PHONE, 1, [one]),
        "seq": ("another number than the name says", DEVICE, 2, [one]),
        "seq-first": ("the number of the first record, not of the last", DEVICE, 1, [one, two]),
        "gap": ("a record is left out", DEVICE, 3, [one, three]),
        "descending": ("records in descending order", DEVICE, 2, [two, one]),
        "prev": ("a record that goes on from another than the one before", DEVICE, 2, [one, astray]),
        "twice": ("one record twice", DEVICE, 1, [one, one]),
    }
    for name, (comment, device, seq, plain) in cases.items():
        copy.files.clear()
        copy.log(device, seq, plain)
        ((path, data),) = copy.files.items()
        yield Vector(f"log-{name}", "log-file", "chain", comment, data, _opening(path))
    copy.files.clear()
    copy.log(DEVICE, 1, [one])
    ((path, data),) = copy.files.items()
    cut = data[:700] + bytes([data[700] ^ 1]) + data[701:]
    yield Vector(
        "log-digest", "log-file", "digest", "a file that does not hash to its name", cut, _opening(path)
    )
    yield Vector("log-cut", "log-file", "digest", "a file that lost its end", data[:-30], _opening(path))


def _opening(path: str) -> dict[str, str]:
    maker = Maker()
    return {"master": maker.master.hex(), "vault-id": maker.vault_id.hex(), "box-kind": "4", "file": path}
