"""A second disk for tests: another file system, which can be pulled out and put back."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """`path` is where it appears while it is plugged in. Unplugged, a mounted one leaves an empty folder."""

    path: Path
    hidden: Path
    mounted: bool

    def plug(self) -> None:
        if self.mounted:
            subprocess.run(["mount", "--bind", self.hidden, self.path], check=True)
        else:
            self.hidden.rename(self.path)

    def protect(self, *, on: bool) -> None:
        """Mount it so that it can only be read, or as before. Skips where nothing is mounted."""
        if not self.mounted:
            pytest.skip("only a mounted disk can be made read-only")
        subprocess.run(["mount", "-o", f"remount,bind,{'ro' if on else 'rw'}", self.path], check=True)

    def unplug(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=True)
        else:
            self.path.rename(self.hidden)


@contextmanager
def second_disk(work: Path) -> Iterator[Disk]:
    """A disk of 256 MiB that appears in `work`: a file that is mounted, since memory is no disk. Skips where
    this user or this system cannot do that.
    """
    hidden, path, image = work / "hidden", work / "disk", work / "disk.img"
    hidden.mkdir()
    with image.open("wb") as file:
        file.truncate(256 << 20)
    make, mount = ["mkfs.ext4", "-q", "-F", str(image)], ["mount", "-o", "loop", str(image), str(hidden)]
    for command in (make, mount):
        if os.geteuid() or shutil.which(command[0]) is None:
            pytest.skip("only root can have a second disk, and it needs mkfs.ext4")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"there is no second disk here: {done.stderr.strip()}")
    path.mkdir()
    try:
        (hidden / "lost+found").rmdir()
        yield from _plugged(Disk(path, hidden, mounted=True))
    finally:
        subprocess.run(["umount", "-l", path], capture_output=True, check=False)
        subprocess.run(["umount", "-l", hidden], check=True)
        image.unlink()


def _plugged(disk: Disk) -> Iterator[Disk]:
    disk.plug()
    yield disk
