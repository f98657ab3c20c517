"""No copy ever lists what it cannot give back, whatever computers do and in whatever order; and each rule
that is known to be wrong is found to be.
"""

from random import Random
from typing import Any

import pytest

from tests.tree.purging_model import Broken, Model
from tests.tree.purging_ways import (
    NeverVoid,
    NotOffered,
    OneNewer,
    OnlyTheRecord,
    TimeOnly,
    explore,
    follow,
    walk,
)
from vaultd.tree.purging import Purging

# All there are of a pruner and one other computer.
_OF_TWO = 19_440
_MUCH = {"snapshot": 3, "device": 3, "forget": 1, "condemn": 2, "purge": 2}
# The pruner knows from the second computer that the snapshot is forgotten, and the third hears of what it
# condemned without that: it goes on from the snapshot, in good faith.
_HEARSAY = (
    "1 on 0 opens the vault",
    "1 commits",
    "1 on 0 forgets",
    "0 on 0 condemns",
    "1 on 0 opens the vault",
    "1 commits",
    "0 brings 1 the log of 0",
    "2 on 1 opens the vault",
    "2 commits",
    "2 on 1 begins",
    "1 brings 0 the log of 2",
    "0 on 0 gives leave",
    "b'P' is removed from 0",
    "0 brings 1 the log of 0",
    "0 brings 1 the log of 1",
    "b'P' is removed from 1",
    "2 commits",
)


def test_everything_that_two_computers_can_do() -> None:
    assert explore(Model(devices=2), 2 * _OF_TWO) == _OF_TWO


def test_much_of_what_three_computers_can_do() -> None:
    assert explore(Model(), 30_000) >= 30_000


def test_five_computers_at_random() -> None:
    model = Model(devices=5, most=_MUCH)
    for seed in range(40):
        walk(model, Random(seed), 60)


@pytest.mark.parametrize("rules", [TimeOnly, OneNewer, NeverVoid])
def test_a_wrong_rule_loses_something(rules: type[Purging]) -> None:
    with pytest.raises(Broken):
        explore(Model(rules, devices=2), 2 * _OF_TWO)


def test_who_knows_of_a_condemnation_has_to_know_why() -> None:
    with pytest.raises(Broken):
        follow(Model(OnlyTheRecord), _HEARSAY)
    with pytest.raises(NotOffered):
        follow(Model(), _HEARSAY)


@pytest.mark.parametrize("mistake", [{"seen_at_commit": True}, {"leave_by_one": True}])
def test_a_mistake_around_the_rules_loses_something(mistake: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        explore(Model(devices=2, **mistake), 2 * _OF_TWO)
