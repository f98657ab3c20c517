"""The end of all faults: the owner looks at each copy, and then everything is whole."""

from tests.torture.simulator.before import FELT, Violated
from tests.torture.simulator.world import VERBS, World
from vaultd import ids

_PACE = ("sync", "heal", "sync")


def end(world: World) -> None:
    """Raises Violated where the copies do not become one set, or something cannot be restored."""
    for slot in world.slots.values():
        slot.calm()
        slot.inserted = slot.medium
    world.chance.begin(f"{world.seed} end")
    for slot in world.slots.values():
        if not slot.medium.has_id:
            world.act(VERBS["replace"], slot, "replace")
    for slot in world.slots.values():
        world.act(VERBS["accept"], slot, "accept")
    for what in _PACE:
        for slot in world.slots.values() if what == "heal" else [world.slots["one"]]:
            world.act(VERBS[what], slot, what)
    said = world.act(VERBS["status"], world.slots["one"], "status")
    if _whole_before(world):
        _assert_one_set(world, said.levels)
    _assert_given(world)


def _whole_before(world: World) -> bool:
    """Every file that was ever written has a good replica."""
    media = [slot.medium.files for slot in world.slots.values()]
    return all(
        any(world.truth.is_right(name, files.get(name)) for files in media) for name in world.truth.files
    )


def _assert_one_set(world: World, levels: list[str]) -> None:
    for slot in world.slots.values():
        right = world.truth.right_in(slot.medium.files)
        named = {name for name in slot.medium.files if ids.parse(name)}
        lacking = {name for name in world.truth.files if name.startswith((*FELT, "index/"))} - right
        if lacking or named - right:
            raise Violated(
                "one set", f"{slot.label} lacks {sorted(lacking)}, has wrong {sorted(named - right)}"
            )
    if set(levels) != {"protected"}:
        raise Violated("one set", f"every copy holds everything, and it is called {levels}")


def _assert_given(world: World) -> None:
    right = {name for slot in world.slots.values() for name in world.truth.right_in(slot.medium.files)}
    wanted = {identity for identity, kept in world.truth.kept.items() if world.truth.has(kept, right)}
    given = set()
    for slot in world.slots.values():
        said = world.act(
            lambda world, said, slot: world.program.give_back(said, slot.label, wanted), slot, "restore"
        )
        given |= {identity for identity, contents in said.given.items() if contents is not None}
    if lost := wanted - given:
        raise Violated("nothing lost", f"{[world.truth.kept[each].record for each in lost]} do not come back")
