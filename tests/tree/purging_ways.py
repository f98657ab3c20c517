"""Ways through the model of pruning: all of them, one at random, one that is given; and wrong rules."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tests.tree.purging_model import Broken, Model
from tests.tree.purging_records import PRUNER, State, device_id
from vaultd.tree.purging import Past, Purging


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
