"""A model of computers that save, forget and prune over two copies: every step that may come next, and what
must hold after each. It asks the very rules that prune asks.

There is one piece of content, which every snapshot needs, and packs that have it. At the beginning pack P has
it, and snapshot 0 needs it. Who begins a snapshot looks once: it goes on from snapshot 0 without looking at
P, where it does not know that it is forgotten; it relies on a pack that is there and that it does not know to
be condemned; else it stores the content anew. What a copy lists it must be able to give back, always.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from vaultd.format.record import Record
from vaultd.store.chains import chains_of
from vaultd.tree.purging import Past, Purging

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

    def chains(self) -> dict[bytes, list[tuple[bytes, Record]]]:
        return chains_of(self.records)


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


def explore(model: Model, most: int) -> int:
    """Every state that can be reached, up to so many: how many there were. Raises Broken with the way."""
    start = model.start()
    came: dict[State, tuple[State | None, str]] = {start: (None, "")}
    todo = [start]
    while todo and len(came) < most:
        following = []
        for state in todo:
            for step, after in model.steps(state):
                if after not in came:
                    came[after] = (state, step)
                    _checked(model, after, came)
                    following.append(after)
        todo = following
    return len(came)


def walk(model: Model, random: Random, most: int) -> int:
    """One way at random, of so many steps at most. Raises Broken with the way."""
    state, way = model.start(), list[str]()
    for _ in range(most):
        steps = list(model.steps(state))
        if not steps:
            break
        step, state = random.choice(steps)
        way.append(step)
        try:
            model.check(state)
        except Broken as error:
            raise Broken(f"{error}: {'; '.join(way)}") from None
    return len(way)


class NotOffered(Exception):
    """The rules do not allow this step here."""


def follow(model: Model, way: Sequence[str]) -> None:
    """Take these steps, by their names. Raises Broken, or NotOffered."""
    state = model.start()
    for wanted in way:
        following = dict(model.steps(state))
        if wanted not in following:
            raise NotOffered(wanted)
        state = following[wanted]
        model.check(state)


def _checked(model: Model, state: State, came: Mapping[State, tuple[State | None, str]]) -> None:
    try:
        model.check(state)
    except Broken as error:
        way, at = [], state
        while (came_from := came[at])[0] is not None:
            way.append(came_from[1])
            at = came_from[0]
        raise Broken(f"{error}: {'; '.join(reversed(way))}") from None


class TimeOnly(Purging):
    """Wrong: to wait for a while instead of for everybody."""

    def waits_for(self, condemned: Any) -> set[bytes]:
        return set()


class OneNewer(Purging):
    """Wrong: who has written anything since is taken to know."""

    def waits_for(self, condemned: Any) -> set[bytes]:
        last = {device: read.last for device, read in self._devices.items()}
        others = self.writers - {condemned.id[:8]}
        return {each for each in others if last[each] <= condemned.needs.get(each, 0)}


class NeverVoid(Purging):
    """Wrong: to trust a leave whoever turns up."""

    def is_void(self, purge: Any) -> bool:
        return False


class OnlyTheRecord(Purging):
    """Wrong: who knows of the condemnation is taken to know why."""

    def _knows_from(self, device: bytes, needs: Past) -> int | None:
        writer = max(needs, key=lambda each: each == device_id(PRUNER))
        return super()._knows_from(device, {writer: needs[writer]})
