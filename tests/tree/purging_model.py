"""A model of computers that save, forget and prune over two copies: every step that may come next, and what
must hold after each. It asks the very rules that prune asks.

There is one piece of content, which every snapshot needs, and packs that have it. At the beginning pack P has
it, and snapshot 0 needs it. Who begins a snapshot looks once: it goes on from snapshot 0 without looking at
P, where it does not know that it is forgotten; it relies on a pack that is there and that it does not know to
be condemned; else it stores the content anew. What a copy lists it must be able to give back, always.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tests.tree.purging_records import (
    COPIES,
    PACK,
    PRUNER,
    ZERO,
    Copy,
    Key,
    Log,
    Said,
    State,
    Work,
    record_key,
)
from vaultd.tree.purging import Purging

Rules = Callable[[Log], Purging]


@lru_cache(200_000)
def _rules(rules: Rules, records: frozenset[tuple[Key, Said]]) -> Purging:
    return rules(Log(dict(records)))


def _heads(records: Mapping[Key, Said]) -> tuple[Key, ...]:
    last: dict[int, int] = {}
    for device, seq in records:
        last[device] = max(seq, last.get(device, 0))
    return tuple(sorted(last.items()))


class Broken(AssertionError):
    """A copy lists what it cannot give back."""


@dataclass
class Model:
    """`rules` decide. Each computer writes to the copies of `homes`. `seen_at_commit` and `leave_by_one` are
    mistakes that were thought of: to say at the end what was known at the end, and to ask one log alone what
    need not be copied.
    """

    rules: Rules = Purging
    devices: int = 3
    # A snapshot of each but the pruner, and a word of each; so many condemnations and leaves.
    most: Mapping[str, int] = field(
        default_factory=lambda: {"snapshot": 1, "device": 2, "forget": 1, "condemn": 1, "purge": 1}
    )
    homes: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    seen_at_commit: bool = False
    leave_by_one: bool = False

    def start(self) -> State:
        first = Said("snapshot", ())
        copies = tuple(Copy(frozenset({ZERO}), frozenset({PACK})) for _ in COPIES)
        return State(copies, frozenset({(ZERO, first)}), (None,) * self.devices)

    def _asked(self, records: Mapping[Key, Said]) -> Purging:
        return _rules(self.rules, frozenset(records.items()))

    # What may come next.

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        counts = self._counts(state)
        for device in range(self.devices):
            if (work := state.work[device]) is not None:
                yield f"{device} commits", self._commit(state, device, work)
                continue
            for copy in self.homes.get(device, COPIES):
                if self._may_write(state, device, copy):
                    yield from self._writes(state, device, copy, counts)
        for copy in COPIES:
            yield from self._removals(state, copy)
            yield from self._carries(state, copy, 1 - copy)

    def _counts(self, state: State) -> dict[tuple[str, int], int]:
        counts: dict[tuple[str, int], int] = {}
        for (device, _), said in state.said:
            counts[said.kind, device] = counts.get((said.kind, device), 0) + 1
        return counts

    def _writes(
        self, state: State, device: int, copy: int, counts: Mapping[tuple[str, int], int]
    ) -> Iterator[tuple[str, State]]:
        def may(kind: str) -> bool:
            return counts.get((kind, device), 0) < self.most[kind]

        where = f"{device} on {copy}"
        has_joined = device == PRUNER or any(key[0] == device for key in state.copies[copy].records)
        if device != PRUNER and may("snapshot") and has_joined:
            yield f"{where} begins", self._begin(state, device, copy)
        if device != PRUNER and may("device"):
            yield f"{where} opens the vault", self._open(state, device, copy)
        if not any(said.kind == "forget" for _, said in state.said) and has_joined and device != 2:
            yield f"{where} forgets", self._write(state, device, copy, Said("forget", ()))
        if device == PRUNER:
            if may("condemn") and (condemned := self._condemn(state, copy)):
                yield f"{where} condemns", self._write(state, device, copy, condemned)
            if may("purge") and (purge := self._purge(state, copy)):
                yield f"{where} gives leave", self._write(state, device, copy, purge)

    def _may_write(self, state: State, device: int, copy: int) -> bool:
        """Where the copy has all that the device wrote, and all that it has said it knows."""
        here = state.copies[copy].records
        mine = {key: said for key, said in state.said if key[0] == device}
        return mine.keys() <= here and all(key in here for said in mine.values() for key in said.seen)

    def _write(
        self, state: State, device: int, copy: int, said: Said, known: tuple[Key, ...] | None = None
    ) -> State:
        records = state.records(copy)
        heads = _heads(records) if known is None else known
        before = {key for k, each in records.items() if k[0] == device for key in each.seen}
        told = {other: max(seq for o, seq in before if o == other) for other, _ in before}
        news = tuple(key for key in heads if key[0] != device and key[1] > told.get(key[0], 0))
        number = max((seq for d, seq in records if d == device), default=0) + 1
        key = (device, number)
        there = state.copies[copy]
        copies = list(state.copies)
        copies[copy] = there._replace(records=there.records | {key})
        return replace(state, copies=tuple(copies), said=state.said | {(key, said._replace(seen=news))})

    # Snapshots.

    def _open(self, state: State, device: int, copy: int) -> State:
        """What it knows now it says a moment later: long enough for anything to happen in between."""
        work = list(state.work)
        work[device] = Work(copy, _heads(state.records(copy)), kind="device")
        return replace(state, work=tuple(work))

    def _begin(self, state: State, device: int, copy: int) -> State:
        records, packs = state.records(copy), state.copies[copy].packs
        condemned = {pack for said in records.values() if said.kind == "condemn" for pack in said.packs}
        goes_on = not any(said.kind == "forget" for said in records.values())
        relies = goes_on or bool(packs - condemned)
        pack = None if relies else bytes([device + 1]) * 31 + bytes([state.stored])
        work = list(state.work)
        work[device] = Work(copy, _heads(records), pack)
        return replace(state, work=tuple(work), stored=state.stored + (pack is not None))

    def _commit(self, state: State, device: int, work: Work) -> State:
        copies = list(state.copies)
        there = copies[work.copy]
        if work.pack is not None:
            copies[work.copy] = there._replace(packs=there.packs | {work.pack})
        rest = list(state.work)
        rest[device] = None
        state = replace(state, copies=tuple(copies), work=tuple(rest))
        known = None if self.seen_at_commit else work.known
        return self._write(state, device, work.copy, Said(work.kind, ()), known)

    # Pruning.

    def _needed(self, records: Mapping[Key, Said], packs: frozenset[bytes], pack: bytes) -> bool:
        """Whether a snapshot needs this pack: no other that nobody has condemned has the content."""
        let_go = any(said.kind == "forget" for said in records.values())
        live = any(said.kind == "snapshot" and not (let_go and key == ZERO) for key, said in records.items())
        condemned = {each for said in records.values() if said.kind == "condemn" for each in said.packs}
        return live and not packs - condemned - {pack}

    def _condemn(self, state: State, copy: int) -> Said | None:
        records, packs = state.records(copy), state.copies[copy].packs
        condemned = {each for said in records.values() if said.kind == "condemn" for each in said.packs}
        dead = tuple(sorted(pack for pack in packs - condemned if not self._needed(records, packs, pack)))
        return Said("condemn", (), dead[:1]) if dead else None

    def _purge(self, state: State, copy: int) -> Said | None:
        records, packs = state.records(copy), state.copies[copy].packs
        rules = self._asked(records)
        needed = {pack for pack in packs if self._needed(records, packs, pack)}
        found, answers = rules.may_purge(needed | rules.purged, rules.condemned)
        if not found:
            return None
        by_id = {record_key(key): key for key in records}
        rests_on = tuple(sorted(by_id[each] for each in answers))
        return Said("purge", (), tuple(sorted(found)), rests_on, _heads(records))

    def _removals(self, state: State, copy: int) -> Iterator[tuple[str, State]]:
        records, there = state.records(copy), state.copies[copy]
        if not any(said.kind == "purge" for said in records.values()):
            return
        for pack in sorted(self._asked(records).removable & there.packs):
            if not self._needed(records, there.packs, pack):
                copies = list(state.copies)
                copies[copy] = there._replace(packs=there.packs - {pack})
                yield f"{pack[:1]!r} is removed from {copy}", replace(state, copies=tuple(copies))

    def _carries(self, state: State, source: int, target: int) -> Iterator[tuple[str, State]]:
        """The packs, and then the records of one device: cut off anywhere this is what has come over."""
        one, other = state.copies[source], state.copies[target]
        both = {**state.records(source), **({} if self.leave_by_one else state.records(target))}
        if self.leave_by_one:
            both = state.records(target)
        leave = self._asked(both).purged
        packs = other.packs | (one.packs - leave)
        for device in range(self.devices):
            records = other.records | {key for key in one.records if key[0] == device}
            if records != other.records or packs != other.packs:
                copies = list(state.copies)
                copies[target] = Copy(records, packs)
                yield f"{source} brings {target} the log of {device}", replace(state, copies=tuple(copies))

    # What must hold.

    def check(self, state: State) -> None:
        """Raises Broken. What is forgotten for good, as far as the copy tells, need not be given back."""
        for copy in COPIES:
            records, there = state.records(copy), state.copies[copy]
            let_go = any(said.kind == "forget" for said in records.values())
            live = [
                key
                for key, said in records.items()
                if said.kind == "snapshot" and not (let_go and key == ZERO)
            ]
            if live and not there.packs:
                raise Broken(f"copy {copy} lists {live} and has nothing")
