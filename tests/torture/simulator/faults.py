"""What happens by itself, or by bad luck. None of it is the program's doing, and none is held to a rule."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.torture.simulator.media import Medium, Slot

if TYPE_CHECKING:
    from tests.torture.simulator.world import World

_DAY = 86_400 * 10**9


def _edit(world: "World", slot: Slot) -> None:
    """New bytes or old ones under some name; or a file goes, or gets another name."""
    rng, top = world.rng, world.program.source
    for _ in range(rng.randint(1, 3)):
        place = top / rng.choice(["", "folder"]) / rng.choice("abcd")
        if rng.random() < 0.25:
            place.unlink(missing_ok=True)
            continue
        old = world.edits and rng.random() < 0.4
        data = rng.choice(world.edits) if old else rng.randbytes(rng.randint(1, 300))
        world.edits.append(data)
        unfinished = top / "new"
        unfinished.write_bytes(data)
        unfinished.rename(place)
    world.set_times()


def _lose(world: "World", names: list[str], slot: Slot) -> list[str]:
    """Those of the names that this medium may lose."""
    if not world.merciful:
        return [name for name in names if name != "vault.id"]
    others = [each.medium for each in world.slots.values() if each is not slot]
    return [
        name
        for name in names
        if name in world.truth.files
        and (
            any(world.truth.is_right(name, medium.files.get(name)) for medium in others)
            or not world.truth.is_right(name, slot.medium.files.get(name))
        )
    ]


def _some(world: "World", slot: Slot) -> list[str]:
    names = sorted(name for name in slot.medium.files if not name.startswith("quarantine/"))
    return _lose(world, world.rng.sample(names, min(len(names), world.rng.choice([1, 1, 2, 3, 6]))), slot)


def _rot(world: "World", slot: Slot) -> None:
    for name in _some(world, slot):
        data = bytearray(slot.medium.files[name])
        how = world.rng.random()
        if how < 0.6 and data:
            data[world.rng.randrange(len(data))] ^= world.rng.choice([1, 0x80, 0xFF])
        elif how < 0.8:
            del data[world.rng.randrange(len(data) + 1) :]
        else:
            data += b"\0"
        slot.medium.files[name] = bytes(data)


def _delete(world: "World", slot: Slot) -> None:
    for name in _some(world, slot):
        del slot.medium.files[name]


def _empty(world: "World", slot: Slot) -> None:
    files = slot.medium.files
    for name in _lose(world, list(files), slot):
        del files[name]
    if world.rng.random() < 0.4 and not any(name in world.truth.files for name in files):
        files.clear()


def _roll_back(world: "World", slot: Slot) -> None:
    """All files as they were some steps ago."""
    files, past = slot.medium.files, world.rng.choice(list(slot.medium.past))
    changed = [name for name in files if past.get(name) != files[name]]
    for name in _lose(world, changed, slot):
        del files[name]
    if "vault.id" in files:
        files.update({name: data for name, data in past.items() if name not in files})


def _wrong(world: "World", slot: Slot) -> None:
    """Another vault's disk, an empty folder, or two disks in each other's place."""
    other = world.rng.choice([each for each in world.slots.values() if each is not slot])
    media = [world.foreign, Medium("empty"), other.inserted]
    chosen = world.rng.choice(media)
    if chosen is other.inserted:
        other.inserted = slot.inserted
    slot.inserted = chosen


def _back(world: "World", slot: Slot) -> None:
    slot.calm()
    slot.inserted = slot.medium


def _set(name: str, choose: Callable[[random.Random], object]) -> Callable[["World", Slot], None]:
    return lambda world, slot: setattr(slot, name, choose(world.rng))


def _loses(world: "World", slot: Slot) -> None:
    slot.loses = 0.0 if world.merciful else world.rng.choice([0.1, 0.5])


def _state(world: "World", slot: Slot) -> None:
    what = world.rng.choice(["state", "ledger", "all"])
    world.program.lose(what)
    if what != "state":
        for label in world.slots:
            world.rules.forget(label)
    world.rules.lost_state(what)


def _time(world: "World", slot: Slot) -> None:
    world.chance.clock += world.rng.choice([-_DAY, _DAY // 24, _DAY, 40 * _DAY, 400 * _DAY])


FAULTS: dict[str, Callable[["World", Slot], None]] = {
    "edit": _edit,
    "away": _set("online", lambda rng: False),
    "back": _back,
    "rot": _rot,
    "delete": _delete,
    "empty": _empty,
    "roll back": _roll_back,
    "wrong disk": _wrong,
    "full": _set("room", lambda rng: rng.choice([0, 1, 3, 6])),
    "flaky": _set("flaky", lambda rng: rng.choice([0.02, 0.1, 0.4])),
    "unplugged soon": _set("fuse", lambda rng: rng.randrange(60)),
    "listing": _set("listing", lambda rng: rng.choice(["error", "short", "empty"])),
    "loses": _loses,
    "state lost": _state,
    "time": _time,
}
