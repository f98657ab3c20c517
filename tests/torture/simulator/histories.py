"""Histories out of seeds: made, run, and where one breaks a rule, made as short as it can be."""

import contextlib
import random
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from tests.torture.simulator.before import Violated
from tests.torture.simulator.ending import end
from tests.torture.simulator.program import ours
from tests.torture.simulator.world import LABELS, Step, World, kinds, new_slots
from tests.torture.vault import scratch_folder

# How often each thing happens, beside the others.
_OFTEN = {
    "edit": 14,
    "snapshot": 14,
    "status": 8,
    "check": 4,
    "check data": 4,
    "look": 3,
    "heal": 4,
    "sync": 8,
    "sync one": 4,
    "accept": 4,
    "replace": 2,
    "restore": 5,
    "found": 2,
    "away": 5,
    "back": 12,
    "rot": 4,
    "delete": 4,
    "empty": 1,
    "roll back": 2,
    "wrong disk": 2,
    "full": 2,
    "flaky": 2,
    "unplugged soon": 3,
    "listing": 3,
    "loses": 1,
    "state lost": 2,
    "time": 2,
}


@dataclass(frozen=True)
class Failure:
    """How a history failed: the rule that it broke (or the class of what was raised), after which steps."""

    rule: str
    what: str
    trace: str
    after: tuple[Step, ...]


def steps_of(seed: int, count: int) -> tuple[Step, ...]:
    rng = random.Random(f"{seed} steps")
    words, often = list(_OFTEN), list(_OFTEN.values())
    return tuple(Step(number, rng.choices(words, often)[0], rng.choice(LABELS)) for number in range(count))


def run(seed: int, steps: Sequence[Step]) -> Failure | None:
    """Live through the steps, and then through the end of all faults."""
    slots, done = new_slots(seed), 0
    with scratch_folder() as work, contextlib.chdir(work), ours(kinds(slots)) as chance:
        try:
            world = World(work, seed, slots, chance)
            for step in steps:
                done += 1
                world.take(step)
            end(world)
        except Exception as error:  # noqa: BLE001 - a crash is a finding as well
            rule = error.rule if isinstance(error, Violated) else type(error).__name__
            return Failure(rule, str(error), traceback.format_exc(), tuple(steps[:done]))
    return None


def shrink(seed: int, failure: Failure, seconds: float) -> Failure:
    """The same failure after fewer steps, as far as that is found in this time."""
    deadline, size = time.monotonic() + seconds, max(1, len(failure.after) // 2)
    while time.monotonic() < deadline:
        shorter = _without(seed, failure, size, deadline)
        if shorter is None and size == 1:
            break
        failure, size = (shorter, size) if shorter else (failure, max(1, size // 2))
        size = max(1, min(size, len(failure.after)))
    return failure


def _without(seed: int, failure: Failure, size: int, deadline: float) -> Failure | None:
    """The same after all but `size` steps in a row, if any can be left out."""
    found = None
    begin = len(failure.after)
    while begin > 0 and time.monotonic() < deadline:
        begin = max(0, begin - size)
        fewer = failure.after[:begin] + failure.after[begin + size :]
        if fewer == failure.after:
            continue
        again = run(seed, fewer)
        if again is not None and again.rule == failure.rule:
            failure = found = again
            begin = min(begin, len(failure.after))
    return found


def told(seed: int, count: int, failure: Failure, found: Failure) -> str:
    """What a person needs to see it again."""
    lines = [f"seed {seed}, {count} steps: {found.what}", "", "again, as found and as short as it gets:"]
    words = "python -m tests.torture.simulator"
    lines += [f"  {words} --seed {seed} --steps {count}"]
    lines += [f"  {words} --seed {seed} --only '{','.join(str(step.number) for step in failure.after)}'"]
    lines += ["", "the short history:", *(f"  {step}" for step in failure.after), "", failure.trace]
    return "\n".join(lines)
