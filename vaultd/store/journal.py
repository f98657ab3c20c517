"""The log of a vault: read every device's records, check the chains, write this device's next one.

One log is both the list of snapshots and the journal of what happened. A record that is on the copy is
the only commit point there is.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing, Refused, VaultdError
from vaultd.format.box import open_box
from vaultd.format.keys import Keys
from vaultd.format.limits import KIND_LOG, RECORD
from vaultd.format.record import Record, check_log_name, decode_record, encode_record, record_id
from vaultd.store.chains import by_number, chains_in, uncollected
from vaultd.store.logs import packed, remembered_logs
from vaultd.store.newer import newer_box
from vaultd.store.single import seal_alone
from vaultd.store.state import State, StateLost

Derived = TypeVar("Derived")
_DEVICE = "device"
_HEAD = "head"
_PENDING = "pending"
_HEAD_BYTES = 8 + 32  # number and id


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a device: its number and its id. Number 0 stands before the first."""

    seq: int
    id: bytes | None

    def encode(self) -> bytes:
        return self.seq.to_bytes(8, "little") + (self.id or bytes(32))

    @classmethod
    def decode(cls, data: bytes) -> "Head":
        seq = int.from_bytes(data[:8], "little")
        return cls(seq, data[8:] if seq else None)


class Journal:
    """All records of one copy. `records` maps their ids to them; `troubles` says what could not be read
    or does not fit.

    `state` remembers what this copy holds; `own` this device's place in the log, which is one whichever
    copy it writes to.
    """

    def __init__(self, copy: Copy, keys: Keys, state: State, own: State) -> None:
        self._copy = copy
        self._keys = keys
        self._state = state
        self._own = own
        self.records: dict[bytes, Record] = {}
        self.troubles: list[VaultdError] = []
        self._heads: dict[bytes, Head] = {}
        self._whole: dict[bytes, Head] = {}
        self.forked = False
        # Nothing is said of what is known: work that began before it was known is not committed yet.
        self.silent = False
        self._device = b""
        self._derived: dict[object, Any] = {}
        self._newer: set[str] = set()

    # Reading.

    def sync(self, *, anew: bool = False) -> None:
        """Read what the copy's log holds now; with `anew` also the files that this computer has read before.
        Raises Unreachable when it cannot be listed.
        """
        with uncollected():
            self._read_all(anew=anew)

    def _read_all(self, *, anew: bool) -> None:
        self.records, self.troubles, self._newer, self._derived = {}, [], set(), {}
        names = sorted(stored.name for stored in self._copy.list("log/"))
        cached = remembered_logs(self._state)
        learned = []
        for name in names:
            plains = None if anew else cached.get(name)
            if plains is None:
                plains = self._fetch(name)
                if plains is not None:
                    learned.append((name, *packed(plains)))
            for plain in plains or ():
                self._take(name, plain)
        if learned:
            self._state.put_logs(learned)
        self._check_chains(cached.keys() - set(names))
        self._miss_the_end(cached)

    def _fetch(self, name: str) -> list[bytes] | None:
        try:
            plains = [plain for _, plain in open_box(self._copy.fetch(name), self._keys, KIND_LOG)]
            file = ids.parse(name)
            assert file is not None  # the contract lists no other names
            check_log_name([decode_record(plain) for plain in plains], file.device, file.seq)
        except (Damaged, Missing) as error:
            self.troubles.append(error)
        except Refused as error:
            if word := newer_box(self._copy, name):
                self._newer.add(word)
            else:
                self.troubles.append(Damaged(name, self._copy.label, error.reason))
        else:
            return plains
        return None

    def _take(self, name: str, plain: bytes) -> None:
        try:
            record = decode_record(plain)
        except Refused as error:
            self.troubles.append(Damaged(name, self._copy.label, error.reason))
        else:
            self.records[record_id(plain)] = record

    def _check_chains(self, gone: Iterable[str]) -> None:
        self._heads, self._whole, self.forked = {}, {}, False
        known = {(file.device, file.seq): name for name in gone if (file := ids.parse(name)) is not None}
        for device, chain in self.chains().items():
            before: int = 0
            allowed: set[bytes | None] = {None}
            is_whole = True
            for seq, ids_here, prevs in by_number(chain):
                if seq != before + 1:
                    # By its whole name, which who has read it before can tell, it can be fetched elsewhere.
                    names = [known[at] for n in range(before + 1, seq) if (at := (device, n)) in known]
                    names = names or [f"log/{device.hex()}/{before + 1:010}"]
                    self.troubles += [Missing(name, self._copy.label) for name in names]
                    is_whole = False
                elif not prevs <= allowed:
                    self.troubles.append(Damaged(f"log/{device.hex()}/{seq:010}", self._copy.label, "chain"))
                    is_whole = False
                if is_whole:
                    self._whole[device] = Head(seq, max(ids_here))
                self.forked = self.forked or len(ids_here) > 1
                before, allowed = seq, set(ids_here)
            identity, record = chain[-1]
            self._heads[device] = Head(record.seq, identity)

    def known(self) -> dict[bytes, Head]:
        """Of each device the last record up to which all of its records are here. What stands behind a gap is
        not known: nobody may say so of it.
        """
        return dict(self._whole)

    def _miss_the_end(self, cached: Iterable[str]) -> None:
        """A chain that lost its end has no gap; only who has read that end before can tell."""
        for name in sorted(cached):
            file = ids.parse(name)
            if file is not None and file.seq > self._heads.get(file.device, Head(0, None)).seq:
                self.troubles.append(Missing(name, self._copy.label))

    def chains(self) -> dict[bytes, list[tuple[bytes, Record]]]:
        """Every device's records, by number; a number stands twice where a chain forked."""
        return self.derived(chains_in)

    def of_kind(self, kind: str) -> list[tuple[bytes, Record]]:
        """Records of one kind with their ids, oldest first by their writers' clocks; ties by id."""
        found = [
            (identity, record)
            for identity, record in self.records.items()
            if record.readable and record.kind == kind
        ]
        return sorted(found, key=lambda item: (item[1].time, item[1].seq, item[0]))

    @property
    def unknown(self) -> list[str]:
        """Words for everything that this version does not know. While there is any, nothing may be
        deleted.
        """
        return sorted(self._newer | {word for record in self.records.values() for word in record.unknown})

    def derived(self, make: "Callable[[Journal], Derived]") -> Derived:
        """What follows from the records, made once for as long as they stay the same."""
        if make not in self._derived:
            self._derived[make] = make(self)
        found: Derived = self._derived[make]
        return found

    # Writing.

    def device(self, remembered: bytes | None) -> tuple[bytes, bytes | None]:
        """This device's id, and the id that it has just replaced, if it had to.

        `remembered` is the id kept beside the state. It is used again only where state and copy agree on
        its last record: whoever lost its state, or had it rolled back, or finds the copy rolled back or
        behind another one, goes on under a new id, since a second record with a number that was used
        would fork the chain.
        """
        if remembered is not None and self.agrees(remembered):
            return remembered, None
        return os.urandom(8), remembered

    def agrees(self, device: bytes) -> bool:
        """Whether the last record of this device that the copy holds is the last that it wrote anywhere."""
        try:
            owner, head, pending = (self._own.get(key) for key in (_DEVICE, _HEAD, _PENDING))
        except StateLost:
            return False
        if owner != device or head is None:
            return False
        on_copy = self._heads.get(device, Head(0, None))
        if sum(1 for _, record in self.chains().get(device, ()) if record.seq == on_copy.seq) > 1:
            return False
        return on_copy in self._last(Head.decode(head), pending) and self._has_what_is_said(device)

    def _has_what_is_said(self, device: bytes) -> bool:
        """Whether all is here that this device has said it knows: others rely on its keeping to that."""
        nothing = Head(0, None)
        return all(
            self._whole.get(other, nothing).seq >= seq
            for _, record in self.chains().get(device, ())
            for other, seq, _ in record.seen
        )

    def _last(self, head: Head, pending: bytes | None) -> tuple[Head, ...]:
        """What may be this device's last record: the one that it announced, or where that did not come
        about the one before. Of another copy nobody here can say that it did not.
        """
        if pending is None:
            return (head,)
        announced, where = Head.decode(pending[:_HEAD_BYTES]), pending[_HEAD_BYTES:]
        return (announced, head) if where == self._copy.copy_id else (announced,)

    def begin(self, device: bytes) -> None:
        """Write as this device from now on: one that `device` returned."""
        head = self._heads.get(device, Head(0, None))
        self._own.put(_DEVICE, device)
        self._own.put(_HEAD, head.encode())
        self._own.put(_PENDING, head.encode() + self._copy.copy_id)
        self._device = device

    def append(
        self,
        kind: str,
        body: dict[str, object],
        now_ns: int | None = None,
        *,
        known: dict[bytes, Head] | None = None,
    ) -> tuple[bytes, Record]:
        """Write this device's next record to the copy, durably, and return it with its id.

        It says which records of other devices are known: those of `known`, where the work that it commits
        was begun with no more than that. Raises what `Copy.put` raises; then nothing was said.
        """
        head = self._heads.get(self._device, Head(0, None))
        record = Record(
            body=body,
            device=self._device,
            kind=kind,
            needs_read=[],
            prev=head.id,
            salt=os.urandom(16),
            seen=self._news(self._whole if known is None else known),
            seq=head.seq + 1,
            time=time.time_ns() if now_ns is None else now_ns,
            v=1,
        )
        plain = encode_record(record)
        identity = record_id(plain)
        digest, box = seal_alone(self._keys, KIND_LOG, RECORD, plain)
        name = ids.log_name(self._device, record.seq, digest)
        # Said before it is done: after a crash the copy tells whether it happened, and this machine knows
        # it as its own.
        self._own.put(_PENDING, Head(record.seq, identity).encode() + self._copy.copy_id)
        self._copy.put(name, box)
        self._heads[self._device] = Head(record.seq, identity)
        if self._whole.get(self._device, Head(0, None)) == head:
            self._whole[self._device] = Head(record.seq, identity)
        self.records[identity] = record
        self._derived = {}
        self._own.put(_HEAD, Head(record.seq, identity).encode())
        self._state.put_logs([(name, *packed([plain]))])
        return identity, record

    def _news(self, known: dict[bytes, Head]) -> list[tuple[bytes, int, bytes]]:
        """The newest record of every other device, where this device has not yet said that it knows it."""
        if self.silent:
            return []
        said: dict[bytes, int] = {}
        for record in self.records.values():
            for device, seq, _ in record.seen if record.device == self._device else ():
                said[device] = max(seq, said.get(device, 0))
        return sorted(
            (device, head.seq, head.id)
            for device, head in known.items()
            if device != self._device and head.id and head.seq > said.get(device, 0)
        )
