"""When packs that nobody needs may go, and what that leave is worth: rules over the set of records, in any
order, with no clock, no lock and no file.

A device knows what its records say it has seen, up to each of them. A pack that was condemned may be purged
once every device that writes has said that it knows of the condemnation, and of all that its writer knew: by
then whatever it had begun before is committed and known, and what it begins after does not rely on the pack.
Who purges says how far the log was known when it was last seen that nobody needs the pack. A snapshot that is
not in that past, by a device that did not know, shows that the leave was given too early: it is void, until
somebody looks again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Protocol

from vaultd.format.keeping import (
    CondemnBody,
    DeviceRetiredBody,
    ForgetBody,
    HoldBody,
    PurgeBody,
    RestoreFromTrashBody,
)
from vaultd.format.record import DeviceBody, Record, SnapshotBody
from vaultd.store.chains import chains_of

# Of some devices the number of a record: all up to it are meant.
Past = Mapping[bytes, int]
_first, _second = itemgetter(0), itemgetter(1)


class Log(Protocol):
    """What a journal knows: records by their ids."""

    @property
    def records(self) -> Mapping[bytes, Record]: ...


@dataclass(frozen=True, slots=True)
class Condemned:
    """A record that condemns packs: its id, and what a device has to know that knows of it: this record, and
    all that its writer knew.
    """

    id: bytes
    packs: frozenset[bytes]
    needs: Past


@dataclass
class _Device:
    """What one device wrote: numbers of its last record and of its snapshots, what of others it said it knew
    from which number on (both ascend), and records that may bring back what was let go of.
    """

    last: int = 0
    forked: bool = False
    snapshots: list[int] = field(default_factory=list)
    learned: dict[bytes, list[tuple[int, int]]] = field(default_factory=dict)
    takes_back: list[Record] = field(default_factory=list)

    def read(self, record: Record) -> None:
        self.forked = self.forked or record.seq == self.last
        self.last = record.seq
        for other, seq, _ in record.seen:
            known = self.learned.setdefault(other, [])
            if not known or known[-1][0] < seq:
                known.append((seq, record.seq))
        if not record.readable:
            return
        if record.kind == SnapshotBody.WORD:
            self.snapshots.append(record.seq)
        elif record.kind in (HoldBody.WORD, RestoreFromTrashBody.WORD):
            self.takes_back.append(record)

    def knows_from(self, me: bytes, needs: Past) -> int | None:
        """From which number on it knows all of this; None where it never said so. What it wrote itself it
        knows.
        """
        since = 1
        for other, seq in needs.items():
            if other == me:
                since = max(since, seq)
                continue
            known = self.learned.get(other, [])
            at = bisect_left(known, seq, key=_first)
            if at == len(known):
                return None
            since = max(since, known[at][1])
        return since if since <= self.last else None

    def past(self, seq: int) -> dict[bytes, int]:
        """What of others it knew as it wrote the record of this number."""
        found = {}
        for other, known in self.learned.items():
            if at := bisect_right(known, seq, key=_second):
                found[other] = known[at - 1][0]
        return found


class Purging:
    """The rules, over the records that are known now."""

    def __init__(self, log: Log) -> None:
        self._records = dict(log.records)  # those that are known now, whatever comes after

    @cached_property
    def _devices(self) -> dict[bytes, _Device]:
        # Made when it is first asked for: in most vaults nothing was ever condemned.
        found: dict[bytes, _Device] = {}
        for device, chain in chains_of(self._records).items():
            read = found[device] = _Device()
            for _, record in chain:
                read.read(record)
        return found

    def _of_kind(self, word: str) -> Iterable[tuple[bytes, Record]]:
        return (item for item in self._records.items() if item[1].kind == word and item[1].readable)

    @cached_property
    def condemned(self) -> dict[bytes, Condemned]:
        """Every condemnation, by its id."""
        found = {}
        for identity, record in self._of_kind(CondemnBody.WORD):
            needs = {**self._devices[record.device].past(record.seq), record.device: record.seq}
            packs = frozenset(CondemnBody.from_map(record.body).packs)
            found[identity] = Condemned(identity, packs, needs)
        return found

    @cached_property
    def writers(self) -> set[bytes]:
        """The devices that may write again: all that ever did, but for those that are retired and have
        written nothing since, and those whose place another one has taken.
        """
        gone = set[bytes]()
        for _, record in self._of_kind(DeviceRetiredBody.WORD):
            body = DeviceRetiredBody.from_map(record.body)
            last = body.last[0] if body.last is not None else 0
            if body.device in self._devices and self._devices[body.device].last <= last:
                gone.add(body.device)
        for _, record in self._of_kind(DeviceBody.WORD):
            replaced = DeviceBody.from_map(record.body).replaces
            if replaced is not None and replaced != record.device:
                gone.add(replaced)
        return set(self._devices) - gone

    def waits_for(self, condemned: Condemned) -> set[bytes]:
        """The devices that have not said yet that they know of it."""
        return {each for each in self.writers if self._knows_from(each, condemned.needs) is None}

    def may_purge(self, needed: Iterable[bytes], waited: Iterable[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Packs for which leave may be given, and the ids of the condemnations that it rests on: none that is
        `needed`, and only where a condemnation has `waited` for long enough (their ids), and for every
        device.
        """
        spared, over = set(needed), set(waited)
        packs, answers = set[bytes](), set[bytes]()
        for identity, each in sorted(self.condemned.items()):
            more = each.packs - spared - packs
            if more and identity in over and not self.waits_for(each):
                packs |= more
                answers.add(identity)
        return packs, answers

    @cached_property
    def purges(self) -> list[PurgeBody]:
        """Every leave that was given, void or not."""
        return [PurgeBody.from_map(record.body) for _, record in self._of_kind(PurgeBody.WORD)]

    @cached_property
    def purged(self) -> frozenset[bytes]:
        """Packs that a leave is in force for: no copy needs them, none gets them again, and nobody misses
        them.
        """
        return frozenset(pack for each in self.purges if not self.is_void(each) for pack in each.packs)

    @cached_property
    def removable(self) -> frozenset[bytes]:
        """Those of them that may be taken off a copy now: a device that has turned up since, and has not said
        that it knows, may be in the middle of a snapshot that relies on them.
        """
        known = {identity for identity, each in self.condemned.items() if not self.waits_for(each)}
        return frozenset(
            pack
            for each in self.purges
            if known.issuperset(each.answers) and not self.is_void(each)
            for pack in each.packs
        )

    @cached_property
    def looked_at(self) -> dict[bytes, int]:
        """How far the log of each device was known when leave was given that is in force. Of what was
        forgotten by then something may be gone.
        """
        found: dict[bytes, int] = {}
        for each in self.purges:
            if not self.is_void(each):
                for device, seq, _ in each.marked:
                    found[device] = max(seq, found.get(device, 0))
        return found

    def is_void(self, purge: PurgeBody) -> bool:
        """Whether a leave counts no more: there is a snapshot that neither lies in the past that was looked
        at nor was made by a device that knew, or something was taken out of the trash since.
        """
        if not self.condemned.keys() >= set(purge.answers):
            return True  # what it rests on is not known here
        marked = {device: seq for device, seq, _ in purge.marked}
        needs = [self.condemned[answered].needs for answered in purge.answers]
        return any(self._came_late(device, marked.get(device, 0), needs) for device in self._devices)

    def _came_late(self, device: bytes, after: int, needs: Sequence[Past]) -> bool:
        read = self._devices[device]
        if read.forked or any(record.seq > after and self._brings_back(record) for record in read.takes_back):
            return True
        at = bisect_right(read.snapshots, after)
        if at == len(read.snapshots):
            return False
        knew = [self._knows_from(device, each) for each in needs]
        return any(since is None or since > read.snapshots[at] for since in knew)

    def _knows_from(self, device: bytes, needs: Past) -> int | None:
        return self._devices[device].knows_from(device, needs)

    @cached_property
    def _let_go(self) -> set[bytes]:
        forgets = (ForgetBody.from_map(record.body) for _, record in self._of_kind(ForgetBody.WORD))
        return {snapshot for body in forgets for snapshot in body.snapshots}

    def _brings_back(self, record: Record) -> bool:
        """Whether what nobody needed may be needed again."""
        if record.kind != HoldBody.WORD:
            return True
        body = HoldBody.from_map(record.body)
        by_path = body.source is not None or bool(body.pattern)
        return bool(by_path and self._let_go) or not self._let_go.isdisjoint(body.snapshots)

    def owes_word(self, device: bytes, known: Past) -> bool:
        """Whether others wait for this device to say what it knows."""
        return any(
            device in self._devices
            and self._knows_from(device, each.needs) is None
            and all(known.get(other, 0) >= seq for other, seq in each.needs.items())
            for each in self.condemned.values()
        )
