"""The power goes while snapshots are taken, on a real file system: what was acknowledged is there afterwards
(row 2 of the hazards).

A loop-mounted ext4 is shut down with everything dropped that was not flushed, as when the plug is pulled.
"""

import contextlib
import fcntl
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.torture.sweep import Extent
from tests.torture.vault import Scene, assert_sound, give_back, make_vault, new_scene, scratch_folder
from vaultd.tree.snapshots import list_snapshots

_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, linux/fs.h
_NO_LOG_FLUSH = 2  # FS_SHUTDOWN_FLAGS_NOLOGFLUSH
# Takes snapshots without end; each answer is printed once the snapshot is acknowledged. The number that its
# source held then stands before it.
_WRITER = """
import sys
from pathlib import Path
from vaultd.credentials import KeyFile
from vaultd.jobs.opening import open_for_writing
from vaultd.jobs.snapshot import take_snapshot
from vaultd.jobs.sources import my_sources
from vaultd.progress import Silent
from vaultd.settings import find_home
home, key, source = find_home(sys.argv[1]), KeyFile(Path(sys.argv[2]).read_bytes()), sys.argv[3]
number = int(sys.argv[4])
while True:
    Path(source, "number").write_text(str(number))
    Path(source, f"file-{number}").write_bytes(b"%d " % number * 5000)
    with open_for_writing(home, key) as session:
        taken = take_snapshot(session, my_sources(session)[0], Silent(), lambda: False)
    print(number, taken.snapshot.id.hex(), flush=True)
    number += 1
"""


class Disk:
    """An ext4 in a file, mounted at `point`."""

    def __init__(self, folder: Path) -> None:
        self.point = folder / "disk"
        self._image = folder / "image"
        self.point.mkdir()
        with self._image.open("wb") as image:
            image.truncate(96 << 20)
        _must("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        _must("mount", "-o", "loop", str(self._image), str(self.point))

    def cut(self) -> None:
        """The power goes."""
        fd = os.open(self.point, os.O_RDONLY)
        fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        os.close(fd)

    def umount(self, *options: str) -> None:
        _must("umount", *options, str(self.point))


def _must(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system does not let us {words[0]}: {done.stderr.strip()}")


@contextlib.contextmanager
def disk_in(folder: Path) -> Iterator[Disk]:
    if os.geteuid():
        pytest.skip("mounting needs root, and this test has to mount a disk to cut its power")
    disk = Disk(folder)
    disk.mount()
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk.point)], capture_output=True, check=False)


def test_what_was_acknowledged_survives_a_power_cut(extent: Extent) -> None:
    with scratch_folder() as folder, disk_in(folder) as disk:
        scene = new_scene(folder / "scene")
        for name in ("copy", "home"):
            (disk.point / name).mkdir()
            (scene.top / name).symlink_to(disk.point / name)
        make_vault(scene)
        acknowledged: dict[int, str] = {}
        for number in extent.choose("power cuts", range(1000), 4):
            _one_cut(scene, disk, extent.rng.uniform(0, 0.4), acknowledged, number)
            _all_there(scene, acknowledged)


def _one_cut(scene: Scene, disk: Disk, after: float, acknowledged: dict[int, str], number: int) -> None:
    """Snapshots for a while after the first, then no power; then power again."""
    first = max(acknowledged, default=0) + 100
    words = [
        sys.executable,
        "-c",
        _WRITER,
        str(scene.top / "home"),
        str(scene.key_file),
        str(scene.source),
        str(first),
    ]
    with subprocess.Popen(
        words, env=scene.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline()]
        time.sleep(after)
        disk.cut()
        said += writer.stdout.read().splitlines()
    assert said[0], writer.stderr
    acknowledged |= {int(n): identity.decode() for n, identity in (line.split() for line in said)}
    disk.umount()
    disk.mount()


def _all_there(scene: Scene, acknowledged: dict[int, str]) -> None:
    """Each that was acknowledged gives back its own number; the vault is sound; the next snapshot works."""
    assert_sound(scene.checked())
    with scene.opened() as session:
        found = {each.id.hex(): each for each in list_snapshots(session.vault.journal)}
        for number, identity in list(acknowledged.items())[-20:]:
            with scratch_folder() as scratch:
                restored = give_back(session, found[identity], scratch / "back")
                assert restored.complete
                assert (scratch / "back" / "number").read_text() == str(number)
                assert (scratch / "back" / f"file-{number}").read_bytes() == b"%d " % number * 5000
    assert set(acknowledged.values()) <= found.keys()
    made = json.loads(scene.must("snapshot", "--json"))[0]["id"]
    with scene.opened() as session, scratch_folder() as scratch:
        snapshot = next(each for each in list_snapshots(session.vault.journal) if each.id.hex() == made)
        give_back(session, snapshot, scratch / "back")
        assert differences(scene.source, scratch / "back") == []
