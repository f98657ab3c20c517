"""SIGKILL at changing system calls of `vaultd prune`, as it gives leave and removes, and as it condemns and
writes anew: what stands is given back whole, and the next run goes on.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.torture.strace import needs_strace
from tests.torture.sweep import Extent
from tests.torture.test_kill import sweep
from tests.torture.vault import (
    Scene,
    assert_gives_back,
    assert_sound,
    edit_source,
    make_vault,
    new_scene,
    scratch_folder,
    snapshot,
)
from vaultd.jobs.passing import read_clocks
from vaultd.store.ledger import Ledger

_DAY = 86_400 * 1_000_000_000


def _forgotten(scene: Scene, identity: str) -> None:
    """Into the trash, long ago."""
    with scene.opened(writing=True) as session:
        body: dict[str, object] = {"by": "owner", "snapshots": [bytes.fromhex(identity)]}
        session.vault.journal.append("forget", body, time.time_ns() - 40 * _DAY)
    del scene.truths[identity]


def _later(scene: Scene, span: int) -> None:
    """So much time has passed, as this computer counts it."""
    with contextlib.closing(Ledger(scene.home.ledger_file)) as ledger:
        now, known = read_clocks(), ledger.clock()
        assert known is not None
        ledger.put_clock((now.boot, now.wall, now.running, known[3] + span, known[4] + span))


def _pruned(scene: Scene) -> str:
    return scene.must("prune", "--max-unused", "0", "--json")


def _scene(top: Path) -> Scene:
    """Three snapshots, of which the first is gone for good by its owner's word."""
    scene = new_scene(top)
    make_vault(scene)
    (scene.source / "large").write_bytes(b"".join(bytes([n % 251]) * 977 for n in range(900)))
    first = snapshot(scene)
    edit_source(scene.source)
    (scene.source / "large").write_bytes(b"another")
    snapshot(scene)
    _forgotten(scene, first)
    _pruned(scene)
    _later(scene, 31 * _DAY)
    return scene


@pytest.fixture(scope="module")
def condemning() -> Iterator[Scene]:
    """What is forgotten can be condemned now, and what is part of it is written anew."""
    with scratch_folder() as folder:
        scene = _scene(folder / "scene")
        scene.keep()
        yield scene


@pytest.fixture(scope="module")
def removing() -> Iterator[Scene]:
    """Leave can be given, and packs go."""
    with scratch_folder() as folder:
        scene = _scene(folder / "scene")
        _pruned(scene)
        _later(scene, 2 * _DAY)
        scene.keep()
        yield scene


def _after(scene: Scene) -> Callable[[str], None]:
    """All that stands is whole, whenever it was cut off, and once the next runs have done the rest."""

    def check(_: str) -> None:
        standing = list(scene.truths)
        assert_sound(scene.checked())
        for identity in standing:
            assert_gives_back(scene, identity)
        for _again in range(3):
            _pruned(scene)
            _later(scene, 2 * _DAY)
        assert_sound(scene.checked())
        for identity in standing:
            assert_gives_back(scene, identity)
        assert not list(scene.copy.rglob("*.tmp"))

    return check


@needs_strace
def test_killed_while_it_condemns(condemning: Scene, extent: Extent) -> None:
    sweep(condemning, extent, ("prune", "--max-unused", "0", "--json"), _after(condemning), 3)


@needs_strace
def test_killed_while_it_removes(removing: Scene, extent: Extent) -> None:
    sweep(removing, extent, ("prune", "--max-unused", "0", "--json"), _after(removing), 3)
