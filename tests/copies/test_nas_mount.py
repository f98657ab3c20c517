"""A copy on a NAS that is mounted as a folder, and what happens when it is not, before or meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.worlds import World, make
from tests.copies import sshfs
from tests.copies.interrupted import put_until
from tests.copies.places import COPY, Mounted, pack_of
from tests.copies.sshd import Sshd
from tests.copies.sshfs import Nas
from tests.damage import flip
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.identity import is_network
from vaultd.errors import Unreachable

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
LARGE = os.urandom(32 * 1024 * 1024)
LARGE_NAME = pack_of(LARGE)


@pytest.fixture
def nas(server: Sshd) -> Iterator[Nas]:
    made = sshfs.make(server)
    yield made
    made.unmount()


@pytest.fixture
def place(nas: Nas, tmp_path: Path) -> Iterator[Mounted]:
    made = Mounted(tmp_path, nas)
    yield made
    made.copy.close()


def below(point: Path) -> list[str]:
    """What stands on the mount point itself, with nothing mounted on it."""
    return os.listdir(point)


def test_it_is_known_for_a_place_on_the_network(place: Mounted) -> None:
    assert is_network(place.path)


def test_unmounted_in_the_middle_of_a_put_nothing_is_written_below(place: Mounted, nas: Nas) -> None:
    put_until(place.copy, LARGE_NAME, LARGE, nas.server.root, nas.unmount)
    place.copy.close()
    assert below(nas.path) == []
    nas.mount()
    again = DirectoryCopy.open(place.path, COPY, "nas")
    assert {stored.name for stored in again.list()} <= {LARGE_NAME}
    again.put(LARGE_NAME, LARGE)
    assert again.fetch(LARGE_NAME) == LARGE
    again.close()


def test_a_server_that_dies_in_the_middle_of_a_put_is_no_full_disk(place: Mounted, nas: Nas) -> None:
    (raised,) = put_until(place.copy, LARGE_NAME, LARGE, nas.server.root, nas.server.stop)
    assert type(raised).__name__ in ("Unreachable", "WrongPlace")
    nas.unmount()
    assert below(nas.path) == []
    nas.server.start()
    nas.mount()
    again = DirectoryCopy.open(place.path, COPY, "nas")
    again.put(LARGE_NAME, LARGE)
    again.close()


def test_what_is_not_mounted_is_not_there(place: Mounted, nas: Nas) -> None:
    place.copy.close()
    nas.unmount()
    with pytest.raises(Unreachable):
        DirectoryCopy.open(place.path, COPY, "nas")
    assert below(nas.path) == []


def test_a_nas_that_comes_and_goes(nas: Nas, tmp_path: Path) -> None:
    world: World = make(tmp_path, {"a": b"1", "folder/b": b"2"}, "photos")
    added = world.vaultd("copy", "add", "nas", str(nas.path / "vault"))
    assert (added.returncode, "Protected" in added.stdout) == (0, True), added.stderr
    nas.unmount()
    (world.work / "source/new").write_bytes(b"3")
    away = world.vaultd("snapshot")
    assert (away.returncode, "its folder is not there" in away.stderr) == (3, True), away.stderr
    assert below(nas.path) == []
    nas.mount()
    assert world.vaultd("copy", "sync").returncode == 0
    flip(min((nas.path / "vault/packs").glob("*/*")))
    mended = world.vaultd("check", "--read-data", "--copy", "nas")
    assert (mended.returncode, "put right from another copy" in mended.stderr) == (3, True), mended.stderr
    (world.work / "vault").rename(world.work / "away")
    assert world.vaultd("restore", "photos", "--target", "back").returncode == 0
    assert (world.work / "back/new").read_bytes() == b"3"
