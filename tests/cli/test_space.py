"""What `vaultd status` says of a copy that fills."""

import json
import time
from pathlib import Path

from tests.cli.worlds import World, make
from vaultd.jobs.space import note_space
from vaultd.settings import find_home


def fills(world: World) -> None:
    """For a week as much as has it full in twenty days."""
    (copy,) = json.loads(world.vaultd("status", "--json").stdout)["copies"]
    with world.opened() as session:
        copy_id = session.place.copy_id
    for days in range(7, 0, -1):
        free = copy["free"] + days * (copy["free"] // 20)
        note_space(find_home(str(world.work / "home")), {copy_id: free}, time.time() - days * 86_400)


def test_a_copy_that_will_soon_be_full_is_told(tmp_path: Path) -> None:
    world = make(tmp_path, {"a": b"1"}, "photos")
    (copy,) = json.loads(world.vaultd("status", "--json").stdout)["copies"]
    assert copy["full_in_days"] is None
    fills(world)
    (copy,) = json.loads(world.vaultd("status", "--json").stdout)["copies"]
    assert 15 <= copy["full_in_days"] <= 25
    shown = world.vaultd("status")
    assert "is full in about" in shown.stderr
    assert "vaultd_copy_full_in_days" in world.vaultd("status", "--metrics").stdout
