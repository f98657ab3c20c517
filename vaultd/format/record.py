"""Records of the log: what was done, by whom, after what (docs/format.md, section 9)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self

import msgspec
from blake3 import blake3
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format import canon, keeping, noticing
from vaultd.format.body import Body, Device, SaidMap, Seq
from vaultd.format.canon import Bytes16, Bytes32, Int
from vaultd.format.entry import FOLDER, Entry, check_root, decode_root, spell_out, unknown_in
from vaultd.format.limits import MAX_ERRORS, Buffer

_FEATURES: frozenset[str] = frozenset()  # words of `needs_read` that are known: none in version 1
_VERSION = 1
_ANY_ROOT = Entry(b"", FOLDER, 0, 0, 0, 0, 0, bytes(32), {})  # stands in for one that was checked already


class SnapshotBody(Body, frozen=True, kw_only=True):
    """One state of one source. `offset` is in minutes; `errors` are (path, error, detail); `tags` are its
    owner's words.
    """

    WORD: ClassVar[str] = "snapshot"

    attic: Bytes32 | None
    complete: bool
    counts: dict[str, Int]
    ended: Int
    errors: Annotated[list[tuple[bytes, str, str]], Meta(max_length=MAX_ERRORS)]
    host: str
    kind: str
    name: str
    offset: Int
    packs: list[Bytes32]
    parents: list[Bytes32]
    path: bytes
    root: Entry
    source: Bytes16
    started: Int
    tags: list[str] = msgspec.field(default_factory=list)

    @classmethod
    def from_map(cls, value: Mapping[str, Any]) -> Self:
        """Raises Refused: "shape", and "name" or "size" for its root."""
        root = decode_root(value.get("root"))
        body = super().from_map({**value, "root": _ANY_ROOT})
        return msgspec.structs.replace(body, root=root)

    def to_map(self) -> dict[str, Any]:
        return {**super().to_map(), "root": spell_out(self.root)}

    def unknown(self, value: Mapping[str, Any]) -> list[str]:
        return super().unknown(value) + unknown_in(self.root)


class DeviceBody(Body, frozen=True, kw_only=True):
    """A device that writes to the vault, and the one whose place it takes."""

    WORD: ClassVar[str] = "device"

    name: str
    replaces: Device | None


class SourceBody(Body, frozen=True, kw_only=True):
    """A source as it is from now on; `answers` are ids of the records that it takes the place of. `keep` are
    the rules by which its snapshots are thinned, where they are not the usual ones.
    """

    WORD: ClassVar[str] = "source"

    answers: list[Bytes32]
    cross: bool
    exclude: list[str]
    id: Bytes16
    kind: str
    name: str
    path: bytes
    removed: bool
    keep: dict[str, Int | list[str]] = msgspec.field(default_factory=dict)


class CopyAddedBody(Body, frozen=True, kw_only=True):
    """A copy of the vault; `vault_id` is the hash of its file of that name."""

    WORD: ClassVar[str] = "copy-added"

    copy: Bytes16
    label: str
    vault_id: Bytes32


class CopyRetiredBody(Body, frozen=True, kw_only=True):
    """A copy that is used no more; `answers` are ids of the records that added it."""

    WORD: ClassVar[str] = "copy-retired"

    answers: list[Bytes32]
    copy: Bytes16


class HealBody(Body, frozen=True, kw_only=True):
    """Files of a copy, by their hashes, that were damaged or gone and are right again; those in `parity` were
    rebuilt from its own parity.
    """

    WORD: ClassVar[str] = "heal"

    copy: Bytes16
    files: list[Bytes32]
    parity: list[Bytes32] = msgspec.field(default_factory=list)


class KeyAddedBody(Body, frozen=True, kw_only=True):
    """A key slot; `slot` is the hash of its file."""

    WORD: ClassVar[str] = "key-added"

    kdf: Int
    label: str
    slot: Bytes32


class KeyRemovedBody(Body, frozen=True, kw_only=True):
    """A key slot that must not be used any more; `answers` are ids of the records that added it."""

    WORD: ClassVar[str] = "key-removed"

    answers: list[Bytes32]
    slot: Bytes32


_ALL: tuple[type[Body], ...] = (
    *(SnapshotBody, DeviceBody, SourceBody),
    *(CopyAddedBody, CopyRetiredBody, HealBody, KeyAddedBody, KeyRemovedBody),
    *noticing.BODIES,
    *keeping.BODIES,
)
BODIES: dict[str, type[Body]] = {body.WORD: body for body in _ALL}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record. `seen` are (device, seq, id) of the newest records of other devices, ascending by device.

    The last four fields are no part of the record's own fields: keys that version 1 does not know, what of
    all of it version 1 does not know (in words; who meets any must not delete from the vault), whether it
    may be read, and its body, read, where it was decoded and its kind is known.
    """

    body: Mapping[str, Any]
    device: Device
    kind: str
    needs_read: list[str]
    prev: Bytes32 | None
    salt: Bytes16
    seen: list[tuple[Device, Seq, Bytes32]]
    seq: Seq
    time: Int
    v: Int
    more: dict[str, Any] = {}
    unknown: list[str] = []
    readable: bool = True
    said: Body | None = None


