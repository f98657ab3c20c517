"""A second disk for tests: another file system, which can be pulled out and put back."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")


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

    def unplug(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=True)
        else:
            self.path.rename(self.hidden)


@contextmanager
def second_disk(work: Path) -> Iterator[Disk]:
    """A disk that appears in `work`, or in memory where this user cannot mount. Skips where neither is."""
    hidden, path = work / "hidden", work / "disk"
    hidden.mkdir()
    mount = ["mount", "-t", "tmpfs", "vaultd-test", str(hidden)]
    if os.geteuid() == 0 and not subprocess.run(mount, capture_output=True, check=False).returncode:
        path.mkdir()
        try:
            yield from _plugged(Disk(path, hidden, mounted=True))
        finally:
            subprocess.run(["umount", "-l", path], capture_output=True, check=False)
            subprocess.run(["umount", "-l", hidden], check=True)
        return
    if not _MEMORY.is_dir() or _MEMORY.stat().st_dev == work.stat().st_dev:
        pytest.skip("there is no second file system here, and this test needs one")
    memory = Path(tempfile.mkdtemp(dir=_MEMORY, prefix="vaultd-test-"))
    try:
        (memory / "hidden").mkdir()
        yield from _plugged(Disk(memory / "disk", memory / "hidden", mounted=False))
    finally:
        shutil.rmtree(memory)


def _plugged(disk: Disk) -> Iterator[Disk]:
    disk.plug()
    yield disk
