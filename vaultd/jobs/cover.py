"""Make the parity of a copy, and keep it up: every pack stands in a group of up to 20 that has two parity
files.

Plan, then execute. New parity is written and read back before older parity that says no more is removed, and
nothing but parity is ever removed here. Cut off at any moment this leaves parity that says the same twice,
or a group with one of its two files; the next run puts that right.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from vaultd import ids
from vaultd.copies.contract import Copy, is_right
from vaultd.errors import Damaged, Missing, Refused
from vaultd.format.limits import MAX_PARITY_MEMBER, PARITY_COLUMNS
from vaultd.format.parity import Member, Parity
from vaultd.progress import Progress
from vaultd.store.shelf import Held, Shelf, is_there, pack_name

_ROOMS = 32  # more than lengths have bits


@dataclass(frozen=True)
class Wish:
    """A group that is to be there: its packs in the order of their columns, the first of them as in
    `base`.
    """

    members: tuple[Member, ...]
    base: Held | None = None


@dataclass
class Plan:
    """`keep` are groups that stay as they are, `make` those that are missing; `amiss` says that a group had
    lost one of its parity files.
    """

    keep: list[Held] = field(default_factory=list)
    make: list[Wish] = field(default_factory=list)
    amiss: bool = False


@dataclass
class Made:
    """Names of the parity files that were written, and packs that could not be taken in: they are damaged."""

    names: list[str] = field(default_factory=list)
    damage: list[Damaged | Missing] = field(default_factory=list)


def plan_cover(shelf: Shelf, packs: dict[bytes, int], removed: Collection[bytes] = ()) -> Plan:
    """What is needed so that each of the packs (hash to length) stands in one group.

    Packs of about one length, up to twice as long, are grouped together, since parity is as long as the
    longest. Of those that are `removed`, on purpose, no group needs to know any more; where one is gone
    that is not among them it may be had back, and its group stays.
    """
    plan, taken = Plan(), set[bytes]()
    fronts: dict[int, Held] = {}
    for held in _by_worth(shelf, packs, removed):
        digests = {member.digest for member in held.members}
        room = _room(held.members[0].size)
        if digests <= taken or (len(digests) < PARITY_COLUMNS and room in fronts):
            continue  # what only it knows is taken in by another
        taken |= digests
        if len(digests) < PARITY_COLUMNS:
            fronts[room] = held
        elif held.whole:
            plan.keep.append(held)
        else:
            plan.make.append(Wish(held.members))
        plan.amiss = plan.amiss or not held.whole
    loose = _loose(packs, taken)
    for room in range(_ROOMS):
        if room in fronts or room in loose:
            _fill(plan, fronts.get(room), loose[room])
    return plan


def _by_worth(shelf: Shelf, packs: dict[bytes, int], removed: Collection[bytes]) -> list[Held]:
    """The groups that may stay, in an order that every computer finds: so two that tidy up at once do not
    each remove what the other one keeps.

    One that lost a parity file and a pack cannot be made whole: the others of its packs go into other groups,
    and it stays, as it is, for the one that is gone.
    """
    groups = (held for held in shelf.groups if held.whole or is_there(held, packs))
    lasting = [held for held in groups if not any(_is_past(each, packs, removed) for each in held.members)]
    return sorted(lasting, key=lambda held: (-len(held.members), not held.whole, held.group.front(0)))


def _is_past(member: Member, packs: dict[bytes, int], removed: Collection[bytes]) -> bool:
    return member.digest in removed and member.digest not in packs


def _room(size: int) -> int:
    return size.bit_length()


def _loose(packs: dict[bytes, int], taken: Collection[bytes]) -> defaultdict[int, list[Member]]:
    loose = defaultdict[int, list[Member]](list)
    for digest, size in sorted(packs.items()):
        if digest not in taken and 0 < size <= MAX_PARITY_MEMBER:
            loose[_room(size)].append(Member(digest, size))
    return loose


def _fill(plan: Plan, front: Held | None, new: Sequence[Member]) -> None:
    """Add packs to the group that has room, and begin others where that is full."""
    if front is not None and front.whole and not new:
        plan.keep.append(front)
        return
    members = (*(front.members if front is not None else ()), *new)
    base = front if front is not None and front.whole else None
    for start in range(0, len(members), PARITY_COLUMNS):
        plan.make.append(Wish(members[start : start + PARITY_COLUMNS], None if start else base))


def cover(
    copy: Copy,
    shelf: Shelf,
    plan: Plan,
    packs: dict[bytes, int],
    progress: Progress,
    stop: Callable[[], None],
    removed: Collection[bytes] = (),
) -> Made:
    """Do what was planned. `stop` is called often and raises to interrupt.

    A pack that turns out damaged is left out and told. Raises Full, ReadOnly, WrongPlace, Unreachable;
    Damaged where the copy did not keep what it was given.
    """
    progress.stage("parity")
    new = [len(wish.members) - (len(wish.base.members) if wish.base else 0) for wish in plan.make]
    progress.total(files=sum(new))
    made, kept = Made(), {held.members for held in plan.keep}
    groups = set(kept)
    for wish in plan.make:
        members = _make(copy, wish, made, progress, stop)
        if members:
            groups.add(members)
    _tidy(copy, shelf, groups, kept, packs, removed)
    return made


def _make(
    copy: Copy, wish: Wish, made: Made, progress: Progress, stop: Callable[[], None]
) -> tuple[Member, ...]:
    """Write the parity files of a group and read them back; its packs, as many as were right."""
    parity, known = _begun(copy, wish), len(wish.base.members) if wish.base else 0
    if parity is None:
        parity, known = Parity(), 0
    for member in wish.members[known:]:
        stop()
        try:
            parity.add(member.digest, copy.fetch(pack_name(member)))
        except (Damaged, Missing) as error:
            made.damage.append(error)
        progress.add(files=1, bytes=member.size)
    members = parity.group.members
    if members and members != (wish.base and wish.base.members):
        made.names += [_put(copy, file) for file in parity.files()]
    return members


def _begun(copy: Copy, wish: Wish) -> Parity | None:
    """The parity that a group is to go on from; None where it has to be made from the packs."""
    if wish.base is None:
        return None
    try:
        return Parity.of((copy.fetch(wish.base.files[0]), copy.fetch(wish.base.files[1])))
    except (Damaged, Missing, Refused):
        return None


def _put(copy: Copy, file: bytearray) -> str:
    name = ids.parity_name(blake3(file).digest())
    copy.put(name, file)
    copy.read_back(name)
    return name


def _tidy(
    copy: Copy,
    shelf: Shelf,
    groups: Collection[tuple[Member, ...]],
    kept: Collection[tuple[Member, ...]],
    packs: dict[bytes, int],
    removed: Collection[bytes],
) -> None:
    """Remove parity of packs that other groups, which are right on the medium, stand for as well."""
    old = [held for held in shelf.groups if held.members not in groups]
    if old:
        right = _right(copy, shelf, groups, kept, {each for held in old for each in held.members})
        for held in old:
            if all(each in right or _is_past(each, packs, removed) for each in held.members):
                for name in held.files.values():
                    copy.remove(name)
    if all(is_there(held, packs) for held in shelf.groups):
        for file in shelf.odd:
            copy.quarantine(file.name)  # moves what is damaged, and nothing else


def _right(
    copy: Copy,
    shelf: Shelf,
    groups: Collection[tuple[Member, ...]],
    kept: Collection[tuple[Member, ...]],
    wanted: Collection[Member],
) -> set[Member]:
    """Packs in groups that were made just now, or read back just now if any of the wanted are in them."""
    names = {held.members: held.files.values() for held in shelf.groups}
    right = set[Member]()
    for members in groups:
        fresh = members not in kept
        if fresh or (set(wanted) & set(members) and all(is_right(copy, name) for name in names[members])):
            right.update(members)
    return right


def drop(copy: Copy, shelf: Shelf, packs: dict[bytes, int]) -> Iterator[str]:
    """Remove the parity of a copy, but for groups of which a pack is gone: it may be had back. The names of
    the removed files. Raises ReadOnly, WrongPlace, Unreachable.
    """
    for held in shelf.groups:
        if is_there(held, packs):
            for name in held.files.values():
                copy.remove(name)
                yield name