_KEYS = Record.__struct_fields__[: -len(("more", "unknown", "readable", "said"))]


def encode_record(record: Record) -> bytes:
    """Its canonical bytes, with the keys that are not known; unchecked."""
    said = {**{key: getattr(record, key) for key in _KEYS}, **record.more}
    return canon.encode({**said, "body": dict(record.body)})


def record_id(plain: Buffer) -> bytes:
    """The 32-byte id of a record with these plain bytes; needs no key."""
    return blake3(plain).digest()


def decode_record(data: Buffer) -> Record:
    """A record; `body` stays a map (`BODIES[kind].from_map` reads it), and was checked where its kind is
    known.

    One that asks for what version 1 does not know comes back with `readable` False, if so much of it fits
    that its place in the chain is known. Raises Refused: "canonical", "depth", "shape", "needs" (not even
    that), "order", "chain", and "name" or "size" for a snapshot's root.
    """
    if (plain := _plain_snapshot(data)) is not None:
        return plain
    value = canon.decode(data)
    if not isinstance(value, dict) or type(value.get("v")) is not int:
        raise Refused("shape", "record")
    foreign = _asks_for(value)
    try:
        record = canon.convert({key: value[key] for key in _KEYS if key in value}, Record)
    except Refused:
        if foreign:
            raise Refused("needs", foreign[0]) from None
        raise
    _check(record)
    more = {key: value[key] for key in value if key not in _KEYS}
    said, strange = _read(record) if not foreign else (None, [])
    unknown = [*foreign, *(f"record key {key}" for key in more), *strange]
    return msgspec.structs.replace(record, more=more, unknown=unknown, readable=not foreign, said=said)


_Untagged = msgspec.defstruct(
    "_Untagged",
    [(each.name, each.type) for each in msgspec.structs.fields(SnapshotBody) if each.required],
    frozen=True,
    kw_only=True,
)
_Plain = msgspec.defstruct(
    "_Plain",
    [
        (each.name, _Untagged if each.name == "body" else each.type)
        for each in msgspec.structs.fields(Record)
        if each.name in _KEYS
    ],
    frozen=True,
    kw_only=True,
)
_plain: Any = msgspec.msgpack.Decoder(_Plain).decode


def _plain_snapshot(data: Buffer) -> Record | None:
    """A snapshot as nearly all are, in a fifth of the time, since a log may hold many thousands; None for all
    that has to be looked at closely.
    """
    try:
        found = _plain(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # What is spelled otherwise, or says more than is known, comes out otherwise.
    if found.kind != SnapshotBody.WORD or canon.encode(found) != data:
        return None
    fields = {each: getattr(found, each) for each in _KEYS}
    said = SnapshotBody(**msgspec.structs.asdict(found.body))
    record = Record(**{**fields, "body": SaidMap(said), "said": said})
    try:
        check_root(said.root)
        _check(record)
    except Refused:
        return None
    is_known = record.v == _VERSION and not record.needs_read and not unknown_in(said.root)
    return record if is_known else None


def _asks_for(value: dict[str, Any]) -> list[str]:
    """Why this record must not be read, in words."""
    found = [] if value["v"] == _VERSION else [f"record version {value['v']}"]
    needs = value.get("needs_read")
    if isinstance(needs, list):
        found += [f"feature {word}" for word in needs if word not in _FEATURES]
    return found


def _read(record: Record) -> tuple[Body | None, list[str]]:
    """The body of a record, checked, and what in it is not known."""
    kind = BODIES.get(record.kind)
    if kind is None:
        return None, [f"record kind {record.kind}"]
    body = kind.from_map(record.body)
    return body, body.unknown(record.body)


def _check(record: Record) -> None:
    if (record.seq == 1) != (record.prev is None):
        raise Refused("chain", f"record {record.seq}")
    devices = [device for device, _, _ in record.seen]
    if devices != sorted(set(devices)):
        raise Refused("order", "seen")


def check_log_name(records: Sequence[Record], device: bytes, seq: int) -> None:
    """Raises Refused("chain") where these, all records of one log file in order, do not fit its name or one
    another.
    """
    if any(record.device != device for record in records):
        raise Refused("chain", "another device")
    if [record.seq for record in records] != list(range(seq - len(records) + 1, seq + 1)):
        raise Refused("chain", "numbers")
    for before, record in pairwise(records):
        if record.prev != record_id(encode_record(before)):
            raise Refused("chain", f"record {record.seq}")
