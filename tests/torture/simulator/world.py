"""Three copies, a computer and its source; what an owner and bad luck do to them, one step at a time."""

import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.torture.simulator.before import Violated
from tests.torture.simulator.faults import FAULTS
from tests.torture.simulator.media import Medium, Slot, Slots, Watch
from tests.torture.simulator.program import Chance, Program, Said, Stop, read_folder
from tests.torture.simulator.rules import Rules
from tests.torture.simulator.truth import Truth
from vaultd.errors import VaultdError
from vaultd.format.keys import Keys
from vaultd.store.fanout import BRANCH
from vaultd.tree.snapshots import Snapshot

LABELS = ("one", "two", "three")


@dataclass(frozen=True)
class Step:
    """`number` is its own for good, so that what it does stays the same when others are left out."""

    number: int
    what: str
    label: str

    def __str__(self) -> str:
        return f"{self.number}:{self.what}:{self.label}"


class World:
    """`merciful` bad luck leaves one good replica of every file somewhere."""

    def __init__(self, work: Path, seed: int, slots: dict[str, Slot], chance: Chance) -> None:
        self.seed, self.chance, self.work = seed, chance, work
        nature = random.Random(f"{seed} nature")
        self.merciful = nature.random() < 0.7
        self.slots = slots
        self.foreign = Medium("foreign")
        self.program = Program(work)
        self.edits: list[bytes] = []
        self.restores = 0
        self.rules: Rules
        self.rng = random.Random()
        self._begin(nature)

    def _begin(self, nature: random.Random) -> None:
        self.chance.begin(f"{self.seed} begin")
        self.program.source.mkdir(parents=True)
        (self.program.source / "stays").write_bytes(b"never empty")
        (self.program.source / "folder").mkdir()
        self.set_times()
        first, *others = self.slots.values()
        for slot in self.slots.values():
            slot.watch = first.watch
        self.program.init(first.url, {slot.label: slot.url for slot in others}, self._know)
        self.truth.slot = self.program.slot
        self.rules.note(first.watch)
        self.foreign.files.update({"vault.id": b"vaultd 1\n" + b"ab" * 16 + b"\n" + b"cd" * 16 + b"\n"})

    def set_times(self) -> None:
        """The source's files are as old as the clock of the history says."""
        for path in sorted([self.program.source, *self.program.source.rglob("*")]):
            if path.stat().st_mtime_ns < self.chance.began:
                os.utime(path, ns=(self.chance.now(),) * 2)

    def _know(self, keys: Keys) -> None:
        self.truth = Truth(keys)
        self.rules = Rules(self.slots, self.truth, self.program, self.foreign)

    # One step.

    def take(self, step: Step) -> None:
        """Raises Violated."""
        self.chance.begin(f"{self.seed} {step.number}")
        self.rng = random.Random(f"{self.seed} {step.number} {step.what}")
        for slot in self.slots.values():
            slot.rng = random.Random(f"{self.seed} {step.number} {slot.label}")
            slot.medium.past.append(dict(slot.medium.files))
        if step.what in FAULTS:
            FAULTS[step.what](self, self.slots[step.label])
        else:
            self.act(VERBS[step.what], self.slots[step.label], step.what)

    def act(self, verb: "Verb", slot: Slot, what: str) -> Said:
        """Let the program do something, and hold it to the rules."""
        said, watch, others = Said(), Watch(), set(threading.enumerate())
        for each in self.slots.values():
            each.watch = watch
        before = self.rules.before(what, slot.label)
        try:
            verb(self, said, slot)
        except VaultdError as error:
            said.raised = error
        except KeyboardInterrupt:
            said.stopped = True
        _let_threads_end(others)
        self.rules.after(before, said, watch)
        return said

    def stop(self) -> Stop:
        """Sometimes the owner has no patience."""
        return Stop(self.rng.randrange(40) if self.rng.random() < 0.1 else None)

    def acknowledged(self, snapshot: Snapshot) -> None:
        self.rules.note(next(iter(self.slots.values())).watch)
        self.truth.keep(snapshot, read_folder(self.program.source))


_ENDS_WITHIN = 30.0


def _let_threads_end(others: set[threading.Thread]) -> None:
    """What was under way when the program let go of it ends by itself, as part of this step."""
    for thread in set(threading.enumerate()) - others:
        if thread.name == BRANCH:
            thread.join(_ENDS_WITHIN)
            if thread.is_alive():
                raise Violated("threads", "one goes on after the program has let go of it")


Verb = Callable[[World, Said, Slot], None]


def _snapshot(world: World, said: Said, slot: Slot) -> None:
    world.program.snapshot(said, world.stop(), world.acknowledged)


def _replace(world: World, said: Said, slot: Slot) -> None:
    """An owner does so where the disk was wiped."""
    if slot.online and slot.inserted is slot.medium and not slot.medium.has_id:
        world.program.replace(said, Stop(None), slot.label, slot.url)


def _restore(world: World, said: Said, slot: Slot) -> None:
    kept = sorted(world.truth.kept)
    wanted = set(world.rng.sample(kept, min(3, len(kept))))
    world.program.give_back(said, slot.label, wanted)


def _found(world: World, said: Said, slot: Slot) -> None:
    """A new computer, and this copy alone."""
    kept = sorted(world.truth.kept)
    right = world.truth.right_in(slot.medium.files)
    if not kept or not slot.steady:
        return
    wanted = world.truth.kept[world.rng.choice(kept)]
    if not all(name in right for name in slot.medium.files if name in world.truth.files):
        return
    world.restores += 1
    target = world.work / f"found-{world.restores}"
    target.mkdir()
    given = world.program.give_back_anew(slot.url, wanted.snapshot.id, target)
    if world.truth.has(wanted, right) and given != wanted.contents:
        raise Violated("restore", f"{slot.label} alone gave {given}")


VERBS: dict[str, Verb] = {
    "snapshot": _snapshot,
    "status": lambda world, said, slot: world.program.status(said),
    "check": lambda world, said, slot: world.program.check(said, world.stop(), read_data=False),
    "check data": lambda world, said, slot: world.program.check(said, world.stop()),
    "look": lambda world, said, slot: world.program.check(said, world.stop(), heals=False),
    "heal": lambda world, said, slot: world.program.check(said, world.stop(), slot.label),
    "sync": lambda world, said, slot: world.program.sync(said, world.stop()),
    "sync one": lambda world, said, slot: world.program.sync(said, world.stop(), slot.label),
    "accept": lambda world, said, slot: world.program.accept(said, world.stop(), slot.label),
    "replace": _replace,
    "restore": _restore,
    "found": _found,
}


def new_slots(seed: int) -> dict[str, Slot]:
    """Three on three hosts, or two of them on one."""
    hosts = ["a", "b", "c"] if random.Random(f"{seed} hosts").random() < 0.8 else ["a", "b", "b"]
    media = {label: Medium(label) for label in LABELS}
    return {
        label: Slot(label, host, media[label], media[label])
        for label, host in zip(LABELS, hosts, strict=True)
    }


def kinds(slots: dict[str, Slot]) -> Slots:
    return Slots({slot.url: slot for slot in slots.values()})
