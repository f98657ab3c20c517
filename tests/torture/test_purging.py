"""The model of pruning, for longer than `make test` has time for."""

from random import Random

import pytest

from tests.torture.sweep import Extent
from tests.tree.purging_model import Model
from tests.tree.purging_ways import explore, walk

_MUCH = {"snapshot": 4, "device": 4, "forget": 1, "condemn": 3, "purge": 3}
_STEPS = 1_000_000


@pytest.mark.torture
def test_a_million_steps_of_five_computers(extent: Extent) -> None:
    model, done = Model(devices=5, most=_MUCH), 0
    while done < _STEPS:
        done += walk(model, Random(extent.rng.getrandbits(64)), 100)


@pytest.mark.torture
def test_a_million_states_of_three_computers() -> None:
    assert explore(Model(), 1_000_000) >= 1_000_000
